"""A mistake in a class or a request, with the place it was made in."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from provider.errors import InvalidRequest


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
    """The class or the request has mistakes; `problems` holds all of them."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: Sequence[Problem] = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))
