"""Masterminds/semver: versions and constraints."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from provider.controller.template.errors import FunctionError
from provider.controller.template.registry import Functions
from provider.controller.template.unicode_text import from_utf8
from provider.controller.template.values import Version

TABLE = Functions()
add = TABLE.add

_SUFFIX: Final = r"(-([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?(\+([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?"
_NUMBER: Final = r"(?:0|[1-9][0-9]*)"
_VERSION: Final = re.compile(rf"v?({_NUMBER})(\.{_NUMBER})?(\.{_NUMBER})?{_SUFFIX}")
_RANGE_VERSION: Final = rf"v?([0-9xX*|]+)(\.[0-9xX*|]+)?(\.[0-9xX*|]+)?{_SUFFIX}"
_OPERATORS: Final = r"=|!=|>=|=>|<=|=<|>|<|~>|~|\^|"
_CONSTRAINT: Final = re.compile(rf"\s*({_OPERATORS})\s*({_RANGE_VERSION})\s*")
_BETWEEN: Final = re.compile(rf"\s*({_RANGE_VERSION})\s+-\s+({_RANGE_VERSION})\s*")
_MOST: Final = 256  # characters of a version or constraint


def parse(text: str) -> Version:
    """semver.NewVersion. Raises FunctionError."""
    match = _VERSION.fullmatch(text) if len(text) <= _MOST else None
    if not match:
        raise FunctionError("Invalid Semantic Version")
    numbers = [int((match.group(group) or "0").lstrip(".")) for group in (1, 2, 3)]
    prerelease = match.group(5) or ""
    if max(numbers) >= 1 << 64:
        raise FunctionError("Error parsing version segment")
    for part in prerelease.split("."):
        if part.isdecimal() and part != "0" and part.startswith("0"):
            raise FunctionError("Version segment starts with 0")
    major, minor, patch = numbers
    return Version(major, minor, patch, prerelease, match.group(8) or "", text)


def _part_key(part: str) -> tuple[int, int, str]:
    return (0, int(part), "") if part.isdecimal() else (1, 0, part)


def order(version: Version) -> tuple[int, int, int, int, list[tuple[int, int, str]]]:
    """A key to compare versions by. Metadata does not count."""
    release = 0 if version.prerelease else 1
    parts = [_part_key(part) for part in version.prerelease.split(".")] if not release else []
    return (version.major, version.minor, version.patch, release, parts)


@dataclass(frozen=True, slots=True)
class Constraint:
    """One condition on a version; `dirty` says which of its numbers are left out."""

    operator: str
    version: Version
    dirty: str  # "", "all", "minor" or "patch"

    def holds(self, version: Version) -> bool:
        """Whether the version meets the condition."""
        if version.prerelease and not self.version.prerelease:
            return self.operator == "!=" and not self.dirty and _differs(version, self)
        return _CHECKS[self.operator](version, self)


def _differs(version: Version, wanted: Constraint) -> bool:
    other = wanted.version
    if wanted.dirty:
        if other.major != version.major:
            return True
        if other.minor != version.minor and wanted.dirty != "minor":
            return True
        if wanted.dirty == "minor":
            return False
        if other.patch != version.patch and wanted.dirty != "patch":
            return True
        if wanted.dirty == "patch":
            return version.prerelease != other.prerelease
    return order(version) != order(other)


def _above(version: Version, wanted: Constraint) -> bool:
    other = wanted.version
    if not wanted.dirty:
        return order(version) > order(other)
    if version.major != other.major:
        return version.major > other.major
    if wanted.dirty == "minor":
        return False
    if wanted.dirty == "patch":
        return version.minor > other.minor
    return order(version) > order(other)


def _below(version: Version, wanted: Constraint) -> bool:
    return order(version) < order(wanted.version)


def _at_least(version: Version, wanted: Constraint) -> bool:
    return not _below(version, wanted)


def _at_most(version: Version, wanted: Constraint) -> bool:
    other = wanted.version
    if not wanted.dirty:
        return order(version) <= order(other)
    if version.major > other.major:
        return False
    return not (
        version.major == other.major and version.minor > other.minor and wanted.dirty != "minor"
    )


def _tilde(version: Version, wanted: Constraint) -> bool:
    other = wanted.version
    if _below(version, wanted):
        return False
    is_zero = other.major == other.minor == other.patch == 0
    if is_zero and wanted.dirty not in ("minor", "patch"):
        return True
    if version.major != other.major:
        return False
    return version.minor == other.minor or wanted.dirty == "minor"


def _equal(version: Version, wanted: Constraint) -> bool:
    return _tilde(version, wanted) if wanted.dirty else order(version) == order(wanted.version)


def _caret(version: Version, wanted: Constraint) -> bool:
    other = wanted.version
    if _below(version, wanted):
        return False
    if other.major > 0 or wanted.dirty == "minor":
        return version.major == other.major
    if version.major > 0:
        return False
    if other.minor > 0 or wanted.dirty == "patch":
        return version.minor == other.minor
    return version.minor == 0 and other.patch == version.patch


_CHECKS: Final[dict[str, Callable[[Version, Constraint], bool]]] = {
    "": _equal, "=": _equal, "!=": _differs, ">": _above, "<": _below, ">=": _at_least,
    "=>": _at_least, "<=": _at_most, "=<": _at_most, "~": _tilde, "~>": _tilde, "^": _caret,
}  # fmt: skip


def _constraint(match: re.Match[str]) -> Constraint:
    major, minor, patch = (match.group(group) or "" for group in (3, 4, 5))
    suffix = match.group(6) or ""
    if major in ("x", "X", "*", ""):
        return Constraint(match.group(1), parse(f"0.0.0{suffix}"), "all")
    if minor.lstrip(".") in ("x", "X", "*", ""):
        return Constraint(match.group(1), parse(f"{major}.0.0{suffix}"), "minor")
    if patch.lstrip(".") in ("x", "X", "*", ""):
        return Constraint(match.group(1), parse(f"{major}{minor}.0{suffix}"), "patch")
    return Constraint(match.group(1), parse(match.group(2)), "")


def parse_constraints(text: str) -> list[list[Constraint]]:
    """semver.NewConstraint: alternatives of conditions. Raises FunctionError."""
    if len(text) > _MOST:
        raise FunctionError("improper constraint")
    text = _BETWEEN.sub(lambda m: f">= {m.group(1)}, <= {m.group(11)} ", text)
    return [_alternative(part) for part in text.split("||")]


def _alternative(text: str) -> list[Constraint]:
    conditions: list[Constraint] = []
    at = 0
    while at < len(text):
        if conditions and text[at] == ",":
            at += 1
        elif conditions and not text[at - 1].isspace():
            raise FunctionError("improper constraint")
        match = _CONSTRAINT.match(text, at)
        if not match:
            raise FunctionError("improper constraint")
        conditions.append(_constraint(match))
        at = match.end()
    if not conditions:
        raise FunctionError("improper constraint")
    return conditions


add("semver", "string")(lambda text: parse(from_utf8(text)))


@add("semverCompare", "string string")
def _compare(constraint: bytes, version: bytes) -> bool:
    alternatives = parse_constraints(from_utf8(constraint))
    checked = parse(from_utf8(version))
    return any(all(c.holds(checked) for c in conditions) for conditions in alternatives)
