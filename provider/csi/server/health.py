"""Whether the daemon is well: the gRPC health service, and the checks behind /healthz and /readyz.

`grpc.health.v1` is done by hand: its messages are a handful of bytes. A daemon that answers serves,
and one that does not serve does not answer; so a watcher is told once, and then holds no thread.
"""

import threading
from collections.abc import Callable
from time import monotonic
from typing import Any

import grpc

from provider.runtime.log import logger
from provider.v1alpha1 import service_pb2 as pb

SERVING = b"\x08\x01"
"""HealthCheckResponse with status 1, SERVING."""

UNKNOWN = b"\x08\x03"
"""SERVICE_UNKNOWN, which only watchers are told."""

MAX_WATCHERS = 16

PROVIDER_SERVICE = pb.DESCRIPTOR.services_by_name["CSIDriverProvider"].full_name
VERSION_METHOD = f"/{PROVIDER_SERVICE}/Version"

VERSION_TIMEOUT = 2.0
HOLDS = 1.0
"""Seconds that a check's result holds: asking more often must not cost more."""


def _health_request(service: str) -> bytes:
    """HealthCheckRequest: field 1 is the service's name."""
    return b"\x0a" + bytes([len(service)]) + service.encode() if service else b""


KNOWN = frozenset(map(_health_request, ("", PROVIDER_SERVICE)))


def check(request: bytes, context: grpc.ServicerContext) -> bytes:
    """`grpc.health.v1.Health/Check`."""
    if request not in KNOWN:
        context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
    return SERVING


class Watch:
    """`grpc.health.v1.Health/Watch`: grpcio takes the attribute for "returns at once, sends on"."""

    experimental_non_blocking = True

    def __init__(self) -> None:
        self._free = threading.BoundedSemaphore(MAX_WATCHERS)

    def __call__(
        self, request: bytes, context: grpc.ServicerContext, send: Callable[[bytes], None]
    ) -> None:
        """Tell it, and leave the call open until the watcher ends it."""
        if not self._free.acquire(blocking=False):
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many watchers")
        if not context.add_callback(self._free.release):  # it has ended already
            self._free.release()
            return
        send(SERVING if request in KNOWN else UNKNOWN)


def health_handler() -> grpc.GenericRpcHandler:
    """The health service, for a server."""
    methods: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
        "Check": grpc.unary_unary_rpc_method_handler(check),
        "Watch": grpc.unary_stream_rpc_method_handler(Watch()),
    }
    return grpc.method_handlers_generic_handler("grpc.health.v1.Health", methods)


class Readiness:
    """Whether the driver reaches us: the socket is ours, and `Version` through it answers."""

    def __init__(self, socket_path: str, is_ours: Callable[[], bool]) -> None:
        self._socket_path = socket_path
        self._is_ours = is_ours
        self._problem: str | None = "not asked yet"
        self._holds_until = 0.0
        self._lock = threading.Lock()

    def problem(self) -> str | None:
        """What is wrong, in a few words; None when ready."""
        with self._lock:
            if monotonic() >= self._holds_until:
                self._problem = self._ask()
                self._holds_until = monotonic() + HOLDS
            return self._problem

    def _ask(self) -> str | None:
        if not self._is_ours():
            return "the socket is gone or somebody else's"
        with grpc.insecure_channel(f"unix:{self._socket_path}") as channel:
            version = channel.unary_unary(
                VERSION_METHOD,
                request_serializer=pb.VersionRequest.SerializeToString,
                response_deserializer=pb.VersionResponse.FromString,
            )
            try:
                version(pb.VersionRequest(version="v1alpha1"), timeout=VERSION_TIMEOUT)
            except grpc.RpcError as error:
                logger.debug("Version does not answer", extra={"error": error})
                return "Version does not answer through the socket"
        return None
