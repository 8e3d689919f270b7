"""The README's way from nothing to a mounted secret, run with programs that record their calls.

What it creates in AWS and applies to the cluster is made in the fakes, and the real daemon mounts.
"""

import itertools
import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.check_shell import blocks
from testbed.driver import Mounted, Pod
from testbed.tokens import ISSUER
from tests.cli.conftest import Run
from tests.deploy import manifests
from tests.e2e.world import World, a_world
from tests.iam import PolicyRole
from tests.tools.conftest import command

__all__ = ["command"]

README = (manifests.ROOT / "README.md").read_text()
CHART = manifests.DEPLOY / "chart" / "secrets-provider-aws"
ACCOUNT = "444455556666"
WAYS = {"irsa-example": "IRSA", "pod-identity-example": "EKS Pod Identity"}

RECORDER = f"""#!/bin/bash
name=${{0##*/}}
printf '%s\\n' "$(printf '%q ' "$name" "$@")" >> calls  # one write: programs of a pipe run at once
case "$name $1 $2" in
"aws sts get-caller-identity") echo {ACCOUNT} ;;
"aws eks describe-cluster") echo {ISSUER} ;;
"kubectl apply -n") cat > applied.yaml ;;
"docker login --username") cat > /dev/null ;;
esac
"""


class Followed:
    """What somebody did who pasted the blocks for one way to a role."""

    def __init__(self, folder: Path, way: str) -> None:
        self.folder = folder
        for name in ("deploy", "Makefile", "provider"):
            (folder / name).symlink_to(manifests.ROOT / name)
        programs = folder / "programs"
        programs.mkdir()
        (programs / "aws").write_text(RECORDER)
        (programs / "aws").chmod(0o755)
        for name in ("kubectl", "helm", "docker", "eksctl"):
            (programs / name).symlink_to("aws")
        subprocess.run(
            ["bash", "-euo", "pipefail", "-c", _script(way)],
            check=True,
            cwd=folder,
            env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"},
            capture_output=True,
        )
        self.calls = [shlex.split(line) for line in (folder / "calls").read_text().splitlines()]
        self.applied = manifests.documents(folder / "applied.yaml")

    def options(self, *begin: str) -> dict[str, str]:
        """The options of the only call that begins with these words."""
        [call] = [call for call in self.calls if call[: len(begin)] == list(begin)]
        return dict(itertools.pairwise(call))

    def document(self, name: str) -> Any:
        """A JSON file that was written, with its statements unnamed: names are free."""
        found = json.loads((self.folder / name).read_text())
        for statement in found["Statement"]:
            del statement["Sid"]
        return found

    def object(self, kind: str) -> manifests.Document:
        return manifests.only(self.applied, kind)


def _script(way: str) -> str:
    """The blocks of the section, of the last two parts only that of this way."""
    section = README.partition("\n## From nothing to a mounted secret\n")[2].partition("\n## ")[0]
    parts = [block for block in blocks(section) if not block.heading.startswith("3.")]
    parts += [block for block in blocks(section) if block.heading == f"3. Mount it: {way}"]
    return "".join(block.text for block in parts)


@pytest.fixture(scope="module", params=WAYS)
def followed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Followed:
    return Followed(tmp_path_factory.mktemp("clone"), WAYS[request.param])


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with a_world() as made:
        made.aws.cloud.account = ACCOUNT
        yield made.start()


def test_the_pod_shows_the_secret(followed: Followed, world: World) -> None:
    cloud = world.aws.cloud
    secret = followed.options("aws", "secretsmanager", "create-secret")
    cloud.put_secret(secret["--name"], secret["--secret-string"])
    account, pod = followed.object("ServiceAccount")["metadata"], followed.object("Pod")
    role = _role(followed, world)
    annotations = account.get("annotations", {})
    world.kubernetes.put_service_account(
        "default", account["name"], role_arn=annotations.get("eks.amazonaws.com/role-arn")
    )
    world.kubernetes.put_pod("default", pod["metadata"]["name"], node="node-1")
    mounted = world.driver.mount(
        Pod("default", pod["metadata"]["name"], pod["spec"]["serviceAccountName"], role.name),
        followed.object("SecretProviderClass")["spec"]["parameters"],
    )
    assert isinstance(mounted, Mounted), mounted
    [container] = pod["spec"]["containers"]
    [place] = container["volumeMounts"]
    files = {f"{place['mountPath']}/{name}": text for name, text in mounted.files.items()}
    shown = followed.calls[-1]
    assert shown[:5] == ["kubectl", "exec", "-n", "default", pod["metadata"]["name"]]
    assert files[shown[-1]].decode() == secret["--secret-string"]


