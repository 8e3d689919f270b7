"""Shows what the daemon of this node has mounted, for which pods, and what fails.

It reads a socket that only root can open: use `kubectl exec` in the provider's pod of the node.
"""

import errno
import json
import os
import shutil
import socket
import sys
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import Any

from provider.csi.config import Config
from provider.csi.server.absence import reason
from provider.tools.arguments import Parser, complete_files, duration, paragraph
from provider.tools.ending import CommandFailed
from provider.tools.status.table import as_text
from provider.tools.terminal import Paint

EXIT_CODES: Mapping[int, str] = {
    0: "shown, even if mounts fail",
    2: "wrong command line",
    3: "no daemon answers at the socket",
}
TIMEOUT = 10.0
MAX_DOCUMENT = 256 * 2**20
FORMAT = 1

_EXAMPLE = """\
on a cluster:
  kubectl -n kube-system exec POD -- secrets-provider-aws status
  POD is the provider's pod on that node: kubectl -n kube-system get pods -o wide
"""
_CLEAR = "\x1b[H\x1b[2J"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line, parsed."""

    json: bool
    watch: float | None
    socket: Path


def add_options(parser: Parser) -> None:
    """Add every option of the command."""
    parser.usage = f"{parser.prog} [OPTION…]"
    parser.description = "Show the mounts of this node, failing ones first. Values are never shown."
    parser.epilog = f"{_EXAMPLE}\n{paragraph('exit codes', EXIT_CODES)}"
    add = parser.add_argument
    meaning = "all details, for programs; with --watch one line each time"
    add("--json", action="store_true", help=meaning)
    again = "show it again and again; default: every 2s"
    add("--watch", nargs="?", type=_interval, const=2.0, metavar="DURATION", help=again)
    path, default = Config().status_path, "default: %(default)s"
    complete_files(add("--socket", type=Path, default=path, metavar="PATH", help=default))


def _interval(text: str) -> float:
    return max(0.1, duration(text))


def run(namespace: Namespace) -> int:
    """Ask and print, once or until interrupted."""
    options = Options(**vars(namespace))
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
        raise CommandFailed(3, reason(error, path), _HINT) from error
    except ValueError as error:
        raise CommandFailed(
            3, f"the process that answers at {path} is not this provider", _HINT
        ) from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise CommandFailed(
            3, f"the daemon at {path} has another version, whose status cannot be read"
        )
    return document


_HINT = "run it as root in the provider's pod; --socket names another path"


def _read(path: Path) -> bytes:
    """The whole document; raises OSError if there is none."""
    document = bytearray()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(TIMEOUT)
        connection.connect(os.fspath(path))
        while chunk := connection.recv(2**16):
            document += chunk
            if len(document) > MAX_DOCUMENT:
                raise ValueError("too long")
    if not document:
        raise PermissionError(errno.EPERM, "the daemon sent nothing")
    return bytes(document)
