"""Reports the outcome of a sync of an ExternalSecret to log, audit log, metrics and status."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from provider.controller.monitoring.metrics import ExternalSecretMetrics
from provider.controller.monitoring.sync_registry import SyncRegistry
from provider.controller.resources.external_secret import ExternalSecretSpec
from provider.controller.resources.object_meta import Metadata
from provider.controller.resources.references import stores_of
from provider.controller.resources.store_ref import GeneratorRef
from provider.controller.status import Ready
from provider.controller.target.plan import target_name
from provider.controller.values.sync_record import Generated, SecretRead, Session, SyncRecord
from provider.controller.watch.object_cache import ObjectKey
from provider.controller.watch.watched import key_of
from provider.runtime import audit
from provider.runtime.log import fields, logger

_SHOWN = 5
"""Stores and identities in one line of the log."""


@dataclass(frozen=True, slots=True)
class SyncObserver:
    """`saved` counts calls to AWS that were not necessary."""

    counts: ExternalSecretMetrics
    registry: SyncRegistry
    saved: Callable[[float], object]
    audit_log: bool = False

    def synced(
        self,
        metadata: Metadata,
        spec: ExternalSecretSpec,
        record: SyncRecord,
        *,
        ready: Ready,
        seconds: float,
    ) -> None:
        """A sync has ended; the condition says `ready` now."""
        self.counts.synced(metadata, failed=not ready.is_ready)
        about = _about(metadata, spec, record, seconds)
        if not ready.is_ready:
            about |= {"error": ready.message}
            logger.warning("a sync failed", extra=fields(**about))
            return
        self.saved(record.calls_saved)
        is_other = self.registry.note(key_of(metadata), record)
        is_new = record.written in ("created", "updated")
        if self.audit_log and record.written and (is_new or is_other):
            _audit(metadata, spec, record)
        say = logger.info if is_new else logger.debug
        say("synced", extra=fields(secret=record.written, **about))

    def gone(self, key: ObjectKey) -> None:
        """The ExternalSecret does not exist any more, or is for another controller."""
        self.counts.gone(key)
        self.registry.forget(key)


def _about(
    metadata: Metadata, spec: ExternalSecretSpec, record: SyncRecord, seconds: float
) -> dict[str, Any]:
    stores = [f"{one.kind}/{one.name}" for one in stores_of(spec)]
    identities = dict.fromkeys(str(one.session.identity) for one in record.reads)
    return {
        "namespace": metadata.namespace,
        "external_secret": metadata.name,
        "stores": ", ".join(stores[:_SHOWN]),
        "identity": "; ".join(list(identities)[:_SHOWN]),
        "secrets": len(record.reads),
        "calls": record.trace.calls,
        "seconds": round(seconds, 3),
    }


def _audit(metadata: Metadata, spec: ExternalSecretSpec, record: SyncRecord) -> None:
    generators = [_generator(ref, made) for ref, made in record.generators.items()]
    audit.write(
        "SecretSynced",
        namespace=metadata.namespace,
        externalSecret=metadata.name,
        externalSecretUid=metadata.uid,
        secret=target_name(metadata, spec),
        written=record.written,
        secrets=[_secret(one) for one in record.reads],
        **({"generators": generators} if generators else {}),
    )


def _secret(one: SecretRead) -> dict[str, Any]:
    about = {"type": one.ref.store, "name": one.ref.name, "arn": one.arn, "version": one.version}
    return about | _session(one.session)


def _generator(ref: GeneratorRef, made: Generated) -> dict[str, Any]:
    about = {"type": made.kind, "kind": ref.kind, "name": ref.name, "keys": sorted(set(made.keys))}
    return about | (_session(made.session) if made.session is not None else {})


def _session(session: Session) -> dict[str, Any]:
    identity = session.identity
    return {
        "region": session.region,
        "authentication": identity.kind,
        "subject": identity.subject,
        "roles": identity.roles,
    }
