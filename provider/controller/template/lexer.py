"""Splits a template into tokens, as text/template does: texts, and the parts of actions."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from provider.controller.template.unicode_text import is_letter_or_digit

Kind = Literal[
    "error", "bool", "char", "char constant", "complex", "=", ":=", "eof", "field", "identifier",
    "{{", "(", "number", "|", "raw string", "}}", ")", "space", "string", "text", "variable",
    "block", "break", "continue", ".", "define", "else", "end", "if", "nil", "range", "template",
    "with",
]  # fmt: skip
KEYWORDS: Final[dict[str, Kind]] = {
    "block": "block", "break": "break", "continue": "continue", "define": "define",
    "else": "else", "end": "end", "if": "if", "nil": "nil", "range": "range",
    "template": "template", "with": "with",
}  # fmt: skip
_SPACES: Final = " \t\r\n"
_NUMBER: Final = re.compile(
    r"[+-]?(?:0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:[pP][+-]?[0-9_]*)?"
    r"|0[oO][0-7_]*(?:\.[0-7_]*)?|0[bB][01_]*(?:\.[01_]*)?"
    r"|[0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9_]*)?)i?"
)
_STRING: Final = re.compile(r'"(?:\\[^\n]|[^"\\\n]++)*+"')
_CHARACTER: Final = re.compile(r"'(?:\\[^\n]|[^'\\\n]++)*+'")


@dataclass(frozen=True, slots=True)
class Token:
    """A token, its offset in the template's text and its line, from 1."""

    kind: Kind
    position: int
    text: str
    line: int

    def __str__(self) -> str:
        if self.kind == "eof":
            return "EOF"
        if self.kind == "error":
            return self.text
        if self.kind in KEYWORDS or self.kind == ".":
            return f"<{self.text}>"
        return f'"{self.text[:10]}"...' if len(self.text) > 10 else f'"{self.text}"'


class _LexError(Exception):
    pass


