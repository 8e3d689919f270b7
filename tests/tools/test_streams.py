"""Standard streams that are closed, full or endless, and folders with what is no regular file."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from provider.tools.sources import read_sources
from tests.cli.conftest import Result, Run
from tests.tools.conftest import CLASS

ROOT = Path(__file__).parents[2]


def shell(line: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Runs a line of sh in which `$S` is the program."""
    environment = {**os.environ, "S": f"{sys.executable} -m provider", "PYTHONPATH": str(ROOT)}
    arguments = ["sh", "-c", line]
    return subprocess.run(
        arguments, capture_output=True, text=True, timeout=60, env=environment, cwd=cwd, check=False
    )


def check_ending(code: int, err: str, expected_code: int, expected: str) -> None:
    assert code == expected_code
    assert expected in err
    assert err.count("\n") <= 1


@pytest.mark.parametrize(
    ("line", "code", "expected"),
    [
        ("$S schema class >&-", 74, "cannot write to stdout: Bad file descriptor"),
        ("$S schema class >/dev/full", 74, "cannot write to stdout: No space left on device"),
        ("$S validate - <&-", 2, "cannot read stdin: it is closed"),
        ("$S schema class | true", 0, ""),
    ],
)
def test_no_stream_makes_a_traceback(line: str, code: int, expected: str) -> None:
    result = shell(line, ROOT)
    check_ending(result.returncode, result.stderr, code, expected)


CLOSED = None
"""As Python has a stream that is closed when it starts."""


@pytest.mark.parametrize(
    ("line", "streams", "code", "expected"),
    [
        ("mount --help", {"stdout": "/dev/full"}, 74, "to stdout: No space left on device"),
        ("mount -f /dev/zero -o x", {}, 2, "cannot read /dev/zero: it is larger than 4 MiB"),
        ("validate -", {"stdin": "/dev/zero"}, 2, "cannot read stdin: it is larger than 4 MiB"),
        ("preflight -", {"stdin": CLOSED}, 2, "cannot read stdin: it is closed"),
        ("mount -f missing.yaml -o x", {"stderr": CLOSED}, 2, ""),
        ("mount -f missing.yaml -o x", {"stderr": "/dev/full"}, 2, ""),
        (
            "render --template -",
            {"stdin": str(ROOT / "LICENSE"), "stdout": "/dev/full"},
            74,
            "No space left on device",
        ),
    ],
)
def test_no_stream_of_a_command_makes_a_traceback(
    broken: Run, line: str, streams: dict[str, str | None], code: int, expected: str
) -> None:
    result = broken(line, streams)
    check_ending(result.code, result.err, code, expected)


@pytest.fixture
def broken(command: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a line with other streams, here: a start of Python takes half a second of CPU."""

    def run(line: str, streams: Mapping[str, str | None]) -> Result:
        monkeypatch.chdir(ROOT)
        with ExitStack() as stack:
            for name, path in streams.items():
                stream = None
                if path is not CLOSED:
                    stack.enter_context(suppress(OSError))  # of the last flush
                    stream = stack.enter_context(Path(path).open("r" if name == "stdin" else "w"))
                monkeypatch.setattr(sys, name, stream)
            return command(*line.split())
        raise AssertionError

    return run


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


def test_what_may_not_be_looked_at_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(0o755)
    (tmp_path / "closed").mkdir(mode=0)
    listed = tmp_path / "listed"
    listed.mkdir()
    (listed / "class.yaml").touch()
    listed.chmod(0o444)
    refused: list[str] = []
    with as_nobody():
        named = ("listed/class.yaml", ".", "x" * 300, "")
        assert [*read_sources(named, on_unreadable=lambda one: refused.append(str(one)))] == []
    listed.chmod(0o755)
    assert refused == [
        "cannot read listed/class.yaml: Permission denied",
        "cannot read ./closed: Permission denied",
        f"cannot read {'x' * 300}: File name too long",
        "cannot read : No such file or directory",
    ]


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root may read everything."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    yield
    os.seteuid(user)


@pytest.mark.parametrize("output", ["text", "json", "github", "sarif"])
def test_the_name_of_a_file_need_not_be_unicode(command: Run, tmp_path: Path, output: str) -> None:
    text = CLASS.format(name="shop", object="db").replace("region:", "regoin:")
    (tmp_path / os.fsdecode(b"\xff.yaml")).write_text(text)
    result = command("validate", "-o", output, tmp_path)
    assert (result.code, result.err) == (0, "")
    assert "regoin" in result.out


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "explain - -n \udcff",
            'expected a name of lower case letters, digits, - and ., got "\\udcff"',
        ),
        ("mount -f - -o \udcff", "the name of the folder must be UTF-8"),
    ],
)
def test_other_arguments_must_be_unicode(command: Run, line: str, expected: str) -> None:
    result = command(*line.split())
    assert result.code == 2
    assert expected in result.err


def test_a_folder_that_was_deleted_ends_in_no_traceback(
    command: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    text = CLASS.format(name="shop", object="db").encode()
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(text)))
    assert command("validate", "-").code == 0
    assert "the current folder does not exist" in command("mount", "-f", "-", "-o", "x").err
