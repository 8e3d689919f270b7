"""What the command lines of all commands share: the parser, and how a wrong one is reported."""

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
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
        self._names: dict[str, bool] = {}
        """Long options, and whether `--help` shows them."""
        settings.setdefault("formatter_class", _formatter)
        super().__init__(allow_abbrev=False, **settings)

    def add_argument(self, *names: Any, **settings: Any) -> argparse.Action:
        """Add an argument, as argparse does."""
        return super().add_argument(*names, **self._noted(names, settings))

    def group(self, title: str) -> AddArgument:
        """`add_argument` of a new group of options, with its title in `--help`."""
        group = self.add_argument_group(title)

        def add(*names: Any, **settings: Any) -> argparse.Action:
            return group.add_argument(*names, **self._noted(names, settings))

        return add

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """The options of a command line; raises `UsageError`, with what was probably meant."""
        for word in arguments:
            if word == "--":
                break
            if self._is_unknown(name := word.partition("=")[0]):
                shown = (known for known, is_shown in self._names.items() if is_shown)
                meant = _meant("--" + name.lstrip("-"), shown)
                self.error(f"unknown option {name[:100]}{meant}")
        return self.parse_args(arguments)

    def _is_unknown(self, name: str) -> bool:
        """Whether a word is meant as a long option, and is none; argparse reports short ones."""
        if name.startswith("--") and " " not in name:
            return name not in self._names
        return name.startswith("-") and f"-{name}" in self._names

    def _noted(self, names: Iterable[str], settings: Mapping[str, Any]) -> Mapping[str, Any]:
        is_shown = settings.get("help") is not argparse.SUPPRESS
        self._names |= dict.fromkeys((one for one in names if one.startswith("--")), is_shown)
        choices = settings.get("choices")
        return {"type": _choice_of(choices), **settings} if choices else settings

    def error(self, message: str) -> NoReturn:
        """Raise `UsageError` instead of leaving the process."""
        raise UsageError(message)


def _choice_of(choices: Sequence[str]) -> Callable[[str], str]:
    """The `type` of an argument with choices: reports a wrong one with the one that was meant."""

    def chosen(text: str) -> str:
        if text in choices:
            return text
        *others, last = choices
        listed = f"{', '.join(others)} or {last}"
        fault = f'must be {listed}, got "{text[:100]}"{_meant(text, choices)}'
        raise argparse.ArgumentTypeError(fault)

    return chosen


def _meant(word: str, names: Iterable[str]) -> str:
    from provider.manifests.keys import choice_hint  # noqa: PLC0415 (for mistakes alone)

    hint = choice_hint(word, names)
    return f"; {hint}?" if hint else ""


def unknown_command(name: str, commands: Iterable[str]) -> UsageError:
    """The error for a command that does not exist."""
    return UsageError(f'there is no command "{name[:100]}"{_meant(name, commands)}')


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
