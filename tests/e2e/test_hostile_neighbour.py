"""What the author of one class does to the pods of others on the node: nothing.

Each hostile pod has an honest one beside it, which must be mounted promptly.
"""

import json
import socket
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from uuid import uuid4

import grpc
import pytest

from provider.v1alpha1 import service_pb2 as pb
from provider.v1alpha1.service_pb2_grpc import CSIDriverProviderStub
from testbed import faults
from testbed.aws import FakeAws
from testbed.driver import Driver, MountRefused, Options, Pod
from testbed.proxy import FakeProxy
from tests.e2e.conftest import Build
from tests.e2e.usage import usage
from tests.e2e.world import REGION, World, a_world
from tests.forked import run
from tests.waiting import eventually

DB = "- {objectName: db, objectType: secretsmanager}\n"
FLAG = "- {objectName: flag, objectType: ssmparameter}\n"
REFUSED = (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.INTERNAL)


@pytest.fixture(scope="module")
def node() -> Iterator[World]:
    """One daemon for the tests that leave it as it was."""
    with a_world("--rotation-poll-interval=0s", "--mount-timeout=3s") as world:
        world.aws.cloud.put_secret("db", "value")
        yield world.start()


@pytest.fixture(autouse=True)
def recovery(node: World) -> Iterator[None]:
    yield
    node.aws.faults.clear()


def answer(
    world: World, objects: str, pod: Pod, *, seconds: float = 15, **parameters: str
) -> MountRefused:
    """The refusal of a hostile mount, which may take some time, but not for ever."""
    with Driver(world.socket, world.folder / "kubelet", Options(timeout=seconds)) as driver:
        outcome = driver.mount(pod, {"objects": objects, **parameters})
    assert isinstance(outcome, MountRefused), outcome
    return outcome


# ---- regions -------------------------------------------------------------------------

BAD_REGIONS = ["eu-west-1-", "-", "eu-west-1--a", "-eu-west-1", "e" * 64]


@pytest.mark.parametrize("key", ["region", "failoverRegion"])
def test_a_bad_region_is_refused_again_and_again_and_leaves_nothing_behind(
    build: Build, aws: FakeAws, key: str
) -> None:
    with FakeProxy(routes={"*": ("127.0.0.1", 9)}) as proxy:
        # Only without a custom endpoint does the region become part of a host name.
        environment = {
            "AWS_ENDPOINT_URL": "",
            "AWS_ENDPOINT_URL_STS": aws.url,
            "AWS_ENDPOINT_URL_SSM": aws.url,
            "HTTPS_PROXY": proxy.url,
            "NO_PROXY": "127.0.0.1",
        }
        world = build("--mount-timeout=8s", environment=environment)
        world.start()
        world.aws.cloud.put_parameter("flag", "on")
        hostile = world.new_account()
        for region in BAD_REGIONS:
            for _ in range(2):
                pod = replace(hostile, uid=str(uuid4()))
                refusal = answer(world, DB, pod, seconds=5, **{"region": REGION, key: region})
                assert refusal.code is grpc.StatusCode.INVALID_ARGUMENT, refusal
                assert key in refusal.message
        assert world.promptly(FLAG) == {"flag": b"on"}
        assert world.promptly(FLAG, hostile) == {"flag": b"on"}


