"""`completion`: scripts by which bash, zsh and fish complete this command.

Generated from what `--help` is made of too: the table of commands, and the options of each.
"""

import argparse
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from shlex import quote
from typing import Literal

from provider import syntax
from provider.command_table import COMMANDS
from provider.command_table import PROGRAM as WHOLE
from provider.commands.arguments import Parser, listed
from provider.commands.ended import ending
from provider.config import OPTIONS, flag

PROGRAM = "secrets-provider-aws completion"

_ABOUT = "Print a script by which a shell completes this command."
_USE: Mapping[object, str] = {
    "bash": f"source <({PROGRAM} bash)",
    "zsh": f"source <({PROGRAM} zsh)",
    "fish": f"{PROGRAM} fish | source",
}
_FUNCTION = "_secrets_provider_aws"
_FILES = {"FILE", "PATH", "DIR", "FILE|DIR|-"}

Values = Literal["none", "files", "words"]
"""What follows an option: nothing, a file, or a word of `choices`, if there are any."""


@dataclass(frozen=True, slots=True)
class Choice:
    """An option, or with no names what stands without one."""

    names: tuple[str, ...]
    meaning: str
    values: Values
    choices: tuple[str, ...] = ()


def parser() -> Parser:
    """All options, for whoever prints or completes them."""
    parser = Parser(
        prog=PROGRAM,
        usage=f"{PROGRAM} bash|zsh|fish",
        description=_ABOUT,
        epilog=listed("add to the shell's start-up file", _USE),
    )
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), help="for which shell")
    return parser


def run(arguments: Sequence[str]) -> int:
    """Parse `arguments`, print; the exit code."""

    def show() -> int:
        sys.stdout.write(_SHELLS[parser().parse_args(arguments).shell](choices()))
        return 0

    return ending(PROGRAM, show)


Choices = Mapping[str, Sequence[Choice]]
"""By command, in the order of `--help`."""


def choices() -> Choices:
    """What can be written behind each command."""
    return {name: tuple(_of(name)) for name in (*COMMANDS, "help")}


def _of(command: str) -> Iterator[Choice]:
    if command == "help":
        yield Choice((), "", "words", tuple(COMMANDS))
    elif command == "serve":
        yield from _of_serve()
    elif where := COMMANDS[command].parser:
        module, _, function = where.partition(":")
        made: argparse.ArgumentParser = getattr(import_module(module), function)()
        # argparse tells of its options nowhere else.
        yield from (_of_action(action) for action in made._actions)  # noqa: SLF001


def _of_serve() -> Iterator[Choice]:
    for name, option in OPTIONS.items():
        meaning = option.text.replace("`", "")
        if option.parse is syntax.boolean:
            yield Choice((flag(name),), meaning, "words", ("true", "false"))
        else:
            values: Values = "files" if option.parse is syntax.folder else "words"
            yield Choice((flag(name),), meaning, values)
    yield Choice(("--help",), "say how it is used", "none")


def _of_action(action: argparse.Action) -> Choice:
    values: Values = "words"
    if action.nargs == 0:
        values = "none"
    elif action.metavar in _FILES:
        values = "files"
    names, known = tuple(action.option_strings), tuple(map(str, action.choices or ()))
    return Choice(names, action.help or "", values, known)


def _bash(of: Choices) -> str:
    lines = [
        f"# {_USE['bash']}",
        f"{_FUNCTION}() {{",
        '    local word="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}"',
        '    local command="${COMP_WORDS[1]}" words=""',
        "    COMPREPLY=()",
        '    [[ $word == "=" ]] && word=""',
        '    [[ $before == "=" ]] && before="${COMP_WORDS[COMP_CWORD-2]}"',
        "    if [[ $COMP_CWORD == 1 && $word != -* ]]; then",
        f'        words="{" ".join(of)}"',
        "    else",
        "        [[ $command == -* ]] && command=serve",
        '        case "$command $before" in',
        *(f"            {line}" for line in _bash_values(of)),
        '            *) case "$command $word" in',
        *(f"                {line}" for line in _bash_words(of)),
        "            esac ;;",
        "        esac",
        "    fi",
        "    # Without an answer readline completes names of files.",
        '    [[ -n $words ]] && COMPREPLY=($(compgen -W "$words" -- "$word"))',
        "}",
        f"complete -o default -F {_FUNCTION} {WHOLE}",
    ]
    return "\n".join(lines) + "\n"


