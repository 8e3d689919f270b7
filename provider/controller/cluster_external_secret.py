"""Reconciles ClusterExternalSecrets: one ExternalSecret in each namespace that is selected.

No finalizers are set on namespaces. ExternalSecrets are found by their owner, not by the status, so
that one whose deletion has failed is deleted the next time.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import time
from typing import Any, Protocol

from provider.controller import status
from provider.controller.child_documents import child, edited_state, merged
from provider.controller.events import Events
from provider.controller.kinds import CLUSTER_EXTERNAL_SECRETS, EXTERNAL_SECRETS
from provider.controller.object_cache import ObjectKey
from provider.controller.resources.cluster_external_secret import ClusterExternalSecretSpec
from provider.controller.resources.object_meta import Metadata
from provider.controller.secret_state import controller_owner
from provider.controller.status import Ready
from provider.controller.stores import shown_problems
from provider.controller.watched import WatchedClusterExternalSecret, WatchedExternalSecret
from provider.errors import ObjectExists, ObjectNotFound, ProviderError
from provider.kube.kinds import Document, Kind
from provider.runtime.lru import Lru

FINALIZER = "externalsecrets.external-secrets.io/clusterexternalsecret-cleanup"
"""External Secrets Operator's; it is removed."""
REFRESH = 3600.0
EXISTS = "external secret already exists in namespace"
SOME_FAILED = "one or more namespaces failed"
VERIFIED = 20_000


class Api(Protocol):
    """The Kubernetes API: `kube.objects.Objects`."""

    async def get(self, kind: Kind, namespace: str, name: str) -> Document:
        """The object."""
        ...

    async def create(self, kind: Kind, document: Document) -> Document:
        """The object as stored."""
        ...

    async def replace(self, kind: Kind, document: Document) -> Document:
        """The object as stored."""
        ...

    async def merge_patch(
        self, kind: Kind, namespace: str, name: str, change: Document
    ) -> Document:
        """The object as stored."""
        ...

    async def patch_status(
        self, kind: Kind, namespace: str, name: str, status: Document
    ) -> Document:
        """The object as stored."""
        ...

    async def delete(self, kind: Kind, namespace: str, name: str, *, uid: str = "") -> None:
        """Nothing."""
        ...


class Known(Protocol):
    """What the informers know."""

    def cluster_external_secret(self, name: str) -> WatchedClusterExternalSecret | None:
        """A ClusterExternalSecret."""
        ...

    def external_secret(self, key: ObjectKey) -> WatchedExternalSecret | None:
        """An ExternalSecret."""
        ...

    def owned_by(self, name: str, uid: str) -> list[Metadata]:
        """The ExternalSecrets of a ClusterExternalSecret."""
        ...

    def selected(self, spec: ClusterExternalSecretSpec) -> list[str]:
        """The namespaces that are selected and are not being deleted, sorted."""
        ...

    def learn(self, kind: Kind, document: Document) -> None:
        """Take in the answer to a write."""
        ...


class Counts(Protocol):
    """The metrics."""

    def ready(self, metadata: Metadata, ready: Ready) -> None:
        """What the condition says."""
        ...

    def gone(self, key: ObjectKey) -> None:
        """The object is gone."""
        ...


@dataclass(frozen=True, slots=True)
class _Failure:
    namespace: str
    reason: str


