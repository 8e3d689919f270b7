"""Lays out the files of a volume: whole secrets, and values that are extracted from them.

The class was checked already. What can still fail is the content of a secret, a name that comes
from a secret, and the size of all files together.
"""

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any

from provider.csi.files.json_keys import choose, files_of, formatted
from provider.csi.request.model import Extraction, KeyChoice, SecretObject
from provider.csi.request.paths import Claim, clashes
from provider.engine.content.budget import Budget, TooCostly
from provider.engine.content.encodings import Encoding, decode
from provider.engine.content.jmespath_search import extract
from provider.engine.content.json_document import parse
from provider.engine.model import MISSING, SecretValue
from provider.errors import AnswerTooLarge, OutOfTime, ProviderError, SecretUnusable
from provider.manifests.problems import quote
from provider.runtime.offload import Offload

_OVERHEAD = 256
"""Bytes of a file in the answer besides path and content: tags, lengths, mode and version."""
_LARGEST_SHOWN = 3


@dataclass(frozen=True, slots=True)
class MountedFile:
    """One file of the volume. `path` is relative to it, `mode` a plain permission number."""

    path: str
    mode: int
    content: bytes = field(repr=False)


NOTHING = MountedFile(
    ".empty", 0o444, b"There is no file in this volume: none of its optional secrets was found.\n"
)
"""Delivered if there is no other file: given none, the driver keeps those of the last mount."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The files of a volume, in the order of the class, or why there are none."""

    files: tuple[MountedFile, ...]
    versions: tuple[tuple[str, str], ...]
    """Path of each file, and the version of the secret that it comes from."""
    failures: tuple[tuple[SecretObject, ProviderError], ...]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A file, or the reason why there is none, and where it comes from."""

    object: SecretObject
    version: str
    made: MountedFile | ProviderError
    owner: str
    place: str = ""
    """The key that names the file, if its name comes from the secret."""


Found = Sequence[tuple[SecretObject, SecretValue]]


async def lay_out_off_loop(
    found: Found, *, deadline: float, offload: Offload, tenant: str
) -> Layout:
    """As `lay_out`, without holding the event loop for more than some milliseconds.

    `deadline` is of `time.monotonic`. Work that proves too long for the loop is done in a thread.
    """
    layout = lay_out(found, Budget.for_loop())
    if not any(isinstance(error, TooCostly) for _, error in layout.failures):
        return layout
    return await offload.run(tenant, lambda: lay_out(found, Budget(deadline=deadline)))


def lay_out(found: Found, budget: Budget) -> Layout:
    """The files of all objects, or every failure.

    An object that exceeds the budget fails with `TooCostly`, or `OutOfTime` after the deadline; the
    objects after it are not looked at.
    """
    pieces: list[_Piece] = []
    over_budget: list[tuple[SecretObject, ProviderError]] = []
    for obj, value in found:
        try:
            pieces += _pieces(obj, value, budget)
        except (TooCostly, OutOfTime) as error:
            # A copy has no traceback, which would hold the document.
            over_budget.append((obj, copy(error)))
            break
    failures = [(one.object, one.made) for one in pieces if isinstance(one.made, ProviderError)]
    if any(one.place for one in pieces):
        failures += _clashes(pieces)
    failures += over_budget
    if failures:
        return Layout((), (), tuple(failures))
    files = [(one.made, one.version) for one in pieces if isinstance(one.made, MountedFile)]
    files = files or [(NOTHING, MISSING.version)]
    return Layout(
        files=tuple(file for file, _ in files),
        versions=tuple((file.path, version) for file, version in files),
        failures=(),
    )


def _pieces(obj: SecretObject, value: SecretValue, budget: Budget) -> Iterator[_Piece]:
    def piece(made: MountedFile | ProviderError, suffix: str = "") -> _Piece:
        return _Piece(obj, value.version, made, obj.path + suffix)

    if obj.file is not None and (obj.keys is None or obj.keys.format is None):
        yield piece(_whole(obj, obj.file, value.content, budget))
    if not (obj.extractions or obj.keys):
        return
    budget.spend_on_bytes(len(value.content))
    try:
        document = parse(value.content)
    except SecretUnusable as error:
        key = "jmesPath" if obj.extractions else "jsonKeys"
        yield piece(SecretUnusable(f"{error}, and so {key} cannot be applied"))
        return
    for one in obj.extractions:
        yield piece(_extracted(one, document, budget), ".jmesPath")
    if obj.keys is not None:
        yield from _of_keys(obj, obj.keys, document, value.version, budget)


def _whole(
    obj: SecretObject, file: str, content: bytes, budget: Budget
) -> MountedFile | ProviderError:
    try:
        decoded = _decoded(content, obj.encoding, budget)
    except SecretUnusable as error:
        return error.in_context(f"file {quote(file)}")
    return MountedFile(file, obj.mode, decoded)


def _extracted(one: Extraction, document: Any, budget: Budget) -> MountedFile | ProviderError:
    where = f"jmesPath {quote(one.path)} (objectAlias {quote(one.alias)})"
    try:
        content = _decoded(extract(one.expression, document, budget), one.encoding, budget)
    except (TooCostly, OutOfTime) as error:
        raise error.in_context(where) from None
    except ProviderError as error:
        return error.in_context(where)
    return MountedFile(one.file, one.mode, content)


def _decoded(content: bytes, encoding: Encoding | None, budget: Budget) -> bytes:
    if encoding is None:
        return content
    budget.spend_on_bytes(len(content))
    try:
        return decode(content, encoding)
    except SecretUnusable as error:
        raise SecretUnusable(f"{error}, as objectEncoding says") from None


def _of_keys(
    obj: SecretObject, keys: KeyChoice, document: Any, version: str, budget: Budget
) -> Iterator[_Piece]:
    try:
        chosen = choose(keys, document, budget)
        if obj.file is not None and keys.format is not None:
            made = MountedFile(obj.file, obj.mode, formatted(keys.format, chosen))
            yield _Piece(obj, version, made, obj.path)
            return
        found = files_of(keys, chosen)
    except (TooCostly, OutOfTime) as error:
        raise error.in_context("jsonKeys") from None
    except ProviderError as error:
        yield _Piece(obj, version, copy(error), obj.path)  # without the traceback
        return
    for key, file, content in found:
        place = f"the {keys.noun} {quote(key, 64)}"
        made = MountedFile(file, obj.mode, content)
        yield _Piece(obj, version, made, f"{place} of {obj.path}", place)


def _clashes(pieces: Sequence[_Piece]) -> Iterator[tuple[SecretObject, ProviderError]]:
    """Conflicts of names that come from secrets, with each other and with those of the class."""
    # Names of the class come first, so that the other name is the one to report.
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
    """Raise `AnswerTooLarge` unless the driver accepts these files in one answer.

    `limit` is that of the driver in bytes (`--max-call-recv-msg-size`, 4 MiB by default).
    """
    total = sum(map(_size, files))
    if total <= limit:
        return
    largest = sorted(files, key=_size, reverse=True)[:_LARGEST_SHOWN]
    names = ", ".join(f"{quote(file.path)} ({len(file.content)} bytes)" for file in largest)
    raise AnswerTooLarge(
        f"the {len(files)} files of the volume make an answer of {total} bytes, the driver accepts "
        f"{limit}; the largest are {names}: split the class into several volumes, or raise the "
        "driver's --max-call-recv-msg-size and this provider's limit"
    )


def _size(file: MountedFile) -> int:
    """Bytes of the answer for a file, never too few. Its path is in it twice, also as an id."""
    return 2 * len(file.path.encode()) + len(file.content) + _OVERHEAD
