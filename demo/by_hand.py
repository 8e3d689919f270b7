"""`--keep`: everything stays up, and people mount by hand."""

import contextlib
import os
import signal
from pathlib import Path

from demo.screen import Screen
from demo.stage import Stage
from testbed.examples import FOLDER, PRIMARY, login
from testbed.tokens import STS_AUDIENCE, issue_token

LIFETIME = 24 * 3600.0
"""Seconds for which the token is valid."""
_CLASS = "irsa-example"


def explain(stage: Stage, screen: Screen) -> None:
    """Print commands to paste, then wait for Ctrl-C."""
    rotations = iter(range(1, 1_000_000))

    def rotate(*_: object) -> None:
        value = login(f"by-hand-{next(rotations)}")
        stage.aws.cloud.put_secret("example/database", value, region=PRIMARY)

    signal.signal(signal.SIGUSR1, rotate)
    screen.title("Everything stays up until Ctrl-C", "Paste these in another terminal, here.")
    for what, command in _commands(stage).items():
        screen.say()
        screen.say(f"# {what}", "dim")
        screen.command(command)
    screen.say()
    screen.say("Ctrl-C stops everything; the files stay.", "bold")
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            signal.pause()


def mount_arguments(stage: Stage) -> list[str]:
    """The arguments by which `secrets-provider-aws mount` asks the running daemon."""
    token = stage.output / "token"
    token.touch(mode=0o600)
    token.write_text(issue_token("default", _CLASS, lifetime=LIFETIME))
    return [
        *("-f", _short(FOLDER / "irsa.yaml"), "-o", f"{_short(stage.output)}/by-hand"),
        *("--socket", str(stage.socket), "--service-account", _CLASS),
        *("--token", f"{STS_AUDIENCE}={_short(token)}"),
    ]


def _commands(stage: Stage) -> dict[str, str]:
    grpcurl = "grpcurl -plaintext -import-path protos -proto provider/v1alpha1/service.proto"
    return {
        "mount a class, as the driver does": (
            f".venv/bin/secrets-provider-aws mount {' '.join(mount_arguments(stage))}"
        ),
        "give example/database a new value, then mount again": f"kill -USR1 {os.getpid()}",
        "call Version": f"{grpcurl} unix://{stage.socket} v1alpha1.CSIDriverProvider/Version",
        "read metrics and log": (
            f"curl -s {stage.daemon.web}/metrics; tail -f {_short(stage.output)}/daemon.log"
        ),
    }


def _short(path: Path) -> str:
    """The path relative to the current folder, where it is below."""
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
