"""Lays out the files of a volume: whole secrets, and values that are extracted from them."""

from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from provider.csi.files.json_keys import choose, files_of, formatted
from provider.csi.request.model import Extraction, KeyChoice, SecretObject
from provider.csi.request.paths import clashes
from provider.engine.content.budget import Budget, TooCostly
from provider.engine.content.encodings import Encoding, decode
from provider.engine.content.jmespath_search import extract
from provider.engine.content.json_document import parse
from provider.engine.model import MISSING, SecretValue
from provider.errors import AnswerTooLarge, OutOfTime, ProviderError, SecretUnusable
from provider.manifests.problems import quote
from provider.runtime.offload import Offload

_OVERHEAD = 64
"""Bytes of a file in the answer besides its texts and content: tags, lengths and mode."""
_LARGEST_SHOWN = 3


@dataclass(frozen=True, slots=True)
class MountedFile:
    """One file of the volume. `path` is relative to it, `mode` a plain permission number."""

    path: str
    mode: int
    content: bytes = field(repr=False)
    version: str = ""
    """Of the secret that it comes from."""


NOTHING = MountedFile(
    ".empty",
    0o444,
    b"There is no file in this volume: none of its optional secrets was found.\n",
    MISSING.version,
)
"""Delivered if there is no other file: given none, the driver keeps those of the last mount."""

Failure = tuple[SecretObject, ProviderError]


@dataclass(frozen=True, slots=True)
class Layout:
    """The files of a volume, in the order of the class, or why there are none."""

    files: tuple[MountedFile, ...]
    failures: tuple[Failure, ...]


class _Made(NamedTuple):
    """A file, and where it comes from."""

    file: MountedFile
    object: SecretObject
    owner: str
    """What it is a file of, for messages."""
    key: str
    """What names the file, if its name comes from the secret."""


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
    made: list[_Made] = []
    failures: list[Failure] = []
    for obj, value in found:
        try:
            _ObjectFiles(obj, value, budget, made, failures).make()
        except (TooCostly, OutOfTime) as error:
            failures.append((obj, copy(error)))  # without the traceback, which has the document
            break
    failures += _clashes(made)
    if failures:
        return Layout((), tuple(failures))
    return Layout(tuple(one.file for one in made) or (NOTHING,), ())


@dataclass(frozen=True, slots=True)
class _ObjectFiles:
    """Makes the files of one object; adds them to `made`, and what fails to `failures`."""

    obj: SecretObject
    value: SecretValue
    budget: Budget
    made: list[_Made]
    failures: list[Failure]

    def make(self) -> None:
        """Make all files; raises `TooCostly` and `OutOfTime`."""
        obj = self.obj
        if obj.file is not None and not (obj.keys and obj.keys.format):
            self._attempt(f"file {quote(obj.file)}", self._make_whole, obj.file)
        if obj.extractions or obj.keys:
            self._attempt("", self._make_parts)

    def _attempt(self, where: str, make: Callable[..., None], *arguments: object) -> None:
        """Adds a failure for an error, without the traceback: that has the document."""
        # No context manager of contextlib: it makes a cycle of the traceback and its own frame.
        try:
            make(*arguments)
        except ProviderError as error:
            if isinstance(error, TooCostly | OutOfTime):
                raise (error.in_context(where) if where else error) from None
            self.failures.append((self.obj, error.in_context(where) if where else copy(error)))

    def _make_whole(self, file: str) -> None:
        self._add(file, self._decoded(self.value.content, self.obj.encoding))

    def _make_parts(self) -> None:
        document = self._document()
        for one in self.obj.extractions:
            where = f"jmesPath {quote(one.path)} (objectAlias {quote(one.alias)})"
            self._attempt(where, self._extract, one, document)
        if self.obj.keys:
            self._make_keys(self.obj.keys, document)

    def _extract(self, one: Extraction, document: Any) -> None:
        content = self._decoded(extract(one.expression, document, self.budget), one.encoding)
        self._add(one.file, content, one.mode, f"{self.obj.path}.jmesPath")

    def _make_keys(self, keys: KeyChoice, document: Any) -> None:
        chosen = choose(keys, document, self.budget)
        if self.obj.file is not None and keys.format:
            self.budget.spend(1, len(self.value.content))
            self._add(self.obj.file, formatted(keys.format, chosen))
            return
        for key, file, content in files_of(keys, chosen):
            name = f"the {keys.noun} {quote(key, 64)}"
            self._add(file, content, owner=f"{name} of {self.obj.path}", key=name)

    def _add(
        self, file: str, content: bytes, mode: int | None = None, owner: str = "", key: str = ""
    ) -> None:
        obj = self.obj
        mode = obj.mode if mode is None else mode
        made = MountedFile(file, mode, content, self.value.version)
        self.made.append(_Made(made, obj, owner or obj.path, key))

    def _document(self) -> Any:
        self.budget.spend_on_bytes(len(self.value.content))
        try:
            return parse(self.value.content)
        except SecretUnusable as error:
            key = "jmesPath" if self.obj.extractions else "jsonKeys"
            raise SecretUnusable(f"{error}, and so {key} cannot be applied") from None

    def _decoded(self, content: bytes, encoding: Encoding | None) -> bytes:
        if encoding is None:
            return content
        self.budget.spend_on_bytes(len(content))
        try:
            return decode(content, encoding)
        except SecretUnusable as error:
            raise SecretUnusable(f"{error}, as objectEncoding says") from None


def _clashes(made: list[_Made]) -> Iterator[Failure]:
    """Conflicts of names that come from secrets, with each other and with those of the class."""
    if not any(one.key for one in made):
        return  # the names in the class were checked with it
    # Names of the class come first, so that the other name is the one to report.
    made = sorted(made, key=lambda one: bool(one.key))
    for index, why in clashes([(one.file.path, one.owner) for one in made]):
        one = made[index]
        text = f"{one.key}: {why}" if one.key else why
        yield one.object, SecretUnusable(f"{text}. Set a keyPrefix, or another objectAlias.")


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
        "driver's --max-call-recv-msg-size and this provider's --max-response-bytes"
    )


def _size(file: MountedFile) -> int:
    """Bytes of the answer for a file, never too few. Its path is in it twice, also as an id."""
    texts = 2 * len(file.path.encode()) + len(file.version.encode())
    return texts + len(file.content) + _OVERHEAD
