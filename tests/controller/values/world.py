"""The read side of the controller over the fake AWS, with Kubernetes objects in a dictionary."""

import base64
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic, time
from typing import Any, NamedTuple

from provider.aws.credentials.own import Own
from provider.aws.finding import ParameterFinder, SecretFinder
from provider.aws.stores.for_controller import controller_stores
from provider.controller.identity.service_account_tokens import Tokens
from provider.controller.identity.store_identity import Identities
from provider.controller.identity.stores import Stores
from provider.controller.resources.external_secret import ExternalSecretSpec
from provider.controller.resources.objects import (
    Generator,
    Store,
    read_external_secret,
    read_generator,
    read_store,
)
from provider.controller.resources.store_ref import StoreKind
from provider.controller.scheduling.cpu_work import CpuWork
from provider.controller.values.entries import Fetched
from provider.controller.values.fetch import Fetcher
from provider.controller.values.find import Finder
from provider.controller.values.generators import Generators
from provider.controller.values.secret_reads import FetchRequest
from provider.controller.watch.named_reads import NamedReads
from provider.controller.watch.named_watches import NamedObject
from provider.engine.freshness import Freshness
from provider.engine.wiring import Engine, Settings, open_engine
from provider.errors import ObjectNotFound
from provider.kube.kinds import SECRETS, SERVICE_ACCOUNTS, Document, Kind
from provider.policy.rules import Policy
from testbed.aws import FakeAws, Session, allow
from testbed.aws.iam import CONTROLLER_ACTIONS, Role
from testbed.tokens import issue_token

REGION = "us-east-1"
READY = {"conditions": [{"type": "Ready", "status": "True"}]}
Spec = dict[str, Any]


class IssuedToken(NamedTuple):
    token: str
    expires_at: float


@dataclass
class FakeCluster:
    """Secrets and ServiceAccounts by namespace and name; `reads` and `tokens` are what was asked.

    The names in `watched` are watched: `changed` has to be called when they change.
    """

    objects: dict[tuple[str, str, str], Document] = field(default_factory=dict)
    reads: list[tuple[str, str, str]] = field(default_factory=list)
    tokens: list[tuple[str, str, tuple[str, ...]]] = field(default_factory=list)
    watched: set[str] = field(default_factory=set)
    versions: int = 0

    def put(self, kind: Kind, namespace: str, name: str, **content: Any) -> Document:
        """Make an object, or another version of it."""
        self.versions += 1
        metadata = {
            "name": name,
            "namespace": namespace,
            "uid": f"uid-of-{namespace}-{name}",
            "resourceVersion": str(self.versions),
            **content.pop("metadata", {}),
        }
        document = {"metadata": metadata, **content}
        self.objects[kind.name, namespace, name] = document
        return document

    def put_secret(self, namespace: str, name: str, **data: str) -> None:
        """A Secret with these texts."""
        encoded = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
        self.put(SECRETS, namespace, name, data=encoded)

    def put_account(self, namespace: str, name: str, **annotations: str) -> None:
        """A ServiceAccount; annotations without their domain."""
        full = {
            f"eks.amazonaws.com/{key.replace('_', '-')}": one for key, one in annotations.items()
        }
        self.put(SERVICE_ACCOUNTS, namespace, name, metadata={"annotations": full})

    def watch(self, named: NamedObject, version: str) -> bool:
        return named.name in self.watched

    async def get(self, kind: Kind, namespace: str, name: str) -> Document:
        self.reads.append((kind.name, namespace, name))
        try:
            return self.objects[kind.name, namespace, name]
        except KeyError:
            raise ObjectNotFound(f"{kind.name} {namespace}/{name} does not exist") from None

    async def create_token(
        self, namespace: str, service_account: str, *, audiences: Sequence[str], seconds: int = 3600
    ) -> IssuedToken:
        self.tokens.append((namespace, service_account, tuple(audiences)))
        token = issue_token(namespace, service_account, audience=audiences[0])
        return IssuedToken(token, time() + seconds)


