"""Asks a running daemon for the files of a volume, as the driver does; for tools."""

import os
import socket
from pathlib import Path

import grpc

from provider.csi.files.layout import MountedFile
from provider.csi.request.attributes import RawRequest
from provider.csi.server.probe import why_absent
from provider.v1alpha1 import service_pb2 as pb
from provider.v1alpha1.service_pb2_grpc import CSIDriverProviderStub

_CONNECT_SECONDS = 5.0
_NO_ANSWER = frozenset(
    (
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.UNIMPLEMENTED,
    )
)
"""This provider never answers a mount with these statuses: they come from gRPC itself."""


class Refused(Exception):
    """The daemon answered with a failure; `status` and text are those of the pod's event."""

    def __init__(self, status: str, text: str) -> None:
        super().__init__(text)
        self.status = status


class Unreachable(Exception):
    """There is no daemon, or it does not answer; the text says which."""


def ask(socket_path: Path, raw: RawRequest, *, timeout: float) -> tuple[MountedFile, ...]:
    """The files of one mount within `timeout` seconds; raises `Refused` or `Unreachable`."""
    _require_listener(socket_path)
    request = pb.MountRequest(
        attributes=raw.attributes,
        secrets=raw.secrets,
        permission=raw.permission,
        target_path=raw.target_path,
    )
    options = [("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel(f"unix:{socket_path}", options) as channel:
        stub = CSIDriverProviderStub(channel)  # type: ignore[no-untyped-call]  # generated
        try:
            response = stub.Mount(request, timeout=timeout)
        except grpc.RpcError as error:
            raise _failure(error, socket_path) from error
    versions = {one.id: one.version for one in response.object_version}
    return tuple(
        MountedFile(file.path, file.mode, file.contents, versions.get(file.path, ""))
        for file in response.files
    )


def _require_listener(path: Path) -> None:
    """Connects once, because the reasons that gRPC gives are hard to read."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as trial:
        trial.settimeout(_CONNECT_SECONDS)
        try:
            trial.connect(os.fspath(path))
        except OSError as error:
            raise Unreachable(why_absent(error, path)) from error


def _failure(error: grpc.RpcError, path: Path) -> Refused | Unreachable:
    assert isinstance(error, grpc.Call)  # noqa: S101 - errors of calls are, in grpcio
    status, text = error.code(), error.details() or ""
    if status in _NO_ANSWER:
        return Unreachable(f"no answer through {path}: {status.name}: {text}")
    return Refused(status.name, text)
