"""The driver's side of the socket, for these tests: requests and calls."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

from provider.v1alpha1 import service_pb2 as pb
from provider.v1alpha1.service_pb2_grpc import CSIDriverProviderStub

CANARY = "eyJhbGciOiJ-canary-token"


def mount_request(
    what: str = "secret",
    target_path: str | Path = "/pods/1/mount",
    *,
    namespace: str = "default",
    account: str = "web",
) -> pb.MountRequest:
    """A request for one object; the stub does what its name says."""
    tokens = {"sts.amazonaws.com": {"token": CANARY, "expirationTimestamp": "2099-01-01T00:00:00Z"}}
    attributes = {
        "csi.storage.k8s.io/pod.name": "web-0",
        "csi.storage.k8s.io/pod.namespace": namespace,
        "csi.storage.k8s.io/pod.uid": "6c1b3ad4-0d4e-4c53-9c0e-7a3d5c0f1b11",
        "csi.storage.k8s.io/serviceAccount.name": account,
        "csi.storage.k8s.io/serviceAccount.tokens": json.dumps(tokens),
        "secretProviderClass": "web-secrets",
        "region": "eu-west-1",
        "objects": f"- objectName: {what}\n  objectType: secretsmanager\n",
    }
    return pb.MountRequest(
        attributes=json.dumps(attributes),
        secrets="null",
        permission="420",
        target_path=str(target_path),
    )


@contextmanager
def driver(socket_path: Path) -> Iterator[CSIDriverProviderStub]:
    """A connection."""
    options = [
        ("grpc.max_receive_message_length", 4 * 2**20),
        ("grpc.use_local_subchannel_pool", 1),
    ]
    with grpc.insecure_channel(f"unix:{socket_path}", options) as channel:
        yield CSIDriverProviderStub(channel)  # type: ignore[no-untyped-call] # generated


def mount(socket_path: Path, what: str = "secret", timeout: float = 20) -> pb.MountResponse:
    """One mount over a connection of its own."""
    with driver(socket_path) as stub:
        response: pb.MountResponse = stub.Mount(mount_request(what), timeout=timeout)
        return response


def version(socket_path: Path, timeout: float = 20) -> pb.VersionResponse:
    """The answer to Version, over a connection of its own."""
    with driver(socket_path) as stub:
        response: pb.VersionResponse = stub.Version(
            pb.VersionRequest(version="v1alpha1"), timeout=timeout
        )
        return response


def failure(socket_path: Path, what: str, timeout: float = 20) -> tuple[grpc.StatusCode, str]:
    """Code and text of a mount that fails."""
    with pytest.raises(grpc.RpcError) as caught:
        mount(socket_path, what, timeout)
    assert isinstance(caught.value, grpc.Call)
    return caught.value.code(), caught.value.details() or ""
