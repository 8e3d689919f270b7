"""Runs the controller's code for an ExternalSecret against a fake AWS in which everything exists.

So the calls that are shown are those of the controller. Values are empty; searches find one name.
"""

import asyncio
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import monotonic, time
from typing import NamedTuple

from provider.aws.credentials.static import Static
from provider.aws.regions import partition_of
from provider.controller.resources.external_secret import (
    DataFrom,
    ExternalSecretSpec,
    FindName,
    RemoteRef,
)
from provider.controller.resources.objects import Store
from provider.controller.resources.references import stores_of
from provider.engine.model import Credentials, Identity
from provider.engine.ports import Principal
from provider.engine.wiring import Settings
from provider.errors import ObjectNotFound
from provider.kube.kinds import ROLE_ANNOTATION, SECRETS, SERVICE_ACCOUNTS, Document, Kind
from provider.tools.explain.calls import UNKNOWN_ROLE
from provider.tools.explain.report import Everything
from provider.tools.explain.secret_keys import Generated
from provider.tools.resources.lookup import Lookup
from provider.tools.resources.reading import Controller, Kubernetes, open_controller
from provider.tools.sample_aws import Call, SampleAws

_SECONDS = 30.0
_SAMPLE = b64encode(b"sample").decode()
OWN = "the controller itself"


@dataclass(frozen=True, slots=True)
class ControllerRun:
    """The identity of each store, and the calls of a first sync and of a later refresh."""

    identities: Mapping[str, str]
    first: Sequence[Call]
    refresh: Sequence[Call]
    generated: Generated
    unknown_roles: Sequence[str]
    """Service accounts, as `namespace/name`, of which the files say no role."""


class _Token(NamedTuple):
    token: str
    expires_at: float


class _EveryKey(dict[str, str]):
    """The data of a Secret that has every key."""

    def __contains__(self, key: object) -> bool:
        return True

    def __missing__(self, key: str) -> str:
        return _SAMPLE


@dataclass(frozen=True, slots=True)
class _Cluster:
    """Service accounts and access keys: those of the files, else made-up ones. Notes requests."""

    files: Lookup
    calls: list[Call]
    unknown_roles: dict[str, None] = field(default_factory=dict)

    async def get(self, kind: Kind, namespace: str, name: str) -> Document:
        self._note(f"get {kind.plural}", namespace, name)
        metadata = {"name": name, "namespace": namespace, "uid": "uid", "resourceVersion": "1"}
        try:
            found = await self.files.get(kind, namespace, name)
        except ObjectNotFound:
            found = {}
        about = {**(found.get("metadata") or {}), **metadata}
        if kind == SERVICE_ACCOUNTS:
            annotations = about.get("annotations") or {}
            if ROLE_ANNOTATION not in annotations:
                self.unknown_roles[f"{namespace}/{name}"] = None
            return {
                "metadata": {**about, "annotations": {ROLE_ANNOTATION: UNKNOWN_ROLE, **annotations}}
            }
        if kind == SECRETS:
            return {"metadata": about, "data": _EveryKey(sample=_SAMPLE)}
        return found

    async def create_token(
        self,
        namespace: str,
        service_account: str,
        *,
        audiences: Sequence[str],  # noqa: ARG002 (as the API has it)
        seconds: int = 3600,
    ) -> _Token:
        self._note("create serviceaccounts/token", namespace, service_account)
        return _Token("token", time() + seconds)

    def _note(self, operation: str, namespace: str, name: str) -> None:
        self.calls.append(Call("kubernetes", operation, "", "", (f"{namespace}/{name}",)))


def run(spec: ExternalSecretSpec, namespace: str, files: Lookup) -> ControllerRun:
    """Sync twice; raises ProviderError, as where a store is not in the files."""
    return asyncio.run(_sync_twice(spec, namespace, replace(files, change=_unconditional)))


async def _sync_twice(spec: ExternalSecretSpec, namespace: str, files: Lookup) -> ControllerRun:
    sample = SampleAws(Everything())
    cluster = _Cluster(files, sample.calls)
    kubernetes = Kubernetes(cluster, cluster, _own)
    async with open_controller(files, kubernetes, Settings({}), sample.send) as controller:
        plain = _plain(spec)
        fetched = await controller.fetch(plain, namespace, _SECONDS)
        first = sample.calls_made()
        await controller.fetch(plain, namespace, _SECONDS)
        refresh = sample.calls_made()
        identities = await _identities(controller, spec, namespace, files)
        unknown = [*cluster.unknown_roles]
        return ControllerRun(identities, first, refresh, fetched.generated, unknown)


async def _identities(
    controller: Controller, spec: ExternalSecretSpec, namespace: str, files: Lookup
) -> Mapping[str, str]:
    found = {}
    for ref in stores_of(spec):
        store = files.store(ref.kind, namespace, ref.name)
        if store is not None:
            principal = await controller.identities.of_store(store, namespace, monotonic())
            found[f"{ref.kind} {ref.name}"] = str(principal.identity)
    return found


def _own(region: str) -> Principal:
    identity = Identity("ambient", OWN, partition_of(region), role=OWN)
    return Principal(identity, Static(Credentials("id", "key", None)))


def _unconditional(store: Store) -> Store:
    """The store for a controller of any class, without conditions."""
    if store.spec is None:
        return store
    return replace(store, controller="", spec=replace(store.spec, conditions=()))


def _plain(spec: ExternalSecretSpec) -> ExternalSecretSpec:
    """The spec without work on values, which are empty here."""
    data = tuple(replace(one, remote_ref=_whole(one.remote_ref)) for one in spec.data)
    return replace(spec, data=data, data_from=tuple(map(_plain_entry, spec.data_from)))


def _plain_entry(entry: DataFrom) -> DataFrom:
    extract = entry.extract and _whole(entry.extract)
    find = entry.find
    if find is not None and find.name is not None:
        find = replace(find, name=FindName())
    if find is not None:
        find = replace(find, decoding_strategy="None", null_byte_policy="Ignore")
    return replace(entry, extract=extract, find=find, rewrite=())


def _whole(ref: RemoteRef) -> RemoteRef:
    return RemoteRef(key=ref.key, version=ref.version, metadata_policy=ref.metadata_policy)
