"""A text by lines and columns, for messages that point into files."""

import re
from dataclasses import dataclass

BREAK = "(?:\r\n|[\n\r\x85\u2028\u2029])"
"""A line break of YAML 1.1, as a regular expression."""
BREAKS = re.compile(BREAK)


@dataclass(frozen=True, slots=True)
class Place:
    """Line and column of a file, from 1. `exact` is False for a place near what is meant."""

    line: int
    column: int
    exact: bool = True


class Lines:
    """A text by lines and columns, counted from 1, with the line breaks of YAML."""

    def __init__(self, text: str) -> None:
        breaks = [match.span() for match in BREAKS.finditer(text)]
        self.text = text
        self._starts = [0, *(end for _, end in breaks)]
        self._ends = [*(start for start, _ in breaks), len(text)]

    def __getitem__(self, line: int) -> str:
        """The line of this number without its break; empty if there is none."""
        if not 0 < line <= len(self._starts):
            return ""
        return self.text[self._starts[line - 1] : self._ends[line - 1]]

    def __len__(self) -> int:
        return len(self._starts)

    def offset(self, line: int, column: int) -> int:
        """The offset of a place; beyond the end of the text, its length."""
        if line > len(self._starts):
            return len(self.text)
        return min(self._starts[max(line, 1) - 1] + max(column, 1) - 1, len(self.text))

    def place(self, offset: int) -> Place:
        """The place of an offset."""
        low, high = 0, len(self._starts)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._starts[middle] <= offset else (low, middle)
        return Place(low + 1, offset - self._starts[low] + 1)