def _bash_values(of: Choices) -> Iterator[str]:
    """What follows an option."""
    for command, offered in of.items():
        by_words: dict[str, list[str]] = {}
        for choice in offered:
            if choice.values != "none":
                patterns = [f'"{command} {name}"' for name in choice.names]
                by_words.setdefault(" ".join(choice.choices), []).extend(patterns)
        for words, patterns in by_words.items():
            if patterns:
                yield f'{"|".join(patterns)}) words="{words}" ;;'


def _bash_words(of: Choices) -> Iterator[str]:
    """Options, and what stands without one."""
    for command, offered in of.items():
        names = " ".join(name for choice in offered for name in choice.names)
        words = " ".join(word for choice in offered if not choice.names for word in choice.choices)
        if names:
            yield f'"{command} -"*) words="{names}" ;;'
        if words:
            yield f'"{command} "*) words="{words}" ;;'


def _zsh(of: Choices) -> str:
    told = " ".join(quote(f"{name}:{_summary(name)}") for name in of)
    lines = [
        f"#compdef {WHOLE}",
        f"# {_USE['zsh']}",
        f"{_FUNCTION}() {{",
        "    local command=$words[2]",
        "    if (( CURRENT == 2 )) && [[ $command != -* ]]; then",
        f"        local -a commands; commands=({told})",
        "        _describe command commands",
        "        return",
        "    fi",
        "    if [[ $command == -* ]]; then command=serve; else shift words; (( CURRENT-- )); fi",
        "    case $command in",
    ]
    for command, offered in of.items():
        specs = " ".join(quote(spec) for choice in offered for spec in _zsh_specs(choice))
        lines.append(f"        {command}) {f'_arguments {specs} ' if specs else ''};;")
    lines += ["    esac", "}", f"compdef {_FUNCTION} {WHOLE}"]
    return "\n".join(lines) + "\n"


def _zsh_specs(choice: Choice) -> Iterator[str]:
    offered = {"none": "", "files": ":file:_files", "words": f":value:({' '.join(choice.choices)})"}
    if not choice.names:
        yield f"*{offered[choice.values]}"
        return
    meaning = re.sub(r"([\[\]:\\])", r"\\\1", _first(choice.meaning))
    for name in choice.names:
        # A long option may have its value behind "=" as well.
        equals = "=" if name.startswith("--") and choice.values != "none" else ""
        yield f"*{name}{equals}[{meaning}]{offered[choice.values]}"


def _fish(of: Choices) -> str:
    start = f"complete -c {WHOLE}"
    lines = [f"# {_USE['fish']}", f"{start} -f"]
    for name in of:
        told = quote(_summary(name))
        lines.append(f"{start} -n __fish_use_subcommand -a {name} -d {told}")
    for command, offered in of.items():
        seen = quote(f"__fish_seen_subcommand_from {command}")
        lines += [f"{start} -n {seen} {_fish_rule(choice)}" for choice in offered]
    return "\n".join(lines) + "\n"


def _fish_rule(choice: Choice) -> str:
    names = [
        f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in choice.names
    ]
    if choice.values == "files":
        names.append("-r -F" if choice.names else "-F")
    elif choice.values == "words":
        names.append("-x" if choice.names else "-f")
        names += [f"-a {quote(' '.join(choice.choices))}"] if choice.choices else []
    if choice.meaning and choice.names:
        names.append(f"-d {quote(_first(choice.meaning))}")
    return " ".join(names)


def _summary(command: str) -> str:
    return COMMANDS[command].summary if command in COMMANDS else "say how one is used"


def _first(meaning: str) -> str:
    """The first sentence."""
    return re.split(r"(?<=[a-z)])[.;] ", meaning)[0].rstrip(".")


_SHELLS: Mapping[str, Callable[[Choices], str]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}
