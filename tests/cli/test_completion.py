"""`completion`: the scripts do in each shell what a user expects of the key Tab."""

import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from provider.cli.commands import COMMANDS, PROGRAM
from provider.tools import completion
from provider.csi.config import OPTIONS, flag
from tests.tools.conftest import Run


def shell(name: str, *arguments: str, folder: Path | None = None) -> list[str]:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"there is no {name}")
    done = subprocess.run(
        [path, *arguments], capture_output=True, text=True, timeout=30, check=True, cwd=folder
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.fixture
def script(command: Run, tmp_path: Path) -> str:
    """Writes the scripts, each called after its shell."""
    for name in ("bash", "zsh", "fish"):
        done = command("completion", name)
        assert done.code == 0
        (tmp_path / name).write_text(done.out)
    return str(tmp_path)


def bash(script: str, line: str) -> set[str]:
    """What bash offers at the end of the line; it splits words at "=" too."""
    words = re.findall(r"=|[^ =]+", line) + ([""] if line[-1] in " =" else [])
    if line[-1] == "=":
        words.pop()
    quoted = " ".join(f"'{word}'" for word in words)
    return set(
        shell(
            "bash",
            "--norc",
            "-c",
            f"source {script}/bash; COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; "
            "completed=$(complete -p secrets-provider-aws); function=${completed##*-F }; "
            '${function%% *}; printf "%s\\n" "${COMPREPLY[@]}"',
        )
    ) - {""}


def fish(script: str, line: str) -> set[str]:
    folder = Path(script) / "here"
    folder.mkdir(exist_ok=True)
    (folder / "class.yaml").touch()
    offered = shell(
        "fish", "--no-config", "-c", f"source {script}/fish; complete -C '{line}'", folder=folder
    )
    return {one.partition("\t")[0] for one in offered}


def zsh(script: str, line: str) -> set[str]:
    """What zsh would be told to offer: its own functions are replaced by ones that print."""
    words = line.split(" ")
    quoted = " ".join(f"'{word}'" for word in words)
    printed = shell(
        "zsh",
        "-f",
        "-c",
        'compdef() {}; _describe() { print -rl -- "${(@P)2}"; }; '
        f'_arguments() {{ print -rl -- "$@"; }}; source {script}/zsh; '
        f" words=({quoted}); CURRENT={len(words)}; _secrets_provider_aws",
    )
    return {re.split(r"[:\[=]", one.lstrip("*"))[0] for one in printed}


Complete = Callable[[str, str], set[str]]
SHELLS: Mapping[str, Complete] = {"bash": bash, "zsh": zsh, "fish": fish}


@pytest.mark.parametrize("complete", SHELLS.values(), ids=SHELLS.keys())
def test_commands_are_offered_first(script: str, complete: Complete) -> None:
    assert complete(script, f"{PROGRAM} ") >= {*COMMANDS, "help"}


@pytest.mark.parametrize("complete", SHELLS.values(), ids=SHELLS.keys())
def test_options_are_those_of_the_command(script: str, complete: Complete) -> None:
    offered = complete(script, f"{PROGRAM} validate --")
    assert {"--output", "--strict", "--help"} <= offered
    assert "--qps" not in offered
    assert "--dry-run" in complete(script, f"{PROGRAM} mount --")
    assert {flag(name) for name in OPTIONS} <= complete(script, f"{PROGRAM} serve --")


@pytest.mark.parametrize("complete", [bash, zsh], ids=["bash", "zsh"])
def test_without_a_command_options_are_the_daemons(script: str, complete: Complete) -> None:
    assert {flag(name) for name in OPTIONS} <= complete(script, f"{PROGRAM} --")


@pytest.mark.parametrize("complete", [bash, fish], ids=["bash", "fish"])
@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("validate --output ", {"text", "json", "github", "sarif"}),
        ("validate --output s", {"sarif"}),
        ("mount --output-format ", {"table", "json"}),
        ("schema ", {"class", "objects"}),
        ("completion z", {"zsh"}),
        ("help val", {"validate"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_words_are_offered_where_only_they_fit(
    script: str, complete: Complete, line: str, offered: set[str]
) -> None:
    assert complete(script, f"{PROGRAM} {line}") == offered


def test_bash_takes_values_behind_an_equals_sign(script: str) -> None:
    assert bash(script, f"{PROGRAM} validate --output=") == {"text", "json", "github", "sarif"}
    assert bash(script, f"{PROGRAM} validate --output=j") == {"json"}


@pytest.mark.parametrize("line", ["validate ", "validate --strict ", "mount --filename "], ids=str)
def test_files_are_completed_where_files_are_meant(script: str, line: str) -> None:
    assert bash(script, f"{PROGRAM} {line}") == set()  # left to readline
    assert "class.yaml" in fish(script, f"{PROGRAM} {line}")


def test_zsh_reads_its_script_without_complaint(script: str) -> None:
    assert shell("zsh", "-n", f"{script}/zsh") == []


@pytest.mark.parametrize("name", [name for name, about in COMMANDS.items() if about.parser])
def test_every_command_has_options_and_a_help(command: Run, name: str) -> None:
    done = command("help", name)
    assert done.code == 0
    assert done.out.startswith(f"usage: {PROGRAM} {name} ")
    assert max(map(len, done.out.splitlines())) <= 100
    assert any("--help" in choice.names for choice in completion.choices()[name])


def test_a_shell_that_is_not_known(command: Run) -> None:
    done = command("completion", "tcsh")
    assert (done.code, done.err.count("\n")) == (2, 1)
