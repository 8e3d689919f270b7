"""Shows what the daemon of this node has mounted, or what the controller works on, and what fails.

It reads a socket that answers root only, or the controller's own user: use `kubectl exec` in the
pod.
"""

import errno
import json
import shutil
import socket
import sys
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from provider.controller.config import STATUS_SOCKET
from provider.csi.config import Config
from provider.csi.server.probe import why_absent
from provider.tools.arguments import Parser, complete_files, duration, paragraph
from provider.tools.ending import CommandFailed
from provider.tools.status.tables import controller_table, daemon_table
from provider.tools.terminal import Paint

EXIT_CODES: Mapping[int, str] = {
    0: "shown, whatever fails",
    2: "wrong command line",
    3: "nothing answers at the socket",
}
TIMEOUT = 10.0
MAX_DOCUMENT = 256 * 2**20
FORMAT = 1
_DAEMON = str(Config().status_path)
_CONTROLLER = STATUS_SOCKET

_EXAMPLE = """\
on a cluster:
  kubectl -n kube-system exec POD -- secrets-provider-aws status
  POD is the provider's pod on the node: kubectl -n kube-system get pods -o wide

  kubectl -n external-secrets exec POD -- secrets-provider-aws status
  POD is the controller's leader: kubectl -n external-secrets get lease
"""
_CLEAR = "\x1b[H\x1b[2J"


def add_options(parser: Parser) -> None:
    parser.usage = f"{parser.prog} [OPTION…]"
    parser.description = (
        "Show the mounts of this node, or the ExternalSecrets of the controller, failing ones\n"
        "first. Values are never shown."
    )
    parser.epilog = f"{_EXAMPLE}\n{paragraph('exit codes', EXIT_CODES)}"
    add = parser.add_argument
    meaning = "text (default), or json: all details, with --watch one line each time"
    add("-o", "--output", choices=("text", "json"), default="text", help=meaning)
    add("--json", dest="output", action="store_const", const="json", help="the same as -o json")
    again = "show it again and again; default: every 2s"
    add("--watch", nargs="?", type=duration, const=2.0, metavar="DURATION", help=again)
    where = f"default: {_DAEMON}, or else {_CONTROLLER}"
    complete_files(add("--socket", default="", metavar="PATH", help=where))


def run(options: Namespace) -> int:
    """Ask and print, once or until interrupted."""
    paint = Paint.for_stream(sys.stdout)
    while True:
        text = _shown(_ask(options.socket or _present()), options, paint)
        clear = _CLEAR if options.watch and sys.stdout.isatty() and options.output == "text" else ""
        sys.stdout.write(clear + text)
        sys.stdout.flush()
        if options.watch is None:
            return 0
        sleep(max(0.1, options.watch))


def _shown(document: Mapping[str, Any], options: Namespace, paint: Paint) -> str:
    if options.output == "json":
        return json.dumps(document, indent=None if options.watch else 2) + "\n"
    as_text = controller_table if "controller" in document else daemon_table
    return as_text(document, paint, shutil.get_terminal_size().columns)


def _present() -> str:
    """The daemon's socket if it is there, else the controller's."""
    return _DAEMON if Path(_DAEMON).exists() or not _answers(_CONTROLLER) else _CONTROLLER


def _answers(name: str) -> bool:
    try:
        with _connected(name):
            return True
    except OSError:
        return False


def _ask(path: str) -> Mapping[str, Any]:
    try:
        document = json.loads(_read(path))
    except OSError as error:
        raise CommandFailed(3, why_absent(error, path), _HINT) from error
    except ValueError as error:
        text = f"the process that answers at {path} is not this provider"
        raise CommandFailed(3, text, _HINT) from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        text = f"the process at {path} has another version, whose status cannot be read"
        raise CommandFailed(3, text)
    return document


_HINT = "run it in the provider's pod, as root, or in the controller's; --socket names another path"


def _connected(path: str) -> socket.socket:
    """A connection to a socket; a name after `@` is one of the abstract namespace."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(TIMEOUT)
    try:
        connection.connect(f"\0{path[1:]}" if path.startswith("@") else path)
    except OSError:
        connection.close()
        raise
    return connection


def _read(path: str) -> bytes:
    """The whole document; raises OSError if there is none, or if it takes longer than `TIMEOUT`."""
    document, until = bytearray(), monotonic() + TIMEOUT
    with _connected(path) as connection:
        while chunk := connection.recv(2**16):
            document += chunk
            connection.settimeout(max(until - monotonic(), 0.001))
            if len(document) > MAX_DOCUMENT:
                raise ValueError("too long")
    if not document:
        raise PermissionError(errno.EPERM, "nothing was sent")
    return bytes(document)
