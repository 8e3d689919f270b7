"""The commands around a class, each once, as users run them; and mounts by hand."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from demo.process import ROOT, without_ambient
from demo.screen import Screen
from demo.stage import Stage
from testbed.examples import FOLDER
from testbed.tokens import STS_AUDIENCE, issue_token

TIMEOUT = 30.0
TOKEN_LIFETIME = 24 * 3600.0
TRUST = "--trust irsa --oidc-provider https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE"
CLASS = "irsa-example"


class Command(NamedTuple):
    """A command, words that it must print, and the line from which its output is shown."""

    why: str
    line: str
    expected: Sequence[str]
    start: str = ""
    code: int = 0
    indented: bool = True
    """Whether indented lines are shown."""


COMMANDS = (
    Command(
        "finds mistakes before a pod does",
        "validate demo/broken.yaml",
        ["demo/broken.yaml:12:21: error", "3 errors"],
        code=1,
    ),
    Command(
        "shows identity, calls and files of a class",
        "explain deploy/examples/csi-failover.yaml",
        ["secretsmanager:GetSecretValue", "dbusername", "0644"],
        start="Calls",
    ),
    Command(
        "prints the policy that a class needs",
        f"iam-policy deploy/examples/irsa.yaml {TRUST}",
        [":secret:example/database-??????", "system:serviceaccount:default:irsa-example"],
        start='"Action"',
    ),
    Command(
        "makes a class of manifests of the External Secrets Operator",
        "convert demo/external-secret.yaml",
        ["kind: SecretProviderClass", "path: password", "secretName: orders"],
        start="objects:",
    ),
    Command(
        "asks the daemon as the driver does, without a pod",
        "{mount} --dry-run",
        ["example_database", "Nothing written"],
    ),
    Command(
        "shows what is mounted on the node, and what fails",
        "status --socket {status}",
        ["live mounts", "default/missing-things"],
        indented=False,
    ),
)


def each_once(stage: Stage, screen: Screen) -> None:
    """Run all commands."""
    screen.title("The tools around a class", "The image holds them, and so does the package.")
    status = str(stage.socket.with_name(".aws-status"))
    for command in COMMANDS:
        line = command.line.format(mount=_mount_command(stage), status=status)
        screen.heading(line.partition(" ")[0], command.why)
        screen.command(f"    $ secrets-provider-aws {line}")
        done = _run(line.split(" "))
        lines = [one for one in done.stdout.splitlines() if one.strip()]
        lines = [one for one in lines if command.indented or not one.startswith(" ")]
        starts = (at for at, one in enumerate(lines) if one.lstrip().startswith(command.start))
        screen.excerpt(lines[next(starts, 0) :])
        is_printed = all(word in done.stdout for word in command.expected)
        what = f"exit code {command.code}, and what it prints"
        screen.check(what, is_printed and done.returncode == command.code, done)


def _run(arguments: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603 (our own module)
        [sys.executable, "-m", "provider", *arguments],
        cwd=ROOT,
        env=without_ambient(os.environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


def _mount_command(stage: Stage) -> str:
    """The command by which people ask the running daemon."""
    token = stage.output / "token"
    token.touch(mode=0o600)
    token.write_text(issue_token("default", CLASS, lifetime=TOKEN_LIFETIME))
    return (
        f"mount -f {_short(FOLDER / 'irsa.yaml')} -o {_short(stage.output)}/by-hand "
        f"--socket {stage.socket} --service-account {CLASS} --token {STS_AUDIENCE}={_short(token)}"
    )


def by_hand(stage: Stage, screen: Screen) -> None:
    """Print commands to paste."""
    screen.title("Everything stays up until Ctrl-C", "Paste these in another terminal, here.")
    for what, command in {
        "mount a class, as the driver does": (
            f".venv/bin/secrets-provider-aws {_mount_command(stage)}"
        ),
        "read metrics and log": (
            f"curl -s {stage.daemon.web}/metrics; tail -f {_short(stage.output)}/daemon.log"
        ),
    }.items():
        screen.heading(f"# {what}")
        screen.command(command)


def _short(path: Path) -> str:
    """The path relative to the current folder, if it is below."""
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
