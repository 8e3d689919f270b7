"""What tests/cluster/run.sh consists of, checked without a cluster that starts pods."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from testbed.cluster import ClusterClient
from testbed.control_plane import AUDIENCES
from tests.api_server import Kubectl
from tests.cli.conftest import Run
from tests.cluster import aws
from tests.deploy import manifests
from tests.tools.conftest import command

__all__ = ["command"]

HERE = Path(__file__).parent
WORKLOAD = HERE / "workload.yaml"
DRIVER_CRDS = manifests.DEPLOY / "daemonset" / "overlays" / "one-daemonset" / "crds.yaml"
CHARTS = ("secrets-provider-aws", "secrets-controller-aws")

STAND_IN = """#!/bin/bash
value=value-$(cat value)
echo "${0##*/} $*" >> calls
case "$*" in
*openid-configuration) echo '{"issuer":"https://issuer.example","jwks_uri":"x"}' ;;
*"kill -USR1"*) echo 2 > value ;;
*" logs "*) echo "${LEAK:-a line}" ;;
*"cat /mnt/secrets/password") echo "$value" ;;
*"/database.json") printf '{"username": "web", "password": "%s"}' "$value" ;;
*"stat -L"*) echo 440 ;;
*"get secret database"*) echo -n "$value" | base64 ;;
*"get events"*) echo "cluster-test/missing: not found" ;;
*conditions*) echo "secret synced" ;;
*items*) echo a-name ;;
*" status") echo "cluster-test/web-1" ;;
esac
"""


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder with a kubectl and a helm that answer as a cluster in which all is well."""
    folder = tmp_path / "programs"
    folder.mkdir()
    (folder / "kubectl").write_text(STAND_IN)
    (folder / "kubectl").chmod(0o755)
    (folder / "helm").symlink_to("kubectl")
    (tmp_path / "value").write_text("1")
    return folder


def run(programs: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    path = f"{programs}:{os.environ['PATH']}"
    return subprocess.run(
        [HERE / "run.sh", "registry.example/spa:1", "report"],
        cwd=programs.parent,
        env={**os.environ, **environment, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )


def test_it_reports_each_test_and_removes_everything(programs: Path) -> None:
    done = run(programs)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert all(re.match(rf"ok {number} - ", line) for number, line in enumerate(lines[:-1], 1))
    assert lines[-1] == f"1..{len(lines) - 1}"
    assert (programs.parent / "report").read_text() == done.stdout
    calls = (programs.parent / "calls").read_text()
    assert "--from-literal=ISSUER=https://issuer.example" in calls
    assert all(
        f"helm uninstall -n {namespace}" in calls
        for namespace in ("kube-system", "external-secrets")
    )


def test_a_failed_test_fails_the_run_and_shows_why(programs: Path) -> None:
    done = run(programs, LEAK="password: value-1")
    assert done.returncode == 1
    [failed] = [line for line in done.stdout.splitlines() if line.startswith("not ok")]
    assert failed.endswith("no value is in a log")
    assert "  # password: value-1" in done.stdout
    assert "# ---- pods" in done.stderr


@pytest.mark.parametrize("chart", CHARTS)
def test_the_charts_take_its_values(chart: str) -> None:
    values: dict[str, Any] = {
        "image": {"repository": "registry.example/spa", "tag": "1", "pullPolicy": "IfNotPresent"},
        "extraEnv": [
            {"name": "AWS_ENDPOINT_URL", "value": "http://aws.cluster-test.svc.cluster.local:8080"}
        ],
    }
    if chart == "secrets-provider-aws":
        values["rotationPollInterval"] = "0s"
        values["extraArgs"] = [
            "--pod-identity-ipv4-endpoint=http://aws.cluster-test.svc.cluster.local:8081/"
        ]
    found = manifests.templated(manifests.DEPLOY / "chart" / chart, values, release=chart)
    [pod] = manifests.pods(found)
    [container] = pod["containers"]
    assert container["image"] == "registry.example/spa:1"
    assert values["extraEnv"][0] in container["env"]
    named = {one["metadata"]["labels"].get("app.kubernetes.io/name") for one in found}
    assert chart in named, "run.sh finds pods by this label"


def test_the_api_server_accepts_the_manifests(cluster: ClusterClient, kubectl: Kubectl) -> None:
    assert kubectl("apply", "--server-side", "-f", str(DRIVER_CRDS)).returncode == 0
    cluster.make_namespace("cluster-test")
    files = [f"--filename={HERE / name}" for name in ("aws.yaml", "workload.yaml")]
    # By the server, since another test may have created the ServiceAccount before.
    way = ("--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict")
    done = kubectl("apply", *way, *files)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr


@pytest.fixture(scope="module")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator["subprocess.Popen[str]"]:
    """The emulated AWS as the pod starts it: from an archive, without any package."""
    archive = tmp_path_factory.mktemp("code") / "testbed.zip"
    pack = [sys.executable, "-m", "zipfile", "-c", str(archive), "testbed"]
    subprocess.run(pack, cwd=manifests.ROOT, check=True)
    environment = {"PYTHONPATH": str(archive), "PORT": "0", "ISSUER": AUDIENCES[0]}
    with subprocess.Popen(
        [sys.executable, "-S", HERE / "aws.py"], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        yield process
        process.terminate()
        assert process.wait(10) == 0


def test_the_emulated_aws_gives_the_pods_what_the_class_names(
    emulated: "subprocess.Popen[str]",
    cluster: ClusterClient,
    command: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert emulated.stdout is not None
    found = manifests.documents(WORKLOAD)
    account = manifests.only(found, "ServiceAccount")
    name, namespace = account["metadata"]["name"], account["metadata"]["namespace"]
    cluster.make_namespace(namespace)
    cluster.apply(f"/api/v1/namespaces/{namespace}/serviceaccounts", account)
    token = tmp_path / "token"
    token.write_text(cluster.service_account_token(namespace, name, ["sts.amazonaws.com"]))
    url, agent = emulated.stdout.readline().split()
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(token))
    monkeypatch.setenv(
        "AWS_ROLE_ARN", account["metadata"]["annotations"]["eks.amazonaws.com/role-arn"]
    )

    def password() -> str:
        arguments = ("--local", "-f", WORKLOAD, "--class", "web", "-o", tmp_path / "files")
        done = command("mount", *arguments)
        assert done.code == 0, done.err
        return (tmp_path / "files" / "password").read_text()

    by_pod = cluster.service_account_token(namespace, name, ["pods.eks.amazonaws.com"])
    with urlopen(Request(agent, headers={"Authorization": by_pod}), timeout=5) as answer:
        assert b"AccessKeyId" in answer.read(), "EKS Pod Identity"
    assert password() == "value-1"
    emulated.send_signal(signal.SIGUSR1)
    assert emulated.stdout.readline() == f"{aws.SECRET} is value-2\n"
    assert password() == "value-2"
