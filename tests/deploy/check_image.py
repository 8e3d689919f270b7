"""The image, run as the DaemonSet runs it, mounts: `make image-check`, as root.

Not among the tests of the gate: building the image takes buildah and a minute.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed.aws import FakeAws
from testbed.driver import Driver, Mounted, Pod
from testbed.kubernetes import FakeKubernetes
from tests.deploy import manifests
from tests.deploy.hardened import PROVIDERS
from tests.waiting import eventually

IMAGE = manifests.ROOT / "build" / "image"
SHELLS = ("sh", "bash", "dash", "busybox", "apt", "dpkg", "pip", "pip3", "gcc")
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "PYTHONDONTWRITEBYTECODE": "1",
}
"""That of the image; nothing of the tests, such as another place for bytecode."""
ARGUMENTS = manifests.only(manifests.rendered(manifests.DEPLOY / "daemonset"), "DaemonSet")["spec"][
    "template"
]["spec"]["containers"][0]["args"]


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    folder = tmp_path / "providers"
    folder.mkdir()
    return folder


@pytest.fixture
def daemon(
    volume: Path, aws: FakeAws, kubernetes: FakeKubernetes
) -> Iterator[subprocess.Popen[str]]:
    (volume / "token").write_text(kubernetes.token)
    command = [sys.executable, "-m", "tests.deploy.hardened", str(IMAGE), str(volume)]
    command += [f"AWS_ENDPOINT_URL={aws.url}", "AWS_REGION=eu-west-1", "--", *ARGUMENTS]
    command += [f"--kube-api-url={kubernetes.url}", f"--kube-token-file={PROVIDERS}/token"]
    with subprocess.Popen([*command, "--metrics-address=127.0.0.1:0"], text=True) as process:
        try:
            eventually(lambda: process.poll() or (volume / "aws.sock").exists(), "a socket")
            yield process
        finally:
            process.kill()


def test_it_mounts_without_any_capability(
    daemon: subprocess.Popen[str],
    volume: Path,
    aws: FakeAws,
    kubernetes: FakeKubernetes,
    tmp_path: Path,
) -> None:
    role = aws.cloud.put_role("web", trust=["shop:web"])
    aws.cloud.put_secret("database", "s3cret", region="eu-west-1")
    kubernetes.put_service_account("shop", "web", role_arn=role.arn)
    objects = "- objectName: database\n  objectType: secretsmanager\n"
    with Driver(volume / "aws.sock", tmp_path / "kubelet") as driver:
        assert driver.version().runtime_name == "secrets-provider-aws"
        mounted = driver.mount(Pod(), {"objects": objects})
    assert isinstance(mounted, Mounted), mounted
    assert mounted.files == {"database": b"s3cret"}
    status = Path(f"/proc/{daemon.pid}/status").read_text().split("\n")
    held = {line.split(":")[0]: int(line.split()[1], 16) for line in status if "Cap" in line[:3]}
    assert set(held.values()) == {0}
    assert "NoNewPrivs:\t1" in status
    print(*(line for line in status if line.startswith("VmRSS")))
    daemon.terminate()
    assert daemon.wait(10) == 0
    assert not (volume / "aws.sock").exists()


def test_a_developer_tries_a_class_in_it_with_credentials_of_their_own(
    volume: Path, aws: FakeAws
) -> None:
    session = aws.cloud.open_session(aws.cloud.put_role("developer"), "me")
    aws.cloud.put_secret("example/database", "s3cret", region="eu-west-1")
    (volume / "class.yaml").write_text((manifests.EXAMPLES / "irsa.yaml").read_text())
    command = [sys.executable, "-m", "tests.deploy.hardened", str(IMAGE), str(volume)]
    command += [
        f"AWS_ENDPOINT_URL={aws.url}",
        f"AWS_ACCESS_KEY_ID={session.access_key_id}",
        f"AWS_SECRET_ACCESS_KEY={session.secret_access_key}",
        f"AWS_SESSION_TOKEN={session.token}",
        "--",
        *("mount", "--local", "-f", f"{PROVIDERS}/class.yaml", "-o", f"{PROVIDERS}/output"),
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)
    assert (done.returncode, "role/developer" in done.stderr) == (0, True), done.stderr
    assert (volume / "output" / "example_database").read_text() == "s3cret"


def test_kubectl_exec_finds_the_command_by_its_name() -> None:
    command = ["chroot", str(IMAGE), "secrets-provider-aws", "status"]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=30, env=ENVIRONMENT
    )
    assert done.returncode == 3, "there is no daemon in it"
    assert "--socket" in done.stderr


def test_there_is_nothing_else_to_run_in_it() -> None:
    folders = [IMAGE / folder for folder in ("bin", "sbin", "usr/bin", "usr/sbin", "usr/local/bin")]
    programs = {entry.name for folder in folders if folder.exists() for entry in folder.iterdir()}
    assert programs.isdisjoint(SHELLS)
    assert {"python3", "secrets-provider-aws"} <= programs


def test_no_program_in_it_raises_privileges() -> None:
    modes = [path.stat().st_mode for path in IMAGE.rglob("*") if path.is_file()]
    assert not any(mode & 0o6000 for mode in modes)


@pytest.mark.parametrize("module", ["csi.app", "controller.app", "tools.health"])
def test_the_start_compiles_nothing(module: str) -> None:
    code = f"import provider.cli.main, provider.{module}"
    command = ["chroot", str(IMAGE), "/usr/bin/python3", "-v", "-c", code]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=30, env=ENVIRONMENT
    )
    used = re.findall(r"^# code object from '?(.+?)'?$", done.stderr, re.MULTILINE)
    assert used
    assert [path for path in used if not path.endswith(".pyc")] == []


def test_its_checks_run_as_root() -> None:
    assert os.geteuid() == 0
    assert IMAGE.is_dir(), "make image-check builds it"