class ClusterExternalSecrets:
    """The reconciler; one for the process."""

    def __init__(
        self,
        api: Api,
        known: Known,
        events: Events,
        counts: Counts,
        *,
        wall_clock: Callable[[], float] = time,
    ) -> None:
        self._api = api
        self._known = known
        self._events = events
        self._counts = counts
        self._wall_clock = wall_clock
        self._verified: Lru[str, tuple[str, bytes]] = Lru(VERIFIED)

    async def reconcile(self, key: ObjectKey) -> float | None:
        """Seconds until the next check; None: when something changes. Raises to retry."""
        found = self._known.cluster_external_secret(key.name)
        if found is None:
            self._counts.gone(key)
            return None
        metadata, spec = found.metadata, found.object.spec
        if metadata.is_deleting:
            await self._delete(self._known.owned_by(metadata.name, metadata.uid))
        await self._remove_finalizer(metadata)
        if metadata.is_deleting:
            return None
        if spec is None:
            await self._refuse(found)
            return None
        name = spec.external_secret_name or metadata.name
        targets = self._known.selected(spec)
        failures = await self._provision(found, spec, name, targets)
        failures += await self._delete(self._stale(metadata, name, targets))
        await self._report(found, name, targets, failures)
        return spec.refresh_time if spec.refresh_time and spec.refresh_time > 0 else REFRESH

    def _stale(self, metadata: Metadata, name: str, targets: Iterable[str]) -> list[Metadata]:
        """Its ExternalSecrets with another name, or in namespaces that are not selected."""
        wanted = {(namespace, name) for namespace in targets}
        owned = self._known.owned_by(metadata.name, metadata.uid)
        return [one for one in owned if (one.namespace, one.name) not in wanted]

    async def _provision(
        self,
        found: WatchedClusterExternalSecret,
        spec: ClusterExternalSecretSpec,
        name: str,
        targets: Iterable[str],
    ) -> list[_Failure]:
        failures = []
        for namespace in targets:
            wanted = child(found, spec, ObjectKey(namespace, name))
            try:
                await self._put(wanted, found.metadata)
            except ProviderError as error:
                failures.append(_Failure(namespace, status.one_line(error)))
        return failures

    async def _put(self, wanted: Document, owner: Metadata) -> None:
        """Make an ExternalSecret what it is to be; raises ProviderError."""
        about = wanted["metadata"]
        key = ObjectKey(about["namespace"], about["name"])
        mark = hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).digest()
        known = self._known.external_secret(key)
        state = known and edited_state(known.metadata)
        if state is not None and self._verified.get("/".join(key)) == (state, mark):
            return
        stored = await self._written(key, wanted, owner, exists=known is not None)
        self._known.learn(EXTERNAL_SECRETS, stored)
        if (now_known := self._known.external_secret(key)) is not None:
            self._verified.put("/".join(key), (edited_state(now_known.metadata), mark))

    async def _written(
        self, key: ObjectKey, wanted: Document, owner: Metadata, *, exists: bool
    ) -> Document:
        if not exists:
            try:
                return await self._api.create(EXTERNAL_SECRETS, wanted)
            except ObjectExists:
                pass
        current = await self._api.get(EXTERNAL_SECRETS, *key)
        controller = controller_owner(current)
        if controller is None or controller.uid != owner.uid:
            raise ObjectExists(EXISTS)
        document = merged(current, wanted)
        if document == current:
            return current
        return await self._api.replace(EXTERNAL_SECRETS, document)

    async def _delete(self, children: Iterable[Metadata]) -> list[_Failure]:
        failures = []
        for one in children:
            try:
                await self._api.delete(EXTERNAL_SECRETS, one.namespace, one.name, uid=one.uid)
            except ObjectNotFound:
                continue
            except ProviderError as error:
                failures.append(_Failure(one.namespace, status.one_line(error)))
        return failures

    async def _remove_finalizer(self, metadata: Metadata) -> None:
        if FINALIZER not in metadata.finalizers:
            return
        others = [one for one in metadata.finalizers if one != FINALIZER]
        change = {"metadata": {"finalizers": others, "resourceVersion": metadata.resource_version}}
        try:
            document = await self._api.merge_patch(
                CLUSTER_EXTERNAL_SECRETS, "", metadata.name, change
            )
        except ObjectNotFound:
            return
        if not metadata.is_deleting:
            self._known.learn(CLUSTER_EXTERNAL_SECRETS, document)

    async def _refuse(self, found: WatchedClusterExternalSecret) -> None:
        """The spec is wrong: nothing is created or deleted."""
        problems = shown_problems(found.object.problems)
        ready = Ready(is_ready=False, reason="", message=status.one_line(problems))
        await self._write_status(found, ready, {})

    async def _report(
        self,
        found: WatchedClusterExternalSecret,
        name: str,
        targets: Iterable[str],
        failures: list[_Failure],
    ) -> None:
        failed = {one.namespace: one.reason for one in failures}
        change = {
            "externalSecretName": name,
            "provisionedNamespaces": [one for one in targets if one not in failed],
            "failedNamespaces": [
                {"namespace": namespace, "reason": failed[namespace]}
                for namespace in sorted(failed)
            ],
        }
        causes = sorted(set(failed.values()))
        text = status.with_cause(SOME_FAILED, "; ".join(causes)) if causes else ""
        ready = Ready(is_ready=not failures, reason="", message=text)
        await self._write_status(found, ready, change)
        if any(reason != EXISTS for reason in causes):
            raise ProviderError(text)  # the queue tries again

    async def _write_status(
        self, found: WatchedClusterExternalSecret, ready: Ready, change: dict[str, Any]
    ) -> None:
        metadata, is_said = found.metadata, status.says(found.object.status.conditions, ready)
        self._counts.ready(metadata, ready)
        if not is_said and not ready.is_ready:
            self._events.warning(metadata, "UpdateFailed", ready.message)
        if is_said and all(found.status.get(key, []) == value for key, value in change.items()):
            return
        condition = {"type": status.READY, "status": ready.status, "message": ready.message}
        conditions = [{key: value for key, value in condition.items() if value}]
        try:
            document = await self._api.patch_status(
                CLUSTER_EXTERNAL_SECRETS, "", metadata.name, {**change, "conditions": conditions}
            )
        except ObjectNotFound:
            return
        self._known.learn(CLUSTER_EXTERNAL_SECRETS, document)
