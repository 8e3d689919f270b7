"""What the command lines of all commands share: the parser, and how a wrong one is reported."""

import argparse
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from provider.runtime.option_values import positive_duration

PROGRAM = "secrets-provider-aws"

HELP_WIDTH = 100
"""Columns of every `--help`."""

AddArgument = Callable[..., argparse.Action]
"""`add_argument` of a parser, or of a group of its options."""


class UsageError(Exception):
    """The command line is wrong. The message is one line."""


class Parser(argparse.ArgumentParser):
    """The options of one command. Long options cannot be abbreviated: scripts outlive versions."""

    def __init__(self, **settings: Any) -> None:
        settings.setdefault("formatter_class", _formatter)
        super().__init__(allow_abbrev=False, **settings)

    def error(self, message: str) -> NoReturn:
        """Raise `UsageError` instead of leaving the process."""
        raise UsageError(message)


def _formatter(prog: str) -> argparse.HelpFormatter:
    """A fixed width, whatever the terminal."""
    return argparse.RawDescriptionHelpFormatter(prog, max_help_position=28, width=HELP_WIDTH)


def paragraph(title: str, meanings: Mapping[Any, str]) -> str:
    """A paragraph of `--help` with a line for each entry, such as the exit codes."""
    width = max(len(str(one)) for one in meanings)
    return f"{title}:\n" + "\n".join(f"  {one!s:{width}}  {text}" for one, text in meanings.items())


def complete_files(action: argparse.Action) -> None:
    """Let shell completion offer files for this argument."""
    action.complete = "file"  # type: ignore[attr-defined] # read by shtab


def duration(text: str) -> float:
    """Seconds of a Go duration; for `type` of an option."""
    try:
        return positive_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
