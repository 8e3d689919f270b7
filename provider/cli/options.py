"""Options of `runtime.options` as arguments of a long-running command, and its start."""

import gc
import os
from argparse import SUPPRESS, Namespace, RawTextHelpFormatter
from collections.abc import Mapping
from functools import partial
from textwrap import wrap
from typing import Any, TypeVar

from provider.runtime import option_values
from provider.runtime.options import ConfigError, Option, configure, flag, options_of
from provider.tools.arguments import HELP_WIDTH, Parser, UsageError

T = TypeVar("T")

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
_formatter = partial(RawTextHelpFormatter, max_help_position=_INDENT, width=HELP_WIDTH)
"""Each option on a line of its own, its help below it."""


def add_table(parser: Parser, config: type, command: str) -> None:
    """Add every option of a `Config`, in its group. Values stay text, for `start`."""
    options = options_of(config)
    parser.formatter_class = _formatter
    for title in dict.fromkeys(option.group for option in options.values()):
        add = parser.group(f"{command} options ({title})")
        for name, option in options.items():
            if option.group == title:
                add(flag(name), dest=name, **_about(name, option))


def add_unused(parser: Parser, *names: str) -> None:
    """Accept these options without effect, with a value or without, and show them nowhere."""
    for name in names:
        parser.add_argument(f"--{name}", dest="unused", nargs="?", default=SUPPRESS, help=SUPPRESS)


def start(config: type[T], namespace: Namespace) -> T:
    """The `Config` of command line and environment; raises `UsageError`.

    From then on stop signals are held, so that none gets lost during the slow imports that follow.
    """
    try:
        made = configure(config, vars(namespace), os.environ)
    except ConfigError as error:
        raise UsageError(str(error)) from error
    from provider.runtime import signals  # noqa: PLC0415 - imports asyncio: not for a wrong option

    signals.hold()
    gc.disable()  # nothing that the start allocates is garbage
    return made


def _about(name: str, option: Option) -> dict[str, Any]:
    metavar = _METAVARS.get(option.parse, name.rpartition("_")[2].upper())
    about = {"metavar": metavar, "default": SUPPRESS, "help": _help(option)}
    if option.parse is option_values.boolean:
        about |= {"nargs": "?", "const": "true"}
    return about


def _help(option: Option) -> str:
    """The help text in lines, which argparse would break inside names of options."""
    text = option.text.replace("`", "").replace("%", "%%")
    text += f" [default: {option.default}]" if option.default else ""
    text += f" [environment: {option.env}]" if option.env else ""
    return "\n".join(wrap(text, HELP_WIDTH - _INDENT, break_on_hyphens=False))
