"""The options of `serve`: spellings of Go, klog's flags, mistakes."""

import re

import pytest

from provider.cli.serve import KLOG_FLAGS
from provider.csi.config import Config
from provider.runtime.options import ConfigError, flag, options_of
from provider.tools.arguments import UsageError
from tests import serve_options
from tests.cli.conftest import Run


def parse(*arguments: str) -> Config:
    return serve_options.parse(arguments, {})


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
def test_all_spellings_of_an_option_are_accepted(arguments: list[str]) -> None:
    assert parse(*arguments).qps == 7


@pytest.mark.parametrize("dashes", ["-", "--"])
def test_every_option_is_accepted_with_one_dash_or_two(dashes: str) -> None:
    names = [flag(name).removeprefix("--") for name in options_of(Config)]
    defaults = [option.default for option in options_of(Config).values()]
    given = [f"{dashes}{name}={text}" for name, text in zip(names, defaults, strict=True) if text]
    assert parse(*given) == Config()


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


def test_the_arguments_of_awss_chart_are_accepted() -> None:
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


def test_a_value_keeps_its_dashes() -> None:
    assert parse("-node-name=-v=2").node_name == "-v=2"


@pytest.mark.parametrize("spelling", ["-{}=2", "--{}=2", "--{}"])
def test_flags_of_klog_have_no_effect(spelling: str) -> None:
    without = parse("--qps=9")
    for name in KLOG_FLAGS:
        assert parse(spelling.format(name), "--qps=9") == without, name


def test_flags_of_klog_take_values_in_an_argument_of_their_own() -> None:
    assert parse("--v", "4", "-stderrthreshold", "INFO", "--qps=9") == parse("--qps=9")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--nonsense=1"], "unknown option --nonsense"),
        (["-nonsense"], "unknown option --nonsense"),
        (
            ["--provider_volume=/x"],
            "unknown option --provider_volume; did you mean --provider-volume?",
        ),
        (["--provider-vol=/x"], "unknown option --provider-vol; did you mean --provider-volume?"),
        (["---qps=1"], "unknown option ---qps"),
        (["--qps=1", "stray"], "unexpected argument stray"),
        (["--qps"], "argument --qps: expected one argument"),
    ],
    ids=str,
)
def test_a_wrong_command_line_is_reported(arguments: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        parse(*arguments)


def test_a_wrong_value_is_reported_with_its_option() -> None:
    with pytest.raises(ConfigError, match=re.escape('--qps: "x": expected a whole number')):
        parse("--qps=x")


@pytest.mark.parametrize(
    "arguments", [["--qps=x"], ["serve", "--qps=x"], ["--nonsense"], ["mout"]], ids=str
)
def test_mistakes_are_one_line_and_exit_code_2(command: Run, arguments: list[str]) -> None:
    result = command(*arguments)
    assert result.code == 2
    assert result.out == ""
    assert re.fullmatch(
        r"secrets-provider-aws: .+ \(see secrets-provider-aws --help\)\n", result.err
    )


def test_control_characters_in_a_mistake_are_escaped(command: Run) -> None:
    assert "\x1b" not in command("--\x1b[31m").err


def test_the_command_accepts_the_spellings_of_go(command: Run) -> None:
    assert '--qps: "x": expected a whole number' in command("-v=2", "-qps=x").err
