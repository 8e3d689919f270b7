"""A class in a file, a folder to write into, and the command run as users run it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from provider import cli

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


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `secrets-provider-aws` with any command."""

    def run(*arguments: object) -> Done:
        try:
            code = cli.main([*map(str, arguments)])
        except SystemExit as left:  # after --help
            code = int(left.code or 0)
        return Done(code, *capsys.readouterr())

    return run


@pytest.fixture
def run(command: Run) -> Run:
    """Runs `secrets-provider-aws mount`."""
    return lambda *arguments: command("mount", *arguments)


@pytest.fixture
def manifest(tmp_path: Path) -> Callable[..., Path]:
    """Writes a class for one object, or whatever text is given."""

    def write(name: str = "db/password", text: str = "") -> Path:
        path = tmp_path / "class.yaml"
        path.write_text(text or CLASS.format(name="shop", object=name))
        return path

    return write


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """A folder that is yet to be made."""
    return tmp_path / "made" / "out"
