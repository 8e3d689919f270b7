"""What is installed is what is locked, and the bill of materials says so."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

ROOT = Path(__file__).parents[1]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
PINNED = re.compile(r"^([a-z0-9._-]+)==(\S+)", re.MULTILINE)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_everything_is_locked_by_hash(lock: Path) -> None:
    lines = lock.read_text().replace("\\\n", " ").splitlines()
    packages = [line for line in lines if line and not line.lstrip().startswith("#")]
    assert packages
    for package in packages:
        assert re.match(r"[A-Za-z0-9._-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", package), package


def test_the_image_installs_nothing_but_what_is_locked() -> None:
    script = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    installs = [line for line in script.splitlines() if "pip install" in line]
    assert installs
    for install in installs:
        for flag in ("--require-hashes", "--only-binary=:all:", "--no-deps", "runtime.txt"):
            assert flag in install
    assert not re.search(r"\b(curl|wget|apt-get|npm)\b", script)


@pytest.fixture(scope="module")
def bill() -> Any:
    done = subprocess.run(
        [sys.executable, ROOT / "deploy/image/sbom.py", "1.2.3"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(done.stdout) is None
    return json.loads(done.stdout)


def test_the_bill_of_materials_lists_all_that_is_locked_and_nothing_else(bill: Any) -> None:
    locked = PINNED.findall((ROOT / "requirements/runtime.txt").read_text())
    assert [(one["name"], one["version"]) for one in bill["components"]] == locked
    assert bill["metadata"]["component"]["version"] == "1.2.3"


def test_the_bill_of_materials_has_every_hash_of_the_lock(bill: Any) -> None:
    hashes = [
        one["content"]
        for component in bill["components"]
        for reference in component["externalReferences"]
        for one in reference["hashes"]
    ]
    lock = (ROOT / "requirements/runtime.txt").read_text()
    assert hashes == re.findall(r"--hash=sha256:([0-9a-f]+)", lock)
