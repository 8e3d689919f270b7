"""From the driver's MountRequest to its MountResponse."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from provider.csi.files.layout import MountedFile
from provider.csi.mount import Delivery
from provider.csi.request.attributes import DecodedRequest, RawRequest
from provider.csi.request.class_cache import ClassCache
from provider.csi.request.model import MountSpec
from provider.csi.request.off_loop import decode_off_loop, parse_off_loop
from provider.errors import AnswerTooLarge, InvalidRequest
from provider.runtime.offload import Offload
from provider.v1alpha1 import service_pb2 as pb

MAX_REQUEST_BYTES = 4 * 2**20
"""Kubernetes keeps no class of more than 1.5 MiB; tokens and other parameters are far smaller."""

MAX_VERSIONS_BYTES = 512 * 1024
"""Of ids and versions, which the driver writes into a SecretProviderClassPodStatus. Kubernetes
keeps no resource of more than 1.5 MiB."""


Write = Callable[[MountSpec, Sequence[MountedFile]], None]
"""Makes the volume hold these files only; may take a while."""


@dataclass(frozen=True, slots=True)
class Servicer:
    """The driver's `Mount` in messages. `default_region` is that of classes that name none.

    With `write` the provider writes the volumes itself, and the driver gets versions but no files.
    """

    offload: Offload
    default_region: str | None
    max_response_bytes: int
    write: Write | None = None
    classes: ClassCache = field(default_factory=ClassCache)

    async def decode(self, request: pb.MountRequest) -> DecodedRequest:
        """Pod, class name and text of the class; raises `InvalidRequest` for a huge request."""
        if (size := request.ByteSize()) > MAX_REQUEST_BYTES:
            raise InvalidRequest(
                f"the request has {size} bytes, more than {MAX_REQUEST_BYTES}: split the class"
            )
        raw = RawRequest(
            request.attributes, request.secrets, request.permission, request.target_path
        )
        return await decode_off_loop(raw, default_region=self.default_region, offload=self.offload)

    async def parse(self, request: DecodedRequest) -> MountSpec:
        """The request, checked; raises `InvalidRequest`."""
        return await parse_off_loop(request, cache=self.classes, offload=self.offload)

    async def respond(self, spec: MountSpec, delivery: Delivery) -> pb.MountResponse:
        """The files as a response; raises `AnswerTooLarge`, and what writing raises."""
        if not delivery.files:
            raise RuntimeError("a response without versions, which the driver takes for a failure")
        files = delivery.files
        if self.write is not None:
            await self.offload.run(spec.pod.namespace, partial(self.write, spec, files))
            files = ()
        response = pb.MountResponse(
            object_version=_object_versions(delivery.files),
            files=[pb.File(path=one.path, mode=one.mode, contents=one.content) for one in files],
        )
        if (size := response.ByteSize()) > self.max_response_bytes:
            raise AnswerTooLarge(
                f"the response with all {len(delivery.files)} files has {size} bytes, but the "
                f"driver accepts {self.max_response_bytes}: split the class, or raise the "
                "driver's --max-call-recv-msg-size and this provider's --max-response-bytes"
            )
        return response


def _object_versions(files: Sequence[MountedFile]) -> Iterator[pb.ObjectVersion]:
    """Path and version of each file, as many as the driver can keep, at least one."""
    room = MAX_VERSIONS_BYTES
    for number, file in enumerate(files):
        room -= len(file.path.encode()) + len(file.version.encode())
        if room < 0 and number > 0:
            return
        yield pb.ObjectVersion(id=file.path, version=file.version)
