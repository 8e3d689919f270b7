"""`completion`: print the script with which a shell completes this program's command lines."""

import sys
from argparse import Namespace
from collections.abc import Mapping

from provider.cli.commands import COMMANDS, DEFAULT
from provider.tools.arguments import PROGRAM, Parser, paragraph

_USE: Mapping[str, str] = {
    "bash": f"source <({PROGRAM} completion bash)",
    "zsh": f"source <({PROGRAM} completion zsh)",
    "fish": f"{PROGRAM} completion fish | source",
}


def add_options(parser: Parser) -> None:
    parser.usage = f"{parser.prog} bash|zsh|fish"
    parser.description = "Print a shell completion script."
    parser.epilog = paragraph("add to the start-up file of the shell", _USE)
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), help="the shell")


def run(options: Namespace) -> int:
    import shtab  # noqa: PLC0415 - its import is slow, and `--help` needs none of it

    script = shtab.complete(whole_parser(), shell=options.shell)
    sys.stdout.write(script.rstrip("\n") + "\n")
    return 0


def whole_parser() -> Parser:
    """One parser with all commands; without a command, the options are those of the default."""
    parser = Parser(prog=PROGRAM)
    COMMANDS[DEFAULT].load().add_options(parser)
    commands = parser.add_subparsers(metavar="COMMAND")
    for name, command in COMMANDS.items():
        command.load().add_options(commands.add_parser(name, help=command.summary))
    about_help = commands.add_parser("help", help="show the options of a command")
    about_help.add_argument("command", choices=tuple(COMMANDS))
    return parser
