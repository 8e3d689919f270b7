"""Standard streams that are closed, full or endless, and folders with what is no regular file."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.tools.conftest import CLASS


def shell(line: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Runs a line of sh in which `$S` is the program."""
    environment = {**os.environ, "S": f"{sys.executable} -m provider", "PYTHONPATH": str(ROOT)}
    arguments = ["sh", "-c", line]
    return subprocess.run(
        arguments, capture_output=True, text=True, timeout=60, env=environment, cwd=cwd, check=False
    )


ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("line", "code", "expected"),
    [
        ("$S schema class >&-", 74, "cannot write to stdout: Bad file descriptor"),
        ("$S schema class >/dev/full", 74, "cannot write to stdout: No space left on device"),
        ("$S mount --help >/dev/full", 74, "cannot write to stdout: No space left on device"),
        ("$S validate - <&-", 2, "cannot read stdin: it is closed"),
        ("$S validate - </dev/zero", 2, "cannot read stdin: it is larger than 4 MiB"),
        ("$S mount -f /dev/zero -o x", 2, "cannot read /dev/zero: it is larger than 4 MiB"),
        ("$S mount -f missing.yaml -o x 2>&-", 2, ""),
        ("$S mount -f missing.yaml -o x 2>/dev/full", 2, ""),
        ("$S schema class | true", 0, ""),
        ("echo x | $S render --template - >/dev/full", 74, "No space left on device"),
        ("$S preflight - <&-", 2, "cannot read stdin: it is closed"),
    ],
)
def test_no_stream_makes_a_traceback(line: str, code: int, expected: str) -> None:
    result = shell(line, ROOT)
    assert result.returncode == code
    assert expected in result.stderr
    assert result.stderr.count("\n") <= 1


def test_a_character_that_the_terminal_lacks_is_escaped(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(CLASS.format(name="shop", object="größe"))
    result = shell("PYTHONIOENCODING=ascii $S validate a.yaml", tmp_path)
    assert result.returncode == 0
    assert "gr\\xf6\\xdfe" in result.stdout
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("name", ["validate", "preflight"])
def test_no_name_in_a_manifest_adds_a_line_to_the_output(
    command: Run, tmp_path: Path, name: str
) -> None:
    forged = "x\nforged: line\x1b[2J"
    metadata = {"name": forged, "namespace": forged}
    template = {"data": {forged: "{{ .a | upper }}"}}
    spec = {
        "secretStoreRef": {"name": forged},
        "target": {"template": template},
        "data": [{"secretKey": "a", "remoteRef": {"key": "db"}}],
    }
    document = {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret"}
    file = tmp_path / "es.json"
    file.write_text(json.dumps({**document, "metadata": metadata, "spec": spec}))
    result = command(name, str(file))
    shown = result.out + result.err
    assert "forged" in shown
    assert "\nforged" not in shown
    assert "\x1b" not in shown


def test_only_regular_files_of_a_folder_are_read(command: Run, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "device.yaml").symlink_to("/dev/zero")
    (tmp_path / "class.yaml").write_text(CLASS.format(name="shop", object="db"))
    result = command("validate", tmp_path)
    assert (result.code, result.err) == (0, "")
    assert result.out == "1 class in 1 file: no problems\n"


def test_a_large_file_of_a_folder_is_only_reported_if_it_mentions_a_class(
    command: Run, tmp_path: Path
) -> None:
    large = " " * (4 * 1024 * 1024)
    (tmp_path / "dashboard.json").write_text(large + "{}")
    assert command("validate", tmp_path).code == 0
    (tmp_path / "dump.yaml").write_text("kind: SecretProviderClass\n" + large)
    result = command("validate", tmp_path)
    assert result.code == 2
    assert result.err.endswith("dump.yaml: it is larger than 4 MiB\n")
