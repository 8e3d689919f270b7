"""The demo's own judgement: what it takes for due, and what it would cry out about.

The demo itself runs in `make check`.
"""

import io
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from rich.console import Console

from demo import node, stage
from demo.cluster import read_applications, read_folder, summaries
from demo.due import EXAMPLES, Calls, Due, File, wrong_calls, wrong_files
from demo.samples import SERVICE, owner_headers
from demo.screen import MASK, Screen, calls_text
from demo.stage import BROKEN, FOLDER
from demo.wire import Wire
from testbed.driver import Mounted
from testbed.http import Reply, Request, Server

CANARY = b"canary-8b1f"
DUE = Due({"db": File(CANARY, "7")}, Calls())
MOUNTED = Mounted({"db": CANARY}, {"db": 0o644}, {"db": "7"})


@pytest.fixture
def screen() -> Screen:
    return Screen(console=Console(file=io.StringIO(), width=100))


def text_of(screen: Screen) -> str:
    assert isinstance(screen.console.file, io.StringIO)
    return screen.console.file.getvalue()


def test_something_is_due_for_every_class_of_the_examples() -> None:
    applications = read_folder(FOLDER)
    assert {one.name for one in applications} <= EXAMPLES.keys()
    assert {one.file.name for one in applications} <= summaries(FOLDER / "README.md").keys()


def test_every_pod_has_an_identity_and_a_uid_of_its_own() -> None:
    applications = [*read_folder(FOLDER), *read_applications(BROKEN)]
    assert len({one.pod.uid for one in applications}) == len(applications)
    for one in applications:
        assert one.uses_pod_identity == (one.role is None and "roleArn" not in one.parameters)


def test_what_is_as_due_is_not_wrong() -> None:
    assert list(wrong_files(DUE, MOUNTED)) == []
    assert list(wrong_calls(Calls(a=1), Calls(a=1, b=0))) == []


@pytest.mark.parametrize(
    ("mounted", "told"),
    [
        pytest.param(Mounted({}, {}, {}), "db: expected a file, came nothing", id="missing file"),
        pytest.param(
            Mounted({"db": CANARY, "x": b""}, {"db": 0o644, "x": 0}, {"db": "7"}),
            "x: expected nothing, came a file",
            id="surplus file",
        ),
        pytest.param(
            replace(MOUNTED, files={"db": CANARY + b"!"}),
            "db: expected 11 bytes, came 12 bytes",
            id="other size",
        ),
        pytest.param(
            replace(MOUNTED, files={"db": CANARY[::-1]}),
            "db: expected 11 bytes, came 11 bytes of another text",
            id="other content",
        ),
        pytest.param(
            replace(MOUNTED, modes={"db": 0o400}), "db: expected mode 0644, came 0400", id="mode"
        ),
        pytest.param(
            replace(MOUNTED, versions={"db": "8"}), "db: expected version 7, came 8", id="version"
        ),
        pytest.param(
            replace(MOUNTED, versions={"db": "7", "x": "1"}),
            "x: expected version None, came 1",
            id="version of nothing",
        ),
    ],
)
def test_a_difference_is_told_without_a_value(mounted: Mounted, told: str) -> None:
    assert list(wrong_files(DUE, mounted)) == [told]


def test_calls_too_many_and_too_few_are_told() -> None:
    assert list(wrong_calls(Calls(a=1), Calls(b=2))) == [
        "a: expected 1 calls, came 0",
        "b: expected 0 calls, came 2",
    ]


def test_what_is_wrong_is_remembered_for_the_exit_code(screen: Screen) -> None:
    screen.check("all well", [])
    screen.check("files", ["db: gone"])
    assert screen.checked == 2
    assert screen.wrong == ["files: db: gone"]
    assert "✗ files" in text_of(screen)


