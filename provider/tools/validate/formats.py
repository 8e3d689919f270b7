"""The findings for people, with a caret below each line, and for programs: JSON, GitHub, SARIF."""

import json
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from urllib.parse import quote as percent

from provider import __version__
from provider.tools.sources import Source
from provider.tools.terminal import Colour, Paint, counted, printable
from provider.tools.validate.findings import LEVELS, NOT_YAML, RULES, Finding, Level
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
    others = f" ({counted(review.others, 'class')} of other providers skipped)"
    if review.unread and not review.sources:
        return "nothing was checked: no file could be read"
    if not (review.classes or review.resources or review.others or review.findings):
        nothing = "nothing to check: no SecretProviderClass and no External Secrets resource"
        return f"{nothing} in {counted(len(review.sources), 'file')}"
    counts = Counter(finding.level for finding in review.findings)
    found = ", ".join(counted(counts[level], level) for level in LEVELS if counts[level])
    return f"{_checked(review)}{others if review.others else ''}: {found or 'no problems'}"


def _checked(review: Review) -> str:
    """What was checked, such as `1 class and 2 External Secrets resources in 3 files`."""
    there = []
    if review.classes or not review.resources:
        there.append(counted(len(review.classes), "class"))
    if review.resources:
        there.append(counted(len(review.resources), "External Secrets resource"))
    return f"{' and '.join(there)} in {counted(len(review.sources), 'file')}"


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
    if finding.hint:
        yield f"  {paint('green', 'hint')}: {printable(finding.hint)}"


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


_TOOL = "secrets-provider-aws"
_COMMANDS: Mapping[Level, str] = {"error": "error", "warning": "warning", "note": "notice"}


def as_json(review: Review) -> str:
    """All findings. Fields may be added, but none will change."""
    counts = Counter(finding.level for finding in review.findings)
    document = {
        "files": len(review.sources),
        "classes": len(review.classes),
        "resources": len(review.resources),
        "passedOver": review.others,
        "count": {level: counts[level] for level in LEVELS},
        "unread": list(review.unread),
        "findings": [_entry(finding) for finding in review.findings],
    }
    return json.dumps(document, indent=2) + "\n"


def _entry(finding: Finding) -> Mapping[str, object]:
    return {
        "file": finding.file,
        "line": finding.place.line,
        "column": finding.place.column,
        "exact": finding.place.exact,
        "level": finding.level,
        "rule": finding.rule.name,
        "manifest": finding.owner,
        "path": finding.path,
        "message": finding.message,
        "suggestion": finding.suggestion,
    }


def as_github(review: Review) -> str:
    """Workflow commands, which GitHub shows as annotations of changed lines."""
    return "".join(_annotation(finding) for finding in review.findings)


def _annotation(finding: Finding) -> str:
    properties = {
        "file": finding.file,
        "line": str(finding.place.line),
        "col": str(finding.place.column),
        "title": finding.owner or finding.rule.name,
    }
    settings = ",".join(f"{name}={_escaped(text, ':,')}" for name, text in properties.items())
    return f"::{_COMMANDS[finding.level]} {settings}::{_escaped(finding.text)}\n"


def _escaped(text: str, also: str = "") -> str:
    """The text, escaped for the runner of GitHub."""
    text = text.replace("%", "%25")
    for character in f"\r\n{also}":
        text = text.replace(character, percent(character, safe=""))
    return text


def as_sarif(review: Review) -> str:
    """A SARIF log with one run, for code scanning."""
    rules = [
        {
            "id": rule.name,
            "shortDescription": {"text": rule.meaning},
            "defaultConfiguration": {"level": rule.level},
        }
        for rule in RULES
    ]
    driver = {"name": _TOOL, "semanticVersion": __version__, "rules": rules}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding) for finding in review.findings],
    }
    document = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    }
    return json.dumps(document, indent=2) + "\n"


def _result(finding: Finding) -> Mapping[str, object]:
    location: dict[str, object] = {
        "physicalLocation": {
            "artifactLocation": {"uri": percent(os.fsencode(PurePath(finding.file)))},
            "region": {"startLine": finding.place.line, "startColumn": finding.place.column},
        }
    }
    names = [name for name in (finding.owner, finding.path) if name]
    if names:
        location["logicalLocations"] = [{"fullyQualifiedName": ": ".join(names)}]
    return {
        "ruleId": finding.rule.name,
        "ruleIndex": RULES.index(finding.rule),
        "level": finding.level,
        "message": {"text": finding.text},
        "locations": [location],
    }
