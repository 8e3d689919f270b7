"""The files of a class, as far as they are known without asking AWS."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import translate as regular_expression

from provider.csi.request.model import ClassSpec, KeyChoice, SecretObject, is_glob
from provider.csi.request.paths import translate


@dataclass(frozen=True, slots=True)
class File:
    """A file of the volume, or several whose names depend on the secret."""

    path: str
    """Of several files, a glob."""
    mode: int
    source: str
    """A description of the content."""
    object: str
    """Path of its object in the class, such as `objects[0]`."""
    several: re.Pattern[str] | None = None

    def may_be(self, path: str) -> bool:
        """Whether this may be the file at `path`."""
        return path == self.path or (self.several is not None and bool(self.several.match(path)))


def files(spec: ClassSpec) -> tuple[File, ...]:
    """All files of a class, in the order of its objects."""
    return tuple(file for obj in spec.objects for file in files_of(obj))


def files_of(obj: SecretObject) -> Iterator[File]:
    keys = obj.keys
    if obj.file is not None:
        yield File(obj.file, obj.mode, _of_own_file(obj), obj.path)
    for one in obj.extractions:
        yield File(one.file, one.mode, f"jmesPath {one.path}{_decoded(one.encoding)}", obj.path)
    if keys is not None and keys.format is None:
        yield from (_of_key(obj, keys, pattern) for pattern in keys.patterns)


def _of_own_file(obj: SecretObject) -> str:
    if obj.keys is not None and obj.keys.format is not None:
        names = ", ".join(obj.keys.patterns)
        return f"keys {names} as {obj.keys.format}"
    return f"the whole value{_decoded(obj.encoding)}"


def _decoded(encoding: str | None) -> str:
    return f", decoded from {encoding}" if encoding else ""


def _of_key(obj: SecretObject, keys: KeyChoice, pattern: str) -> File:
    path = translate(keys.prefix + pattern, keys.separator)
    several = None
    if is_glob(pattern):
        prefix = translate(keys.prefix, keys.separator)
        rest = path.removeprefix(prefix)
        several = re.compile(re.escape(prefix) + regular_expression(rest))
    return File(path, obj.mode, f"key {pattern}", obj.path, several)
