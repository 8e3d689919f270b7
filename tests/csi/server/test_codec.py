"""The response that the driver gets."""

from collections.abc import Sequence
from typing import Any

import pytest

from provider.csi.files.layout import MountedFile
from provider.csi.mount import Delivery
from provider.csi.request.model import MountSpec
from provider.csi.server.codec import MAX_VERSIONS_BYTES, Codec
from provider.errors import InvalidRequest, VolumeRefused
from provider.runtime.offload import Offload
from tests.csi.server.driver import mount_request
from tests.csi.server.stub import IDENTITY


class Written:
    """Keeps what it is to write."""

    def __init__(self) -> None:
        self.files: list[MountedFile] = []

    def write(self, spec: MountSpec, files: Sequence[MountedFile]) -> None:
        self.files += files


def codec(targets: Any = None) -> Codec:
    return Codec(
        Offload(),
        default_region="eu-west-1",
        write=targets.write if targets else None,
    )


async def parsed(one: Codec) -> MountSpec:
    return await one.parse(await one.decode(mount_request()))


def delivery(*paths: str) -> Delivery:
    files = tuple(MountedFile(path, 0o640, b"value", "v1") for path in paths)
    return Delivery(files, (), IDENTITY, from_memory=False)


async def test_every_file_has_its_version() -> None:
    one = codec()
    spec = await parsed(one)
    response = await one.respond(spec, delivery("db", "user"))
    assert [(v.id, v.version) for v in response.object_version] == [("db", "v1"), ("user", "v1")]
    assert [(f.path, f.mode, f.contents) for f in response.files] == [
        ("db", 0o640, b"value"),
        ("user", 0o640, b"value"),
    ]


async def test_where_the_provider_writes_the_driver_gets_versions_alone() -> None:
    targets = Written()
    one = codec(targets)
    response = await one.respond(await parsed(one), delivery("db"))
    assert [file.path for file in targets.files] == ["db"]
    assert list(response.files) == []
    assert [version.id for version in response.object_version] == ["db"]


async def test_a_volume_that_is_refused_fails_the_mount() -> None:
    class Refusing(Written):
        def write(self, spec: MountSpec, files: Sequence[MountedFile]) -> None:
            raise VolumeRefused("not a volume")

    one = codec(Refusing())
    spec = await parsed(one)
    with pytest.raises(VolumeRefused):
        await one.respond(spec, delivery("db"))


async def test_versions_stay_within_what_kubernetes_keeps() -> None:
    one = codec()
    spec = await parsed(one)
    paths = [f"{number:04}" + "x" * 250 for number in range(4000)]
    response = await one.respond(spec, delivery(*paths))
    assert len(response.files) == 4000
    size = sum(len(v.id) + len(v.version) for v in response.object_version)
    assert MAX_VERSIONS_BYTES - 300 < size <= MAX_VERSIONS_BYTES


async def test_a_delivery_without_versions_is_a_bug() -> None:
    one = codec()
    spec = await parsed(one)
    with pytest.raises(RuntimeError):
        await one.respond(spec, delivery())


async def test_a_large_request_is_not_parsed() -> None:
    request = mount_request()
    request.secrets = "x" * (5 * 2**20)
    with pytest.raises(InvalidRequest, match="split the class"):
        await codec().decode(request)
