"""What the command lines of all commands have in common."""

import argparse
from collections.abc import Mapping
from typing import Any, NoReturn

_WIDTH = 100


class UsageError(Exception):
    """The command line is wrong; the text says how, in one line."""


class Parser(argparse.ArgumentParser):
    """Options of one command. Long options are not to be shortened: scripts outlive versions."""

    def __init__(self, **about: Any) -> None:
        super().__init__(formatter_class=_formatter, allow_abbrev=False, **about)

    def error(self, message: str) -> NoReturn:
        """Leave it to the command to say it."""
        raise UsageError(message)


def listed(title: str, meanings: Mapping[object, str]) -> str:
    """A paragraph of `--help`, such as that of the exit codes."""
    width = max(len(str(one)) for one in meanings)
    return f"{title}:\n" + "\n".join(f"  {one!s:{width}}  {text}" for one, text in meanings.items())


def _formatter(prog: str) -> argparse.HelpFormatter:
    """The same width wherever it is printed."""
    return argparse.RawDescriptionHelpFormatter(prog, max_help_position=28, width=_WIDTH)
