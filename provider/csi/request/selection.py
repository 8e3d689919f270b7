"""Reads which values of a secret become files, and which of the keys for it exclude each other."""

import re
from collections.abc import Iterator
from fnmatch import translate
from typing import cast

from provider.csi.request.model import KeyChoice, is_glob
from provider.csi.request.paths import fault_in
from provider.engine.content.formats import Format
from provider.manifests.entries import Entry
from provider.manifests.problems import quote


def read_keys(entry: Entry, separator: str | None) -> KeyChoice | None:
    """The chosen keys of an object, of a path all; None if it has no `jsonKeys`."""
    _check_prefix(entry, separator)
    patterns = _EVERYTHING if _is_path(entry) else entry.names.get("jsonKeys")
    if patterns is None:
        return None
    return KeyChoice(
        patterns,
        _globs(patterns),
        separator,
        entry["keyPrefix"] or "",
        cast("Format | None", entry["format"]),
        noun="parameter" if _is_path(entry) else "key",
    )


def has_whole(entry: Entry) -> bool:
    """Whether the object has a file of its own: the whole secret, or its keys in a format."""
    if _is_path(entry):
        return False
    return "format" in entry.values or not entry.is_true("omitWhole")


def _is_path(entry: Entry) -> bool:
    return entry["objectType"] == "ssmparameterpath"


def _check_prefix(entry: Entry, separator: str | None) -> None:
    """Add a problem for a `keyPrefix` with which no file name may begin."""
    prefix = entry["keyPrefix"]
    if prefix is None:
        return
    if "/" in prefix and separator is not None:
        entry.error("keyPrefix", 'may hold "/" only with pathTranslation "False"')
    elif fault := fault_in(f"{prefix}x"):
        entry.error("keyPrefix", f"{fault}, got {quote(prefix)}")


def check_combinations(entry: Entry) -> None:
    """Add a problem for each key that has no effect, or no clear one, with the other keys."""
    if entry.is_invalid("objectType"):
        return  # the other keys depend on it
    for key, why in _excluded(entry):
        if key in entry.values:
            entry.error(key, why)


def _excluded(entry: Entry) -> Iterator[tuple[str, str]]:
    if _is_path(entry):
        yield from _NOT_FOR_PATHS
        return
    given = entry.values
    if entry.is_true("recursive"):
        yield "recursive", "needs objectType ssmparameterpath"
    if "jsonKeys" not in given:
        yield "keyPrefix", "needs jsonKeys: it is the prefix of their file names"
        yield "format", "needs jsonKeys: it writes those keys to one file"
    elif "format" in given:
        yield "keyPrefix", "has no effect: format writes all keys to one file"
    if not given.keys() & {"jsonKeys", "jmesPath"} and entry.is_true("omitWhole"):
        yield "omitWhole", "needs jsonKeys or jmesPath: without them no file would be left"
    if "format" in given:
        yield "objectEncoding", "decodes the whole-object file, but format replaces it"
    elif entry.is_true("omitWhole"):
        yield "objectEncoding", "decodes the whole-object file, but omitWhole leaves it out"


_NOT_FOR_PATHS = (
    ("objectAlias", "names one file, but a path makes a file of each parameter: see keyPrefix"),
    ("jmesPath", "cannot be applied to a path"),
    ("jsonKeys", "cannot be applied to a path: all of its parameters become files"),
    ("format", "is for the keys of one secret"),
    ("objectEncoding", "decodes the whole-object file, but a path has none"),
    ("omitWhole", "has no effect: a path has no file of its own"),
)


_EVERYTHING = ("*",)
_ANY_TEXT = re.compile(translate("*"))


def _globs(patterns: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    if patterns == _EVERYTHING:
        return (_ANY_TEXT,)
    globs = tuple(re.compile(translate(text)) for text in patterns if is_glob(text))
    re.purge()  # its cache would keep up to 512 patterns, whatever their size
    return globs
