"""The tokens of a template with look-ahead, and the errors of its parsing."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from provider.controller.template.errors import FunctionError, TemplateError
from provider.controller.template.lexer import Kind, Lexer, Token
from provider.controller.template.unicode_text import from_utf8, unquote


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
        depth: int,
    ) -> None:
        self.name = name
        self.functions = functions
        self._tokens: Iterator[Token] = iter(Lexer(text, *delimiters))
        self._ahead: list[Token] = []
        self._line = 1
        self.scope = Scope(["$"])
        self.depth = depth

    def next(self) -> Token:
        """The next token."""
        if self._ahead:
            return self._ahead.pop()
        token = next(self._tokens)
        self._line = token.line
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

    def nested(self) -> None:
        """Counts a level of nesting."""
        self.depth -= 1
        if self.depth < 0:
            raise self.error("blocks and parentheses are nested too deeply")

    def unquoted(self, token: Token) -> str:
        """The text of a quoted token."""
        try:
            return from_utf8(unquote(token.text))
        except FunctionError as error:
            raise self.error(str(error)) from None
