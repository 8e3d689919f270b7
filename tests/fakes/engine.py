"""Fakes of the engine's ports, and an engine over them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Literal

from provider.engine.calls import Calls
from provider.engine.credentials import CredentialCache
from provider.engine.failover import Outcome, Reader, Regions, Wanted
from provider.engine.freshness import Freshness
from provider.engine.limits import CallLimits
from provider.engine.model import (
    Access,
    Credentials,
    Identity,
    SecretRef,
    SecretValue,
    StoreName,
)
from provider.engine.ports import Principal
from provider.engine.trace import Event, Trace
from provider.engine.value_cache import ValueCache
from provider.engine.values import Answer, Query, Values
from provider.errors import CredentialsExpired, ProviderError, SecretNotFound

REGION = "eu-west-1"
OTHER = "eu-west-2"
DAY = 86_400.0


@dataclass
class Clock:
    """A clock that a test moves; seconds."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class FakeSource:
    """Gives out numbered credentials; `error` makes it refuse, `gate` makes it wait."""

    name: str = "AKIA"
    error: ProviderError | None = None
    given: int = 0
    asked: int = 0
    lifetime: float | None = DAY
    gate: "Gate | None" = None

    async def fetch(self) -> Credentials:
        self.asked += 1
        if self.gate is not None:
            await self.gate()
        if self.error is not None:
            raise self.error
        self.given += 1
        return Credentials(f"{self.name}{self.given}", "secret-key", "session-token", self.lifetime)


@dataclass(frozen=True)
class SeenCall:
    """One call that reached a store."""

    kind: Literal["read", "describe"]
    region: str
    names: tuple[str, ...]
    identity: Identity
    access_key_id: str


