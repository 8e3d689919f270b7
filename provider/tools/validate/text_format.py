"""The findings for people: each with its line of the file and a caret below it."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping

from provider.tools.sources import Source
from provider.tools.terminal import Colour, Paint, printable
from provider.tools.validate.findings import LEVELS, NOT_YAML, Finding, Level
from provider.tools.validate.review import Review

_COLOURS: Mapping[Level, Colour] = {"error": "red", "warning": "yellow", "note": "dim"}
_WORD = re.compile(r"[^\s,\]}\\]+")
_BEFORE, _WIDTH = 60, 100
_SAFE_LINE = 200
"""Longest line that is shown of a file that holds a Secret."""


def as_text(review: Review, paint: Paint) -> str:
    """All findings and a summary."""
    sources = {source.name: source for source in review.sources}
    lines = [
        line
        for finding in review.findings
        for line in (*_lines(finding, sources[finding.file], paint), "")
    ]
    return "\n".join([*lines, summary(review), ""])


def summary(review: Review) -> str:
    """One line: the number of files, classes, resources and findings."""
    others = f" ({_counted(review.others, 'class')} of other providers skipped)"
    if not (review.classes or review.resources or review.others or review.findings):
        nothing = "nothing to check: no SecretProviderClass and no External Secrets resource"
        return f"{nothing} in {_counted(len(review.sources), 'file')}"
    counts = Counter(finding.level for finding in review.findings)
    counted = ", ".join(_counted(counts[level], level) for level in LEVELS if counts[level])
    return f"{_checked(review)}{others if review.others else ''}: {counted or 'no problems'}"


def _checked(review: Review) -> str:
    """What was checked, such as `1 class and 2 External Secrets resources in 3 files`."""
    there = []
    if review.classes or not review.resources:
        there.append(_counted(len(review.classes), "class"))
    if review.resources:
        there.append(_counted(len(review.resources), "External Secrets resource"))
    return f"{' and '.join(there)} in {_counted(len(review.sources), 'file')}"


def _counted(number: int, noun: str) -> str:
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"


def _lines(finding: Finding, source: Source, paint: Paint) -> Iterator[str]:
    colour = _COLOURS[finding.level]
    near = "" if finding.place.exact else " (or below)"
    place = f"{finding.file}:{finding.place.line}:{finding.place.column}{near}"
    level = paint(colour, f"{finding.level}[{finding.rule.name}]")
    path = finding.path.removeprefix("spec.parameters.")
    where = f"{path}: " if path else ""
    yield f"{paint('bold', printable(place))}: {level}: {printable(where + finding.message)}"
    if _may_show(finding, source):
        yield from _excerpt(finding, source.lines[finding.place.line], paint)
    if finding.owner:
        yield paint("dim", f"  in {printable(finding.owner)}")
    if finding.suggestion:
        yield f"  {paint('green', 'hint')}: {printable(finding.suggestion)}"


def _may_show(finding: Finding, source: Source) -> bool:
    """Whether the line certainly does not belong to a Secret."""
    line = source.lines[finding.place.line]
    if source.holds_secret and (finding.rule is NOT_YAML or len(line) > _SAFE_LINE):
        return False
    return bool(line.strip())


def _excerpt(finding: Finding, line: str, paint: Paint) -> Iterator[str]:
    at = finding.place.column - 1
    cut = max(0, at - _BEFORE) if len(line) > _WIDTH else 0
    shown = line[cut : cut + _WIDTH].replace("\t", " ")
    number = f"{finding.place.line:>5} | "
    yield paint("dim", number) + printable(shown)
    before = " " * _columns(shown[: at - cut])
    word = _WORD.match(shown, at - cut)
    marks = "^" + "~" * (_columns(word[0]) - 1 if word else 0)
    yield " " * len(number) + before + paint(_COLOURS[finding.level], marks)


def _columns(text: str) -> int:
    """The width of a text on a terminal."""
    wide = sum(unicodedata.east_asian_width(character) in {"W", "F"} for character in text)
    return len(printable(text)) + wide