def _role(followed: Followed, world: World) -> PolicyRole:
    """The role that was created, with its policy and trust."""
    name = followed.options("aws", "iam", "create-role")["--role-name"]
    policy = followed.options("aws", "iam", "create-policy")
    attached = followed.options("aws", "iam", "attach-role-policy")
    assert attached["--role-name"] == name
    assert attached["--policy-arn"] == f"arn:aws:iam::{ACCOUNT}:policy/{policy['--policy-name']}"
    role = PolicyRole(
        f"arn:aws:iam::{ACCOUNT}:role/{name}", policy=followed.document("policy.json")
    )
    world.aws.cloud.roles[role.arn] = role
    [trust] = followed.document("trust.json")["Statement"]
    if "Federated" in trust["Principal"]:
        [subject] = trust["Condition"]["StringEquals"][f"{ISSUER.removeprefix('https://')}:sub"]
        role.trust.add(subject.removeprefix("system:serviceaccount:"))
    else:
        given = followed.options("aws", "eks", "create-pod-identity-association")
        assert given["--role-arn"] == role.arn
        world.aws.cloud.associate(given["--namespace"], given["--service-account"], role)
    return role


def test_the_policies_are_those_that_iam_policy_prints(followed: Followed, command: Run) -> None:
    federated = "Federated" in followed.document("trust.json")["Statement"][0]["Principal"]
    way = (
        ("irsa", "--oidc-provider", ISSUER) if federated else ("pod-identity", "--cluster", "demo")
    )
    manifest = followed.folder / "applied.yaml"
    done = command("iam-policy", manifest, "--account", ACCOUNT, "--trust", *way)
    assert done.code == 0, done.err
    printed = json.loads(re.sub(r'"Sid": "\w+",', "", done.out))
    assert followed.document("policy.json") == printed["policy"]
    assert followed.document("trust.json") == printed["trust"]


def test_what_is_applied_is_valid(followed: Followed, command: Run) -> None:
    done = command("validate", "--strict", followed.folder / "applied.yaml")
    assert done.code == 0, done.out
    assert "111122223333" not in (followed.folder / "applied.yaml").read_text()


def test_the_image_for_both_architectures_is_pushed_and_installed_beside_the_driver(
    followed: Followed,
) -> None:
    build = followed.options("docker", "buildx", "build")
    assert build["--platform"] == "linux/amd64,linux/arm64"
    assert "--push" in build
    pushed_to = followed.options("docker", "login")["--password-stdin"]
    assert build["--tag"].startswith(f"{pushed_to}/")
    [driver, install] = (call for call in followed.calls if call[0] == "helm")
    assert install[5:7] == ["secrets-provider-aws", "deploy/chart/secrets-provider-aws"]
    sets = [one.partition("=") for one in install if one.startswith("image.")]
    values = {"image": {key.removeprefix("image."): value for key, _, value in sets}}
    daemonset = manifests.only(manifests.templated(CHART, values, release=install[5]), "DaemonSet")
    [container] = daemonset["spec"]["template"]["spec"]["containers"]
    assert container["image"] == build["--tag"]
    [status] = (call for call in followed.calls if "rollout" in call)
    assert status[-1] == f"daemonset/{daemonset['metadata']['name']}"
    given = yaml.safe_load((followed.folder / driver[driver.index("--values") + 1]).read_text())
    assert given["tokenRequests"]


def test_a_class_is_tried_without_a_cluster(
    world: World, command: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = world.aws.cloud
    cloud.put_secret("example/database", "value")
    session = cloud.open_session(cloud.put_role("developer"), "me")
    monkeypatch.setenv("AWS_ENDPOINT_URL", world.aws.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", session.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", session.secret_access_key)
    monkeypatch.setenv("AWS_SESSION_TOKEN", session.token)
    monkeypatch.chdir(manifests.ROOT)
    [_, block] = (one for one in blocks(README) if one.heading.startswith("Try it"))
    _, *lines = block.text.splitlines()
    results = [command(*shlex.split(line)[1:]) for line in lines]
    assert [done.code for done in results] == [0] * 3, [done.err for done in results]
    assert "example_database" in results[-1].out
