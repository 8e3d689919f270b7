"""The entry point: finds the command that the arguments name, and runs it."""

import re
import sys
from collections.abc import Iterable, Sequence
from itertools import pairwise

from provider.cli.commands import COMMANDS, DEFAULT
from provider.tools.arguments import PROGRAM, Parser, UsageError, unknown_command
from provider.tools.ending import exit_code

_ONE_DASH = re.compile(r"-[a-z][a-z0-9_-]+(=|$)|-v(=|$)")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments` (default: those of the process) name; its exit code."""
    name, rest = _split(sys.argv[1:] if arguments is None else arguments)
    program = PROGRAM if name == DEFAULT or name not in COMMANDS else f"{PROGRAM} {name}"
    return exit_code(program, lambda: _run(program, name, rest), as_json=_wants_json(name, rest))


def _wants_json(name: str, arguments: Sequence[str]) -> bool:
    """Whether the arguments of a command ask for JSON, also if they are wrong otherwise."""
    option = "--output-format" if name == "mount" else "(-o|--output|--format)"  # -o is a folder
    asked = re.compile(rf"(?s:.*) (--json|{option}=?(json|sarif))|{option} (json|sarif)")
    pairs = pairwise(("", *arguments))
    return any(asked.fullmatch(f"{first} {second}") for first, second in pairs)


def _split(arguments: Sequence[str]) -> tuple[str, Sequence[str]]:
    if not arguments:
        return DEFAULT, ()
    first, *rest = arguments
    if first == "help":
        return (rest[0] if rest else DEFAULT), ["--help"]
    if first == "--version":
        return "version", rest
    if first.startswith("-"):
        return DEFAULT, arguments
    return first, rest


def in_argparse_style(arguments: Iterable[str]) -> Sequence[str]:
    """The arguments with two dashes before each long name, and before klog's `-v`.

    Go's flag package, and so AWS's provider, takes one dash or two.
    """
    return [f"-{one}" if _ONE_DASH.match(one) else one for one in arguments]


def _run(program: str, name: str, arguments: Sequence[str]) -> int:
    if name not in COMMANDS:
        raise unknown_command(name, COMMANDS)
    if name == DEFAULT:
        arguments = in_argparse_style(arguments)
        first = arguments[0] if arguments else ""
        if first.startswith("--") and first[2:] in COMMANDS:
            raise UsageError(f"unknown option {first}; did you mean the command {first[2:]}?")
    parser = Parser(prog=program)
    command = COMMANDS[name].load()
    command.add_options(parser)
    code: int = command.run(parser.parse(arguments))
    return code
