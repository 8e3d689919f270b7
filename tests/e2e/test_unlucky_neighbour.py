"""Bad luck of one pod, or of AWS for a moment, beside pods that share its identity or secrets."""

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from threading import Event
from typing import Any
from uuid import uuid4

import grpc
import pytest

from provider.v1alpha1 import service_pb2 as pb
from provider.v1alpha1.service_pb2_grpc import CSIDriverProviderStub
from testbed import faults
from testbed.aws.errors import AwsError
from testbed.driver import Mounted, Pod
from testbed.tokens import STS_AUDIENCE
from tests.e2e.usage import usage
from tests.e2e.world import World, a_world
from tests.waiting import eventually

DB = "- {objectName: db, objectType: secretsmanager}\n"
FLAG = "- {objectName: flag, objectType: ssmparameter}\n"
TOKENS = "csi.storage.k8s.io/serviceAccount.tokens"


@pytest.fixture(scope="module")
def node() -> Iterator[World]:
    with a_world("--rotation-poll-interval=0s") as world:
        yield world.start()


@pytest.fixture(autouse=True)
def recovery(node: World) -> Iterator[None]:
    node.aws.cloud.put_secret("db", "value")
    node.aws.cloud.put_parameter("flag", "on")
    node.aws.journal.clear()
    yield
    node.aws.faults.clear()


@contextmanager
def held_back(world: World, operation: str) -> Iterator[Event]:
    """The next answer to this operation comes when the event is set, or at the end."""
    answer = Event()
    world.aws.faults.inject(faults.held(answer), operation=operation, times=1)
    try:
        yield answer
    finally:
        answer.set()


def test_a_pod_that_starts_after_a_change_gets_the_new_value(node: World) -> None:
    """A question from before the change is still under way, and is answered later."""
    account = node.new_account()
    node.files(DB, account)
    node.wait_until_asked_again()
    node.aws.journal.clear()
    with ThreadPoolExecutor(1) as kubelet, held_back(node, "GetSecretValue") as answer:
        early = kubelet.submit(node.files, DB, replace(account, uid=str(uuid4())))
        eventually(lambda: node.aws.journal.count("GetSecretValue") == 1, "a slow question")
        node.wait_until_asked_again()
        node.aws.cloud.put_secret("db", "new")
        late = node.promptly(DB, replace(account, uid=str(uuid4())))
        assert late == {"db": b"new"}
        answer.set()
        assert early.result() == {"db": b"value"}
    assert node.promptly(DB, replace(account, uid=str(uuid4()))) == {"db": b"new"}


def test_a_slow_answer_holds_back_no_other_of_its_mount(node: World) -> None:
    account = node.new_account()
    node.files(DB, account)
    node.wait_until_asked_again()
    node.aws.journal.clear()
    with ThreadPoolExecutor(1) as kubelet, held_back(node, "GetParameters") as answer:
        slow = kubelet.submit(node.files, DB + FLAG, replace(account, uid=str(uuid4())))
        eventually(lambda: len(node.aws.journal.calls) == 2, "both questions")
        assert node.promptly(DB, replace(account, uid=str(uuid4()))) == {"db": b"value"}
        assert not slow.done()
        answer.set()
        assert slow.result() == {"db": b"value", "flag": b"on"}
    assert node.aws.journal.count("GetSecretValue") == 1, "nothing is fetched twice"


def test_an_identity_provider_that_is_not_everywhere_yet_is_asked_again(node: World) -> None:
    error = AwsError("InvalidIdentityToken", "No OpenIDConnect provider found in your account")
    node.aws.faults.inject(error, service="sts", times=1)
    assert node.promptly(DB, node.new_account()) == {"db": b"value"}
    assert node.aws.journal.count("AssumeRoleWithWebIdentity") == 2


