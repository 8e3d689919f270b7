"""The gRPC server: which method is answered by what, in which threads, within what limits."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import sleep
from typing import Any, cast

import grpc

from provider.server.connections import Connections
from provider.csi.server.health import PROVIDER_SERVICE, health_handler
from provider.server.pool import MountPool
from provider.csi.server.servicer import VERSION
from provider.v1alpha1 import service_pb2 as pb
from provider.workers import Workers

MAX_RECEIVED = 8 * 2**20
"""Above it gRPC itself refuses, by a status that must not be given; the servicer refuses far below
it. No driver can get there."""

CONNECTION_SECONDS = 10.0
"""Age at which a connection is asked to end, by HTTP/2's GOAWAY, which loses no call.

Stopping a server cancels the calls that arrive at that moment; so nobody may be calling by then. A
caller whose connection ends goes to whoever has the socket now, within this time.
"""

QUICK_THREADS = 2
"""For Version and health, which must answer while all mount workers are busy.

One of them is always there: gRPC's serving thread ends if a request finds no thread at all.
"""

NOTICE_SECONDS = 0.5
"""Time in which gRPC notices that a connection was cut."""

Mount = Callable[[pb.MountRequest, grpc.ServicerContext], pb.MountResponse]


class MountMethod:
    """The method Mount; grpcio runs it in the executor that its attribute names."""

    def __init__(self, mount: Mount, pool: MountPool, connections: Connections) -> None:
        self._mount = mount
        self._connections = connections
        self.experimental_thread_pool = pool

    def __call__(self, request: pb.MountRequest, context: grpc.ServicerContext) -> pb.MountResponse:
        """Answer one request, unless it is a stranger's."""
        if self._connections.cut_strangers(self.experimental_thread_pool.ticket().arrived):
            _give_up_if_cut(context)
        return self._mount(request, context)


def _give_up_if_cut(context: grpc.ServicerContext) -> None:
    """End the call if it was over a connection that was cut; nobody hears its answer."""
    for _ in range(50):
        if not context.is_active():
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "not for this user")
        sleep(NOTICE_SECONDS / 50)


def version(_request: pb.VersionRequest, _context: grpc.ServicerContext) -> pb.VersionResponse:
    """The answer to Version."""
    return VERSION


def server_maker(
    mount: Mount, pool: MountPool, connections: Connections
) -> Callable[[], grpc.Server]:
    """What makes servers with equal handlers over the same threads."""
    quick = cast("ThreadPoolExecutor", Workers(QUICK_THREADS, "quick", keep=1))
    methods: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
        "Version": grpc.unary_unary_rpc_method_handler(
            version,
            request_deserializer=pb.VersionRequest.FromString,
            response_serializer=pb.VersionResponse.SerializeToString,
        ),
        "Mount": grpc.unary_unary_rpc_method_handler(
            MountMethod(mount, pool, connections),
            request_deserializer=pb.MountRequest.FromString,
            response_serializer=pb.MountResponse.SerializeToString,
        ),
    }
    handlers = [
        grpc.method_handlers_generic_handler(PROVIDER_SERVICE, methods),
        health_handler(),
    ]
    options = (
        ("grpc.so_reuseport", 0),
        ("grpc.max_receive_message_length", MAX_RECEIVED),
        ("grpc.max_send_message_length", -1),
        ("grpc.max_connection_age_ms", round(CONNECTION_SECONDS * 1000)),
    )
    return lambda: grpc.server(quick, handlers=handlers, options=options)
