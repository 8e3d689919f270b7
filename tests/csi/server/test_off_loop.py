"""Where a request is parsed: on the loop if that is quick, else in a thread under its namespace."""

import json
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from provider.csi.request.model import MountSpec
from provider.csi.server.codec import Codec
from provider.manifests.problems import InvalidSpec
from provider.runtime.offload import Offload
from tests.csi.server.driver import mount_request

T = TypeVar("T")


class Recording(Offload):
    """An `Offload` that notes the tenants of its jobs."""

    def __init__(self) -> None:
        super().__init__()
        self.tenants: list[str] = []

    async def run(self, tenant: str, fn: Callable[[], T]) -> T:
        self.tenants.append(tenant)
        return await super().run(tenant, fn)


@pytest.fixture
def offload() -> Any:
    recording = Recording()
    yield recording
    recording.close()


@pytest.fixture
def codec(offload: Recording) -> Codec:
    return Codec(offload, default_region=None)


async def parse(codec: Codec, objects: str, **more: str) -> MountSpec:
    request = mount_request(namespace="shop")
    request.attributes = json.dumps(json.loads(request.attributes) | more | {"objects": objects})
    return await codec.parse(await codec.decode(request))


SHORT = "- {objectName: a, objectType: secretsmanager}\n"
LONG = "".join(f"- {{objectName: a{index}, objectType: secretsmanager}}\n" for index in range(99))


async def test_a_short_class_is_parsed_on_the_loop(offload: Recording, codec: Codec) -> None:
    assert (await parse(codec, SHORT)).pod.namespace == "shop"
    assert offload.tenants == []


async def test_a_long_class_is_parsed_in_a_thread_once(offload: Recording, codec: Codec) -> None:
    first = await parse(codec, LONG)
    assert offload.tenants == ["shop"]
    assert (await parse(codec, LONG)).klass is first.klass
    assert offload.tenants == ["shop"]


async def test_a_large_request_is_decoded_in_a_thread(offload: Recording, codec: Codec) -> None:
    await parse(codec, SHORT, unknown="x" * 100_000)
    assert offload.tenants == ["shop"]
    await parse(codec, LONG, unknown="x" * 100_000)
    assert offload.tenants == ["shop"] * 3


async def test_problems_come_from_the_thread(codec: Codec) -> None:
    with pytest.raises(InvalidSpec, match=r"objects\[99\]: must be a mapping"):
        await parse(codec, LONG + "- x\n")
    assert threading.active_count() >= 2
