"""What stands around every mount: its budget of time, its status, its log line, its count.

Whatever happens in a mount ends here as an answer that the driver deals with well. Codes that it
takes for "try again", on which driver 1.6 reports an empty volume as a success, are never given.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2s
from logging import DEBUG, ERROR, INFO, WARNING
from time import monotonic
from typing import Any, NoReturn

import grpc
from grpc import _server

from provider.deadline import Deadline
from provider.errors import InternalFault, OutOfTime, Overloaded, ProviderError
from provider.csi.status.mount_registry import Book
from provider.runtime.log import Value, fields, logger
from provider.csi.mount import Delivery
from provider.server.pool import MountPool, Ticket
from provider.csi.server.servicer import Servicer
from provider.csi.server.statuses import details, status_of
from provider.csi.request.model import MountSpec
from provider.trail import Trail
from provider.v1alpha1 import service_pb2 as pb

MARGIN = 1.0
"""Seconds that the answer needs to reach a caller before it gives up."""

Outcome = str
"""`delivered`, `unchanged` or `failed`."""


@dataclass(slots=True)
class Attempt:
    """One request, as far as it is known by now."""

    id: str
    target_path: str
    context: grpc.ServicerContext
    arrived: float
    deadline: Deadline
    spec: MountSpec | None = None
    delivery: Delivery | None = None
    trail: Trail = field(default_factory=Trail)


class Barrier:
    """Answers Mount. Thread-safe; one for the process.

    `pool` is where it runs, `timeout` a mount's budget in seconds; `count` takes outcome, reason
    and seconds of every mount; `book` keeps what is live.
    """

    def __init__(
        self,
        servicer: Servicer,
        pool: MountPool,
        *,
        timeout: float,
        book: Book,
        count: Callable[[Outcome, str, float], None],
    ) -> None:
        self._servicer = servicer
        self._timeout = timeout
        self._pool = pool
        self._count = count
        self._under_way: dict[int, Attempt] = {}
        self._lock = threading.Lock()
        self._book = book

    def mount(self, request: pb.MountRequest, context: grpc.ServicerContext) -> pb.MountResponse:
        """The response, or an aborted call."""
        ticket = self._pool.ticket()
        attempt = Attempt(
            _id(request),
            request.target_path,
            context,
            ticket.arrived,
            self._deadline(context, ticket.arrived),
        )
        with self._registered(attempt):
            try:
                response = self._answer(attempt, request, ticket)
            except ProviderError as error:
                failure = error
            except BaseException as error:  # noqa: BLE001 - the one place that catches everything
                logger.error("fault", extra=fields(id=attempt.id) | {"error": error})
                failure = InternalFault("a fault of the provider itself; its log tells more")
            else:
                self._succeed(attempt)
                return response
        return self._fail(attempt, failure)

    def _deadline(self, context: grpc.ServicerContext, arrived: float) -> Deadline:
        """The earlier end of our own budget and the caller's patience."""
        ours = Deadline(arrived + self._timeout)
        callers = context.time_remaining()
        return ours if callers is None else ours.within(callers - min(MARGIN, callers / 10))

    def _answer(
        self, attempt: Attempt, request: pb.MountRequest, ticket: Ticket
    ) -> pb.MountResponse:
        if ticket.refusal:
            raise Overloaded(f"{ticket.refusal}; it will be tried again")
        attempt.spec = self._servicer.parse(request)
        if attempt.deadline.passed:
            raise OutOfTime("the mount waited too long behind others; it will be tried again")
        attempt.delivery = self._servicer.deliver(
            attempt.spec,
            deadline=attempt.deadline,
            arrived=attempt.arrived,
            trail=attempt.trail,
        )
        return self._servicer.response(attempt.spec, attempt.delivery)

    def _succeed(self, attempt: Attempt) -> None:
        spec, delivery = attempt.spec, attempt.delivery
        assert spec is not None and delivery is not None  # noqa: S101, PT018 - for the type checker
        step = self._book.succeeded(attempt.id, spec, delivery, attempt.trail.current_at)
        outcome = "delivered" if step.changed else "unchanged"
        seconds = monotonic() - attempt.arrived
        self._count(outcome, "", seconds)
        if not (step.changed or logger.isEnabledFor(DEBUG)):
            return
        about = _about(attempt, seconds)
        logger.log(
            INFO if step.changed else DEBUG,
            outcome,
            extra=fields(**about, files=len(delivery.files)),
        )
        for warning in spec.klass.warnings if step.changed else ():
            logger.warning(warning, extra=fields(**about))
        for obj in delivery.missing if step.changed else ():
            logger.info(
                "optional object is missing", extra=fields(**about, object=f"{obj.path} {obj.ref}")
            )

    def _fail(self, attempt: Attempt, failure: ProviderError) -> NoReturn:
        seconds = monotonic() - attempt.arrived
        self._count("failed", failure.reason, seconds)
        self._book.failed(
            attempt.id, attempt.target_path, attempt.spec, failure, attempt.trail.identity
        )
        logger.log(
            ERROR if isinstance(failure, InternalFault) else WARNING,
            "failed",
            extra=fields(**_about(attempt, seconds), reason=failure.reason, error=str(failure)),
        )
        attempt.context.abort(status_of(failure), details(str(failure), attempt.id))

    @contextmanager
    def _registered(self, attempt: Attempt) -> Iterator[None]:
        with self._lock:
            self._under_way[id(attempt)] = attempt
        try:
            yield
        finally:
            with self._lock:
                self._under_way.pop(id(attempt), None)

    def idle_seconds(self) -> float:
        """How long there has been no mount; 0 while there is one."""
        return self._pool.idle_seconds()

    def cut_short(self, text: str) -> int:
        """Fail all mounts, waiting or under way, at the end of a drain; how many were under way.

        Otherwise their callers would see a broken connection, which driver and kubelet take for
        "try again", up to an empty volume.
        """
        self._pool.refuse_all(text)
        with self._lock:
            attempts = list(self._under_way.values())
        for attempt in attempts:
            _answer_now(attempt.context, details(text, attempt.id))
        return len(attempts)


def _id(request: pb.MountRequest) -> str:
    """Names the volume in log and events.

    The same at each try: Kubernetes counts equal events and shows differing ones one by one.
    """
    return blake2s(request.target_path.encode(), digest_size=4).hexdigest()


def _about(attempt: Attempt, seconds: float) -> dict[str, Value]:
    """Whose mount it was, as far as it became known."""
    about: dict[str, Value] = {"id": attempt.id, "seconds": seconds}
    if spec := attempt.spec:
        about["pod"] = str(spec.pod)
        about["service_account"] = spec.pod.service_account
        about["class"] = spec.class_name
    if identity := attempt.trail.identity:
        about["identity"] = str(identity)
    about.update(attempt.trail.counts())
    return about


def _answer_now(context: Any, text: str) -> None:
    """Send INTERNAL from another thread than the one that works on the call.

    grpcio has no public way; a test with a real call holds this one.
    """
    state = context._state  # noqa: SLF001
    with state.condition:
        if not state.statused:
            state.code, state.details = grpc.StatusCode.INTERNAL, text.encode()
            _server._abort(state, context._rpc_event.call, None, b"")  # noqa: SLF001
