"""Versions that the controller does not serve: every command refuses them, in the same words."""

from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.tools.validate.test_resources import SECRET, STORE

WORDS = (
    "apiVersion: must be external-secrets.io/v1, "
    'got "external-secrets.io/v1alpha1": this version is not served'
)
COMMANDS = {
    "validate": [],
    "render": ["--set", 'db={"user":"anna"}'],
    "explain": [],
    "iam-policy": ["--account", "111122223333"],
    "convert": [],
}


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("old", ["ExternalSecret", "SecretStore"])
def test_an_old_version_is_refused(name: str, old: str, command: Run, tmp_path: Path) -> None:
    path = tmp_path / "es.yaml"
    text = STORE + SECRET
    path.write_text(text.replace(f"/v1\nkind: {old}\n", f"/v1alpha1\nkind: {old}\n"))
    result = command(name, path, *COMMANDS[name])
    assert result.code in (1, 2)
    assert WORDS in result.out + result.err
    path.write_text(text)
    assert command(name, path, *COMMANDS[name]).code == 0
