"""The commands for classes, each once, as users run them; and mounts by hand."""

import os
import subprocess
import sys

from demo.screen import Screen
from demo.stage import Stage
from testbed.provider_process import ROOT
from testbed.tokens import STS_AUDIENCE, issue_token

TRUST = "--trust irsa --oidc-provider https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE"
CLASS = "irsa-example"


def each_once(stage: Stage, screen: Screen) -> None:
    """The tools for classes

    They are in the image and in the package.
    """

    def show(
        why: str, line: str, *expected: str, start: str = "", code: int = 0, indent: int = 99
    ) -> None:
        """Run a command, show what is not indented more from a line on, and check words in it."""
        screen.heading(line.partition(" ")[0], why)
        screen.command(f"    $ secrets-provider-aws {line}")
        command = [sys.executable, "-m", "provider", *line.split(" ")]
        done = subprocess.run(  # noqa: S603
            command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
        )
        lines = [one for one in done.stdout.splitlines() if one[: indent + 1].strip()]
        starts = (at for at, one in enumerate(lines) if one.lstrip().startswith(start))
        screen.excerpt(lines[next(starts, 0) :])
        is_so = done.returncode == code and all(word in done.stdout for word in expected)
        screen.check(f"exit code {code}, and what it prints", is_so, done)

    show("finds mistakes before a pod does", "validate demo/broken.yaml", "3 errors", code=1)
    why = "shows identity, calls and files of a class"
    show(why, "explain deploy/examples/csi-failover.yaml", "dbusername", start="Calls")
    why = "prints the policy that a class needs"
    policy = f"iam-policy deploy/examples/irsa.yaml {TRUST}"
    show(why, policy, ":secret:example/database-??????", f"default:{CLASS}", start='"Action"')
    why = "makes a class from manifests of External Secrets Operator"
    show(why, "convert demo/external-secret.yaml", "path: password", start="objects:")
    why = "asks the daemon as the driver does, without a pod"
    show(why, f"{_mount_command(stage)} --dry-run", "example_database", "Nothing written")
    why = "shows what is mounted on the node, and what fails"
    show(why, _status_command(stage), "live mounts", "default/missing-things", indent=0)


def _status_command(stage: Stage) -> str:
    return f"status --socket {stage.socket.with_name('.aws-status')}"


def _mount_command(stage: Stage) -> str:
    """The command by which people ask the running daemon."""
    output, token = os.path.relpath(stage.output), stage.output / "token"
    token.touch(mode=0o600)
    token.write_text(issue_token("default", CLASS, lifetime=24 * 3600))
    return (
        f"mount -f deploy/examples/irsa.yaml -o {output}/by-hand --socket {stage.socket} "
        f"--service-account {CLASS} --token {STS_AUDIENCE}={output}/token"
    )


def by_hand(stage: Stage, screen: Screen) -> None:
    """Everything stays up until Ctrl-C

    Paste these in another terminal, here.
    """
    screen.heading("# mount a class, as the driver does")
    screen.command(f".venv/bin/secrets-provider-aws {_mount_command(stage)}")
    screen.heading("# show what is mounted on the node")
    screen.command(f".venv/bin/secrets-provider-aws {_status_command(stage)}")
    screen.heading("# read metrics and log")
    log = os.path.relpath(stage.process.log)
    screen.command(f"curl -s {stage.process.web}/metrics; tail -f {log}")
