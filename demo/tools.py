"""The commands around a class, each once, as users run them."""

import os
import subprocess
import sys
from collections.abc import Sequence
from typing import NamedTuple

from demo.by_hand import mount_arguments
from demo.node import ROOT, without_ambient
from demo.screen import Screen
from demo.stage import Stage

TIMEOUT = 30.0
TRUST = "--trust irsa --oidc-provider https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE"


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
        "mount {mount} --dry-run",
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
    places = {
        "mount": " ".join(mount_arguments(stage)),
        "status": str(stage.socket.with_name(".aws-status")),
    }
    for command in COMMANDS:
        line = command.line.format(**places)
        screen.heading(line.partition(" ")[0], command.why)
        screen.command(f"    $ secrets-provider-aws {line}")
        done = _run(line.split(" "))
        screen.excerpt(_shown(command, done.stdout))
        problems = [f'expected "{word}"' for word in command.expected if word not in done.stdout]
        if done.returncode != command.code:
            problems.append(f"got exit code {done.returncode}: {done.stderr or done.stdout}")
        screen.check(f"exit code {command.code}, and what it prints", problems)


def _shown(command: Command, output: str) -> Sequence[str]:
    lines = [line for line in output.splitlines() if line.strip()]
    begins = (at for at, line in enumerate(lines) if line.lstrip().startswith(command.start))
    return [
        line for line in lines[next(begins, 0) :] if command.indented or not line.startswith(" ")
    ]


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
