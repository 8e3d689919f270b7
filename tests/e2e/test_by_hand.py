"""The command `mount` against the real daemon: as a pod, by its token."""

from pathlib import Path

import pytest

from testbed.tokens import POD_IDENTITY_AUDIENCE, STS_AUDIENCE, issue_token
from tests.cli.conftest import Run
from tests.e2e.world import World
from tests.tools.conftest import CLASS, command, run

__all__ = ["command", "run"]


@pytest.mark.parametrize(
    ("audience", "use_pod_identity"),
    [(STS_AUDIENCE, "false"), (POD_IDENTITY_AUDIENCE, "true")],
    ids=["IRSA", "Pod Identity"],
)
def test_a_token_by_hand_gets_what_the_pod_gets(
    world: World, run: Run, tmp_path: Path, audience: str, use_pod_identity: str
) -> None:
    world.aws.cloud.put_secret("db", "value")
    manifest, token, output = (tmp_path / name for name in ("class.yaml", "token", "out"))
    manifest.write_text(CLASS.format(name="shop", object="db"))
    token.write_text(issue_token(world.namespace, "web", audience=audience, pod="web-1"))
    as_pod = ("-n", world.namespace, "--service-account", "web", "--pod", "web-1")
    arguments = ("-f", manifest, "-o", output, "--socket", world.socket, *as_pod)
    identity = ("--set", f"usePodIdentity={use_pod_identity}")
    without = run(*arguments, *identity)
    assert without.code == 1
    hint = f"--audience {audience} > FILE, then --token {audience}=FILE"
    assert hint in without.err
    assert hint in run(*arguments, *identity, "--token", f"example.com={token}").err
    done = run(*arguments, *identity, "--token", f"{audience}={token}")
    assert done.code == 0, done.err
    assert (output / "db").read_text() == "value"
    assert "1 unchanged" in run(*arguments, *identity, "--token", f"{audience}={token}").out
