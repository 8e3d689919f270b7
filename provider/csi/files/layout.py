"""Files as they go into the pod's volume: whole secrets and what is extracted from them.

Names and modes were checked with the class, but for the names that only a secret tells; what else
is left to go wrong is a secret's content, and the size of all of it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from provider.engine.content.encodings import decode
from provider.engine.content.json_document import parse
from provider.errors import AnswerTooLarge, ProviderError, SecretUnusable
from provider.engine.content.jmespath_search import extract
from provider.csi.files.json_keys import choose, files_of, formatted
from provider.csi.request.model import KeyChoice, SecretObject
from provider.csi.request.paths import Claim, clashes
from provider.manifests.problems import quote
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


NOTHING = MountedFile(
    ".empty", 0o444, b"There is no file in this volume: nothing of what it may hold was found.\n"
)
"""Delivered where there is no other file: a driver that is given none leaves those in the volume
that were there before."""

Failures = list[tuple[SecretObject, ProviderError]]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A file or what keeps it from being one, and where in the class it comes from."""

    object: SecretObject
    made: MountedFile | ProviderError
    owner: str
    place: str = ""
    """The key that names it, where only the secret tells."""


def lay_out(
    fetched: Iterable[tuple[SecretObject, SecretValue]],
) -> tuple[tuple[MountedFile, ...], Failures]:
    """The files of all objects, in the class's order, and everything that cannot become a file."""
    pieces = [piece for obj, value in fetched for piece in _pieces(obj, value)]
    files = tuple(one.made for one in pieces if isinstance(one.made, MountedFile))
    failures = [(one.object, one.made) for one in pieces if isinstance(one.made, ProviderError)]
    if any(one.place for one in pieces):
        failures += _clashes(pieces)
    return files, failures


def _pieces(obj: SecretObject, value: SecretValue) -> Iterator[_Piece]:
    if obj.file is not None and (obj.keys is None or obj.keys.format is None):
        yield _Piece(obj, _whole(obj, obj.file, value.content), obj.path)
    if not (obj.extractions or obj.keys):
        return
    try:
        document = parse(value.content, "jmesPath" if obj.extractions else "jsonKeys")
    except SecretUnusable as error:
        yield _Piece(obj, error, obj.path)
        return
    for one, found in extract(obj.extractions, document):
        made = MountedFile(one.file, one.mode, found) if isinstance(found, bytes) else found
        yield _Piece(obj, made, f"{obj.path}.jmesPath")
    if obj.keys is not None:
        yield from _of_keys(obj, obj.keys, document)


def _whole(obj: SecretObject, file: str, content: bytes) -> MountedFile | ProviderError:
    if obj.encoding is None:
        return MountedFile(file, obj.mode, content)
    try:
        return MountedFile(file, obj.mode, decode(content, obj.encoding, f"file {quote(file)}"))
    except SecretUnusable as error:
        return error


def _of_keys(obj: SecretObject, keys: KeyChoice, document: Any) -> Iterator[_Piece]:
    try:
        chosen = choose(keys, document)
        if obj.file is not None and keys.format is not None:
            yield _Piece(obj, MountedFile(obj.file, obj.mode, formatted(keys, chosen)), obj.path)
            return
        found = files_of(keys, chosen)
    except ProviderError as error:
        yield _Piece(obj, error, obj.path)
        return
    for key, file, content in found:
        place = f"the {keys.noun} {quote(key, 64)}"
        yield _Piece(obj, MountedFile(file, obj.mode, content), f"{place} of {obj.path}", place)


def _clashes(pieces: Sequence[_Piece]) -> Iterator[tuple[SecretObject, ProviderError]]:
    """Names that only the secrets tell, against each other and against those of the class."""
    # Those of the class first: it is the others that are in the way.
    claims = [
        (Claim(one.made.path, one.place, one.owner), one)
        for one in sorted(pieces, key=lambda one: bool(one.place))
        if isinstance(one.made, MountedFile)
    ]
    by_claim = {id(claim): one for claim, one in claims}
    for claim, why in clashes(claim for claim, _ in claims):
        text = f"{claim.place}: {why}" if claim.place else why
        advice = "Set a keyPrefix, or another objectAlias"
        yield by_claim[id(claim)].object, SecretUnusable(f"{text}. {advice}.")


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
