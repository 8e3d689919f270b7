"""Reconciles ExternalSecrets.

Nothing is read unless an ExternalSecret is due or its Secret was changed. Nothing is written
without a change.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from random import random
from time import monotonic, time

from provider.controller import status
from provider.controller.identity.stores import shown_problems
from provider.controller.kinds import EXTERNAL_SECRETS
from provider.controller.monitoring.sync_observer import SyncObserver
from provider.controller.reconcile import finalizers
from provider.controller.reconcile.backlog import Backlog
from provider.controller.reconcile.known import KnownExternalSecrets
from provider.controller.reconcile.leftover_webhooks import remedy
from provider.controller.reconcile.reporter import Reporter
from provider.controller.reconcile.sync import Job, Outcome, Syncer, SyncFailed
from provider.controller.resources.external_secret import ExternalSecretSpec
from provider.controller.resources.object_meta import Metadata
from provider.controller.resources.objects import ExternalSecret
from provider.controller.resources.refresh import due_in, should_refresh
from provider.controller.scheduling.call_pace import CallPace
from provider.controller.scheduling.queue import PutOff
from provider.controller.status import Ready
from provider.controller.target.plan import is_ours, target_name
from provider.controller.values.fetch import SHARED_SECONDS, periodic
from provider.controller.watch.object_cache import ObjectKey
from provider.controller.watch.watched import key_of
from provider.engine.freshness import Freshness
from provider.errors import (
    KubernetesThrottled,
    KubernetesUnavailable,
    LookupForbidden,
    ObjectConflict,
    ObjectRefused,
    ProviderError,
)
from provider.kube.cluster_api import ClusterApi

FINALIZER = "externalsecrets.external-secrets.io/externalsecret-cleanup"
"""External Secrets Operator's. It is kept and added only for `deletionPolicy: Delete`."""
MOST_ALSO = 50
"""Other ExternalSecrets whose secrets may fill up the calls for one."""
MOST_LOOKED_AT = 500
"""Other ExternalSecrets that are looked at to find them."""
KUBERNETES_PAUSE = 10.0
"""Seconds until the next attempt when Kubernetes did not answer."""


