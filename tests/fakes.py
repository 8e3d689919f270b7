"""Fakes of the engine's own seams. They hold state; the contract tests keep them honest."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from typing import Generic, Literal, NoReturn, TypeVar

import pytest

from provider.credentials import Access, Credentials, Identity
from provider.deadline import Deadline
from provider.errors import CredentialsExpired, ProviderError, SecretNotFound
from provider.csi.request.model import ObjectRef, StoreName
from provider.store import SecretValue

T = TypeVar("T")

FAR_FUTURE = 4_102_444_800.0
"""2100-01-01, as an expiry that no test reaches."""


@dataclass
class Clock:
    """A clock that a test moves; seconds."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class FakeSource:
    """Gives out numbered credentials; `error` makes it refuse."""

    name: str = "AKIA"
    error: ProviderError | None = None
    given: int = 0
    expires_at: float = FAR_FUTURE

    def fetch(self, deadline: Deadline) -> Credentials:
        if self.error is not None:
            raise self.error
        self.given += 1
        return Credentials(f"{self.name}{self.given}", "secret", "token", self.expires_at)


@dataclass(frozen=True)
class Call:
    """One call that reached a store."""

    kind: Literal["fetch", "describe"]
    region: str
    names: tuple[str, ...]
    identity: Identity
    access_key_id: str


@dataclass(frozen=True)
class FakePending(Generic[T]):
    """A question that is carried out when its answer is read."""

    ask: Callable[[], T]

    def read(self) -> T:
        return self.ask()


def _value_or_raise(outcome: SecretValue | ProviderError) -> SecretValue:
    if isinstance(outcome, ProviderError):
        raise outcome
    return outcome


@dataclass
class FakeStore:
    """Secrets by (region, name), each a list of versions; the last one is current.

    `faults` maps (kind, region) to an error or to something that is called in place of an answer.
    """

    batch_size: int = 1
    describes: bool = True
    ready: int = 0
    """How many questions can be sent ahead, as over open connections."""
    secrets: dict[tuple[str, str], list[bytes]] = field(default_factory=dict)
    faults: dict[tuple[str, str], ProviderError | Callable[[], None]] = field(default_factory=dict)
    expired: set[str] = field(default_factory=set)
    calls: list[Call] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def put(self, name: str, content: bytes, *, region: str = "eu-west-1") -> None:
        """Add a version, which becomes the current one."""
        self.secrets.setdefault((region, name), []).append(content)

    def count(self, kind: str, region: str | None = None) -> int:
        """How many calls of a kind came in."""
        return sum(call.kind == kind and region in (None, call.region) for call in list(self.calls))

    def fetch(
        self, refs: Sequence[ObjectRef], access: Access
    ) -> Mapping[ObjectRef, SecretValue | ProviderError]:
        assert 1 <= len(refs) <= self.batch_size
        assert len(set(refs)) == len(refs)
        self._enter("fetch", refs, access)
        return {ref: self._value(ref, access.region) for ref in refs}

    def current_version(self, ref: ObjectRef, access: Access) -> str | None:
        if not self.describes:
            return None
        self._enter("describe", [ref], access)
        value = self._value(ref, access.region)
        if isinstance(value, ProviderError):
            raise value
        return value.version

    def begin_fetch(self, ref: ObjectRef, access: Access) -> "FakePending[SecretValue] | None":
        if self.batch_size > 1 or not self.ready:
            return None
        self.ready -= 1
        return FakePending(lambda: _value_or_raise(self.fetch([ref], access)[ref]))

    def begin_current_version(
        self, ref: ObjectRef, access: Access
    ) -> "FakePending[str | None] | None":
        if not self.describes or not self.ready:
            return None
        self.ready -= 1
        return FakePending(lambda: self.current_version(ref, access))

    def _enter(
        self, kind: Literal["fetch", "describe"], refs: Sequence[ObjectRef], access: Access
    ) -> None:
        names = tuple(ref.name for ref in refs)
        key_id = access.credentials.access_key_id
        with self._lock:
            self.calls.append(Call(kind, access.region, names, access.identity, key_id))
        if key_id in self.expired:
            raise CredentialsExpired("ExpiredTokenException: The security token is expired")
        fault = self.faults.get((kind, access.region))
        if isinstance(fault, ProviderError):
            raise fault
        if fault is not None:
            fault()

    def _value(self, ref: ObjectRef, region: str) -> SecretValue | ProviderError:
        versions = self.secrets.get((region, ref.name))
        if not versions:
            return SecretNotFound("ResourceNotFoundException: can't find it.")
        number = int(ref.version) if ref.version else len(versions)
        return SecretValue(versions[number - 1], str(number))


class Gate:
    """A fault that holds calls until it is opened, bounded so that no test hangs."""

    def __init__(self) -> None:
        self.reached = Event()
        self._open = Event()

    def __call__(self) -> None:
        self.reached.set()
        assert self._open.wait(10), "the gate was never opened"

    def open(self) -> None:
        self._open.set()


@contextmanager
def no_threads() -> Iterator[None]:
    """The system gives this process no thread."""

    def refuse(_thread: Thread) -> NoReturn:
        raise RuntimeError("can't start new thread")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Thread, "start", refuse)
        yield


def stores(secrets: FakeStore, parameters: FakeStore | None = None) -> dict[StoreName, FakeStore]:
    """Both stores by name; without parameters an empty one."""
    parameters = parameters or FakeStore(batch_size=10, describes=False)
    return {
        "secretsmanager": secrets,
        "ssmparameter": parameters,
        "ssmparameterpath": FakeStore(describes=False),
    }