@pytest.mark.parametrize("reveal", [False, True], ids=["masked", "revealed"])
def test_values_are_shown_only_when_asked_for(screen: Screen, reveal: bool) -> None:
    screen.reveal = reveal
    screen.files(MOUNTED)
    assert (CANARY.decode() in text_of(screen)) == reveal
    assert (MASK in text_of(screen)) != reveal


def test_what_a_value_holds_cannot_move_the_cursor(screen: Screen) -> None:
    screen.reveal = True
    assert screen.value(b"\x1b[2Jx\n") == "·[2Jx·"


def test_calls_are_told_by_region_with_those_that_got_lost() -> None:
    calls = Calls({"Get eu-west-1": 2, "Put eu-west-1": 1, "Get eu-west-2": 1})
    lost = Calls({"Get eu-west-1": 2})
    assert calls_text(calls, lost) == "eu-west-1: Get ×2 (no answer), Put; eu-west-2: Get"


class TestOutput:
    def test_another_folder_is_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "thesis.txt").touch()
        with pytest.raises(stage.NotOurs, match="--output"):
            stage.make_empty(tmp_path)
        assert (tmp_path / "thesis.txt").exists()

    def test_what_an_earlier_run_left_goes(self, tmp_path: Path) -> None:
        output = tmp_path / "demo-output"
        stage.make_empty(output)
        (output / "old").touch()
        stage.make_empty(output)
        assert not (output / "old").exists()


class TestDaemon:
    def test_one_that_does_not_start_is_told_with_its_log(self, tmp_path: Path) -> None:
        process = node.DaemonProcess(["--no-such-flag"], node.environment("", ""), tmp_path / "log")
        with pytest.raises(node.NotStarted, match="no-such-flag"), process:
            pass

    def test_its_environment_leads_nowhere_else(self) -> None:
        mine = {"PATH": "/bin", "AWS_PROFILE": "prod", "https_proxy": "x", "NO_PROXY": "y"}
        assert node.without_ambient(mine) == {"PATH": "/bin"}


class TestWire:
    @pytest.fixture
    def asked(self) -> list[Request]:
        return []

    @pytest.fixture
    def wire(self, asked: list[Request]) -> Iterator[Wire]:
        def answer(request: Request) -> Reply:
            asked.append(request)
            return Reply(200, b"{}")

        with Server(answer) as moto:
            address = urlsplit(moto.url)
            assert address.hostname
            assert address.port
            with Wire((address.hostname, address.port)) as wire:
                yield wire

    def get(self, wire: Wire, region: str, name: str = SERVICE.name) -> Any:
        headers = owner_headers("secretsmanager.GetSecretValue", region, "1")
        body = json.dumps({"SecretId": name}).encode()
        url = wire.endpoint.replace("{region}", region)
        with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=5) as reply:
            return json.load(reply)

    def test_a_call_is_passed_on_and_counted(self, wire: Wire, asked: list[Request]) -> None:
        assert self.get(wire, "eu-west-1") == {}
        assert asked[0].path == "/"
        [call] = wire.journal.calls
        assert (call.operation, call.region, call.identity, call.target, call.status) == (
            "GetSecretValue",
            "eu-west-1",
            "OWNER",
            SERVICE.name,
            200,
        )

    def test_an_arn_leads_to_its_account(self, wire: Wire, asked: list[Request]) -> None:
        arn = "arn:aws:secretsmanager:eu-west-1:444455556666:secret:x-AbCdEf"
        self.get(wire, "eu-west-1", arn)
        self.get(wire, "eu-west-1")
        accounts = [request.headers["x-moto-account-id"] for request in asked]
        assert accounts == ["444455556666", "111122223333"]

    def test_a_region_that_is_cut_off_breaks_connections_and_others_do_not(
        self, wire: Wire, asked: list[Request]
    ) -> None:
        wire.cut["eu-west-1"] = "reset"
        with pytest.raises(ConnectionResetError):
            self.get(wire, "eu-west-1")
        self.get(wire, "eu-west-2")
        assert len(asked) == 1
        assert [call.status for call in wire.journal.calls] == [0, 200]