def test_a_value_that_may_not_be_read_any_more_is_noticed_while_it_may_be_described(
    node: World,
) -> None:
    node.files(DB)
    allowed, node.web.allow = node.web.allow, [("secretsmanager:DescribeSecret", "*")]
    try:
        outcomes = [node.mount(DB) for _ in range(12)]
    finally:
        node.web.allow = allowed
    hidden = [outcome.hidden for outcome in outcomes if isinstance(outcome, Mounted)]
    assert grpc.StatusCode.PERMISSION_DENIED in {one.code for one in hidden if one}


def test_a_parameter_version_that_was_made_anew_arrives(node: World) -> None:
    pinned = FLAG.replace("ssmparameter", "ssmparameter, objectVersion: '1'")
    node.aws.cloud.remove_parameter("flag")
    node.aws.cloud.put_parameter("flag", "first")
    pod = node.new_account()
    assert node.files(pinned, pod) == {"flag": b"first"}
    node.aws.cloud.remove_parameter("flag")
    node.aws.cloud.put_parameter("flag", "second")
    assert node.files(pinned, pod) == {"flag": b"second"}


def test_a_bad_token_fails_its_own_pod_alone(node: World) -> None:
    """Pods of one service account wait for the same credentials; the first has the bad token."""
    account = node.new_account()
    node.aws.faults.inject(faults.late(0.2), service="sts")
    with ThreadPoolExecutor(4) as kubelet:
        bad = kubelet.submit(mount_with_token, node, account, "no.good.token")
        eventually(lambda: node.aws.journal.count(service="sts") == 1, "it asks for credentials")
        pods = [replace(account, uid=str(uuid4())) for _ in range(3)]
        good = [kubelet.submit(node.promptly, DB, pod) for pod in pods]
        assert [mount.result() for mount in good] == [{"db": b"value"}] * 3
        assert bad.result() is grpc.StatusCode.UNAUTHENTICATED


def test_a_bad_token_drops_no_credentials_that_others_use(node: World) -> None:
    account = node.new_account()
    node.promptly(DB, account)
    node.aws.journal.clear()
    mount_with_token(node, replace(account, uid=str(uuid4())), "no.good.token")
    assert node.promptly(DB, replace(account, uid=str(uuid4()))) == {"db": b"value"}
    assert node.aws.journal.count(service="sts") <= 1


def mount_with_token(world: World, pod: Pod, token: str) -> grpc.StatusCode:
    """The code of a mount with this token instead of the pod's own."""
    request = world.driver.request(pod, {"objects": DB})
    attributes: dict[str, Any] = json.loads(request.attributes)
    tokens: Mapping[str, Any] = {STS_AUDIENCE: {"token": token, "expirationTimestamp": ""}}
    request.attributes = json.dumps(attributes | {TOKENS: json.dumps(tokens)})
    with grpc.insecure_channel(f"unix:{world.socket}") as channel:
        stub = CSIDriverProviderStub(channel)  # type: ignore[no-untyped-call]  # generated
        try:
            answer: pb.MountResponse = stub.Mount(request, timeout=20)
        except grpc.RpcError as error:
            code: grpc.StatusCode = error.code()
            return code
    assert answer.files
    return grpc.StatusCode.OK


def test_a_mount_that_nobody_waits_for_any_more_leaves_nothing_behind(node: World) -> None:
    node.promptly(DB)
    before = usage(node.pid)
    node.aws.faults.inject(faults.hang(), target="gone")
    node.aws.cloud.put_secret("gone", "value")
    with grpc.insecure_channel(f"unix:{node.socket}") as channel:
        stub = CSIDriverProviderStub(channel)  # type: ignore[no-untyped-call]  # generated
        pods = [Pod(uid=str(uuid4())) for _ in range(20)]
        parameters = {"objects": DB.replace("db", "gone")}
        calls = [stub.Mount.future(node.driver.request(pod, parameters)) for pod in pods]
        eventually(lambda: "gone" in [call.target for call in node.aws.journal.calls], "a call")
        for call in calls:
            call.cancel()
    assert node.promptly(DB) == {"db": b"value"}
    eventually(lambda: usage(node.pid).files <= before.files + 6, "connections are closed")
