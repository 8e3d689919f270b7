"""huandu/xstrings: snake_case, kebab-case and PascalCase."""

import unicodedata
from typing import Literal

from provider.controller.template.limits import Budget
from provider.controller.template.registry import Functions
from provider.controller.template.unicode_text import (
    from_utf8,
    is_space,
    one_to_one,
    runes,
    to_utf8,
)

TABLE = Functions()
add = TABLE.add

Kind = Literal["", "number", "upper", "alphabet", "connector", "punctuation", "other"]


def _is_connector(char: str) -> bool:
    return char in "-_" or is_space(char)


def _is_punctuation(char: str) -> bool:
    return unicodedata.category(char)[0] == "P"


def _is_upper(char: str) -> bool:
    return unicodedata.category(char) == "Lu"


def _is_alphabet(char: str) -> bool:
    """Whether the character is a letter, but no Han character."""
    code = ord(char)
    is_han = 0x4E00 <= code <= 0x9FCC or 0x3400 <= code <= 0x4D85 or 0x20000 <= code <= 0x2B81D
    return char.isalpha() and not is_han


def _is_number(char: str) -> bool:
    return unicodedata.category(char)[0] == "N"


def _kind(char: str) -> Kind:
    if _is_connector(char):
        return "connector"
    if _is_punctuation(char):
        return "punctuation"
    if _is_upper(char):
        return "upper"
    if _is_alphabet(char):
        return "alphabet"
    return "number" if _is_number(char) else "other"


def _next_word(text: str, at: int) -> tuple[Kind, int]:
    """The kind of the word that begins at an offset, and the offset behind it."""
    if at == len(text):
        return "", at
    kind = _kind(text[at])
    end = at + 1
    if kind == "upper":
        end = _upper_end(text, at)
    elif kind == "other":
        while end < len(text) and not (
            _is_connector(text[end]) or _is_alphabet(text[end]) or _is_number(text[end])
            or _is_punctuation(text[end])
        ):  # fmt: skip
            end += 1
    elif kind == "punctuation":
        while end < len(text) and _is_punctuation(text[end]):  # connectors are some, too
            end += 1
    else:
        while end < len(text) and _kind(text[end]) == kind:
            end += 1
    return kind, end


def _upper_end(text: str, at: int) -> int:
    end = at + 1
    if end < len(text) and _is_upper(text[end]):
        while end < len(text) and _is_upper(text[end]):
            end += 1
        return end - 1 if end < len(text) and _is_alphabet(text[end]) else end
    while end < len(text) and _is_alphabet(text[end]) and not _is_upper(text[end]):
        end += 1
    return end


def _lowered(word: str) -> str:
    return "".join(one_to_one(char, "lower") if _is_upper(char) else char for char in word)


class _Lowered:
    """The state of xstrings' camelCaseToLowerCase."""

    def __init__(self, text: str, connector: str) -> None:
        self._connector = connector
        self._out: list[str] = []
        self._text = text
        self._end = 0
        self._advance()

    def _advance(self) -> None:
        begin = self._end
        self._kind, self._end = _next_word(self._text, begin)
        self._word = self._text[begin : self._end]

    @property
    def _has_more(self) -> bool:
        return self._end < len(self._text)

    def _put(self, kind: Kind, word: str) -> None:
        if kind == "connector":
            self._out.append(self._connector * len(word))
        else:
            self._out.append(_lowered(word) if kind == "upper" else word)

    def _put_letters_and_numbers(self) -> None:
        while self._kind in ("alphabet", "number"):
            self._put(self._kind, self._word)
            self._advance()

    def _join(self) -> None:
        if self._kind not in ("", "connector", "punctuation"):
            self._out.append(self._connector)

    def run(self) -> str:
        while self._has_more:
            if self._kind != "connector":
                self._put(self._kind, self._word)
            kind, word = self._kind, self._word
            self._advance()
            if kind == "number":
                self._put_letters_and_numbers()
                self._join()
            elif kind == "connector":
                self._put(kind, word)
            elif kind != "punctuation":
                self._after_word()
        self._put(self._kind, self._word)
        return "".join(self._out)

    def _after_word(self) -> None:
        number = self._word
        if self._kind != "number":
            self._join()
        elif self._has_more:
            self._advance()
            self._after_number(number)

    def _after_number(self, number: str) -> None:
        if self._kind != "alphabet":
            self._put("number", number)
            self._join()
            return
        self._out.append(self._connector)
        self._put("number", number)
        self._put_letters_and_numbers()
        self._join()


@add("snakecase", "string", budget=True)
def _snakecase(budget: Budget, text: bytes) -> bytes:
    budget.step(len(text))
    return to_utf8(_Lowered(from_utf8(text), "_").run())


@add("kebabcase", "string", budget=True)
def _kebabcase(budget: Budget, text: bytes) -> bytes:
    budget.step(len(text))
    return to_utf8(_Lowered(from_utf8(text), "-").run())


@add("camelcase", "string", budget=True)
def _camelcase(budget: Budget, data: bytes) -> bytes:
    budget.step(len(data) >> 1)
    text = runes(data)
    start = next((i for i, char in enumerate(text) if not _is_connector(char)), len(text))
    if start == len(text):
        return to_utf8(text + text[-1:])  # xstrings writes the last one twice
    out = [text[:start]]
    was_upper = _is_upper(text[start])
    previous = one_to_one(text[start], "upper")
    for char in text[start + 1 :]:
        current = char
        if _is_connector(current) and _is_connector(previous):
            out.append(previous)
            previous = current
            continue
        if _is_connector(previous):
            was_upper = _is_upper(current)
            current = one_to_one(current, "upper")
        else:
            if was_upper:
                if _is_upper(current):
                    current = one_to_one(current, "lower")
                else:
                    was_upper = False
            out.append(previous)
        previous = current
    return to_utf8("".join([*out, previous]))
