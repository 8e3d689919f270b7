"""From the driver's MountRequest to its MountResponse, and the answer to Version."""

from collections.abc import Callable, Sequence
from typing import Protocol

from provider import __version__
from provider.deadline import Deadline
from provider.errors import AnswerTooLarge, InvalidRequest
from provider.csi.files.layout import MountedFile
from provider.csi.mount import Delivery
from provider.csi.request.attributes import parse_mount
from provider.csi.request.model import MountSpec
from provider.trail import Trail
from provider.v1alpha1 import service_pb2 as pb

RUNTIME_NAME = "secrets-provider-aws"
MAX_REQUEST_BYTES = 4 * 2**20
"""Kubernetes keeps no class of more than 1.5 MiB, and tokens and parameters are far smaller."""

VERSION = pb.VersionResponse(
    version="v1alpha1", runtime_name=RUNTIME_NAME, runtime_version=__version__
)


class Mounts(Protocol):
    """Whatever turns a parsed request into files: `provider.csi.mount.Mounter`, or a fake."""

    def mount(
        self, spec: MountSpec, *, deadline: Deadline, arrived: float, trail: Trail
    ) -> Delivery:
        """All files of the volume, or a `ProviderError`."""
        ...


Write = Callable[[MountSpec, Sequence[MountedFile]], None]


class Servicer:
    """The provider API on plain messages; the status of failures is the barrier's.

    With `write` the volumes are written by it, and the driver gets versions but no files, of which
    it makes nothing.
    """

    def __init__(
        self,
        mounts: Mounts,
        *,
        default_region: str | None,
        max_response_bytes: int,
        write: Write | None = None,
    ) -> None:
        self._mounts = mounts
        self._default_region = default_region
        self._max_response_bytes = max_response_bytes
        self._write = write

    def parse(self, request: pb.MountRequest) -> MountSpec:
        """The request, checked; raises `InvalidRequest`."""
        if (size := request.ByteSize()) > MAX_REQUEST_BYTES:
            raise InvalidRequest(
                f"the request has {size} bytes, more than {MAX_REQUEST_BYTES}: split the class"
            )
        return parse_mount(
            attributes=request.attributes,
            secrets=request.secrets,
            permission=request.permission,
            target_path=request.target_path,
            default_region=self._default_region,
        )

    def deliver(
        self, spec: MountSpec, *, deadline: Deadline, arrived: float, trail: Trail
    ) -> Delivery:
        """The files; raises `ProviderError`."""
        return self._mounts.mount(spec, deadline=deadline, arrived=arrived, trail=trail)

    def response(self, spec: MountSpec, delivery: Delivery) -> pb.MountResponse:
        """The files as the driver wants them; raises `AnswerTooLarge`, and what writing raises."""
        if not delivery.versions:
            raise RuntimeError("a delivery without versions, which the driver takes for a failure")
        files = delivery.files
        if self._write is not None:
            self._write(spec, files)
            files = ()
        response = pb.MountResponse(
            object_version=[
                pb.ObjectVersion(id=id_, version=version) for id_, version in delivery.versions
            ],
            files=[
                pb.File(path=file.path, mode=file.mode, contents=file.content) for file in files
            ],
        )
        if (size := response.ByteSize()) > self._max_response_bytes:
            raise AnswerTooLarge(
                f"the answer with all {len(delivery.files)} files has {size} bytes, but the driver "
                f"accepts {self._max_response_bytes}: split the class, or raise the driver's "
                "--max-call-recv-msg-size and this provider's --max-response-bytes"
            )
        return response
