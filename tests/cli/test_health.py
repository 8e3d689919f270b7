"""`health`: an exec probe of the daemon."""

import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from provider.csi.config import Config
from provider.tools import health
from tests.cli.conftest import Run
from tests.csi.server.process import Process


def test_its_defaults_are_those_of_the_daemon() -> None:
    config = Config()
    assert config.provider_volume == health.PROVIDER_VOLUME
    assert config.socket_name == health.SOCKET_NAME


def test_no_daemon_is_one_line_and_exit_code_1(command: Run, tmp_path: Path) -> None:
    result = command("health", f"--provider-volume={tmp_path}")
    assert (result.code, result.out) == (1, "")
    assert result.err == (
        f"secrets-provider-aws health: there is no socket at {tmp_path / 'aws.sock'}\n"
    )


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[socket.socket]:
    """A socket that accepts connections and does nothing."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "a.sock"))
        listener.listen()
        yield listener


def test_a_daemon_that_hangs_is_unhealthy(
    command: Run, tmp_path: Path, listening: socket.socket
) -> None:
    result = command("health", "--socket", tmp_path / "a.sock", "--timeout", "50ms")
    assert (result.code, result.err.count("\n")) == (1, 1)


def test_a_daemon_that_answers_is_healthy(command: Run) -> None:
    with tempfile.TemporaryDirectory(prefix="sp-") as folder:
        process = Process(Path(folder))
        try:
            result = command("health", "--socket", process.serving().socket)
        finally:
            process.close()
    assert (result.code, result.out, result.err) == (0, "the daemon answers\n", "")


def test_a_time_that_is_none_is_refused(command: Run) -> None:
    assert command("health", "--timeout", "0s").code == 2
