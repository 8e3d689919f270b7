"""The driver's side of the socket, for tools: asks a running daemon for a volume's files."""

import os
import socket
from dataclasses import dataclass
from pathlib import Path

import grpc

from provider.csi.files.layout import MountedFile
from provider.csi.server.absence import reason
from provider.csi.server.health import PROVIDER_SERVICE
from provider.v1alpha1 import service_pb2 as pb

_CONNECT_SECONDS = 5.0
_NOBODY = frozenset(
    (
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.UNIMPLEMENTED,
    )
)
"""Statuses that this provider never answers a mount with: they come from gRPC itself."""


class Refused(Exception):
    """The daemon said no; `status` and text are what the pod's events would show."""

    def __init__(self, status: str, text: str) -> None:
        super().__init__(text)
        self.status = status


class Unreachable(Exception):
    """There is no daemon, or it does not answer; the text says which."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The files of the volume, and (file, version) of each object."""

    files: tuple[MountedFile, ...]
    versions: tuple[tuple[str, str], ...]


def ask(
    socket_path: Path, *, attributes: str, permission: str, target_path: str, timeout: float
) -> Answer:
    """Mount as the driver does, within `timeout` seconds; raises `Refused` or `Unreachable`."""
    _knock(socket_path)
    request = pb.MountRequest(
        attributes=attributes, secrets="null", permission=permission, target_path=target_path
    )
    options = [("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel(f"unix:{socket_path}", options) as channel:
        mount = channel.unary_unary(
            f"/{PROVIDER_SERVICE}/Mount",
            request_serializer=pb.MountRequest.SerializeToString,
            response_deserializer=pb.MountResponse.FromString,
        )
        try:
            response = mount(request, timeout=timeout)
        except grpc.RpcError as error:
            raise _failure(error, socket_path) from error
    return Answer(
        tuple(MountedFile(file.path, file.mode, file.contents) for file in response.files),
        tuple((version.id, version.version) for version in response.object_version),
    )


def _knock(path: Path) -> None:
    """Find out by ourselves whether anybody is there, since gRPC's reasons are hard to read."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knock:
        knock.settimeout(_CONNECT_SECONDS)
        try:
            knock.connect(os.fspath(path))
        except OSError as error:
            raise Unreachable(reason(error, path)) from error


def _failure(error: grpc.RpcError, path: Path) -> Refused | Unreachable:
    assert isinstance(error, grpc.Call)  # noqa: S101 - grpcio's errors of calls are
    status, text = error.code(), error.details() or ""
    if status in _NOBODY:
        return Unreachable(f"no answer through {path}: {status.name}: {text}")
    return Refused(status.name, text)
