"""What the command lines of all commands share: the parser, and how a wrong one is reported."""

import argparse
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby, takewhile
from textwrap import wrap
from typing import Any, NoReturn

from provider.runtime import option_values

PROGRAM = "secrets-provider-aws"

HELP_WIDTH = 80
"""Columns of every `--help`."""
_HELP_COLUMN = 28

AddArgument = Callable[..., argparse.Action]
"""`add_argument` of a parser, or of a group of its options."""

REPEATED: Mapping[str, Any] = {"action": "append", "default": []}
"""Settings of an option that may be repeated."""

Delimiters = tuple[str, str]
"""The left and the right delimiter of templates."""
DEFAULT_DELIMITERS: Delimiters = ("{{", "}}")


class UsageError(Exception):
    """The command line is wrong. The message is one line."""


class Parser(argparse.ArgumentParser):
    """The options of one command. Long options cannot be abbreviated: scripts outlive versions."""

    def __init__(self, **settings: Any) -> None:
        self._added: list[argparse.Action] = []
        settings.setdefault("formatter_class", _formatter)
        super().__init__(allow_abbrev=False, **settings)

    def add_argument(self, *names: Any, **settings: Any) -> argparse.Action:
        self._added.append(super().add_argument(*names, **_with_type(settings)))
        return self._added[-1]

    def group(self, title: str) -> AddArgument:
        """`add_argument` of a new group of options, with its title in `--help`."""
        group = self.add_argument_group(title)

        def add(*names: Any, **settings: Any) -> argparse.Action:
            self._added.append(group.add_argument(*names, **_with_type(settings)))
            return self._added[-1]

        return add

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """The options of a command line; raises `UsageError`, with what was probably meant."""
        known = {name for one in self._added for name in one.option_strings}
        for word in takewhile(lambda one: one != "--", arguments):
            if _is_unknown(name := word.partition("=")[0], known):
                shown = (one for one in self._added if one.help is not argparse.SUPPRESS)
                names = [name for one in shown for name in one.option_strings]
                self.error(f"unknown option {name[:100]}{_meant('--' + name.lstrip('-'), names)}")
        found, more = self.parse_known_args(arguments)
        if more:
            what = "unknown option" if more[0].startswith("-") else "unexpected argument"
            self.error(f"{what} {more[0][:100]}{_meant('--' + more[0].lstrip('-'), known)}")
        return found

    def format_help(self) -> str:
        """The text of `--help`, with lines of at most `HELP_WIDTH` columns."""
        self.description = "\n".join(_filled(self.description or ""))
        self.epilog = "\n".join(_filled(self.epilog or ""))
        if self.formatter_class is _formatter:
            for one in self._added:
                text = wrap(one.help or "", HELP_WIDTH - _HELP_COLUMN, break_on_hyphens=False)
                one.help = one.help if one.help is argparse.SUPPRESS else "\n".join(text)
        return super().format_help()

    def error(self, message: str) -> NoReturn:
        """Raise `UsageError` instead of leaving the process."""
        raise UsageError(message)


def _is_unknown(name: str, known: Collection[str]) -> bool:
    """Whether a word is meant as a long option, and is none; argparse reports short ones."""
    if name.startswith("--") and " " not in name:
        return name not in known
    return name.startswith("-") and len(name) > 2 and f"-{name}" in known


def _with_type(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """The settings of an argument; wrong choices are reported with what was meant."""
    choices = settings.get("choices")
    return {"type": _choice_of(choices), **settings} if choices else settings


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
    return argparse.RawTextHelpFormatter(prog, max_help_position=_HELP_COLUMN, width=HELP_WIDTH)


def paragraph(title: str, meanings: Mapping[Any, str]) -> str:
    """A paragraph of `--help` with a line for each entry, such as the exit codes."""
    width = max(len(str(one)) for one in meanings)
    lines = [f"{title}:"]
    for one, text in meanings.items():
        first, *others = wrap(text, HELP_WIDTH - width - 4, break_on_hyphens=False)
        lines += [f"  {one!s:{width}}  {first}", *(f"{'':{width + 4}}{line}" for line in others)]
    return "\n".join(lines)


def _filled(text: str) -> Iterator[str]:
    """The lines of a text, its paragraphs filled; indented lines stay as they are."""
    for is_plain, group in groupby(text.splitlines(), lambda line: line[:1].strip() != ""):
        lines = [*group]
        yield from wrap(" ".join(lines), HELP_WIDTH, break_on_hyphens=False) if is_plain else lines


def complete_files(action: argparse.Action) -> None:
    """Let shell completion offer files for this argument."""
    action.complete = "file"  # type: ignore[attr-defined] # read by shtab


def add_manifests(add: AddArgument, nargs: str = "+") -> None:
    """Add the files that a command reads; see `sources.read_sources`."""
    meaning = "manifests; a folder stands for all *.yaml, *.yml and *.json below it; - is stdin"
    complete_files(add("files", nargs=nargs, metavar="FILE|DIR|-", help=meaning))


def duration(text: str) -> float:
    """Seconds of a Go duration; for `type` of an option."""
    try:
        return option_values.positive_duration(text)
    except ValueError as error:
        hint = f"; did you mean {text}s?" if text.strip("0").isdecimal() else ""
        raise argparse.ArgumentTypeError(f'{error}, got "{text[:100]}"{hint}') from None


def object_name(text: str) -> str:
    """The name of a Kubernetes object, or an empty text; for `type` of an option."""
    try:
        return text and option_values.object_name(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f'{error}, got "{text[:100]}"') from None


def region(text: str) -> str:
    """A text that can be the name of a region; for `type` of an option."""
    from provider.aws.known_regions import closest_region  # noqa: PLC0415 (rarely needed)
    from provider.aws.regions import region_fault  # noqa: PLC0415

    if fault := region_fault(text):
        meant = closest_region(text)
        raise argparse.ArgumentTypeError(f"{fault}; did you mean {meant}?" if meant else fault)
    return text


def pair(metavar: str) -> Callable[[str], tuple[str, str]]:
    """The `type` of an option of the form `NAME=VALUE`. Errors do not show the text."""

    def split(text: str) -> tuple[str, str]:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise argparse.ArgumentTypeError(f"must have the form {metavar}")
        return name, value

    return split


def add_delimiters(add: AddArgument) -> None:
    """Add the delimiters of templates: two options with the names of the controller's."""
    for side, default in zip(("left", "right"), DEFAULT_DELIMITERS, strict=True):
        meaning = f"{side} delimiter of templates, as the controller has it; default: {default}"
        add(f"--template-{side}-delimiter", default=default, metavar="TEXT", help=meaning)
