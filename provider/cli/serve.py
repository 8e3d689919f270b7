"""`serve`: run the daemon. Its options are those of `provider.csi.config`."""

from argparse import SUPPRESS, Namespace
from collections.abc import Mapping, Sequence

from provider.cli.commands import COMMANDS
from provider.cli.go_flags import KLOG_FLAGS, in_argparse_style
from provider.cli.option_table import add_table, given
from provider.cli.start import start
from provider.csi.config import OPTIONS, Config, configure
from provider.tools.arguments import PROGRAM, Parser, paragraph

EXIT_CODES: Mapping[int, str] = {
    0: "success; serve: stopped by SIGTERM or SIGINT",
    1: "failure: stderr says why in one line",
    2: "wrong command line or environment",
}

_INTRODUCTION = """\
Delivers secrets from AWS Secrets Manager and SSM Parameter Store to pods through the Secrets Store
CSI driver. Each pod reads with its own identity."""

_SYNTAX = """\
Options are written --option=value or --option value, also with a single dash. Durations are those
of Go (100ms, 30s, 2m, 1h30m), sizes are bytes (1048576, 16Mi). The flags of klog (-v=2,
--logtostderr, …) are accepted without effect.

For the options of another command: secrets-provider-aws help COMMAND"""


def add_options(parser: Parser) -> None:
    """Add every option of the daemon. Values stay text: `configure` parses them."""
    parser.usage = f"{PROGRAM} [COMMAND] [OPTION…]"
    summaries = {name: command.summary for name, command in COMMANDS.items()}
    parser.description = f"{_INTRODUCTION}\n\n{paragraph('commands', summaries)}"
    parser.epilog = f"{_SYNTAX}\n\n{paragraph('exit codes', EXIT_CODES)}"
    add_table(parser, OPTIONS, "serve")
    for name in KLOG_FLAGS:
        parser.add_argument(f"--{name}", dest="klog", nargs="?", default=SUPPRESS, help=SUPPRESS)


def run(options: Namespace) -> int:
    """Run the daemon until a signal stops it."""
    config = start(configure, options, OPTIONS)
    from provider.csi import app  # noqa: PLC0415 - the slowest import: not for a wrong option

    return app.serve(config)


def parse(arguments: Sequence[str], environment: Mapping[str, str]) -> Config:
    """The configuration that arguments and environment give; raises `UsageError`, `ConfigError`."""
    parser = Parser(prog=PROGRAM)
    add_options(parser)
    found = parser.parse(in_argparse_style(arguments))
    return configure(given(found, OPTIONS), environment)
