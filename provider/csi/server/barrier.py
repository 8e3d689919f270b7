"""Everything around a mount: its place in the queue, its deadline, its status.

Every failure becomes a status that the driver handles well (see `statuses`).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from sys import getsizeof
from time import monotonic

import grpc

from provider.csi.mount import Delivery, Mounter
from provider.csi.request.attributes import namespace_of
from provider.csi.request.model import MountSpec
from provider.csi.server.admission import LARGE, Admission
from provider.csi.server.codec import Codec
from provider.csi.server.grpc_server import Context
from provider.csi.server.outcomes import Attempt, Outcomes
from provider.csi.server.statuses import details, status_of
from provider.errors import InternalFault, OutOfTime, Overloaded, ProviderError
from provider.runtime.log import fields, logger
from provider.v1alpha1 import service_pb2 as pb

MARGIN = 1.0
"""Seconds before the caller's deadline at which a mount is answered; a tenth of a short one."""

ANSWER_MARGIN = 0.25
"""Seconds before the end of a mount at which its calls end, so that the answer can name the
objects that failed; a twentieth of a short time."""


class Barrier:
    """Answers `Mount`. `timeout` is the longest time of a mount in seconds."""

    def __init__(
        self,
        codec: Codec,
        mounter: Mounter,
        admission: Admission,
        outcomes: Outcomes,
        *,
        timeout: float,
    ) -> None:
        self._codec = codec
        self._mounter = mounter
        self._admission = admission
        self._outcomes = outcomes
        self._timeout = timeout
        self._timeouts: set[asyncio.Timeout] = set()
        self._refusal = ""

    async def mount(self, request: pb.MountRequest, context: Context) -> pb.MountResponse:
        """The response; a failure is answered with its status by `context.abort`."""
        attempt = self._attempt(request, context)
        try:
            return await self._answer(attempt, request)
        except asyncio.CancelledError:
            self._outcomes.failed(attempt, OutOfTime("the caller has gone"))
            raise
        # No variable keeps the error: its traceback holds all values of the mount, and a cycle with
        # this frame would keep them until garbage is collected.
        except ProviderError as error:
            status = self._failed(attempt, error)
        except Exception as error:  # noqa: BLE001 - the one barrier of this door
            logger.error("internal fault", extra=fields(id=attempt.id) | {"error": error})
            bug = InternalFault("a bug of the provider; its log has the details")
            status = self._failed(attempt, bug)
        return await context.abort(*status)

    def refuse_all(self, text: str) -> int:
        """Fails all mounts with this text, those that are there and those to come.

        Returns how many were there. Without an answer their callers would see a broken connection,
        which the driver retries, up to an empty volume.
        """
        self._refusal = text
        for timeout in self._timeouts:
            if not timeout.expired():
                timeout.reschedule(asyncio.get_running_loop().time())
        return len(self._timeouts)

    def _attempt(self, request: pb.MountRequest, context: Context) -> Attempt:
        arrived = monotonic()
        deadline = arrived + self._timeout
        callers = context.time_remaining()
        if callers is not None:
            deadline = min(deadline, arrived + callers - min(MARGIN, callers / 10))
        namespace = namespace_of(request.attributes)
        return Attempt(request.target_path, namespace, arrived, deadline)

    async def _answer(self, attempt: Attempt, request: pb.MountRequest) -> pb.MountResponse:
        with self._admission.accepted(attempt.namespace, _memory(request)):
            if self._refusal:
                raise Overloaded(self._refusal)
            async with self._time_limit(attempt):
                spec, delivery, response = await self._mount(attempt, request)
            await self._outcomes.delivered(attempt, spec, delivery)
            return response

    @asynccontextmanager
    async def _time_limit(self, attempt: Attempt) -> AsyncIterator[None]:
        """Ends the block at the deadline of the attempt, or when all are refused."""
        timeout = asyncio.timeout_at(attempt.deadline)
        self._timeouts.add(timeout)
        try:
            async with timeout:
                yield
        except TimeoutError:
            if not timeout.expired():
                raise
            if self._refusal:
                raise Overloaded(self._refusal) from None
            raise OutOfTime(_out_of_time(attempt)) from None
        finally:
            self._timeouts.discard(timeout)

    async def _mount(
        self, attempt: Attempt, request: pb.MountRequest
    ) -> tuple[MountSpec, Delivery, pb.MountResponse]:
        await self._admission.crowd(attempt.namespace)
        decoded = await self._codec.decode(request)
        attempt.volume = decoded if decoded.pod.is_known else None
        account = decoded.pod.namespace, decoded.pod.service_account
        async with self._admission.turn(account, decoded.text.characters):
            spec = attempt.volume = await self._codec.parse(decoded)
            room = min(ANSWER_MARGIN, (attempt.deadline - attempt.arrived) / 20)
            delivery = await self._mounter.mount(
                spec, deadline=attempt.deadline - room, arrived=attempt.arrived, trace=attempt.trace
            )
            return spec, delivery, await self._codec.respond(spec, delivery)

    def _failed(self, attempt: Attempt, failure: ProviderError) -> tuple[grpc.StatusCode, str]:
        """The status and text of a failure for the driver; it is recorded."""
        self._outcomes.failed(attempt, failure)
        return status_of(failure), details(str(failure), attempt.id)


def _memory(request: pb.MountRequest) -> int:
    """Bytes that the request takes, about. One character can make a text take four times its size;
    only large ones are looked at. The versions of the last mount are in the size alone."""
    size = request.ByteSize()
    texts = (request.attributes, request.secrets) if size > LARGE else ()
    return max(size, sum(map(getsizeof, texts)))


def _out_of_time(attempt: Attempt) -> str:
    seconds, spec = attempt.deadline - attempt.arrived, attempt.volume
    if not isinstance(spec, MountSpec):
        return f"the mount did not start within {seconds:.1f} s, behind others; it is tried again"
    if attempt.trace.identity is None:
        account = f"{spec.pod.namespace}/{spec.pod.service_account}"
        return (
            f"the identity of service account {account} was not found out within {seconds:.1f} s: "
            "the Kubernetes API or the EKS Pod Identity agent does not answer in time"
        )
    return f"the mount took longer than {seconds:.1f} s (--mount-timeout); it is tried again"
