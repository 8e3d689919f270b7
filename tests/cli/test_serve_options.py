"""The command line, by Go's rules."""

import re
import subprocess
import sys

import pytest

from provider import cli
from provider.cli.commands import COMMANDS
from provider.csi.config import OPTIONS, Config, ConfigError, flag


def parse(*arguments: str) -> Config:
    return cli.parse(arguments, {})


@pytest.mark.parametrize(
    "arguments",
    [
        ["--qps=7"],
        ["--qps", "7"],
        ["-qps=7"],
        ["-qps", "7"],
        ["--qps=5", "--qps=7"],
    ],
    ids=" ".join,
)
def test_all_spellings_of_a_flag(arguments: list[str]) -> None:
    assert parse(*arguments).qps == 7


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        (["--driver-writes-secrets"], True),
        (["--driver-writes-secrets=true"], True),
        (["--driver-writes-secrets=T"], True),
        (["--driver-writes-secrets=false"], False),
        (["--driver-writes-secrets", "false"], False),
        (["-driver-writes-secrets=0"], False),
        (["--driver-writes-secrets", "--qps=1"], True),
    ],
    ids=str,
)
def test_booleans_need_no_value(arguments: list[str], value: bool) -> None:
    assert parse(*arguments).driver_writes_secrets is value


def test_the_arguments_of_the_chart_of_awss_provider() -> None:
    config = parse(
        "--provider-volume=/var/run/secrets-store-csi-providers",
        "--driver-writes-secrets=true",
        "--qps=10",
        "--burst=20",
        "--eks-addon-version=v3.1.1-eksbuild.1",
        "--pod-identity-http-timeout=100ms",
    )
    assert config.eks_addon_version == "v3.1.1-eksbuild.1"
    assert config.pod_identity_http_timeout == pytest.approx(0.1)


def test_flags_of_klog_are_accepted_without_effect() -> None:
    arguments = [
        "-v=2",
        "--v",
        "4",
        "--logtostderr",
        "-stderrthreshold=INFO",
        "--skip_headers=true",
    ]
    assert parse(*arguments, "--qps=9") == parse("--qps=9")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--nonsense=1"], "there is no option --nonsense"),
        (["--provider_volume=/x"], "there is no option --provider_volume"),
        (["---qps=1"], "there is no option ---qps"),
        (["--qps"], "--qps needs a value"),
        (["--qps=x"], '--qps: "x": expected a whole number'),
        (["--qps=1", "stray"], 'unexpected argument "stray"'),
        (["--"], 'unexpected argument "--"'),
    ],
    ids=str,
)
def test_mistakes_are_told_in_one_line(arguments: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        parse(*arguments)


@pytest.mark.parametrize("arguments", [["--qps=x"], ["serve", "--qps=x"], ["mout"]], ids=str)
def test_mistakes_exit_2_with_one_line(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"secrets-provider-aws: .+\n", err)


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["help"], ["serve", "--help"]], ids=str)
def test_help_tells_every_option_command_and_exit_code(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == 0
    out = capsys.readouterr().out
    for name in OPTIONS:
        assert f"  {flag(name)} " in out
    for name in COMMANDS:
        assert f"  {name} " in out
    for code in cli.EXIT_CODES:
        assert f"  {code}  " in out
    assert max(map(len, out.splitlines())) <= 100


def test_the_table_has_a_row_for_every_option() -> None:
    rows = cli.options_table().splitlines()
    assert len(rows) == len(OPTIONS) + 2
    assert {row.count("|") for row in rows} == {4}


@pytest.mark.parametrize("argument", ["version", "--version"])
def test_version(argument: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([argument]) == 0
    assert capsys.readouterr().out.startswith("secrets-provider-aws 0.")


def test_a_wrong_command_line_loads_nothing_heavy() -> None:
    code = "import sys; from provider.cli.main import main; main(['--x']); print('grpc' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout == "False\n"
