"""One sync of an ExternalSecret: reads the values, writes the Secret, reports the outcome."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Protocol

from provider.controller import status
from provider.controller.events import Events
from provider.controller.resources.external_secret import ExternalSecretSpec
from provider.controller.resources.object_meta import Metadata
from provider.controller.status import Ready
from provider.controller.target.plan import TargetNotWritable, Wanted, is_ours, target_name
from provider.controller.target.target_secrets import Written
from provider.controller.target.templates import Templates
from provider.controller.values.fetch import Fetcher
from provider.controller.values.secret_reads import FetchRequest
from provider.controller.values.sync_record import SyncRecord
from provider.controller.watch.object_cache import ObjectKey
from provider.controller.watch.secret_state import SecretState
from provider.engine.freshness import Freshness
from provider.errors import (
    KubernetesUnavailable,
    ObjectConflict,
    ProviderError,
)

SECONDS = 90.0
"""For reading the values of one ExternalSecret."""


class Targets(Protocol):
    """`target_secrets.Secrets`."""

    def state(self, key: ObjectKey) -> SecretState | None:
        """The Secret, if it is managed."""
        ...

    async def write(self, metadata: Metadata, spec: ExternalSecretSpec, wanted: Wanted) -> Written:
        """Make the Secret what is wanted."""
        ...

    async def delete(self, namespace: str, state: SecretState) -> bool:
        """Delete the Secret."""
        ...

    def orphans(self, metadata: Metadata, spec: ExternalSecretSpec) -> list[SecretState]:
        """Secrets under former names."""
        ...


@dataclass(frozen=True, slots=True)
class Job:
    """What to sync, how new the values must be, and which other ExternalSecrets are due.

    `is_current` says whether the ExternalSecret is there, and not being deleted.
    """

    metadata: Metadata
    spec: ExternalSecretSpec
    freshness: Freshness
    also: tuple[ExternalSecretSpec, ...] = ()
    is_current: Callable[[], bool] = field(default=lambda: True, compare=False)
    record: SyncRecord = field(default_factory=SyncRecord, compare=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a sync went. `binding` is the name of the Secret, empty without one."""

    ready: Ready
    binding: str = ""


class SyncFailed(Exception):
    """A sync failed. `ready` is what the condition says; it is tried again unless `is_final`."""

    def __init__(self, ready: Ready, cause: ProviderError, *, is_final: bool = False) -> None:
        super().__init__(str(cause))
        self.ready = ready
        self.cause = cause
        self.is_final = is_final


@dataclass(frozen=True, slots=True)
class Syncer:
    """Syncs ExternalSecrets; one for the process."""

    fetcher: Fetcher
    templates: Templates
    secrets: Targets
    events: Events = field(repr=False)

    async def sync(self, job: Job) -> Outcome:
        """Read and write; raises `SyncFailed`, or a transient error of the Kubernetes API."""
        values = await self._read(job)
        _check_current(job)
        if not values and job.spec.target.deletion_policy != "Merge":
            return await self._without_values(job)
        if job.spec.target.creation_policy == "None":
            return Outcome(status.SECRET_SYNCED)
        await self._delete_orphans(job)
        written = await self._write(job, values)
        return self._written(job, written)

    async def _read(self, job: Job) -> Mapping[str, bytes]:
        deadline = monotonic() + SECONDS
        asked = FetchRequest(job.metadata.namespace, job.freshness, deadline, job.record)
        try:
            fetched = await self.fetcher.fetch(job.spec, asked, job.also)
        except KubernetesUnavailable:
            raise
        except ProviderError as error:
            raise _failure(status.TEXT_NO_DATA, error) from error
        for message in fetched.missing:
            self.events.normal(job.metadata, "MissingProviderSecret", status.one_line(message))
        return fetched.data

    async def _without_values(self, job: Job) -> Outcome:
        """All secrets are gone from AWS."""
        target, name = job.spec.target, target_name(job.metadata, job.spec)
        if target.deletion_policy == "Retain":
            ready = Ready(is_ready=True, reason=status.SYNCED, message=status.TEXT_RETAINED)
            return Outcome(ready, name)
        if target.creation_policy != "Owner":
            why = f"creationPolicy={target.creation_policy} is not Owner"
            cause = TargetNotWritable(f"unable to delete secret target: {why}")
            raise _failure(status.TEXT_NOT_DELETED, cause, is_final=True)
        await self._delete_orphans(job)
        state = self.secrets.state(ObjectKey(job.metadata.namespace, name))
        if state is not None and (state.owner is None or is_ours(job.metadata, state.owner)):
            await self._delete(job, state, status.TEXT_NOT_DELETED, status.TEXT_DELETED)
        return Outcome(Ready(is_ready=True, reason=status.DELETED, message=status.TEXT_DELETED))

    async def _delete_orphans(self, job: Job) -> None:
        if job.spec.target.creation_policy != "Owner":
            return
        for state in self.secrets.orphans(job.metadata, job.spec):
            text = "secret deleted because it was orphaned"
            await self._delete(job, state, status.TEXT_ORPHANS, text)

    async def _delete(self, job: Job, state: SecretState, failure: str, event: str) -> None:
        try:
            deleted = await self.secrets.delete(job.metadata.namespace, state)
        except (KubernetesUnavailable, ObjectConflict):
            raise
        except ProviderError as error:
            raise _failure(failure, error) from error
        if deleted:
            self.events.normal(job.metadata, "Deleted", event)

    async def _write(self, job: Job, values: Mapping[str, bytes]) -> Written:
        try:
            since = job.freshness.since
            wanted = await self.templates.render(job.metadata, job.spec, values, since)
            _check_current(job)
            return await self.secrets.write(job.metadata, job.spec, wanted)
        except TargetNotWritable as error:
            raise _failure(error.condition, error, is_final=True) from error
        except ObjectConflict:
            raise
        except ProviderError as error:
            if isinstance(error, KubernetesUnavailable) and "webhook" not in str(error):
                raise
            raise _failure(status.TEXT_NOT_WRITTEN, error) from error

    def _written(self, job: Job, written: Written) -> Outcome:
        if written == "missing":
            ready = Ready(is_ready=True, reason=status.MISSING, message=status.TEXT_NOT_CREATED)
            return Outcome(ready)
        job.record.written = written
        if written == "created":
            self.events.normal(job.metadata, "Created", "secret created")
        elif written == "updated":
            self.events.normal(job.metadata, "Updated", "secret updated")
        return Outcome(status.SECRET_SYNCED, target_name(job.metadata, job.spec))


def _check_current(job: Job) -> None:
    """Raises `ObjectConflict` if the ExternalSecret is gone: Kubernetes deletes what it then owns,
    also a Secret that `kubectl delete --cascade=orphan` keeps."""
    if not job.is_current():
        raise ObjectConflict("the ExternalSecret is being deleted")


def _failure(text: str, cause: ProviderError, *, is_final: bool = False) -> SyncFailed:
    return SyncFailed(status.sync_error(text, cause), cause, is_final=is_final)
