"""A mistake in a manifest or a request, with its path and place."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from provider.errors import InvalidRequest

_SHOWN = 20
_SHOWN_BYTES = 3000
"""Lines and bytes of an error's text. A gRPC status must fit into 8 KiB of headers, where a
character that is not ASCII takes three times its size."""


def quote(text: str, limit: int = 100) -> str:
    """A user's text for a message: quoted, on one line, encodable, of bounded length."""
    cut = text if len(text) <= limit else text[:limit] + "…"
    return printable(_encode(cut))


_encode = json.JSONEncoder(ensure_ascii=False).encode


def printable(text: str) -> str:
    """The text with all characters escaped that could move a cursor, reverse text or add a line."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in text)


def some_of(texts: Sequence[str], most: int = 5, separator: str = ", ") -> str:
    """The first texts, and how many more there are."""
    more = len(texts) - most
    return separator.join([*texts[:most], f"and {more} more"] if more > 0 else texts)


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake.

    `path` is its place, as in `objects[2].jmesPath[0].objectAlias`; `message` says what is wrong
    and what is expected. `line` and `column` count from 1 within the text that was parsed (of a
    class: the `objects` text), and are 0 where there is no such place (a parameter, the request).
    """

    path: str
    message: str
    line: int = 0
    column: int = 0
    hint: str = ""
    """What was probably meant, as in `did you mean objectAlias`."""
    key: str = ""
    """The unknown key that this is about, if there is one."""

    def __str__(self) -> str:
        hint = f"; {self.hint}?" if self.hint else ""
        return f"{self.path}: {self.message}{hint}"


class InvalidSpec(InvalidRequest):
    """The manifest or the request has mistakes.

    `problems` holds all mistakes, the text the first of them, and the unknown keys that resemble
    known ones. `warnings` are what is ignored, for the tools that show them too.
    """

    def __init__(self, problems: Iterable[Problem], warnings: Iterable[Problem] = ()) -> None:
        self.problems: Sequence[Problem] = tuple(problems)
        self.warnings: Sequence[Problem] = tuple(warnings)
        misspelled = _misspelled(self.problems, self.warnings)
        super().__init__("\n".join(_shown([*self.problems, *misspelled])))


def _shown(problems: Sequence[Problem]) -> Iterator[str]:
    room = _SHOWN_BYTES
    for index, problem in enumerate(problems):
        place = f" (line {problem.line}, column {problem.column})" if problem.line else ""
        line = f"{problem}{place}"
        room -= len(line.encode())
        if index and (index == _SHOWN or room < 0):
            yield f"… and {len(problems) - index} more"
            return
        yield line


def _misspelled(problems: Sequence[Problem], warnings: Sequence[Problem]) -> Iterator[Problem]:
    """The warnings about keys that resemble known ones, unless a problem names the key."""
    named = {problem.key for problem in problems}
    return (one for one in warnings if one.hint and one.key not in named)
