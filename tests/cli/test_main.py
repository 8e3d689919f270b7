"""Which command runs, and what `--help` shows."""

import json
import subprocess
import sys

import pytest

from provider.cli.commands import COMMANDS
from provider.cli.serve import EXIT_CODES
from provider.csi.config import Config
from provider.runtime.options import flag, options_of
from tests.cli.conftest import Run


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["-help"], ["help"], ["serve", "-h"]])
def test_help_lists_every_option_command_and_exit_code(command: Run, arguments: list[str]) -> None:
    result = command(*arguments)
    assert result.code == 0
    for name in options_of(Config):
        assert f"\n  {flag(name)} " in result.out
    for name, about in COMMANDS.items():
        assert f"\n  {name:10}  {about.summary}\n" in result.out
    for code in EXIT_CODES:
        assert f"\n  {code}  " in result.out
    assert max(map(len, result.out.splitlines())) <= 80


def test_help_breaks_no_name_of_an_option(command: Run) -> None:
    lines = command("--help").out.splitlines()
    assert [line for line in lines if line.endswith("-")] == []


def test_help_shows_no_flag_of_klog(command: Run) -> None:
    assert "--stderrthreshold" not in command("--help").out


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "serve"])
@pytest.mark.parametrize("spelling", [["help", "{}"], ["{}", "--help"]], ids=" ".join)
def test_every_command_has_a_help(command: Run, name: str, spelling: list[str]) -> None:
    result = command(*(word.format(name) for word in spelling))
    assert result.code == 0
    assert result.out.startswith(f"usage: secrets-provider-aws {name} ")
    assert max(map(len, result.out.splitlines())) <= 80


@pytest.mark.parametrize("argument", ["version", "--version"])
def test_version(command: Run, argument: str) -> None:
    assert command(argument).out.startswith("secrets-provider-aws 0.")


def test_an_option_of_a_command_cannot_be_abbreviated(command: Run) -> None:
    result = command("validate", "--stri", "x.yaml")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert "--stri" in result.err


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("validte x", 'there is no command "validte"; did you mean validate?'),
        ("help iam", 'there is no command "iam"; did you mean iam-policy?'),
        ("--validate x", "unknown option --validate; did you mean the command validate?"),
        ("nothing", 'there is no command "nothing" (see'),
        ("--rotation-interval=1m", "unknown option --rotation-interval; did you mean --rotation-"),
        ("-logtostder", "unknown option --logtostder (see"),
        ("controller --concurent 3", "unknown option --concurent; did you mean --concurrent?"),
        ("validate --strcit=x y", "unknown option --strcit; did you mean --strict?"),
        ("validate -strict y", "unknown option -strict; did you mean --strict?"),
        ("mount --filname x -o y", "unknown option --filname; did you mean --filename?"),
        ("render --profil x y", "unknown option --profil; did you mean --profile?"),
        ("iam-policy --kms-keys x y", "unknown option --kms-keys; did you mean --kms-key?"),
        ("validate -o jsn y", 'github or sarif, got "jsn"; did you mean json?'),
        ("status json", "unexpected argument json; did you mean --json?"),
        ("status -x", "unknown option -x (see"),
        ("explain y --region eu_west_1", "did you mean eu-west-1?"),
        ("health --timeout 5", 'got "5"; did you mean 5s?'),
        ("completion bas", 'must be bash, zsh or fish, got "bas"; did you mean bash?'),
    ],
)
def test_what_was_meant_is_said(command: Run, line: str, said: str) -> None:
    result = command(*line.split())
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert said in result.err


@pytest.mark.parametrize(
    "line",
    [
        "explain -o json /nowhere",
        "validate -ojson /nowhere",
        "validate --output=sarif --strcit x",
        "iam-policy --format json /nowhere",
        "mount -f /nowhere -o x --output-format json",
        "render x -o json --local --set a=b",
        "preflight -o json --kubectl /nowhere",
        "status --json --socket /nowhere",
    ],
)
def test_failures_are_json_where_results_are(command: Run, line: str) -> None:
    result = command(*line.split())
    document = json.loads(result.out)
    said = document["unread"][0] if "unread" in document else document["error"]["message"]
    assert said.split("\n")[0] in result.err
    assert result.code == document.get("error", {"exitCode": 2})["exitCode"]
    assert result.err


@pytest.mark.parametrize(
    "line", ["explain /nowhere", "mount -f /nowhere -o json", "--log-format=json --nonsense"]
)
def test_other_failures_leave_stdout_empty(command: Run, line: str) -> None:
    assert command(*line.split()).out == ""


def test_words_after_two_dashes_are_no_options(command: Run) -> None:
    assert "cannot read --strcit" in command("validate", "--", "--strcit").err


def test_a_stop_signal_during_the_slow_imports_is_not_lost() -> None:
    code = (
        "import signal, sys, types\n"
        "app = types.ModuleType('provider.csi.app')\n"
        "def serve(config):\n"
        "    assert signal.SIGTERM in signal.pthread_sigmask(signal.SIG_BLOCK, ())\n"
        "    return 7\n"
        "app.serve = serve\n"
        "import provider.csi\n"
        "provider.csi.app = sys.modules['provider.csi.app'] = app\n"
        "from provider.cli.main import main\n"
        "sys.exit(main([]))"
    )
    done = subprocess.run([sys.executable, "-c", code], timeout=30, check=False)
    assert done.returncode == 7
