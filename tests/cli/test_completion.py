"""`completion`: the scripts offer commands, options, words and files."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from provider.cli.commands import COMMANDS
from provider.csi.config import Config
from provider.runtime.options import flag, options_of
from provider.tools.arguments import PROGRAM
from tests.cli.conftest import Run

SHELLS = ("bash", "zsh", "fish")


@pytest.fixture
def script(command: Run, tmp_path: Path) -> Path:
    """The script for bash."""
    path = tmp_path / "bash"
    path.write_text(command("completion", "bash").out)
    return path


def offered(script: Path, line: str) -> set[str]:
    """What bash offers at the end of a line."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash")
    words = re.findall(r"[^ ]+", line) + ([""] if line.endswith(" ") else [])
    quoted = " ".join(f"'{word}'" for word in words)
    code = (
        f"source {script}; COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; "
        f"completed=$(complete -p {PROGRAM}); function=${{completed##*-F }}; "
        '${function%% *}; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        [bash, "--norc", "-c", code],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
        cwd=script.parent,
    )
    return set(done.stdout.splitlines()) - {""}


def test_commands_are_offered_first(script: Path) -> None:
    assert offered(script, f"{PROGRAM} ") >= {*COMMANDS, "help"}


def test_options_are_those_of_the_command(script: Path) -> None:
    found = offered(script, f"{PROGRAM} validate --")
    assert {"--output", "--strict", "--help"} <= found
    assert "--qps" not in found
    assert "--dry-run" in offered(script, f"{PROGRAM} mount --")


@pytest.mark.parametrize("line", [f"{PROGRAM} --", f"{PROGRAM} serve --"])
def test_options_of_the_daemon_need_no_command(script: Path, line: str) -> None:
    found = offered(script, line)
    assert {flag(name) for name in options_of(Config)} <= found
    assert "--logtostderr" not in found


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("validate --output ", {"text", "json", "github", "sarif"}),
        ("validate --output s", {"sarif"}),
        ("mount --output-format ", {"table", "json"}),
        ("schema cl", {"class", "clustersecretstore", "clusterexternalsecret", "clustergenerator"}),
        ("completion z", {"zsh"}),
        ("help val", {"validate"}),
    ],
)
def test_choices_are_offered(script: Path, line: str, words: set[str]) -> None:
    assert offered(script, f"{PROGRAM} {line}") == words


@pytest.mark.parametrize("line", ["validate ", "mount --filename ", "status --socket "])
def test_files_are_offered_where_a_file_is_expected(script: Path, line: str) -> None:
    (script.parent / "class.yaml").touch()
    assert "class.yaml" in offered(script, f"{PROGRAM} {line}")


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_has_a_script_with_all_commands_and_options(command: Run, shell: str) -> None:
    result = command("completion", shell)
    assert (result.code, result.err) == (0, "")
    for name in (*COMMANDS, *(flag(name).removeprefix("--") for name in options_of(Config))):
        assert name in result.out


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_valid(command: Run, tmp_path: Path, shell: str) -> None:
    path = shutil.which(shell)
    if path is None:
        pytest.skip(f"there is no {shell}")
    (tmp_path / "script").write_text(command("completion", shell).out)
    subprocess.run([path, "-n", str(tmp_path / "script")], check=True, timeout=30)


def test_an_unknown_shell_is_refused(command: Run) -> None:
    result = command("completion", "ksh")
    assert (result.code, result.err.count("\n")) == (2, 1)
