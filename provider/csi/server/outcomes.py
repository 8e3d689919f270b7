"""Records how each mount ended: in the registry, the metrics, the log and the audit log."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from logging import DEBUG, ERROR, WARNING
from time import monotonic
from typing import Any

from provider.csi.mount import Delivery
from provider.csi.mount_registry import MountRegistry, Step, mount_id
from provider.csi.request.model import MountSpec, Volume
from provider.engine.trace import Trace
from provider.errors import InternalFault, ProviderError
from provider.runtime.log import Value, fields, logger

SHOWN = 5
"""Warnings of a class, and optional objects that are missing, that have a line of their own in the
log at each delivery: a class may have many, and its values may change all the time."""


@dataclass(slots=True)
class Attempt:
    """One request, as far as it is known. Times are `time.monotonic`."""

    target_path: str
    namespace: str
    """Empty where the request names none."""
    arrived: float
    deadline: float
    volume: Volume | None = None
    """Pod and class: known before the class is parsed. A `MountSpec` once that is done."""
    trace: Trace = field(default_factory=Trace)

    @property
    def id(self) -> str:
        """Names the volume in log and Events."""
        return mount_id(self.target_path)

    def about(self, seconds: float) -> dict[str, Value]:
        """Its fields in the log."""
        about: dict[str, Value] = {"id": self.id, "seconds": seconds}
        if volume := self.volume:
            about["pod"] = str(volume.pod)
            about["service_account"] = volume.pod.service_account
            about["class"] = volume.class_name
        if identity := self.trace.identity:
            about["identity"] = str(identity)
        return about | self.trace.counts()


@dataclass(frozen=True, slots=True)
class Outcomes:
    """One for the process."""

    registry: MountRegistry
    count: Callable[[str, str, str, float], None]
    """Gets outcome (`delivered`, `unchanged` or `failed`), reason, namespace (empty where it is not
    known) and seconds of every mount."""
    report: Callable[[Step], None] = lambda _step: None
    """Gets each step of a volume, for Events."""
    audit: Callable[[MountSpec, Delivery], Coroutine[Any, Any, None]] | None = None
    """Gets each delivery of a volume or of new versions."""

    async def delivered(self, attempt: Attempt, spec: MountSpec, delivery: Delivery) -> None:
        """The volume gets these files."""
        step = self.registry.succeeded(spec, delivery, attempt.trace.current_at)
        if step.changed and self.audit is not None:
            # The lines are written to their end even if the caller goes meanwhile.
            await asyncio.shield(self.audit(spec, delivery))
        self.report(step)
        seconds = monotonic() - attempt.arrived
        outcome = "delivered" if step.changed else "unchanged"
        self.count(outcome, "", attempt.namespace, seconds)
        if step.changed:
            _log(attempt.about(seconds), spec, delivery)
        elif logger.isEnabledFor(DEBUG):  # most mounts are unchanged
            about = fields(**attempt.about(seconds), files=len(delivery.files))
            logger.debug(outcome, extra=about)

    def failed(self, attempt: Attempt, failure: ProviderError) -> None:
        """The mount is answered with this failure."""
        seconds = monotonic() - attempt.arrived
        self.count("failed", failure.reason, attempt.namespace, seconds)
        identity = attempt.trace.identity
        step = self.registry.failed(attempt.target_path, attempt.volume, failure, identity)
        if step is not None:
            self.report(step)
        level = ERROR if isinstance(failure, InternalFault) else WARNING
        about = fields(**attempt.about(seconds), reason=failure.reason, error=str(failure))
        logger.log(level, "failed", extra=about)


def _log(about: dict[str, Value], spec: MountSpec, delivery: Delivery) -> None:
    """Log a delivery of new versions, and what people should look at."""
    logger.info("delivered", extra=fields(**about, files=len(delivery.files)))
    for warning in spec.klass.warnings[:SHOWN]:
        logger.warning(warning, extra=fields(**about))
    if rest := spec.klass.warnings[SHOWN:]:
        advice = "more warnings: `secrets-provider-aws validate` shows all"
        logger.warning(advice, extra=fields(**about, count=len(rest)))
    missing = [one for one in delivery.objects if not one.found]
    for obj in missing[:SHOWN]:
        what = fields(**about, object=f"{obj.path} {obj.ref}")
        logger.info("optional object is missing", extra=what)
    if more := missing[SHOWN:]:
        logger.info("more optional objects are missing", extra=fields(**about, count=len(more)))
