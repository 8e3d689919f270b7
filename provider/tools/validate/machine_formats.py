"""The findings for programs: JSON, workflow commands of GitHub, and SARIF 2.1.0."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import PurePath
from urllib.parse import quote as percent

from provider import __version__
from provider.tools.validate.findings import LEVELS, RULES, Finding, Level
from provider.tools.validate.review import Review

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
            "artifactLocation": {"uri": percent(PurePath(finding.file).as_posix())},
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
