"""The tokens of a template with look-ahead, and the errors of its parsing."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from provider.controller.template.errors import FunctionError, LimitExceeded, TemplateError
from provider.controller.template.lexer import Kind, Lexer, Token
from provider.controller.template.limits import Budget
from provider.controller.template.unicode_text import from_utf8, unquote

_TOKENS = 256
"""Tokens between two checks of the deadline."""


@dataclass(slots=True)
class Scope:
    """One template being parsed: its variables, and how many `range` it is inside of."""

    variables: list[str]
    ranges: int = 0


class TokenStream:
    """Reads tokens. Every method that fails raises TemplateError with the current line."""

    def __init__(
        self,
        name: str,
        text: str,
        functions: Collection[str],
        delimiters: tuple[str, str],
        budget: Budget,
    ) -> None:
        self.name = name
        self.functions = functions
        self._budget = budget
        self._tokens: Iterator[Token] = iter(Lexer(text, *delimiters))
        self._count = 0
        self._ahead: list[Token] = []
        self._line = 1
        self.scope = Scope(["$"])
        self.depth = budget.limits.depth

    def next(self) -> Token:
        """The next token."""
        if self._ahead:
            return self._ahead.pop()
        token = next(self._tokens)
        self._line = token.line
        self._count += 1
        if self._count % _TOKENS == 0:
            self._require_time(0)
        most = self._budget.limits.tokens
        if self._count > most:
            raise self.error(f"more than {most} words and signs in its actions")
        return token

    def back(self, *tokens: Token) -> None:
        """Puts tokens back, to be read again in this order."""
        self._ahead.extend(reversed(tokens))

    def peek(self) -> Token:
        """The next token, which stays."""
        token = self.next()
        self.back(token)
        return token

    def next_part(self) -> Token:
        """The next token that is no space."""
        token = self.next()
        while token.kind == "space":
            token = self.next()
        return token

    def peek_part(self) -> Token:
        """The next token that is no space; it stays, and spaces before it do not."""
        token = self.next_part()
        self.back(token)
        return token

    def expect(self, kinds: tuple[Kind, ...], context: str) -> Token:
        """The next token, which has to be of one of the kinds."""
        token = self.next_part()
        if token.kind not in kinds:
            raise self.unexpected(token, context)
        return token

    def error(self, reason: str) -> TemplateError:
        """The error of a reason at the current line."""
        place = f"{self.name}:{self._line}"
        return TemplateError(f"template: {place}: {reason}", place=place, fault=reason)

    def unexpected(self, token: Token, context: str) -> TemplateError:
        """The error of a token that does not fit."""
        if token.kind == "error":
            return self.error(token.text)
        return self.error(f"unexpected {token} in {context}")

    def _require_time(self, steps: int) -> None:
        """Checks that there is time for work that takes so many steps."""
        try:
            self._budget.before(steps)
        except LimitExceeded as error:
            raise self.error(str(error)) from None

    def declare(self, variable: str) -> None:
        """Makes a variable known; a look-up compares it with all that are."""
        self.scope.variables.append(variable)
        most = self._budget.limits.variables
        if len(self.scope.variables) > most:
            raise self.error(f"more than {most} variables")

    def nested(self) -> None:
        """Counts a level of nesting."""
        self.depth -= 1
        if self.depth < 0:
            raise self.error("blocks and parentheses are nested too deeply")

    def unquoted(self, token: Token) -> str:
        """The text of a quoted token."""
        self._require_time(len(token.text) >> 1)
        try:
            return from_utf8(unquote(token.text))
        except FunctionError as error:
            raise self.error(str(error)) from None
