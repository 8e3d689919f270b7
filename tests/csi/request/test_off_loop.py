"""Where a request is parsed: on the loop if that is quick, else in a thread under its namespace."""

import json
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from provider.csi.request.attributes import RawRequest, namespace_of
from provider.csi.request.class_cache import ClassCache
from provider.csi.request.model import MountSpec
from provider.csi.request.off_loop import decode_off_loop, parse_off_loop
from provider.manifests.problems import InvalidSpec
from provider.runtime.offload import Offload

T = TypeVar("T")

NAMESPACE = {"csi.storage.k8s.io/pod.namespace": "shop"}


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


def raw(objects: str, **more: str) -> RawRequest:
    attributes = {
        "csi.storage.k8s.io/pod.name": "web-0",
        **NAMESPACE,
        "csi.storage.k8s.io/pod.uid": "d1b6-7",
        "csi.storage.k8s.io/serviceAccount.name": "web",
        "objects": objects,
    }
    return RawRequest(json.dumps(attributes | more), "null", "420", "/target")


async def parse(request: RawRequest, cache: ClassCache, offload: Offload) -> MountSpec:
    decoded = await decode_off_loop(request, default_region="eu-west-1", offload=offload)
    return await parse_off_loop(decoded, cache=cache, offload=offload)


SHORT = "- {objectName: a, objectType: secretsmanager}\n"
LONG = "".join(f"- {{objectName: a{index}, objectType: secretsmanager}}\n" for index in range(99))


async def test_a_short_class_is_parsed_on_the_loop(offload: Recording) -> None:
    assert (await parse(raw(SHORT), ClassCache(), offload)).pod.namespace == "shop"
    assert offload.tenants == []


async def test_a_long_class_is_parsed_in_a_thread_once(offload: Recording) -> None:
    cache = ClassCache()
    first = await parse(raw(LONG), cache, offload)
    assert offload.tenants == ["shop"]
    assert (await parse(raw(LONG), cache, offload)).klass is first.klass
    assert offload.tenants == ["shop"]


async def test_a_large_request_is_decoded_in_a_thread(offload: Recording) -> None:
    await parse(raw(SHORT, unknown="x" * 100_000), ClassCache(), offload)
    assert offload.tenants == ["shop"]
    await parse(raw(LONG, unknown="x" * 100_000), ClassCache(), offload)
    assert offload.tenants == ["shop"] * 3


@pytest.mark.parametrize(
    ("attributes", "found"),
    [
        ('{"csi.storage.k8s.io/pod.namespace":"shop"}', "shop"),
        (json.dumps({"a": '","csi.storage.k8s.io/pod.namespace":"bank"', **NAMESPACE}), "shop"),
        ('{"a\\"csi.storage.k8s.io/pod.namespace":"bank",' + json.dumps(NAMESPACE)[1:], "shop"),
        ('{"csi.storage.k8s.io/pod.namespace":"a b"}', ""),
        ('{"csi.storage.k8s.io/pod.namespace":7}', ""),
        ("", ""),
    ],
)
def test_the_namespace_is_found_without_decoding(attributes: str, found: str) -> None:
    assert namespace_of(attributes) == found


async def test_problems_come_from_the_thread(offload: Recording) -> None:
    with pytest.raises(InvalidSpec, match=r"objects\[99\]: must be a mapping"):
        await parse(raw(LONG + "- x\n"), ClassCache(), offload)
    assert threading.active_count() >= 2