@dataclass
class World:
    """Everything that a fetch needs, and what tests set up and look at."""

    aws: FakeAws
    cluster: FakeCluster
    engine: Engine
    environment: dict[str, str]
    cpu_work: CpuWork
    stores: dict[tuple[StoreKind, str, str], Store] = field(default_factory=dict)
    generators: dict[tuple[str, str, str], Generator] = field(default_factory=dict)
    labels: dict[str, Mapping[str, str]] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)

    def __post_init__(self) -> None:
        engine = self.engine
        own = Own(self.environment, engine.sts, engine.http.send, "eso/controller", "controller")
        self.reads = NamedReads(self.cluster, self.cluster.watch)
        self.identities = Identities(
            reads=self.reads,
            tokens=Tokens(self.cluster),
            sts=engine.sts,
            credentials=engine.credentials,
            own=own.principal,
        )
        self.fetcher = Fetcher(
            stores=Stores(
                lambda kind, namespace, name: self.stores.get((kind, namespace, name)),
                self.labels.get,
            ),
            identities=self.identities,
            reader=engine.reader,
            finder=Finder(
                SecretFinder(engine.client, engine.calls),
                ParameterFinder(engine.client, engine.calls),
                engine.reader,
                self.cpu_work,
                self.policy,
            ),
            generators=Generators(
                lambda kind, namespace, name: self.generators.get((kind, namespace, name)),
                identities=self.identities,
                calls=engine.calls,
                client=engine.client,
                cpu_work=self.cpu_work,
                policy=self.policy,
            ),
            cpu_work=self.cpu_work,
            policy=self.policy,
        )

    def put_user(self, namespace: str = "shop", name: str = "aws-creds") -> Session:
        """An IAM user, whose access keys are in a Secret under `id` and `key`."""
        user = self.aws.cloud.put_user(name, allow=list(allow("*", *CONTROLLER_ACTIONS)))
        self.cluster.put_secret(namespace, name, id=user.access_key_id, key=user.secret_access_key)
        return user

    def put_role(self, name: str, *trust: str, **changes: Any) -> Role:
        """A role that may do everything; `trust` as `namespace:name`."""
        role = self.aws.cloud.put_role(
            name, trust=trust, allow=list(allow("*", *CONTROLLER_ACTIONS))
        )
        for field_name, value in changes.items():
            setattr(role, field_name, value)
        return role

    def put_store(
        self,
        name: str = "store",
        namespace: str = "shop",
        *,
        kind: StoreKind = "SecretStore",
        status: Spec | None = None,
        spec: Spec | None = None,
        **aws: Any,
    ) -> Store:
        """A store; with access keys of the Secret aws-creds unless `auth` is given."""
        aws.setdefault("auth", {"secretRef": secret_ref()})
        aws = {"service": "SecretsManager", "region": REGION, **aws}
        place = namespace if kind == "SecretStore" else ""
        document = {
            "metadata": {"name": name, "namespace": place},
            "spec": {"provider": {"aws": aws}, **(spec or {})},
            "status": READY if status is None else status,
        }
        store = read_store(document, kind)
        self.stores[kind, place, name] = store
        return store

    def put_generator(
        self, kind: str, name: str = "gen", namespace: str = "shop", **spec: Any
    ) -> None:
        document = {"metadata": {"name": name, "namespace": namespace}, "spec": spec}
        self.generators[kind, namespace, name] = read_generator(document, kind)

    def asked(self, namespace: str = "shop", *, since: float | None = None) -> FetchRequest:
        now = monotonic()
        freshness = Freshness.asked_since(now if since is None else since)
        return FetchRequest(namespace, freshness, now + 20)

    async def fetch(
        self,
        *entries: Spec,
        namespace: str = "shop",
        also: Sequence[ExternalSecretSpec] = (),
        since: float | None = None,
        **spec: Any,
    ) -> Fetched:
        """What an ExternalSecret with these entries of `data` gets."""
        parsed = parsed_spec(*entries, **spec)
        return await self.fetcher.fetch(parsed, self.asked(namespace, since=since), also)

    async def values(self, *entries: Spec, **spec: Any) -> dict[str, str]:
        """The same as texts."""
        fetched = await self.fetch(*entries, **spec)
        return {key: value.decode() for key, value in fetched.data.items()}

    def calls(self) -> dict[str, int]:
        """Calls to AWS by operation, and forget them."""
        counted: dict[str, int] = {}
        for call in self.aws.journal.calls:
            counted[call.operation] = counted.get(call.operation, 0) + 1
        self.aws.journal.clear()
        return counted


@asynccontextmanager
async def opened(aws: FakeAws) -> AsyncIterator[World]:
    """A world around the fake AWS."""
    environment = {"AWS_ENDPOINT_URL": aws.url}
    settings = Settings(environment)
    cpu_work = CpuWork()
    try:
        async with open_engine(settings, stores=controller_stores) as engine:
            yield World(aws, FakeCluster(), engine, environment, cpu_work)
    finally:
        cpu_work.close()


def parsed_spec(*entries: Spec, **spec: Any) -> ExternalSecretSpec:
    """The spec of an ExternalSecret that must be right."""
    store = spec.pop("store", {"name": "store"})
    if "policy" in spec:
        spec["target"] = {"deletionPolicy": spec.pop("policy")}
    given = {"secretStoreRef": store, **({"data": list(entries)} if entries else {}), **spec}
    parsed = read_external_secret({"metadata": {"name": "es"}, "spec": given})
    assert parsed.spec is not None, parsed.problems
    return parsed.spec


def data(key: str, secret_key: str = "out", **remote: Any) -> Spec:
    """An entry of `data`."""
    return {"secretKey": secret_key, "remoteRef": {"key": key, **remote}}


def secret_ref(name: str = "aws-creds", **changes: Any) -> Spec:
    """Auth by the keys `id` and `key` of a Secret."""
    return {
        "accessKeyIDSecretRef": {"name": name, "key": "id", **changes},
        "secretAccessKeySecretRef": {"name": name, "key": "key", **changes},
    }


def jwt(name: str = "app", **changes: Any) -> Spec:
    """Auth by a ServiceAccount."""
    return {"jwt": {"serviceAccountRef": {"name": name, **changes}}}


def as_json(**values: Any) -> str:
    return json.dumps(values)
