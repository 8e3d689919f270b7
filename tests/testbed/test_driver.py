"""The driver-like client, against a provider that answers whatever a test tells it to."""

import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import grpc
import pytest

from provider.v1alpha1 import service_pb2 as pb
from provider.v1alpha1 import service_pb2_grpc as stubs
from testbed.driver import Driver, Mounted, MountRefused, Options, Pod
from testbed.tokens import POD_IDENTITY_AUDIENCE, STS_AUDIENCE, read_token

POD = Pod()
QUICK = Options(pauses=(0.0, 0.0))
TOKENS = "csi.storage.k8s.io/serviceAccount.tokens"

Answer = pb.MountResponse | grpc.StatusCode


class Provider(stubs.CSIDriverProviderServicer):
    """Answers the next of `answers`, the last one for ever."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.requests: list[pb.MountRequest] = []

    def Mount(  # noqa: N802 (gRPC's name)
        self, request: pb.MountRequest, context: grpc.ServicerContext
    ) -> pb.MountResponse:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, grpc.StatusCode):
            context.abort(answer, "no such secret")
        return answer


@pytest.fixture
def socket(tmp_path: Path) -> Path:
    return tmp_path / "aws.sock"


@pytest.fixture
def provider(socket: Path) -> Iterator[Provider]:
    servicer = Provider()
    server = grpc.server(ThreadPoolExecutor(2))
    stubs.add_CSIDriverProviderServicer_to_server(servicer, server)  # type: ignore[no-untyped-call]  # generated
    server.add_insecure_port(f"unix:{socket}")
    server.start()
    yield servicer
    server.stop(None).wait()


Connect = Callable[..., Driver]


@pytest.fixture
def connect(socket: Path, tmp_path: Path, provider: Provider) -> Iterator[Connect]:
    drivers = []

    def make(options: Options = QUICK) -> Driver:
        drivers.append(Driver(socket, tmp_path / "kubelet", options))
        return drivers[-1]

    yield make
    for driver in drivers:
        driver.__exit__()


def answer(
    version: str = "1", error: str = "", mode: int = 0o644, **files: str
) -> pb.MountResponse:
    """An answer; `a__b` is the file `a/b`."""
    return pb.MountResponse(
        object_version=[pb.ObjectVersion(id=path, version=version) for path in files],
        error=pb.Error(code=error) if error else None,
        files=[
            pb.File(path=path.replace("__", "/"), mode=mode, contents=content.encode())
            for path, content in files.items()
        ],
    )


def at(path: str) -> pb.MountResponse:
    """An answer of one file at any path."""
    response = answer(a="1")
    response.files[0].path = path
    return response


def mounted(outcome: Mounted | MountRefused) -> Mounted:
    assert isinstance(outcome, Mounted), outcome
    return outcome


def refused(outcome: Mounted | MountRefused) -> MountRefused:
    assert isinstance(outcome, MountRefused), outcome
    return outcome


def test_the_request_is_what_driver_1_6_sends(provider: Provider, connect: Connect) -> None:
    provider.answers = [answer(db="x")]
    driver = connect()
    driver.mount(POD, {"objects": "class"}, attributes={"objects": "volume"})
    (request,) = provider.requests
    attributes = json.loads(request.attributes)
    tokens = json.loads(attributes.pop(TOKENS))
    assert attributes == {
        "objects": "volume",
        "csi.storage.k8s.io/pod.name": "web-1",
        "csi.storage.k8s.io/pod.namespace": "shop",
        "csi.storage.k8s.io/pod.uid": POD.uid,
        "csi.storage.k8s.io/serviceAccount.name": "web",
        "csi.storage.k8s.io/ephemeral": "true",
        "secretProviderClass": "class",
    }
    assert set(tokens) == {STS_AUDIENCE, POD_IDENTITY_AUDIENCE}
    assert read_token(tokens[STS_AUDIENCE]["token"]).subject == "system:serviceaccount:shop:web"
    assert (request.secrets, request.permission) == ("null", "420")
    assert request.target_path == str(driver.target(POD))


def test_tokens_may_come_as_secrets(provider: Provider, connect: Connect) -> None:
    provider.answers = [answer(db="x")]
    connect(replace(QUICK, tokens_in="secrets")).mount(POD, {})
    (request,) = provider.requests
    assert TOKENS not in json.loads(request.attributes)
    assert TOKENS in json.loads(request.secrets)


def test_driver_1_5_tells_versions_on_rotation(provider: Provider, connect: Connect) -> None:
    provider.answers = [answer(a="x", b="y")]
    driver = connect(replace(QUICK, version="1.5"))
    driver.mount(POD, {})
    driver.mount(POD, {})
    first, again = provider.requests
    assert not first.current_object_version
    assert {one.id for one in again.current_object_version} == {"a", "b"}
    assert "secretProviderClass" not in json.loads(again.attributes)


def test_files_are_written_and_replaced_as_a_whole(provider: Provider, connect: Connect) -> None:
    provider.answers = [
        answer(a="1", dir__b="2", mode=0o400),
        answer(a="1", dir__b="2", mode=0o400),
        answer(version="2", dir__c="3"),
    ]
    driver = connect()
    first = mounted(driver.mount(POD, {}))
    assert first.files == {"a": b"1", "dir/b": b"2"}
    assert first.modes == {"a": 0o400, "dir/b": 0o400}
    assert first.changed
    assert (driver.target(POD) / "a").read_bytes() == b"1"
    assert not mounted(driver.mount(POD, {})).changed
    last = mounted(driver.mount(POD, {}))
    assert last.files == {"dir/c": b"3"}
    assert last.versions == {"dir__c": "2"}
    shown = [one.name for one in driver.target(POD).iterdir() if not one.name.startswith("..")]
    assert shown == ["dir"]


def test_a_volume_that_has_just_changed_is_not_asked_for(
    provider: Provider, connect: Connect
) -> None:
    provider.answers = [answer(a="1"), answer(a="2")]
    driver = connect(replace(QUICK, poll_interval=120.0))
    driver.mount(POD, {})
    assert mounted(driver.mount(POD, {})).files == {"a": b"1"}
    an_hour_ago = time.time() - 3600
    os.utime(driver.target(POD), (an_hour_ago, an_hour_ago))
    assert mounted(driver.mount(POD, {})).files == {"a": b"2"}
    assert len(provider.requests) == 2


def test_no_files_leave_the_volume_as_it_is(provider: Provider, connect: Connect) -> None:
    nothing = pb.MountResponse(object_version=[pb.ObjectVersion(id="a", version="1")])
    provider.answers = [answer(a="1"), nothing]
    driver = connect()
    driver.mount(POD, {})
    assert mounted(driver.mount(POD, {})).files == {"a": b"1"}


@pytest.mark.parametrize(
    ("response", "text"),
    [
        pytest.param(pb.MountResponse(), "missing object versions", id="no versions"),
        pytest.param(answer(error="Why", a="1"), "error code Why", id="error code"),
        pytest.param(at("/a"), "must be relative", id="absolute"),
        pytest.param(at("a/../b"), "must be clean", id="parent"),
        pytest.param(at("..a"), "must not contain", id="dots first"),
        pytest.param(at("a//b"), "must be clean", id="unclean"),
        pytest.param(at("a" * 256), "too long", id="long name"),
        pytest.param(answer(a="1", a__b="2"), "is a file as well", id="file and folder"),
    ],
)
def test_bad_answers_fail_the_mount(
    provider: Provider, connect: Connect, response: pb.MountResponse, text: str
) -> None:
    provider.answers = [response]
    driver = connect()
    outcome = refused(driver.mount(POD, {}))
    assert outcome.code is grpc.StatusCode.UNKNOWN
    assert text in outcome.message
    assert not driver.target(POD).exists()


def test_the_last_of_two_equal_paths_wins(provider: Provider, connect: Connect) -> None:
    twice = answer(a="1")
    twice.files.extend(answer(a="2").files)
    provider.answers = [twice]
    assert mounted(connect().mount(POD, {})).files == {"a": b"2"}


def test_too_large_an_answer_fails(provider: Provider, connect: Connect) -> None:
    provider.answers = [answer(a="x" * 5000)]
    outcome = refused(connect(replace(QUICK, max_receive=4096)).mount(POD, {}))
    assert outcome.code is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_unavailable_is_tried_three_times(provider: Provider, connect: Connect) -> None:
    provider.answers = [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNAVAILABLE, answer(a="1")]
    assert mounted(connect().mount(POD, {})).files == {"a": b"1"}
    assert len(provider.requests) == 3


def test_a_failed_mount_is_told_with_code_and_message(provider: Provider, connect: Connect) -> None:
    provider.answers = [grpc.StatusCode.NOT_FOUND]
    outcome = refused(connect().mount(POD, {}))
    assert outcome == MountRefused(grpc.StatusCode.NOT_FOUND, "no such secret")


def test_a_failed_remount_is_hidden(provider: Provider, connect: Connect) -> None:
    provider.answers = [answer(a="1"), grpc.StatusCode.PERMISSION_DENIED]
    driver = connect()
    driver.mount(POD, {})
    outcome = mounted(driver.mount(POD, {}))
    assert outcome.files == {"a": b"1"}
    assert outcome.hidden == MountRefused(grpc.StatusCode.PERMISSION_DENIED, "no such secret")


@pytest.mark.parametrize(
    "code", ["CANCELLED", "DEADLINE_EXCEEDED", "UNAVAILABLE", "RESOURCE_EXHAUSTED", "ABORTED"]
)
def test_uncertain_codes_end_in_an_empty_volume(
    provider: Provider, connect: Connect, code: str
) -> None:
    provider.answers = [grpc.StatusCode[code]]
    driver = connect()
    refused(driver.mount(POD, {}))
    assert mounted(driver.mount(POD, {})).files == {}


def test_final_codes_stay_failures(provider: Provider, connect: Connect) -> None:
    provider.answers = [grpc.StatusCode.INTERNAL]
    driver = connect()
    refused(driver.mount(POD, {}))
    refused(driver.mount(POD, {}))


def test_a_missing_socket_is_a_failure(tmp_path: Path) -> None:
    with Driver(tmp_path / "none.sock", tmp_path, QUICK) as driver:
        assert refused(driver.mount(POD, {})).code is grpc.StatusCode.UNAVAILABLE
