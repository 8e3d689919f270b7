"""The entry point: finds the command that the arguments name, and runs it."""

import sys
from collections.abc import Sequence

from provider.cli.commands import COMMANDS, DEFAULT
from provider.cli.go_flags import in_argparse_style
from provider.tools.arguments import PROGRAM, Parser, unknown_command
from provider.tools.ending import exit_code


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments` (default: those of the process) name; its exit code."""
    name, rest = _split(sys.argv[1:] if arguments is None else arguments)
    program = PROGRAM if name == DEFAULT or name not in COMMANDS else f"{PROGRAM} {name}"
    return exit_code(program, lambda: _run(program, name, rest))


def _split(arguments: Sequence[str]) -> tuple[str, Sequence[str]]:
    """The command, and its arguments."""
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


def _run(program: str, name: str, arguments: Sequence[str]) -> int:
    if name not in COMMANDS:
        raise unknown_command(name, COMMANDS)
    if name == DEFAULT:
        arguments = in_argparse_style(arguments)
    parser = Parser(prog=program)
    command = COMMANDS[name].load()
    command.add_options(parser)
    code: int = command.run(parser.parse(arguments))
    return code
