"""`status`: what the daemon of this node has mounted for whom, and what fails.

Asks through a socket that only root reaches: `kubectl exec` into the provider's pod of the node.
"""

import errno
import json
import os
import shutil
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import Any

from provider import syntax
from provider.tools.arguments import Parser, listed
from provider.tools.ended import Ended, ending
from provider.tools.status_table import as_text
from provider.tools.terminal import Paint
from provider.csi.config import Config
from provider.csi.server.absence import reason

PROGRAM = "secrets-provider-aws status"
EXIT_CODES: Mapping[object, str] = {
    0: "shown, whether or not mounts fail",
    2: "wrong command line",
    3: "no daemon answers at the socket",
}
TIMEOUT = 10.0
MAX_DOCUMENT = 256 * 2**20
FORMAT = 1

_EXAMPLE = """\
on a cluster:
  kubectl -n kube-system exec POD -- secrets-provider-aws status
  POD is the provider's on the node in question: kubectl -n kube-system get pods -o wide
"""
_CLEAR = "\x1b[H\x1b[2J"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line, parsed."""

    json: bool
    watch: float | None
    socket: Path


def run(arguments: Sequence[str]) -> int:
    """Parse `arguments`, ask, print; the exit code."""
    return ending(PROGRAM, lambda: _status(Options(**vars(parser().parse_args(arguments)))))


def parser() -> Parser:
    """All options, for whoever prints or completes them."""
    parser = Parser(
        prog=PROGRAM,
        usage=f"{PROGRAM} [OPTION…]",
        description="Show the live mounts of this node, failing ones first; never a value.",
        epilog=f"{_EXAMPLE}\n{listed('exit codes', EXIT_CODES)}",
    )
    add = parser.add_argument
    add(
        "--json",
        action="store_true",
        help="all that is known, for programs; with --watch a line each",
    )
    add(
        "--watch",
        nargs="?",
        type=_seconds,
        const=2.0,
        metavar="DURATION",
        help="show it again and again; default: every 2s",
    )
    add(
        "--socket",
        type=Path,
        default=Config().status_path,
        metavar="PATH",
        help="default: %(default)s",
    )
    return parser


def _seconds(text: str) -> float:
    return max(0.1, syntax.positive_duration(text))


def _status(options: Options) -> int:
    paint = Paint.for_stream(sys.stdout)
    while True:
        text = _shown(_ask(options.socket), options, paint)
        clear = _CLEAR if options.watch and sys.stdout.isatty() and not options.json else ""
        sys.stdout.write(clear + text)
        sys.stdout.flush()
        if options.watch is None:
            return 0
        sleep(options.watch)


def _shown(document: Mapping[str, Any], options: Options, paint: Paint) -> str:
    if options.json:
        return json.dumps(document, indent=None if options.watch else 2) + "\n"
    return as_text(document, paint, shutil.get_terminal_size().columns)


def _ask(path: Path) -> Mapping[str, Any]:
    try:
        document = json.loads(_read(path))
    except OSError as error:
        raise Ended(3, reason(error, path), _HINT) from error
    except ValueError as error:
        raise Ended(3, f"what answers at {path} is not this provider", _HINT) from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise Ended(3, f"the daemon at {path} is of another version, which this one cannot read")
    return document


_HINT = "run it in the provider's pod, as root; --socket names another path"


def _read(path: Path) -> bytes:
    """All that the daemon says; nothing, if it does not talk to us."""
    document = bytearray()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(TIMEOUT)
        connection.connect(os.fspath(path))
        while chunk := connection.recv(2**16):
            document += chunk
            if len(document) > MAX_DOCUMENT:
                raise ValueError("too long")
    if not document:
        raise PermissionError(errno.EPERM, "the daemon does not tell this user")
    return bytes(document)
