"""A mistake in a class or a request, with the place it was made in."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from provider.errors import InvalidRequest

_SHOWN = 20
_SHOWN_BYTES = 3000
"""Lines and bytes of an error's text: a gRPC status must fit into 8 KiB of headers, where all that
is not ASCII takes three times its room."""


def quote(text: str, limit: int = 100) -> str:
    """A user's text for a message: quoted, on one line, encodable, of bounded length."""
    cut = text if len(text) <= limit else text[:limit] + "…"
    return json.dumps(cut.encode("utf-8", "backslashreplace").decode(), ensure_ascii=False)


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake.

    `path` is where it is, as in `objects[2].jmesPath[0].objectAlias`; `message` says what is
    wrong and what is expected; `line` and `column` count from 1 within the `objects` text, and
    are 0 where the place has none (a parameter, the request).
    """

    path: str
    message: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class InvalidSpec(InvalidRequest):
    """The class or the request has mistakes; `problems` holds all, the text the first of them.

    `warnings` are what is ignored, for the tools that show them beside the mistakes.
    """

    def __init__(self, problems: Iterable[Problem], warnings: Iterable[Problem] = ()) -> None:
        self.problems: Sequence[Problem] = tuple(problems)
        self.warnings: Sequence[Problem] = tuple(warnings)
        super().__init__("\n".join(_shown(self.problems)))


def _shown(problems: Sequence[Problem]) -> Iterator[str]:
    room = _SHOWN_BYTES
    for index, problem in enumerate(problems):
        line = str(problem)
        room -= len(line.encode())
        if index and (index == _SHOWN or room < 0):
            yield f"… and {len(problems) - index} more"
            return
        yield line
