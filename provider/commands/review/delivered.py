"""The files of a class, as far as they are known before AWS is asked."""

from collections.abc import Iterator
from dataclasses import dataclass

from provider.spec.models import ClassSpec, SecretObject


@dataclass(frozen=True, slots=True)
class File:
    """One file of the volume."""

    path: str
    mode: int
    source: str
    """What is in it, for people."""


def files_of(obj: SecretObject) -> Iterator[File]:
    """The files that an object comes to."""
    if obj.file is not None:
        yield File(obj.file, obj.mode, "all of it")
    for one in obj.extractions:
        yield File(one.file, one.mode, f"jmesPath {one.path}")


def files(spec: ClassSpec) -> tuple[File, ...]:
    """All files of a class, in the order in which they are written."""
    return tuple(file for obj in spec.objects for file in files_of(obj))