@dataclass(frozen=True, slots=True)
class ExternalSecrets:
    """The reconciler; one for the process. `watch_used` gets each that is not to be synced now."""

    api: ClusterApi
    known: KnownExternalSecrets
    syncer: Syncer
    backlog: Backlog
    reporter: Reporter
    observer: SyncObserver
    pace: CallPace
    watch_used: Callable[[ExternalSecret, ExternalSecretSpec], object]
    clock: Callable[[], float] = monotonic
    wall_clock: Callable[[], float] = time

    async def reconcile(self, key: ObjectKey) -> float | None:
        """Returns seconds until the next reconcile; None: not before a change. Raises to be
        retried."""
        found = self.known.get(key)
        if found is not None and found.metadata.is_deleting:
            await self._finalize(found)
            return None
        skip_reason = self.known.skip_reason(found) if found is not None else ""
        if found is None or skip_reason == "foreign":
            self._forget(key)
            return None
        if skip_reason == "unchecked":
            self.backlog.defer(key)
            return KUBERNETES_PAUSE
        found = await self._with_right_finalizers(found)
        if found.spec is None:
            await self._refuse(found)
            return None
        started = self.wall_clock()
        job = self._job(found, found.spec, started)
        if job is not None:
            return await self._sync(found, job, started)
        self.pace.forget(*key)
        self.watch_used(found, found.spec)
        if self._has_recovered(found, found.spec):
            await self.reporter.recovered(found)
        else:
            self.reporter.at_rest(found)
        return due_in(found, found.spec, started)

    async def explain(self, key: ObjectKey, bug: Exception) -> None:
        """Report on the object that its reconcile failed because of a bug."""
        found = self.known.get(key)
        if found is not None:
            await self._report(found, status.TEXT_NOT_WRITTEN, status.bug_text(bug))

    def _forget(self, key: ObjectKey) -> None:
        """It does not exist any more, or is for another controller."""
        self.backlog.take(key)
        self.pace.forget(*key)
        self.observer.gone(key)

    async def _finalize(self, found: ExternalSecret) -> None:
        """Finish a deletion: delete the Secret if `deletionPolicy` says so, and the finalizer."""
        metadata, spec = found.metadata, found.spec
        if spec is not None and self.known.is_of_another_class(spec, metadata.namespace):
            return
        is_kept = finalizers.ORPHAN in metadata.finalizers
        if spec is not None and spec.target.deletion_policy == "Delete" and not is_kept:
            state = self.syncer.secrets.state(_target(metadata, spec))
            if state is not None and is_ours(metadata, state.owner):
                await self.syncer.secrets.delete(metadata.namespace, state)
        await self._set_finalizer(found, wanted=False)

    async def _with_right_finalizers(self, found: ExternalSecret) -> ExternalSecret:
        if found.spec is None:
            return found
        needs = found.spec.target.deletion_policy == "Delete"
        await self._set_finalizer(found, wanted=needs)
        return self.known.get(key_of(found.metadata)) or found

    async def _set_finalizer(self, found: ExternalSecret, *, wanted: bool) -> None:
        metadata = found.metadata
        try:
            document = await finalizers.set_finalizer(
                self.api, EXTERNAL_SECRETS, metadata, FINALIZER, wanted=wanted
            )
        except (ObjectRefused, LookupForbidden, KubernetesUnavailable) as error:
            await self._report_refusal(found, error)
            raise
        if document is not None and not metadata.is_deleting:
            self.known.learn(document)

    async def _report_refusal(self, found: ExternalSecret, error: ProviderError) -> None:
        """Report why the object cannot be written, unless the Kubernetes API does not answer."""
        if isinstance(error, KubernetesUnavailable) and "webhook" not in str(error):
            return
        await self._report(found, status.TEXT_NOT_WRITTEN, f"{error}{remedy(error)}")

    async def _refuse(self, found: ExternalSecret) -> None:
        """The spec is wrong: say so; it is looked at again when it changes."""
        key = key_of(found.metadata)
        self.backlog.take(key)
        self.pace.forget(*key)
        await self._report(found, status.TEXT_NO_DATA, shown_problems(found.problems))

    async def _report(self, found: ExternalSecret, text: str, cause: str) -> None:
        await self.reporter.failure(found, status.sync_error(text, cause), cause)

    def _job(self, found: ExternalSecret, spec: ExternalSecretSpec, now: float) -> Job | None:
        """What there is to do; None if the ExternalSecret is not due and its Secret is intact.

        Raises `PutOff` while its namespace may not call AWS.
        """
        metadata = found.metadata
        seen = self.backlog.take(key_of(metadata))
        is_due = should_refresh(spec, found.status, found.version_to_sync, now)
        is_to_retry = not _is_over(found, spec, now) and status.has_failed(found.status.conditions)
        if not (is_due or is_to_retry) and seen is None and self._is_intact(found, spec):
            return None
        is_change = found.status.synced_resource_version != found.version_to_sync
        if is_change or found.status.refresh_time is None:
            moment = self.clock() if seen is None else seen
            freshness = Freshness.asked_since(moment)
        else:
            freshness = periodic(spec.refresh_interval, self.clock())
        is_periodic = is_due and seen is None and not is_change
        self._wait_for_turn(metadata, freshness, is_periodic=is_periodic)
        also = tuple(self._also(key_of(metadata), now))
        return Job(metadata, spec, freshness, also, partial(self._is_current, metadata))

    def _is_current(self, metadata: Metadata) -> bool:
        found = self.known.get(key_of(metadata))
        if found is None or found.metadata.uid != metadata.uid:
            return False
        return not found.metadata.is_deleting

    def _wait_for_turn(
        self, metadata: Metadata, freshness: Freshness, *, is_periodic: bool
    ) -> None:
        key = key_of(metadata)
        is_reported = self.pace.waits_long(*key)
        if wait := self.pace.wait(*key, is_periodic=is_periodic):
            if not is_periodic:
                self.backlog.put_back(key, freshness.since)
            if self.pace.waits_long(*key) and not is_reported:
                self.reporter.put_off(metadata)
            raise PutOff(wait)

    def _is_intact(self, found: ExternalSecret, spec: ExternalSecretSpec) -> bool:
        """Whether the Secret needs no repair before the next refresh."""
        if spec.target.creation_policy in ("None", "Orphan"):
            return True
        ready = status.ready_of(found.status.conditions)
        if ready is not None and ready.reason in (status.DELETED, status.MISSING):
            return True
        target = _target(found.metadata, spec)
        is_merged = spec.target.creation_policy != "Merge" or found.status.binding == target.name
        if not is_merged and status.has_failed(found.status.conditions):
            return False  # the Secret may have the values of others alone
        state = self.syncer.secrets.state(target)
        return state is not None and state.is_intact

    def _has_recovered(self, found: ExternalSecret, spec: ExternalSecretSpec) -> bool:
        """Whether one that is not due has failed, as by a mistake that is mended, and is well.

        It may never be synced again. One that is refreshed periodically is.
        """
        if spec.is_periodic or not status.has_failed(found.status.conditions):
            return False
        state = self.syncer.secrets.state(_target(found.metadata, spec))
        return state is None or state.owner is None or is_ours(found.metadata, state.owner)

    def _also(self, key: ObjectKey, now: float) -> list[ExternalSecretSpec]:
        """The specs of others in the namespace that are due now, or nearly so."""
        waiting = list(islice(self.backlog.waiting_in(key.namespace), MOST_LOOKED_AT))
        keys = waiting or self.known.others_in(key.namespace)[:MOST_LOOKED_AT]
        found = (self.known.get(one) for one in keys if one != key)
        due = (
            one.spec
            for one in found
            if one is not None and one.spec is not None and _is_nearly_due(one, one.spec, now)
        )
        return list(islice(due, MOST_ALSO))

    async def _sync(self, found: ExternalSecret, job: Job, started: float) -> float | None:
        began = self.clock()
        try:
            outcome = await self._synced(job)
            self._observe(job, outcome.ready, began)
            await self.reporter.success(found, outcome, started)
        except SyncFailed as failure:
            self._observe(job, failure.ready, began)
            await self._report_failure(found, failure)
            if failure.is_final:
                return None
            raise failure.cause from failure
        except (KubernetesUnavailable, ObjectConflict) as error:
            self.backlog.put_back(key_of(found.metadata), job.freshness.since)
            if isinstance(error, KubernetesThrottled | ObjectConflict):
                raise
            return KUBERNETES_PAUSE * (1 + random() / 5)  # noqa: S311 (no secret)
        return due_in(_refreshed(found, started), job.spec, self.wall_clock())

    async def _report_failure(self, found: ExternalSecret, failure: SyncFailed) -> None:
        try:
            await self.reporter.failure(found, failure.ready, str(failure.cause))
        except ProviderError:
            # Without the condition nothing else says that there is something to retry.
            self.backlog.put_back(key_of(found.metadata), self.clock())
            raise

    async def _synced(self, job: Job) -> Outcome:
        """Sync, and count the calls to AWS however it ends."""
        try:
            return await self.syncer.sync(job)
        finally:
            self.pace.spend(job.metadata.namespace, job.record.calls)

    def _observe(self, job: Job, ready: Ready, began: float) -> None:
        seconds = self.clock() - began
        self.observer.synced(job.metadata, job.spec, job.record, ready=ready, seconds=seconds)


def _is_over(found: ExternalSecret, spec: ExternalSecretSpec, now: float) -> bool:
    """Whether its interval is over, so that `should_refresh` decides alone."""
    refreshed = found.status.refresh_time
    return not spec.is_periodic or refreshed is None or now > refreshed + spec.refresh_interval


def _is_nearly_due(found: ExternalSecret, spec: ExternalSecretSpec, now: float) -> bool:
    if spec.sync_windows is not None and found.status.refresh_time is not None:
        return False  # to look at the windows of many takes too long
    soon = now + min(SHARED_SECONDS, spec.refresh_interval / 10)
    return should_refresh(spec, found.status, found.version_to_sync, soon)


def _refreshed(found: ExternalSecret, started: float) -> ExternalSecret:
    return replace(found, status=replace(found.status, refresh_time=float(int(started))))


def _target(metadata: Metadata, spec: ExternalSecretSpec) -> ObjectKey:
    return ObjectKey(metadata.namespace, target_name(metadata, spec))
