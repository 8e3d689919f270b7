"""An engine with the controller's stores over the fake AWS, and what tests ask of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic

from provider.aws.credentials.static import Static
from provider.engine.failover import Found, Regions, Wanted
from provider.engine.freshness import Freshness
from provider.engine.model import Access, Credentials, Identity, Retries, SecretRef, SecretValue
from provider.engine.ports import Principal
from provider.engine.trace import Trace
from provider.engine.values import Query
from provider.engine.wiring import Engine
from provider.errors import ProviderError
from testbed.aws import FakeAws, Session, allow
from testbed.aws.iam import CONTROLLER_ACTIONS, Statement

REGION = "us-east-1"


def keys_of(session: Session) -> Credentials:
    """The keys of a session of the fake."""
    return Credentials(session.access_key_id, session.secret_access_key, session.token or None)


def principal_of(session: Session, retries: Retries | None = None) -> Principal:
    """Somebody with the keys of a session."""
    identity = Identity("static", "shop/keys", "aws", session=session.access_key_id)
    return Principal(identity, Static(keys_of(session)), retries)


def query(principal: Principal, *, seconds: float = 30.0) -> Query:
    """A query that no remembered value answers."""
    now = monotonic()
    return Query(principal, Freshness.asked_since(now), now + seconds, Trace())


@dataclass
class Reading:
    """The engine, and a user of the fake that may do everything that the controller needs."""

    aws: FakeAws
    engine: Engine

    def user(self, may: Sequence[Statement] | None = None, name: str = "keys") -> Principal:
        """A user with these rights."""
        rights = list(allow("*", *CONTROLLER_ACTIONS)) if may is None else may
        return principal_of(self.aws.cloud.put_user(name, allow=rights))

    def access(self) -> Access:
        """Direct access to stores, as a new user."""
        session = self.aws.cloud.put_user("keys", allow=list(allow("*", *CONTROLLER_ACTIONS)))
        return Access(REGION, principal_of(session).identity, keys_of(session))

    async def read(
        self, refs: Sequence[SecretRef], principal: Principal
    ) -> list[SecretValue | ProviderError]:
        """The outcomes, asked for anew."""
        wanted = [Wanted(ref) for ref in refs]
        found = await self.engine.reader.read(wanted, Regions(REGION), query(principal))
        return [one.value if isinstance(one, Found) else one.error for one in found]

    async def texts(self, refs: Sequence[SecretRef], principal: Principal) -> list[str]:
        """The values, or the classes of the errors."""
        return [
            one.content.decode() if isinstance(one, SecretValue) else type(one).__name__
            for one in await self.read(refs, principal)
        ]

    def calls(self) -> dict[str, int]:
        """Calls to AWS by operation, and forget them."""
        counted: dict[str, int] = {}
        for call in self.aws.journal.calls:
            counted[call.operation] = counted.get(call.operation, 0) + 1
        self.aws.journal.clear()
        return counted
