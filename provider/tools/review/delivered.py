"""The files of a class, as far as they are known before AWS is asked."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import translate as regular_expression

from provider.csi.request.model import ClassSpec, KeyChoice, KeyPattern, SecretObject
from provider.csi.request.paths import translate


@dataclass(frozen=True, slots=True)
class File:
    """One file of the volume, or several of names that only AWS's answer tells."""

    path: str
    """Of several, a glob."""
    mode: int
    source: str
    """What is in it, for people."""
    object: str
    """Place of its object in the class."""
    several: re.Pattern[str] | None = None

    def may_be(self, path: str) -> bool:
        """Whether a file of this path may be meant."""
        return path == self.path or (self.several is not None and bool(self.several.match(path)))


def files(spec: ClassSpec) -> tuple[File, ...]:
    """All files of a class, in the order in which they are written."""
    return tuple(file for obj in spec.objects for file in files_of(obj))


def files_of(obj: SecretObject) -> Iterator[File]:
    """The files that an object comes to."""
    keys = obj.keys
    if obj.file is not None:
        yield File(obj.file, obj.mode, _of_own_file(obj), obj.path)
    for one in obj.extractions:
        yield File(one.file, one.mode, f"jmesPath {one.path}{_decoded(one.encoding)}", obj.path)
    if keys is not None and keys.format is None:
        yield from (_of_key(obj, keys, pattern) for pattern in keys.patterns)


def _of_own_file(obj: SecretObject) -> str:
    if obj.keys is not None and obj.keys.format is not None:
        names = ", ".join(pattern.text for pattern in obj.keys.patterns)
        return f"keys {names} as {obj.keys.format}"
    return f"all of it{_decoded(obj.encoding)}"


def _decoded(encoding: str | None) -> str:
    return f", decoded from {encoding}" if encoding else ""


def _of_key(obj: SecretObject, keys: KeyChoice, pattern: KeyPattern) -> File:
    path = translate(keys.prefix + pattern.text, keys.separator)
    several = None
    if pattern.glob is not None:
        prefix = translate(keys.prefix, keys.separator)
        rest = path.removeprefix(prefix)
        several = re.compile(re.escape(prefix) + regular_expression(rest))
    return File(path, obj.mode, f"key {pattern.text}", obj.path, several)
