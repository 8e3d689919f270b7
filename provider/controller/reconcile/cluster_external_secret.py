"""Reconciles ClusterExternalSecrets: one ExternalSecret in each namespace that is selected.

No finalizers are set on namespaces. ExternalSecrets are found by their owner, not by the status, so
that one whose deletion has failed is deleted the next time.
"""

from collections.abc import Callable, Iterable
from functools import partial
from time import time
from typing import Any

from provider.controller import status
from provider.controller.events import Events
from provider.controller.identity.stores import shown_problems
from provider.controller.kinds import CLUSTER_EXTERNAL_SECRETS
from provider.controller.monitoring.metrics import ObjectMetrics
from provider.controller.reconcile import finalizers, status_writes
from provider.controller.reconcile.child_documents import child
from provider.controller.reconcile.child_writer import EXISTS, ChildFailure, ChildWriter
from provider.controller.reconcile.namespaces import ClusterView
from provider.controller.resources.object_meta import Metadata
from provider.controller.status import Ready
from provider.controller.watch.object_cache import ObjectKey
from provider.controller.watch.watched import WatchedClusterExternalSecret
from provider.errors import ProviderError
from provider.kube.cluster_api import ClusterApi

FINALIZER = "externalsecrets.external-secrets.io/clusterexternalsecret-cleanup"
"""External Secrets Operator's; it is removed."""
REFRESH = 3600.0
SOME_FAILED = "one or more namespaces failed"
UNKNOWN = "unknown"
"""The namespace that External Secrets Operator reports as failed if the spec is invalid."""


class ClusterExternalSecrets:
    """The reconciler; one for the process."""

    def __init__(
        self,
        api: ClusterApi,
        known: ClusterView,
        events: Events,
        counts: ObjectMetrics,
        *,
        wall_clock: Callable[[], float] = time,
    ) -> None:
        self._api = api
        self._known = known
        self._events = events
        self._counts = counts
        self._wall_clock = wall_clock
        self._children = ChildWriter(api, known)

    async def reconcile(self, key: ObjectKey) -> float | None:
        """Returns seconds until the next reconcile; None: not before a change. Raises to be
        retried."""
        found = self._known.cluster_external_secret(key.name)
        spec = found.object.spec if found is not None else None
        targets = self._known.selected(spec) if spec is not None else []
        if found is None or (spec is not None and self._known.is_of_another_class(spec, targets)):
            self._counts.gone(key)
            return None
        metadata = found.metadata
        if metadata.is_deleting and finalizers.ORPHAN not in metadata.finalizers:
            await self._children.delete(self._known.owned_by(metadata.name, metadata.uid))
        await self._remove_finalizer(metadata)
        if metadata.is_deleting:
            return None
        if spec is None:
            await self._refuse(found)
            return None
        name = spec.external_secret_name or metadata.name
        wanted = (child(found, spec, ObjectKey(namespace, name)) for namespace in targets)
        failures = await self._children.put(wanted, metadata)
        failures += await self._children.delete(self._stale(metadata, name, targets))
        await self._report(found, name, targets, failures)
        return spec.refresh_time if spec.refresh_time and spec.refresh_time > 0 else REFRESH

    async def explain(self, key: ObjectKey, bug: Exception) -> None:
        """Report on the object that its reconcile failed because of a bug."""
        found = self._known.cluster_external_secret(key.name)
        if found is not None:
            ready = Ready(is_ready=False, reason="", message=status.bug_text(bug))
            await self._write_status(found, ready, {})

    def _stale(self, metadata: Metadata, name: str, targets: Iterable[str]) -> list[Metadata]:
        """Its ExternalSecrets with another name, or in namespaces that are not selected."""
        wanted = {(namespace, name) for namespace in targets}
        owned = self._known.owned_by(metadata.name, metadata.uid)
        return [one for one in owned if (one.namespace, one.name) not in wanted]

    async def _remove_finalizer(self, metadata: Metadata) -> None:
        document = await finalizers.set_finalizer(
            self._api, CLUSTER_EXTERNAL_SECRETS, metadata, FINALIZER
        )
        if document is not None and not metadata.is_deleting:
            self._known.learn(CLUSTER_EXTERNAL_SECRETS, document)

    async def _refuse(self, found: WatchedClusterExternalSecret) -> None:
        """The spec is wrong: nothing is created or deleted."""
        problems = status.one_line(shown_problems(found.object.problems))
        message = status.with_cause(SOME_FAILED, problems)
        ready = Ready(is_ready=False, reason="", message=message)
        failed = [{"namespace": UNKNOWN, "reason": problems}]
        await self._write_status(found, ready, {"failedNamespaces": failed})

    async def _report(
        self,
        found: WatchedClusterExternalSecret,
        name: str,
        targets: Iterable[str],
        failures: list[ChildFailure],
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
        metadata, is_said = found.metadata, status.says(found.object.conditions, ready)
        self._counts.ready(metadata, ready.status)
        if not is_said and not ready.is_ready:
            self._events.warning(metadata, "UpdateFailed", ready.message)
        if is_said and all(found.status.get(key, []) == value for key, value in change.items()):
            return
        condition = {"type": status.READY, "status": ready.status, "message": ready.message}
        conditions = [{key: value for key, value in condition.items() if value}]
        status_change = {**change, "conditions": conditions}
        learn = partial(self._known.learn, CLUSTER_EXTERNAL_SECRETS)
        await status_writes.write_status(
            self._api, CLUSTER_EXTERNAL_SECRETS, metadata, status_change, learn
        )
