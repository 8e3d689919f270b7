"""Whatever happens in a mount, the driver gets an answer that it deals with well."""

import inspect
import io
import json
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest

from provider import errors, log
from provider.csi.status.mount_registry import Book
from provider.runtime.metrics import Metrics
from provider.csi.server.barrier import Barrier
from provider.server.callers import Callers
from provider.server.connections import Connections
from provider.csi.server.grpc_server import server_maker
from provider.server.pool import MountPool
from provider.csi.server.servicer import Servicer
from tests.csi.server.driver import CANARY, driver, failure, mount, mount_request
from tests.csi.server.stub import StubMounter

FORBIDDEN = {
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.ABORTED,
}

ERRORS = [
    name
    for name, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.ProviderError)
]


class Door:
    """The server in this process, on a real socket, with what it logs and counts."""

    def __init__(self, path: Path, timeout: float) -> None:
        self.path = path
        self.counted: list[tuple[str, str]] = []
        self.stream = io.StringIO()
        log.set_up("debug", "json", self.stream)
        self.pool = MountPool(2, 10)
        self.book = Book(Path("/nowhere"))
        servicer = Servicer(StubMounter(), default_region=None, max_response_bytes=4 * 2**20)
        self.barrier = Barrier(
            servicer, self.pool, timeout=timeout, book=self.book, count=self._count
        )
        connections = Connections(path, Callers({0}))
        self._server = server_maker(self.barrier.mount, self.pool, connections)()
        self._server.add_insecure_port(f"unix:{path}")
        self._server.start()

    def _count(self, outcome: str, reason: str, _seconds: float) -> None:
        self.counted.append((outcome, reason))

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    def close(self) -> None:
        self._server.stop(None).wait()
        self.pool.shutdown()


@pytest.fixture
def door(volume: Path, request: pytest.FixtureRequest) -> Iterator[Door]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    one = Door(volume / "aws.sock", timeout=getattr(request, "param", 60.0))
    yield one
    one.close()
    root.handlers[:], root.level = before
    logging.getLogger("provider").setLevel(logging.NOTSET)


@pytest.mark.parametrize("name", ERRORS)
def test_every_error_of_ours_has_its_status_and_text(door: Door, name: str) -> None:
    code, text = failure(door.path, f"fail-{name}")
    assert code.name == getattr(errors, name).status
    assert code not in FORBIDDEN
    assert text.startswith("so it is [id ")
    assert door.counted == [("failed", name)]


@pytest.mark.parametrize("what", ["bug", "exit", "unversioned"])
def test_a_fault_of_ours_is_internal_with_an_id_that_the_log_explains(
    door: Door, what: str
) -> None:
    code, text = failure(door.path, what)
    assert code is grpc.StatusCode.INTERNAL
    assert door.counted == [("failed", "InternalFault")]
    fault = next(line for line in door.lines if line["message"] == "fault")
    assert text.endswith(f"[id {fault['id']}]")
    assert any("provider/server/barrier.py" in line for line in fault["traceback"])


def test_no_token_gets_out(door: Door) -> None:
    _, text = failure(door.path, "bug")
    mount(door.path)
    assert CANARY not in text
    assert CANARY not in door.stream.getvalue()


def test_a_status_that_is_not_among_the_good_ones_becomes_internal(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    for status in ("UNAVAILABLE", "OK", "nonsense"):
        monkeypatch.setattr(errors.RoleMissing, "status", status)
        assert failure(door.path, "fail-RoleMissing")[0] is grpc.StatusCode.INTERNAL


def test_a_request_that_is_none_is_invalid(door: Door) -> None:
    with driver(door.path) as stub:
        for attributes in ("", "null", "[]", "{", '{"objects": 1}', "\x00"):
            request = mount_request()
            request.attributes = attributes
            with pytest.raises(grpc.RpcError) as caught:
                stub.Mount(request, timeout=20)
            assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_a_huge_request_is_invalid(door: Door) -> None:
    with driver(door.path) as stub:
        request = mount_request()
        request.secrets = "x" * (5 * 2**20)
        with pytest.raises(grpc.RpcError) as caught:
            stub.Mount(request, timeout=20)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_an_answer_over_the_drivers_limit_tells_the_sizes(door: Door) -> None:
    code, text = failure(door.path, "large")
    assert code is grpc.StatusCode.FAILED_PRECONDITION
    assert "has 52429" in text
    assert "accepts 4194304" in text


@pytest.mark.parametrize("door", [0.05], indirect=True)
def test_the_budget_of_a_mount_ends_it(door: Door, volume: Path) -> None:
    with driver(door.path) as stub:
        assert stub.Mount(mount_request("hold", volume / "target")).files


def test_a_mount_ends_before_its_caller_gives_up(door: Door, volume: Path) -> None:
    with driver(door.path) as stub:
        assert stub.Mount(mount_request("hold", volume / "target"), timeout=1).files


@pytest.mark.parametrize("door", [0.001], indirect=True)
def test_a_mount_that_waited_too_long_is_not_begun(door: Door, volume: Path) -> None:
    outcomes = set()
    with driver(door.path) as stub, ThreadPoolExecutor(1):
        for call in [stub.Mount.future(mount_request("hold", volume / "t")) for _ in range(10)]:
            outcomes.add(call.code())
    assert outcomes <= {grpc.StatusCode.OK, grpc.StatusCode.INTERNAL}


def test_the_log_has_one_line_a_mount_and_is_quiet_when_nothing_changed(door: Door) -> None:
    mount(door.path)
    mount(door.path)
    first, second = door.lines
    assert (first["level"], first["message"]) == ("info", "delivered")
    assert (second["level"], second["message"]) == ("debug", "unchanged")
    assert first["pod"] == "default/web-0"
    assert first["class"] == "web-secrets"
    assert first["identity"].startswith("role arn:aws:iam::")
    assert first["files"] == 1
    assert first["id"] == second["id"]
    assert door.counted == [("delivered", ""), ("unchanged", "")]


def test_a_failure_is_one_line_with_reason_and_text(door: Door) -> None:
    failure(door.path, "fail-SecretNotFound")
    (line,) = door.lines
    assert (line["level"], line["message"]) == ("warning", "failed")
    assert (line["reason"], line["error"]) == ("SecretNotFound", "so it is")
    assert line["pod"] == "default/web-0"


def test_the_same_failure_has_the_same_text_at_each_try(door: Door) -> None:
    """Kubernetes counts equal events, and shows differing ones one by one."""
    assert failure(door.path, "bug") == failure(door.path, "bug")


def test_metrics_count_with_the_method_that_the_barrier_takes() -> None:
    Metrics().mounted("failed", "SecretNotFound", 0.1)
