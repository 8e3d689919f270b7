"""`serve`: run the daemon. Its options are those of `provider.csi.config`."""

import gc
import os
from argparse import SUPPRESS, HelpFormatter, Namespace, RawTextHelpFormatter
from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Any

from provider.cli.commands import COMMANDS
from provider.cli.go_flags import KLOG_FLAGS, in_argparse_style
from provider.csi.config import OPTIONS, Config, ConfigError, Option, configure, flag
from provider.runtime import option_values
from provider.tools.arguments import HELP_WIDTH, PROGRAM, Parser, UsageError, paragraph

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

_METAVARS: Mapping[object, str] = {
    option_values.address: "HOST:PORT",
    option_values.boolean: "BOOLEAN",
    option_values.count: "NUMBER",
    option_values.duration: "DURATION",
    option_values.optional_duration: "DURATION",
    option_values.positive_duration: "DURATION",
    option_values.size: "BYTES",
    option_values.url: "URL",
    option_values.whole_number: "NUMBER",
    option_values.folder: "PATH",
}
_INDENT = 6


def add_options(parser: Parser) -> None:
    """Add every option of the daemon. Values stay text: `configure` parses them."""
    parser.formatter_class = _formatter
    parser.usage = f"{PROGRAM} [COMMAND] [OPTION…]"
    summaries = {name: command.summary for name, command in COMMANDS.items()}
    parser.description = f"{_INTRODUCTION}\n\n{paragraph('commands', summaries)}"
    parser.epilog = f"{_SYNTAX}\n\n{paragraph('exit codes', EXIT_CODES)}"
    for title in dict.fromkeys(option.group for option in OPTIONS.values()):
        group = parser.add_argument_group(f"serve options ({title})")
        for name, option in OPTIONS.items():
            if option.group == title:
                group.add_argument(flag(name), dest=name, **_about(name, option))
    for name in KLOG_FLAGS:
        parser.add_argument(f"--{name}", dest="klog", nargs="?", default=SUPPRESS, help=SUPPRESS)


def run(options: Namespace) -> int:
    """Run the daemon until a signal stops it."""
    try:
        config = configure(_given(options), os.environ)
    except ConfigError as error:
        raise UsageError(str(error)) from error
    from provider.runtime import signals  # noqa: PLC0415 - imports asyncio

    signals.hold()  # a signal during the slow import below must not get lost
    gc.disable()  # nothing that the start allocates is garbage
    from provider.csi import app  # noqa: PLC0415 - the slowest import: not for a wrong option

    return app.serve(config)


def parse(arguments: Sequence[str], environment: Mapping[str, str]) -> Config:
    """The configuration that arguments and environment give; raises `UsageError`, `ConfigError`."""
    parser = Parser(prog=PROGRAM)
    add_options(parser)
    return configure(_given(parser.parse_args(in_argparse_style(arguments))), environment)


def _given(options: Namespace) -> Mapping[str, str]:
    """The options that are on the command line, by field name."""
    return {name: text for name, text in vars(options).items() if name in OPTIONS}


def _about(name: str, option: Option[object]) -> dict[str, Any]:
    metavar = _METAVARS.get(option.parse, name.rpartition("_")[2].upper())
    about = {"metavar": metavar, "default": SUPPRESS, "help": "\n".join(_help(option))}
    if option.parse is option_values.boolean:
        about |= {"nargs": "?", "const": "true"}
    return about


def _help(option: Option[object]) -> Iterator[str]:
    """The help text in lines, which argparse would break inside names of options."""
    text = option.text.replace("`", "").replace("%", "%%")
    text += f" [default: {option.default}]" if option.default else ""
    text += f" [environment: {option.env}]" if option.env else ""
    return iter(wrap(text, HELP_WIDTH - _INDENT, break_on_hyphens=False))


def _formatter(prog: str) -> HelpFormatter:
    """Each option on a line of its own, its help below it."""
    return RawTextHelpFormatter(prog, max_help_position=_INDENT, width=HELP_WIDTH)