class Gate:
    """A fault that holds calls until it is opened."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.cancelled = 0
        self._open = asyncio.Event()

    async def __call__(self) -> None:
        self.reached.set()
        try:
            await self._open.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise

    def open(self) -> None:
        self._open.set()


Fault = ProviderError | Exception | Callable[[], Awaitable[None]]


@dataclass
class FakeStore:
    """Secrets by (region, name), each a list of versions; the last one is current.

    `faults` maps (kind, region) to an error or to something that is awaited before the answer. The
    answer is made before that wait, as in a service whose answer is slow on its way.
    """

    batch_size: int = 1
    can_describe: bool = True
    secrets: dict[tuple[str, str], list[bytes]] = field(default_factory=dict)
    faults: dict[tuple[str, str], Fault] = field(default_factory=dict)
    expired: set[str] = field(default_factory=set)
    calls: list[SeenCall] = field(default_factory=list)

    def put(self, name: str, content: bytes, *, region: str = REGION) -> None:
        """Add a version, which becomes the current one."""
        self.secrets.setdefault((region, name), []).append(content)

    def count(self, kind: str, region: str | None = None) -> int:
        """How many calls of a kind came in."""
        return sum(call.kind == kind and region in (None, call.region) for call in self.calls)

    async def read(
        self, refs: Sequence[SecretRef], access: Access
    ) -> Mapping[SecretRef, SecretValue | ProviderError]:
        assert 1 <= len(refs) <= self.batch_size
        assert len(set(refs)) == len(refs)
        answer = {ref: self._value(ref, access.region) for ref in refs}
        await self._enter("read", refs, access)
        return answer

    async def current_version(self, ref: SecretRef, access: Access) -> str | None:
        assert self.can_describe
        value = self._value(ref, access.region)
        await self._enter("describe", [ref], access)
        if isinstance(value, ProviderError):
            raise value
        return value.version

    async def _enter(
        self, kind: Literal["read", "describe"], refs: Sequence[SecretRef], access: Access
    ) -> None:
        assert access.credentials is not None
        key_id = access.credentials.access_key_id
        names = tuple(ref.name for ref in refs)
        self.calls.append(SeenCall(kind, access.region, names, access.identity, key_id))
        if key_id in self.expired:
            raise CredentialsExpired("ExpiredTokenException: The security token is expired")
        fault = self.faults.get((kind, access.region))
        if isinstance(fault, Exception):
            raise fault
        if fault is not None:
            await fault()
        await asyncio.sleep(0)

    def _value(self, ref: SecretRef, region: str) -> SecretValue | ProviderError:
        versions = self.secrets.get((region, ref.name))
        if not versions:
            return SecretNotFound("ResourceNotFoundException: can't find it.")
        number = int(ref.version) if ref.version else len(versions)
        return SecretValue(versions[number - 1], str(number))


def stores(secrets: FakeStore, parameters: FakeStore | None = None) -> dict[StoreName, FakeStore]:
    """All stores by name; without parameters an empty one."""
    return {
        "secretsmanager": secrets,
        "ssmparameter": parameters or FakeStore(batch_size=10, can_describe=False),
        "ssmparameterpath": FakeStore(can_describe=False),
    }


def identity(service_account: str = "web", **changes: str) -> Identity:
    """An IRSA identity."""
    role = changes.pop("role", f"arn:aws:iam::111122223333:role/{service_account}")
    return Identity("irsa", f"shop/{service_account}", "aws", role)._replace(**changes)  # type: ignore[arg-type]  # all of them are strings


def secret(name: str, version: str | None = None, label: str | None = None) -> SecretRef:
    return SecretRef("secretsmanager", name, version, label)


def optional(ref: SecretRef) -> SecretRef:
    return ref._replace(optional=True)


def parameter(name: str, version: str | None = None) -> SecretRef:
    return SecretRef("ssmparameter", name, version)


@dataclass
class FakeEngine:
    """The engine over one fake of each store; `events` is what it observed."""

    secrets: FakeStore = field(default_factory=FakeStore)
    parameters: FakeStore = field(
        default_factory=lambda: FakeStore(batch_size=10, can_describe=False)
    )
    max_bytes: int = 1 << 20
    grace: float = 0.3
    max_calls: int = 64
    events: list[Event] = field(default_factory=list)
    source: FakeSource = field(default_factory=FakeSource)
    clock: Callable[[], float] = monotonic

    def __post_init__(self) -> None:
        self.cache = ValueCache(self.max_bytes)
        self.credentials = CredentialCache()
        self.values = Values(
            stores(self.secrets, self.parameters),
            cache=self.cache,
            calls=Calls(self.credentials, CallLimits(self.max_calls)),
            observe=self.events.append,
            clock=self.clock,
        )
        self.reader = Reader(self.values, self.credentials, self.grace)

    def query(
        self,
        freshness: Freshness | None = None,
        who: Identity | None = None,
        *,
        seconds: float = 5,
        source: FakeSource | None = None,
    ) -> Query:
        """A first read's, unless `freshness` says otherwise."""
        principal = Principal(who or identity(), source or self.source)
        freshness = freshness or Freshness.asked_since(self.clock())
        return Query(principal, freshness, monotonic() + seconds, Trace())

    async def answers(self, refs: Sequence[SecretRef], query: Query) -> list[Answer]:
        """What `Values` answers, in order."""
        futures = self.values.read(refs, REGION, query)
        return [await futures[ref] for ref in refs]

    async def first(self, refs: Sequence[SecretRef], who: Identity | None = None) -> list[bytes]:
        """Contents as a first read gets them."""
        return _contents(await self.answers(refs, self.query(who=who)))

    async def again(
        self, refs: Sequence[SecretRef], interval: float = 0, who: Identity | None = None
    ) -> list[bytes]:
        """Contents where a validation of the last `interval` seconds is good enough."""
        query = self.query(Freshness.validated_since(self.clock() - interval), who)
        return _contents(await self.answers(refs, query))

    async def read(
        self, wanted: Sequence[Wanted], regions: Regions, query: Query | None = None
    ) -> list[Outcome]:
        """What the reader says, as for a first read."""
        return await self.reader.read(wanted, regions, query or self.query())


def _contents(answers: Sequence[Answer]) -> list[bytes]:
    for answer in answers:
        if isinstance(answer, ProviderError):
            raise answer
    return [answer.content for answer in answers if isinstance(answer, SecretValue)]
