"""The image's packages, trimmed: what stays is enough for the daemon and for `mount --local`."""

import importlib.util
import marshal
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import botocore
import pytest

from tests.deploy import manifests

SITE_PACKAGES = Path(botocore.__file__).parents[1]


def load(name: str) -> ModuleType:
    """A script of deploy/image, which is no package."""
    spec = importlib.util.spec_from_file_location(name, manifests.DEPLOY / "image" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


trim = load("trim")
compile_ = load("compile")


@pytest.fixture(scope="module")
def trimmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The installed botocore and boto3 as the image has them."""
    site_packages = tmp_path_factory.mktemp("site-packages")
    others = {entry.name for entry in (SITE_PACKAGES / "botocore" / "data").iterdir()}
    others -= {*trim.KEPT, "acm"}
    for package in ("botocore", "boto3"):
        shutil.copytree(
            SITE_PACKAGES / package,
            site_packages / package,
            # Links, and few of the services to be removed: copies of all take seconds.
            copy_function=os.link if _same_disk(site_packages) else shutil.copy,
            ignore=lambda folder, names: (
                [name for name in names if name in others and (Path(folder) / name).is_dir()]
                if Path(folder).name == "data"
                else []
            ),
        )
    trim.trim(site_packages)
    return site_packages


def _same_disk(path: Path) -> bool:
    return path.stat().st_dev == SITE_PACKAGES.stat().st_dev


def test_only_the_services_in_use_are_left(trimmed: Path) -> None:
    data = trimmed / "botocore" / "data"
    assert {entry.name for entry in data.iterdir() if entry.is_dir()} == set(trim.KEPT)


def test_a_developer_s_own_credentials_work_with_the_trimmed_sdk(trimmed: Path) -> None:
    code = (
        "import boto3, botocore; print(botocore.__file__); "
        "session = boto3.Session('id', 'secret', region_name='eu-west-1'); "
        "clients = [session.client(name) for name in ('sts', 'sso', 'sso-oidc', 'signin')]; "
        "print(clients[0].meta.endpoint_url)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(trimmed), "PATH": ""},
        check=True,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.stdout.splitlines() == [
        str(trimmed / "botocore" / "__init__.py"),
        "https://sts.eu-west-1.amazonaws.com",
    ]


def test_a_botocore_that_lays_its_data_elsewhere_fails_the_build(tmp_path: Path) -> None:
    (tmp_path / "botocore" / "data").mkdir(parents=True)
    with pytest.raises(SystemExit, match=r"no endpoint-rule-set-1.json.gz for sts"):
        trim.trim(tmp_path)


def test_a_clone_of_one_user_gives_an_image_that_every_user_can_read(tmp_path: Path) -> None:
    package, command = tmp_path / "provider", tmp_path / "image/usr/local/bin/secrets-provider-aws"
    for file in (package / "csi" / "app.py", command):
        file.parent.mkdir(mode=0o700, parents=True)
        file.touch(mode=0o600)
    text = (manifests.ROOT / "Dockerfile").read_text()
    [step] = re.findall(r"^RUN (chmod (?:.*\\\n)*.*)", text, re.MULTILINE)
    step = step.replace("/image/", f"{tmp_path}/image/")
    subprocess.run(
        ["sh", "-ec", step], env={"PATH": "/usr/bin:/bin", "SITE": str(tmp_path)}, check=True
    )
    assert all(path.stat().st_mode & 0o004 for path in package.rglob("*"))
    assert (package / "csi").stat().st_mode & 0o001
    assert command.stat().st_mode & 0o005 == 0o005


def test_bytecode_is_unchecked_and_names_the_installed_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "pycache_prefix", None)
    source = tmp_path / "source"
    (source / "package").mkdir(parents=True)
    (source / "package" / "module.py").write_text("ANSWER = 42\n")
    compile_.compile_tree(source, installed=Path("/installed"), output=tmp_path / "output")
    [compiled] = (tmp_path / "output").rglob("*.pyc")
    assert compiled.parent == tmp_path / "output" / "package" / "__pycache__"
    header, code = compiled.read_bytes()[:16], compiled.read_bytes()[16:]
    assert int.from_bytes(header[4:8], "little") == 0b01  # by hash, not to be checked
    assert marshal.loads(code).co_filename == "/installed/package/module.py"


def test_the_image_s_python_is_the_one_that_is_locked_for() -> None:
    dockerfile = (manifests.ROOT / "Dockerfile").read_text()
    assert set(re.findall(r"python:?(3\.\d+)", dockerfile)) == {"3.11"}
    assert "--python-version=3.11" in dockerfile
    # Debian 12's Python is 3.11: another release of the base needs another --python-version.
    assert "distroless/python3-debian12" in dockerfile
