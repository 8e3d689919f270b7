"""`--keep`: the set-up stays, and people mount by themselves."""

import contextlib
import json
import os
import shlex
import signal
from pathlib import Path

from google.protobuf.json_format import MessageToJson

from demo.samples import DATABASE, PRIMARY, owner_headers
from demo.screen import Screen
from demo.stage import FOLDER, Stage
from testbed.tokens import STS_AUDIENCE, issue_token

LIFETIME = 24 * 3600.0
"""Seconds that the token for trying out is good for."""
_CLASS = "irsa-example"
_SERVICE = "v1alpha1.CSIDriverProvider"


def explain(stage: Stage, screen: Screen) -> None:
    """Say how, then wait for Ctrl-C."""
    screen.title("The set-up stays until Ctrl-C", "Paste away, in another terminal at this place.")
    for what, command in _commands(stage).items():
        screen.say("")
        screen.say(f"# {what}", "dim")
        screen.command(command)
    screen.say("")
    screen.say(f"The daemon is process {stage.daemon.pid}:", "dim")
    screen.command(stage.daemon.command)
    screen.say("")
    screen.say("Ctrl-C stops it all; the files stay.", "bold")
    with contextlib.suppress(KeyboardInterrupt):
        signal.pause()


def mount_arguments(stage: Stage) -> list[str]:
    """Those of `secrets-provider-aws mount` by which the running daemon mounts a class."""
    target, token = f"{_short(stage.output)}/by-hand", _write_token(stage)
    return [
        *("-f", _short(FOLDER / "irsa.yaml"), "-o", target, "--socket", str(stage.socket)),
        *("--service-account", _CLASS, "--token", f"{STS_AUDIENCE}={token}"),
    ]


def _commands(stage: Stage) -> dict[str, str]:
    request = _write_request(stage)
    output, socket = _short(stage.output), f"unix://{stage.socket}"
    grpcurl = "grpcurl -plaintext -import-path protos -proto provider/v1alpha1/service.proto"
    return {
        "mount a class, as the driver does": (
            f".venv/bin/secrets-provider-aws mount {' '.join(mount_arguments(stage))}"
        ),
        f"give {DATABASE.name} a new value, and mount again": _rotation(stage),
        "ask the daemon who it is": f"{grpcurl} {socket} {_SERVICE}/Version",
        "mount by bare gRPC": f"{grpcurl} -d @ {socket} {_SERVICE}/Mount < {request}",
        "what the daemon counts, and what it logs": (
            f"curl -s {stage.daemon.web}/metrics; tail -f {output}/daemon.log"
        ),
    }


def _write_token(stage: Stage) -> str:
    token = stage.output / "token"
    token.touch(mode=0o600)
    token.write_text(issue_token("default", _CLASS, audience=STS_AUDIENCE, lifetime=LIFETIME))
    return _short(token)


def _write_request(stage: Stage) -> str:
    app = stage.application(_CLASS)
    request = stage.output / "mount-request.json"
    request.touch(mode=0o600)
    attributes = {**app.parameters, "secretProviderClass": app.name}
    request.write_text(MessageToJson(stage.driver.request(app.pod, attributes)))
    return _short(request)


def _rotation(stage: Stage) -> str:
    headers = owner_headers("secretsmanager.PutSecretValue", PRIMARY, DATABASE.account)
    options = [f"-H {shlex.quote(f'{name}: {value}')}" for name, value in headers.items()]
    body = json.dumps({"SecretId": DATABASE.name, "SecretString": "by hand"})
    return f"curl -s {stage.around.owner.url} {' '.join(options)} -d {shlex.quote(body)}"


def _short(path: Path) -> str:
    """As seen from here, where it lies below."""
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
