"""The tools around a class: each command once, as users run it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from demo.by_hand import mount_arguments
from demo.node import ROOT, without_ambient
from demo.samples import DATABASE, LONDON
from demo.screen import Screen
from demo.stage import BROKEN, FOLDER, Stage

ESO = ROOT / "demo/external-secret.yaml"
CLUSTER = "https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE"
"""Issuer of the cluster's service account tokens."""

_MOST_LINES = 8
_LONGEST = 30.0
"""Seconds after which a command must have hung."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str


def each_once(stage: Stage, screen: Screen) -> None:
    """What needs no cluster first, then what asks the daemon."""
    screen.title(
        "The tools around a class",
        "The image holds them, and so does the Python package: for the desk, for CI, for the node.",
    )
    _validate(screen)
    _explain(screen)
    _iam_policy(screen)
    _convert(screen)
    _schema(screen)
    _completion(screen)
    _mount(stage, screen)
    _status(stage, screen)


def _validate(screen: Screen) -> None:
    screen.heading("validate", "finds in a pull request what would keep a pod from starting")
    ran = _run(screen, "validate", _short(BROKEN))
    _show(screen, ran.out.splitlines())
    place = f"{_short(BROKEN)}:12:21: error"
    screen.check("exit code 1, with file, line and column", _wrong(ran, 1, place, "3 errors"))
    ran = _run(screen, "validate", "--quiet", _short(FOLDER))
    screen.check("exit code 0 for all of deploy/examples", _wrong(ran, 0))


def _explain(screen: Screen) -> None:
    screen.heading("explain", "tells identity, calls and files of a class that nobody has applied")
    ran = _run(screen, "explain", _short(FOLDER / "csi-failover.yaml"))
    _show(screen, _part(ran.out, "Calls"))
    files = f"secretsmanager:GetSecretValue    {LONDON}", "dbusername", "0644"
    screen.check("exit code 0, with calls, files and modes", _wrong(ran, 0, *files))


def _iam_policy(screen: Screen) -> None:
    screen.heading("iam-policy", "grants what the class reads and nothing more, so nobody guesses")
    trust = "--trust", "irsa", "--oidc-provider", CLUSTER
    ran = _run(screen, "iam-policy", _short(FOLDER / "irsa.yaml"), *trust)
    _show(screen, _part(ran.out, '"Action"'))
    needed = f":secret:{DATABASE.name}-??????", "system:serviceaccount:default:irsa-example"
    screen.check("exit code 0, with policy and trust policy", _wrong(ran, 0, *needed))


def _convert(screen: Screen) -> None:
    screen.heading("convert", "takes over what the External Secrets Operator has delivered so far")
    ran = _run(screen, "convert", _short(ESO))
    _show(screen, _part(ran.out, "objects:"))
    needed = "kind: SecretProviderClass", "path: password", "secretName: orders"
    screen.check("exit code 0, with a class and its secretObjects", _wrong(ran, 0, *needed))


def _schema(screen: Screen) -> None:
    screen.heading("schema", "lets editors complete and check a class while it is written")
    ran = _run(screen, "schema")
    size = f"a JSON schema of {len(ran.out.encode())} bytes"
    screen.check(f"exit code 0, with {size}", [*_wrong(ran, 0, "$schema"), *_not_json(ran)])


def _completion(screen: Screen) -> None:
    screen.heading(
        "completion", "offers commands and options at the Tab key, so nobody looks them up"
    )
    ran = _run(screen, "completion", "bash")
    _show(screen, ran.out.splitlines(), most=3)
    screen.check("exit code 0, with a script for bash", _wrong(ran, 0, "complete -", "iam-policy"))


def _mount(stage: Stage, screen: Screen) -> None:
    screen.heading("mount", "asks the daemon as the driver does, without a pod, and writes nothing")
    stage.mounts_by_tools.append("irsa-example")
    ran = _run(screen, "mount", *mount_arguments(stage), "--dry-run")
    _show(screen, ran.out.splitlines())
    needed = "example_database", "Nothing written"
    wrong = [*_wrong(ran, 0, *needed)]
    if (stage.output / "by-hand").exists():
        wrong.append("expected no folder, came one")
    screen.check("exit code 0, with the file that would be written", wrong)


def _status(stage: Stage, screen: Screen) -> None:
    screen.heading("status", "shows what is mounted on the node and what fails, never a value")
    ran = _run(screen, "status", "--socket", str(stage.socket.with_name(".aws-status")))
    _show(screen, [line for line in ran.out.splitlines() if line and not line.startswith(" ")])
    needed = "live mounts", "default/missing-things"
    screen.check("exit code 0, with all mounts, failing ones first", _wrong(ran, 0, *needed))


def _run(screen: Screen, *arguments: str) -> Ran:
    """Run a command, and show it as one would type it."""
    screen.command(f"    $ secrets-provider-aws {' '.join(arguments)}")
    done = subprocess.run(  # noqa: S603 (our own module)
        [sys.executable, "-m", "provider", *arguments],
        cwd=ROOT,
        env=without_ambient(os.environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_LONGEST,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def _show(screen: Screen, lines: Sequence[str], most: int = _MOST_LINES) -> None:
    """As many lines as one reads in passing."""
    shown = lines if len(lines) <= most else lines[: most - 1]
    screen.excerpt(shown, left_out=len(lines) - len(shown))


def _part(text: str, start: str) -> list[str]:
    """The lines from the first one that begins so, whatever it is indented by."""
    lines = text.splitlines()
    begins = (number for number, line in enumerate(lines) if line.lstrip().startswith(start))
    return lines[next(begins, 0) :]


def _wrong(ran: Ran, code: int, *words: str) -> Iterator[str]:
    """What is wrong about how a command ended, and about what it said."""
    if ran.code != code:
        yield f"expected exit code {code}, came {ran.code}: {ran.err.strip() or ran.out.strip()}"
    for word in words:
        if word not in ran.out:
            yield f'expected "{word}" in the output'


def _not_json(ran: Ran) -> Iterator[str]:
    try:
        json.loads(ran.out)
    except ValueError as error:
        yield f"expected JSON: {error}"


def _short(path: Path) -> str:
    return str(path.relative_to(ROOT))
