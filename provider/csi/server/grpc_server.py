"""The gRPC server: its services, and its limits."""

from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from provider import __version__
from provider.v1alpha1 import service_pb2 as pb
from provider.v1alpha1.service_pb2_grpc import add_CSIDriverProviderServicer_to_server

RUNTIME_NAME = "secrets-provider-aws"
PROVIDER_SERVICE = pb.DESCRIPTOR.services_by_name["CSIDriverProvider"].full_name

MAX_RECEIVED = 8 * 2**20
"""Bytes of a request. Above it gRPC answers RESOURCE_EXHAUSTED, so the limit is far above what the
codec accepts, and above what any driver sends."""

MOST_PENDING = 2**31 - 1
"""No bound of gRPC's own: `Admission` refuses with a status that is safe for the driver."""

CONNECTION_SECONDS = 10.0
"""Age at which a connection is asked to end, by GOAWAY of HTTP/2, which loses no call.

A caller then connects to the daemon that has the socket now, so an old daemon has no callers left
after this time.
"""

VERSION = pb.VersionResponse(
    version="v1alpha1", runtime_name=RUNTIME_NAME, runtime_version=__version__
)

Context = grpc.aio.ServicerContext[Any, Any]
Mount = Callable[[pb.MountRequest, Context], Awaitable[pb.MountResponse]]


async def _version(_request: pb.VersionRequest, _context: Context) -> pb.VersionResponse:
    return VERSION


async def make_server(mount: Mount) -> grpc.aio.Server:
    """A server with all services that is not started and listens nowhere.

    Every call is a task, so `Version` answers whatever the mounts do.
    """
    server = grpc.aio.server(
        options=(
            ("grpc.so_reuseport", 0),
            ("grpc.max_receive_message_length", MAX_RECEIVED),
            ("grpc.max_send_message_length", -1),
            ("grpc.max_connection_age_ms", round(CONNECTION_SECONDS * 1000)),
            # Beyond 1,000 requests that are not accepted yet, gRPC answers some with CANCELLED.
            ("grpc.server.max_pending_requests", MOST_PENDING),
            ("grpc.server.max_pending_requests_hard_limit", MOST_PENDING),
        )
    )
    add_CSIDriverProviderServicer_to_server(  # type: ignore[no-untyped-call]  # generated
        SimpleNamespace(Version=_version, Mount=mount), server
    )
    # A daemon that does not serve does not answer either, so the health never changes.
    health_servicer = health.aio.HealthServicer()
    await health_servicer.set(PROVIDER_SERVICE, health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(health_servicer, server)
    return server
