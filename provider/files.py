"""Files as they go into the pod's volume: whole secrets and what is extracted from them.

Names and modes were checked with the class; what is left to go wrong is a secret's content, and
the size of all of it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from provider.errors import AnswerTooLarge, ProviderError
from provider.extract import extract
from provider.spec.models import SecretObject
from provider.store import SecretValue

_OVERHEAD = 256
"""Bytes of a file in the answer beside path and content: tags, lengths, mode, and its version."""
_LARGEST_SHOWN = 3


@dataclass(frozen=True, slots=True)
class MountedFile:
    """One file of the volume. `path` is relative to it, `mode` a plain permission number."""

    path: str
    mode: int
    content: bytes = field(repr=False)


Failures = list[tuple[SecretObject, ProviderError]]


def lay_out(
    fetched: Iterable[tuple[SecretObject, SecretValue]],
) -> tuple[tuple[MountedFile, ...], Failures]:
    """The files of all objects, in the class's order, and everything that cannot become a file."""
    files: list[MountedFile] = []
    failures: Failures = []
    for obj, value in fetched:
        files.append(MountedFile(obj.file, obj.mode, value.content))
        try:
            extracted = extract(obj, value)
        except ProviderError as error:
            failures.append((obj, error))
            continue
        for one, content in extracted:
            if isinstance(content, bytes):
                files.append(MountedFile(one.file, one.mode, content))
            else:
                failures.append((obj, content))
    return tuple(files), failures


def check_size(files: Sequence[MountedFile], limit: int) -> None:
    """Raise `AnswerTooLarge` unless the driver will take these files in one answer.

    `limit` is the driver's, in bytes (`--max-call-recv-msg-size`, 4 MiB by default).
    """
    total = sum(map(_size, files))
    if total <= limit:
        return
    largest = sorted(files, key=_size, reverse=True)[:_LARGEST_SHOWN]
    names = ", ".join(f'"{file.path}" ({len(file.content)} bytes)' for file in largest)
    raise AnswerTooLarge(
        f"the {len(files)} files of the volume make an answer of {total} bytes, the driver takes "
        f"{limit}; the largest are {names}: split the class into several volumes, or raise the "
        "driver's --max-call-recv-msg-size and this provider's limit"
    )


def _size(file: MountedFile) -> int:
    """Bytes of the answer that a file accounts for, never too few: its path is an id as well."""
    return 2 * len(file.path.encode()) + len(file.content) + _OVERHEAD