@contextmanager
def under_way(world: World, requests: Sequence[pb.MountRequest]) -> Iterator[None]:
    """These mounts are asked for during the block, and cancelled at its end."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(f"unix:{world.socket}", options) as channel:
        stub = CSIDriverProviderStub(channel)  # type: ignore[no-untyped-call]  # generated
        calls = [stub.Mount.future(request, timeout=60) for request in requests]
        yield
        assert not any(call.done() for call in calls), "nobody has answered these"
        for call in calls:
            call.cancel()


@pytest.mark.parametrize("namespace", ["other", "shop"])
def test_a_region_that_hangs_delays_no_mount_in_another(
    build: Build, aws: FakeAws, namespace: str
) -> None:
    # Each region has a host name of its own, as it has at AWS.
    endpoint = f"http://{{region}}.localhost:{aws.url.rpartition(':')[2]}/{{region}}"
    world = build("--rotation-poll-interval=0s", environment={"AWS_ENDPOINT_URL": endpoint}).start()
    world.aws.cloud.put_secret("db", "value")
    world.aws.faults.inject(faults.hang(), region="eu-west-3")
    parameters = {"objects": DB, "region": "eu-west-3"}
    pods = [world.new_account(namespace) for _ in range(60)]
    with under_way(world, [world.driver.request(pod, parameters) for pod in pods]):
        eventually(lambda: world.aws.journal.count(region="eu-west-3") > 3, "calls that hang")
        for _ in range(3):
            assert world.promptly(DB) == {"db": b"value"}
    assert world.promptly(DB, pods[0]) == {"db": b"value"}


@pytest.mark.parametrize("namespaces", [["shop"], ["evil-1", "evil-2", "evil-3", "evil-4"]])
def test_identities_that_hang_delay_no_other_of_their_region(
    build: Build, namespaces: Sequence[str]
) -> None:
    world = build("--rotation-poll-interval=0s").start()
    world.aws.cloud.put_secret("db", "value")
    hostile = [world.new_account(namespace) for namespace in namespaces]
    objects = "".join(DB.replace("db", f"slow{number}") for number in range(80))
    for number in range(80):
        world.aws.cloud.put_secret(f"slow{number}", "value")
        world.aws.faults.inject(faults.hang(), target=f"slow{number}")
    pods = [replace(one, uid=str(uuid4())) for one in hostile for _ in range(60 // len(hostile))]
    with under_way(world, [world.driver.request(pod, {"objects": objects}) for pod in pods]):
        eventually(lambda: world.aws.journal.count("GetSecretValue") > 20, "calls that hang")
        assert world.promptly(DB) == {"db": b"value"}


def test_nothing_is_kept_for_a_region_that_was_named_once(node: World) -> None:
    node.promptly(DB)
    hostile = node.new_account()
    threads, files = usage(node.pid).threads, usage(node.pid).files
    for number in range(12):
        node.refusal(DB, replace(hostile, uid=str(uuid4())), region=f"eu-nowhere-{number + 1}")
    assert node.promptly(DB) == {"db": b"value"}
    assert usage(node.pid).threads <= threads + 4
    assert usage(node.pid).files <= files + 24


# ---- classes -------------------------------------------------------------------------


def many_nodes(number: int) -> str:
    """A class of 16 KiB that is refused: expressions of 8,000 nodes together, and a mistake."""
    paths = [f"[k{number}_{at},{','.join('*' * 500)}]" for at in range(16)]
    pieces = [{"path": path, "objectAlias": f"file-{at}"} for at, path in enumerate(paths)]
    entry = {"objectName": "db", "objectType": "secretsmanager", "jmesPath": pieces}
    return json.dumps([entry, {"objectName": "db", "objectType": "?"}])


def test_refused_classes_of_many_nodes_take_no_memory(build: Build) -> None:
    world = build().start()
    world.aws.cloud.put_secret("db", "value")
    world.promptly(DB)
    hostile = world.new_account()
    before = usage(world.pid).memory
    for number in range(40):
        refusal = answer(world, many_nodes(number), hostile)
        assert refusal.code is grpc.StatusCode.INVALID_ARGUMENT, refusal
    assert usage(world.pid).memory - before < 48 * 2**20
    assert world.promptly(DB) == {"db": b"value"}


def test_expressions_share_one_budget_of_their_mount(node: World) -> None:
    """Eight of them would take seconds each."""
    hostile = node.new_account()
    node.aws.cloud.put_secret("dear", json.dumps({"k": [1] * 30000}, separators=(",", ":")))
    path = f"length(k[?{'&&'.join(['@>`0`'] * 5)}])"
    pieces = [{"path": path, "objectAlias": f"file-{number}"} for number in range(8)]
    objects = json.dumps(
        [{"objectName": "dear", "objectType": "secretsmanager", "jmesPath": pieces}]
    )
    with ThreadPoolExecutor(1) as kubelet:
        mount = kubelet.submit(answer, node, objects, hostile, seconds=12)
        eventually(lambda: "dear" in targets(node), "the hostile mount is under way")
        assert node.promptly(DB) == {"db": b"value"}
        refusal = mount.result(60)
    assert refusal.code in REFUSED, refusal
    assert "jmesPath" in refusal.message
    assert node.promptly(DB) == {"db": b"value"}


def targets(world: World) -> Sequence[str]:
    return [call.target for call in world.aws.journal.calls]


def test_unknown_parameters_are_counted_not_listed(node: World) -> None:
    hostile = node.new_account()
    before = len(node.log)
    unknown = {f"unknown{number}": "x" for number in range(20_000)}
    assert node.promptly(DB, hostile, **unknown) == {"db": b"value"}
    assert node.promptly(DB) == {"db": b"value"}
    eventually(lambda: any("unknown0" in line for line in node.log[before:]), "a warning")
    assert len(node.log) - before < 20
    assert max(len(line) for line in node.log[before:]) < 8192


def test_no_text_of_a_class_adds_a_line_to_an_event_or_controls_a_terminal(node: World) -> None:
    text = "x\nforged\x1b[2J\x9b\u202e"
    for key in ("objectName", "objectType", "filePermission"):
        entry = {"objectName": "db", "objectType": "secretsmanager", key: text}
        refusal = answer(node, json.dumps([entry]), node.new_account())
        assert "forged" in refusal.message
        assert refusal.message.isprintable(), ascii(refusal.message)


# ---- the port of the metrics ---------------------------------------------------------


def test_silent_connections_to_the_metrics_port_do_not_end_the_daemon(node: World) -> None:
    with ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(socket.create_connection(node.web_address, timeout=5))
        done = run("health", f"--socket={node.socket}")
        assert done.code == 0, done.err
        assert node.promptly(DB) == {"db": b"value"}
    eventually(lambda: "mounts_total" in node.metrics(), "the page can be read again")
