"""What the demo prints and how it ends. `make check` runs the whole demo."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from demo import running, tools
from demo.controller import stage as controller_stage
from demo.controller.story import by_hand
from demo.screen import MASK, Screen, calls_text
from demo.stage import Seen, Stage
from demo.stage import running as node
from testbed.aws import FakeAws
from testbed.cluster import Address
from testbed.cluster_objects import ClusterObjects
from testbed.driver import Mounted
from testbed.journal import Call
from testbed.provider_process import NotStarted, ProviderProcess

CANARY = b"canary-8b1f"
MOUNTED = Mounted({"db": CANARY}, {"db": 0o644}, {"db": "7"})


def call(operation: str, region: str = "eu-west-1") -> Call:
    return Call("secretsmanager", operation, region, "", "", 200, 0.0)


@pytest.fixture
def screen() -> Screen:
    return Screen(console=Console(file=io.StringIO(), width=100))


def text_of(screen: Screen) -> str:
    assert isinstance(screen.console.file, io.StringIO)
    return screen.console.file.getvalue()


def passing(_stage: Stage, screen: Screen) -> None:
    screen.check("fine", True)


def failing(stage: Stage, screen: Screen) -> None:
    seen = stage.mount(stage.applications["irsa-example"])
    screen.check("files", seen.files == ["other"], seen)


def test_a_failed_check_fails_the_demo(screen: Screen, tmp_path: Path) -> None:
    running.Demo("", "", node, [passing, failing], tools.by_hand).play(screen, tmp_path)
    assert len(screen.wrong) == 1
    assert "✗ files" in text_of(screen)
    assert "1 of 2 checks failed" in text_of(screen)


def test_a_demo_whose_checks_pass_succeeds(screen: Screen, tmp_path: Path) -> None:
    running.Demo("", "", node, [passing], tools.by_hand).play(screen, tmp_path)
    assert not screen.wrong
    assert "all 1 checks passed" in text_of(screen)


@pytest.mark.parametrize("reveal", [False, True], ids=["masked", "revealed"])
def test_values_are_shown_only_when_asked_for(screen: Screen, reveal: bool) -> None:
    screen.reveal = reveal
    screen.files(MOUNTED)
    assert (CANARY.decode() in text_of(screen)) == reveal
    assert (MASK in text_of(screen)) != reveal


def test_a_value_cannot_move_the_cursor(screen: Screen) -> None:
    screen.reveal = True
    assert screen.value(b"\x1b[2Jx\n") == "·[2Jx·"


def test_differences_are_named_without_values() -> None:
    seen = Seen(MOUNTED, 0.1, [call("GetSecretValue")])
    assert str(seen) == "['db'], ['GetSecretValue eu-west-1']"
    assert not seen.is_refused("INTERNAL")


@pytest.mark.parametrize("is_real", [False, True], ids=["emulated", "real API server"])
def test_kubectl_is_named_only_where_it_works(
    screen: Screen, tmp_path: Path, is_real: bool
) -> None:
    kubeconfig = tmp_path / "kubeconfig" if is_real else Path()
    (tmp_path / "kubeconfig").touch()
    cluster = ClusterObjects("", Address("", Path(), "", kubeconfig), "")
    process = ProviderProcess([], {}, tmp_path / "controller.log")
    by_hand(controller_stage.Stage(process, 0.0, cluster, FakeAws()), screen)
    assert ("get es -A" in text_of(screen)) == is_real
    assert "secrets-provider-aws status" in text_of(screen)


def test_calls_are_listed_by_region() -> None:
    calls = [call("Get"), call("Put"), call("Get"), call("Get", "eu-west-2")]
    assert calls_text(calls) == "eu-west-1: Get ×2, Put; eu-west-2: Get"


def test_a_daemon_that_does_not_start_is_reported_with_its_log(tmp_path: Path) -> None:
    daemon = ProviderProcess(["--no-such-flag"], running.environment(""), tmp_path / "log")
    with pytest.raises(NotStarted, match="no-such-flag"), daemon:
        daemon.wait_until_logged("serving", 60)


def test_the_environment_of_the_daemon_leads_nowhere_else() -> None:
    mine = {"PATH": "/bin", "AWS_PROFILE": "prod", "https_proxy": "x", "NO_PROXY": "y"}
    assert running.without_ambient(mine) == {"PATH": "/bin"}
