"""Many mounts at once, restarts among them, and requests of hostile size."""

import json
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import grpc
import pytest

from provider.v1alpha1 import service_pb2 as pb
from provider.v1alpha1.service_pb2_grpc import CSIDriverProviderStub
from testbed import faults
from testbed.driver import Driver, Mounted, Pod
from tests.e2e.conftest import Build
from tests.e2e.usage import back_to_normal
from tests.e2e.world import SHORT_CONNECTIONS, World

DB = "- {objectName: db, objectType: secretsmanager}\n"


@pytest.fixture
def world(build: Build) -> World:
    world = build("--rotation-poll-interval=0s", main=SHORT_CONNECTIONS).start()
    world.aws.cloud.put_secret("db", "value")
    return world


AS_THE_DRIVER = json.dumps(
    {
        "methodConfig": [
            {
                "name": [{}],
                "retryPolicy": {
                    "maxAttempts": 3,
                    "initialBackoff": "0.5s",
                    "maxBackoff": "1s",
                    "backoffMultiplier": 2,
                    "retryableStatusCodes": ["UNAVAILABLE"],
                },
            }
        ]
    }
)
"""It calls again where a connection ends at the wrong moment."""


@pytest.fixture
def stub(world: World) -> Iterator[CSIDriverProviderStub]:
    options = [
        ("grpc.max_send_message_length", -1),
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.service_config", AS_THE_DRIVER),
    ]
    with grpc.insecure_channel(f"unix:{world.socket}", options) as channel:
        yield CSIDriverProviderStub(channel)  # type: ignore[no-untyped-call] # generated


def test_a_thousand_mounts_at_once_are_all_answered(
    world: World, stub: CSIDriverProviderStub
) -> None:
    requests = [
        world.driver.request(Pod(name=f"web-{number}", uid=str(number)), {"objects": DB})
        for number in range(1000)
    ]
    # The first crowd shows how much allocators and buffers take; the second takes no more.
    first = all_answered(stub, requests[:500])
    with back_to_normal(world.pid, threads=40, files=70):
        answers = first + all_answered(stub, requests[500:])
    assert {file.contents for answer in answers for file in answer.files} == {b"value"}
    assert world.aws.journal.count("AssumeRoleWithWebIdentity") == 1


def all_answered(
    stub: CSIDriverProviderStub, requests: Sequence[pb.MountRequest]
) -> list[pb.MountResponse]:
    calls = [stub.Mount.future(request, timeout=50) for request in requests]
    return [call.result(50) for call in calls]


def test_mounts_in_flight_end_well_when_the_daemon_is_told_to_stop(world: World) -> None:
    world.aws.faults.inject(faults.late(0.4), service="secretsmanager")
    pods = [Pod(name=f"web-{number}", uid=str(number)) for number in range(20)]
    with ThreadPoolExecutor(len(pods)) as kubelet:
        under_way = [kubelet.submit(world.files, DB, pod) for pod in pods]
        while world.aws.journal.count(service="sts") == 0:
            assert not any(one.done() for one in under_way)
        world.signal(signal.SIGTERM)
        assert all(one.result() == {"db": b"value"} for one in under_way)
    assert world.ended() == 0


def test_no_mount_fails_while_a_new_daemon_takes_over(world: World, build: Build) -> None:
    new = build("--rotation-poll-interval=0s")
    new.folder = world.folder
    world.aws.faults.inject(faults.late(0.1), service="secretsmanager")
    done: list[dict[str, bytes]] = []
    stop = False

    def keep_mounting(number: int) -> None:
        folder = world.folder / f"kubelet-{number}"
        with Driver(world.socket, folder) as driver:
            while not stop:
                outcome = driver.mount(Pod(name=f"web-{number}", uid=str(number)), {"objects": DB})
                assert isinstance(outcome, Mounted), outcome
                assert outcome.hidden is None, outcome.hidden
                done.append(outcome.files)

    with ThreadPoolExecutor(8) as kubelet:
        workers = [kubelet.submit(keep_mounting, number) for number in range(8)]
        new.start()
        world.signal(signal.SIGTERM)
        assert world.ended() == 0
        stop = True
        for worker in workers:
            worker.result()
    assert done
    assert all(files == {"db": b"value"} for files in done)
    assert new.files(DB)


def large(**changes: str) -> dict[str, str]:
    return {"objects": DB, **changes}


def hostile_parameters() -> dict[str, dict[str, str]]:
    return {
        "7 MiB of attributes": large(other="x" * (7 * 2**20)),
        "100,000 objects": large(objects=DB * 60_000),
        "deep JSON": large(objects="[" * 500_000),
        "deep YAML": large(objects="".join(f"{' ' * deep}- \n" for deep in range(1000))),
        "a bomb": large(
            objects="a: &a [x]\n" + "".join(f"k{n}: [*a, *a, *a]\n" for n in range(50_000))
        ),
        "a long name": large(
            objects=f"- {{objectName: {'n' * 10**6}, objectType: secretsmanager}}"
        ),
        "a long region": large(region="e" * 10**6),
        "a long expression": large(
            objects=f"- {{objectName: a, objectType: secretsmanager, jmesPath: "
            f"[{{path: {'a.' * 10**5}b, objectAlias: c}}]}}"
        ),
    }


def test_requests_of_hostile_size_are_refused_cheaply(
    world: World, stub: CSIDriverProviderStub
) -> None:
    world.files(DB)
    # gRPC keeps buffers for a while, and so do allocators: some times the largest request.
    with back_to_normal(world.pid, threads=12, memory=150 * 2**20):
        for name, parameters in hostile_parameters().items():
            with pytest.raises(grpc.RpcError) as caught:
                stub.Mount(world.driver.request(Pod(), parameters), timeout=10)
            assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT, name
            assert len(caught.value.details() or "") < 4096, name
        assert world.files(DB)


def strange_requests() -> dict[str, pb.MountRequest]:
    return {
        "deep": pb.MountRequest(attributes="[" * 10**6),
        "not texts": pb.MountRequest(attributes=json.dumps({"a": 1})),
        "deep secrets": pb.MountRequest(attributes="{}", secrets="{" * 10**6, permission="420"),
        "a huge mode": pb.MountRequest(attributes="null", secrets="null", permission="1e99"),
        "many versions": pb.MountRequest(
            attributes="{}",
            current_object_version=[pb.ObjectVersion(id=str(n)) for n in range(10**5)],
        ),
        "empty": pb.MountRequest(),
    }


def test_requests_that_no_driver_sends_are_refused(stub: CSIDriverProviderStub) -> None:
    for name, request in strange_requests().items():
        with pytest.raises(grpc.RpcError) as caught:
            stub.Mount(request, timeout=10)
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT, name


def test_an_answer_over_the_limit_leaves_no_memory_behind(world: World) -> None:
    objects = ""
    for number in range(70):
        world.aws.cloud.put_secret(f"big{number}", "x" * 65536)
        objects += f"- {{objectName: big{number}, objectType: secretsmanager}}\n"
    world.files(DB)
    with back_to_normal(world.pid, threads=80, files=80):
        for uid in ("1", "2", "3"):
            refusal = world.refusal(objects, replace(Pod(), uid=uid))
            assert refusal.code is grpc.StatusCode.FAILED_PRECONDITION
            assert "4194304" in refusal.message
        assert world.files(DB, Pod(uid="4"))
