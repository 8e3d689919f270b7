"""A class in a file, a folder to write into, and commands run as users do."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Run, runner

CLASS = """\
apiVersion: secrets-store.csi.x-k8s.io/v1
kind: SecretProviderClass
metadata:
  name: {name}
spec:
  provider: aws
  parameters:
    region: eu-west-1
    objects: |
      - objectName: {object}
        objectType: secretsmanager
"""


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `secrets-provider-aws` with any arguments."""
    return runner(capsys)


@pytest.fixture
def run(command: Run) -> Run:
    """Runs `secrets-provider-aws mount`."""
    return lambda *arguments: command("mount", *arguments)


@pytest.fixture
def manifest(tmp_path: Path) -> Callable[..., Path]:
    """Writes a class with one object, or the given text."""

    def write(name: str = "db/password", text: str = "") -> Path:
        path = tmp_path / "class.yaml"
        path.write_text(text or CLASS.format(name="shop", object=name))
        return path

    return write


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """A folder that does not exist yet."""
    return tmp_path / "made" / "out"
