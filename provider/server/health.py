"""Whether the daemon is well: the gRPC health service, and the checks behind /healthz and /readyz.

Of `grpc.health.v1` only `Check` is here: its messages are a handful of bytes, and `Watch` would
hold a thread for each watcher.
"""

import threading
from collections.abc import Callable
from time import monotonic

import grpc

from provider.log import logger
from provider.v1alpha1 import service_pb2 as pb

SERVING = b"\x08\x01"
"""HealthCheckResponse with status 1, SERVING."""

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


def health_handler() -> grpc.GenericRpcHandler:
    """The health service, for a server."""
    return grpc.method_handlers_generic_handler(
        "grpc.health.v1.Health", {"Check": grpc.unary_unary_rpc_method_handler(check)}
    )


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
