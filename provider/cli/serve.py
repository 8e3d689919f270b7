"""`serve`: run the daemon. Its options are those of `provider.csi.config`."""

from argparse import Namespace
from collections.abc import Mapping

from provider.cli.commands import COMMANDS
from provider.cli.options import add_table, add_unused, start
from provider.csi.config import Config
from provider.tools.arguments import PROGRAM, Parser, paragraph

EXIT_CODES: Mapping[int, str] = {
    0: "success; serve: stopped by SIGTERM or SIGINT",
    1: "failure, such as a wrong AWS variable: stderr says why in one line",
    2: "wrong command line, or wrong value of an option's environment variable",
}

_INTRODUCTION = """\
Brings secrets from AWS Secrets Manager and SSM Parameter Store to Kubernetes: as files in pods,
through the Secrets Store CSI driver (serve), or as Kubernetes Secrets (controller)."""

_SYNTAX = """\
Options are written --option=value or --option value, also with a single dash. Durations are those
of Go (100ms, 30s, 2m, 1h30m), sizes are bytes (1048576, 16Mi). The flags of klog (-v=2,
--logtostderr, …) are accepted without effect.

examples:
  secrets-provider-aws serve --region=eu-west-1 --events
  secrets-provider-aws validate deploy/
  secrets-provider-aws help mount          the options of another command"""

KLOG_FLAGS = (
    "v",
    "vmodule",
    "logtostderr",
    "alsologtostderr",
    "stderrthreshold",
    "log_dir",
    "log_file",
    "log_file_max_size",
    "log_backtrace_at",
    "add_dir_header",
    "skip_headers",
    "skip_log_headers",
    "one_output",
    "legacy_stderr_threshold_behavior",
)
"""Flags of AWS's provider that are accepted without effect."""


def add_options(parser: Parser) -> None:
    """Add every option of the daemon. Values stay text, for `start`."""
    parser.usage = f"{PROGRAM} [COMMAND] [OPTION…]"
    summaries = {name: command.summary for name, command in COMMANDS.items()}
    parser.description = f"{_INTRODUCTION}\n\n{paragraph('commands', summaries)}"
    parser.epilog = f"{_SYNTAX}\n\n{paragraph('exit codes', EXIT_CODES)}"
    add_table(parser, Config, "serve")
    add_unused(parser, *KLOG_FLAGS)


def run(options: Namespace) -> int:
    config = start(Config, options)
    from provider.csi import app  # noqa: PLC0415 - the slowest import: not for a wrong option

    return app.serve(config)
