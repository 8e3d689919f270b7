"""The engine over fakes: builders that the tests of ask, fetch and mount share."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic

from provider.ask import Asker
from provider.credential_cache import CredentialCache
from provider.credentials import Identity, Principal
from provider.deadline import Deadline
from provider.fetch import Fetcher
from provider.lanes import Lanes
from provider.memory import Memory
from provider.question import Freshness, Question
from provider.csi.request.model import ObjectRef, SecretObject
from provider.trail import Event
from tests.fakes import FakeSource, FakeStore, stores

REGION = "eu-west-1"
OTHER = "eu-west-2"


def identity(service_account: str = "web", **changes: str) -> Identity:
    """An IRSA identity."""
    role = changes.pop("role", f"arn:aws:iam::111122223333:role/{service_account}")
    return Identity("irsa", "shop", service_account, "aws", role)._replace(**changes)  # type: ignore[arg-type]  # texts all


def secret(name: str, version: str | None = None, label: str | None = None) -> ObjectRef:
    return ObjectRef("secretsmanager", name, version, label)


def optional(ref: ObjectRef) -> ObjectRef:
    return ref._replace(optional=True)


def parameter(name: str, version: str | None = None) -> ObjectRef:
    return ObjectRef("ssmparameter", name, version)


def objects(*refs: ObjectRef, failover: bool = False) -> list[SecretObject]:
    return [
        SecretObject(index, ref, ref if failover else None, ref.name, 0o644)
        for index, ref in enumerate(refs)
    ]


@dataclass
class Engine:
    """An engine over one fake of each store; `events` is what it observed."""

    secrets: FakeStore = field(default_factory=FakeStore)
    parameters: FakeStore = field(default_factory=lambda: FakeStore(batch_size=10, describes=False))
    max_bytes: int = 1 << 20
    grace: float = 0.3
    events: list[Event] = field(default_factory=list)
    source: FakeSource = field(default_factory=FakeSource)

    def __post_init__(self) -> None:
        self.memory = Memory(self.max_bytes)
        self.lanes = Lanes(width=16)
        self.asker = Asker(
            stores(self.secrets, self.parameters),
            memory=self.memory,
            lanes=self.lanes,
            credentials=CredentialCache(),
            observe=self.events.append,
        )
        self.fetcher = Fetcher(self.asker, self.grace)

    def close(self) -> None:
        self.lanes.close()

    def question(
        self, freshness: Freshness | None = None, who: Identity | None = None, seconds: float = 5
    ) -> Question:
        principal = Principal(who or identity(), self.source)
        return Question(
            principal, freshness or Freshness.first_mount(monotonic()), Deadline.after(seconds)
        )

    def first(self, refs: Sequence[ObjectRef], who: Identity | None = None) -> list[bytes]:
        """Contents as a pod's first mount gets them."""
        return self._values(refs, self.question(who=who))

    def found(self, refs: Sequence[ObjectRef]) -> list[bool]:
        """What a first mount learns of optional refs."""
        answers = self.asker.ask(refs, REGION, self.question())
        return [answers[ref].result(5).found for ref in refs]

    def again(
        self, refs: Sequence[ObjectRef], interval: float = 0, who: Identity | None = None
    ) -> list[bytes]:
        """Contents as a remount gets them."""
        freshness = Freshness.remount(monotonic(), interval)
        return self._values(refs, self.question(freshness, who))

    def _values(self, refs: Sequence[ObjectRef], question: Question) -> list[bytes]:
        answers = self.asker.ask(refs, REGION, question)
        return [answers[ref].result(5).content for ref in refs]
