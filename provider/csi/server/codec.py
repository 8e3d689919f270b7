"""Translates messages of gRPC: a request to a `MountSpec`, a `Delivery` to a response."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from provider.csi.files.layout import MountedFile
from provider.csi.mount import Delivery
from provider.csi.request.attributes import (
    DecodedRequest,
    RawRequest,
    decode_mount,
    namespace_of,
    parse_decoded,
)
from provider.csi.request.class_cache import ClassCache
from provider.csi.request.model import MountSpec
from provider.errors import InvalidRequest
from provider.runtime.offload import Offload
from provider.v1alpha1 import service_pb2 as pb

MAX_REQUEST_BYTES = 4 * 2**20
"""Kubernetes keeps no class of more than 1.5 MiB; tokens and other parameters are far smaller."""

_INLINE_JSON = 32 * 1024
"""Characters that are decoded on the event loop: 0.2 ms for 1 KiB at worst."""
_INLINE_CLASS = 1024
"""Characters of a class that is parsed on the event loop: 5 ms for 1 KiB at worst."""

MAX_VERSIONS_BYTES = 512 * 1024
"""Of ids and versions, which the driver writes into a SecretProviderClassPodStatus. Kubernetes
keeps no resource of more than 1.5 MiB."""


@dataclass(frozen=True, slots=True)
class Codec:
    """One for the process."""

    offload: Offload
    default_region: str | None
    """The region of classes that name none."""
    write: Callable[[MountSpec, Sequence[MountedFile]], None] | None = None
    """Makes the volume hold these files only; may take a while. Without it the driver writes."""
    classes: ClassCache = field(default_factory=ClassCache)

    async def decode(self, request: pb.MountRequest) -> DecodedRequest:
        """Pod, class name and text of the class.

        Raises `InvalidRequest` for a huge request, `Overloaded` if the namespace has too many.
        """
        if (size := request.ByteSize()) > MAX_REQUEST_BYTES:
            raise InvalidRequest(
                f"the request has {size} bytes, more than {MAX_REQUEST_BYTES}: split the class"
            )
        raw = RawRequest(
            request.attributes, request.secrets, request.permission, request.target_path
        )
        decode = partial(decode_mount, raw, default_region=self.default_region)
        if len(raw.attributes) + len(raw.secrets) <= _INLINE_JSON:
            return decode()
        return await self.offload.run(namespace_of(raw.attributes), decode)

    async def parse(self, request: DecodedRequest) -> MountSpec:
        """The request, checked; raises `InvalidRequest`, and `Overloaded` as `decode`."""
        parse = partial(parse_decoded, request, self.classes.parse)
        if request.text in self.classes or request.text.characters <= _INLINE_CLASS:
            return parse()
        return await self.offload.run(request.pod.namespace, parse)

    async def respond(self, spec: MountSpec, delivery: Delivery) -> pb.MountResponse:
        """The files as a response; raises what writing raises."""
        if not delivery.files:
            raise RuntimeError("a response without versions, which the driver takes for a failure")
        files = delivery.files
        if self.write is not None:
            await self.offload.run(spec.pod.namespace, partial(self.write, spec, files))
            files = ()
        return pb.MountResponse(
            object_version=_object_versions(delivery.files),
            files=[pb.File(path=one.path, mode=one.mode, contents=one.content) for one in files],
        )


def _object_versions(files: Sequence[MountedFile]) -> Iterator[pb.ObjectVersion]:
    """Path and version of each file, as many as the driver can keep. One always fits."""
    room = MAX_VERSIONS_BYTES
    for file in files:
        room -= len(file.path.encode()) + len(file.version.encode())
        if room < 0:
            return
        yield pb.ObjectVersion(id=file.path, version=file.version)