class Lexer:
    """Iterates over the tokens of a template. The last one is "eof" or "error"."""

    def __init__(self, text: str, left: str = "{{", right: str = "}}") -> None:
        self._text = text
        self._left = left or "{{"  # as in Go, empty delimiters are the usual ones
        self._right = right or "}}"
        self._position = 0
        self._line = 1
        self._parens = 0

    def __iter__(self) -> Iterator[Token]:
        try:
            while self._position < len(self._text):
                yield from self._literal()
                if self._text.startswith(self._left, self._position):
                    yield from self._delimited()
        except _LexError as error:
            yield Token("error", self._position, str(error), self._line)
        yield Token("eof", len(self._text), "", self._line)

    def _token(self, kind: Kind, end: int) -> Token:
        text = self._text[self._position : end]
        token = Token(kind, self._position, text, self._line)
        self._skip_to(end)
        return token

    def _skip_to(self, end: int) -> None:
        self._line += self._text.count("\n", self._position, end)
        self._position = end

    def _skip_spaces(self) -> None:
        end = self._position
        while end < len(self._text) and self._text[end] in _SPACES:
            end += 1
        self._skip_to(end)

    def _literal(self) -> Iterator[Token]:
        start = self._text.find(self._left, self._position)
        end = start if start >= 0 else len(self._text)
        text = self._text[self._position : end]
        if start >= 0 and self._trims_left(start + len(self._left)):
            text = text.rstrip(_SPACES)
        if text:
            yield self._token("text", self._position + len(text))
        self._skip_to(end)

    def _trims_left(self, at: int) -> bool:
        return self._text[at : at + 1] == "-" and self._text[at + 1 : at + 2] in (*_SPACES,)

    def _delimited(self) -> Iterator[Token]:
        after = self._position + len(self._left)
        marker = 2 if self._trims_left(after) else 0
        if self._text.startswith("/*", after + marker):
            self._skip_to(after + marker)
            self._comment()
            return
        yield self._token("{{", after)
        self._skip_to(after + marker)
        self._parens = 0
        yield from self._action()

    def _comment(self) -> None:
        end = self._text.find("*/", self._position + 2)
        if end < 0:
            raise _LexError("unclosed comment")
        self._skip_to(end + 2)
        if not self._at_right():
            raise _LexError("comment ends before closing delimiter")
        self._close()

    def _at_right(self, at: int | None = None) -> bool:
        at = self._position if at is None else at
        return self._text.startswith(self._right, at) or self._trims_right(at)

    def _trims_right(self, at: int) -> bool:
        return (
            self._text[at : at + 1] in (*_SPACES,)
            and self._text[at + 1 : at + 2] == "-"
            and self._text.startswith(self._right, at + 2)
        )

    def _close(self) -> Token:
        trims = self._trims_right(self._position)
        if trims:
            self._skip_to(self._position + 2)
        token = self._token("}}", self._position + len(self._right))
        if trims:
            self._skip_spaces()
        return token

    def _action(self) -> Iterator[Token]:
        while not self._at_right():
            yield self._part()
        if self._parens:
            raise _LexError("unclosed left paren")
        yield self._close()

    def _part(self) -> Token:  # noqa: PLR0911 - one line a kind
        if self._position >= len(self._text):
            raise _LexError("unclosed action")
        char = self._text[self._position]
        following = self._text[self._position + 1 : self._position + 2]
        if char in _SPACES:
            return self._space()
        if char in "=|":
            return self._token("=" if char == "=" else "|", self._position + 1)
        if char == ":":
            if following != "=":
                raise _LexError("expected :=")
            return self._token(":=", self._position + 2)
        if char in "\"`'":
            return self._quoted(char)
        if char == "$":
            return self._name("variable")
        if char == "." and following and not "0" <= following <= "9":
            return self._name("field")
        if char in "+-." or "0" <= char <= "9":
            return self._number()
        return self._word_or_sign(char)

    def _word_or_sign(self, char: str) -> Token:
        if is_letter_or_digit(char):
            return self._identifier()
        if char in "()":
            self._parens += 1 if char == "(" else -1
            if self._parens < 0:
                raise _LexError("unexpected right paren")
            return self._token("(" if char == "(" else ")", self._position + 1)
        if char.isascii() and char.isprintable():
            return self._token("char", self._position + 1)
        raise _LexError(f"unrecognized character in action: {_named(char)}")

    def _space(self) -> Token:
        end = self._position
        while end < len(self._text) and self._text[end] in _SPACES:
            end += 1
        if self._trims_right(end - 1) and end - 1 > self._position:
            end -= 1
        return self._token("space", end)

    def _quoted(self, mark: str) -> Token:
        if mark == "`":
            end = self._text.find("`", self._position + 1)
            if end < 0:
                raise _LexError("unterminated raw quoted string")
            return self._token("raw string", end + 1)
        match = (_STRING if mark == '"' else _CHARACTER).match(self._text, self._position)
        if not match:
            what = "quoted string" if mark == '"' else "character constant"
            raise _LexError(f"unterminated {what}")
        return self._token("string" if mark == '"' else "char constant", match.end())

    def _word_end(self, start: int) -> int:
        end = start
        while end < len(self._text) and is_letter_or_digit(self._text[end]):
            end += 1
        if not self._at_terminator(end):
            raise _LexError(f"bad character {_named(self._text[end])}")
        return end

    def _at_terminator(self, at: int) -> bool:
        char = self._text[at : at + 1]
        return not char or char in f"{_SPACES}.,|:()" or self._text.startswith(self._right, at)

    def _name(self, kind: Literal["field", "variable"]) -> Token:
        end = self._position + 1
        if self._at_terminator(end):
            return self._token("." if kind == "field" else kind, end)
        return self._token(kind, self._word_end(end))

    def _identifier(self) -> Token:
        end = self._word_end(self._position)
        word = self._text[self._position : end]
        if word in ("true", "false"):
            return self._token("bool", end)
        return self._token(KEYWORDS.get(word, "identifier"), end)

    def _number(self) -> Token:
        end = self._number_end(self._position)
        if self._text[end : end + 1] in ("+", "-"):
            end = self._number_end(end)
            if self._text[end - 1] != "i":
                raise _LexError("bad number syntax")
            return self._token("complex", end)
        return self._token("number", end)

    def _number_end(self, start: int) -> int:
        match = _NUMBER.match(self._text, start)
        end = match.end() if match else start
        if end < len(self._text) and is_letter_or_digit(self._text[end]):
            raise _LexError("bad number syntax")
        return end


def _named(char: str) -> str:
    """A character with its number, as Go's %#U gives it."""
    return f"U+{ord(char):04X}" + (f" '{char}'" if char.isprintable() else "")
