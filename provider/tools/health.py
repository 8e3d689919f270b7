"""`health`: the exec probe of the daemon's pod. It must be cheap: it runs every few seconds."""

import sys
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path

from provider.csi.server.probe import probe
from provider.tools.arguments import Parser, complete_files, duration, paragraph
from provider.tools.ending import CommandFailed

PROVIDER_VOLUME = Path("/var/run/secrets-store-csi-providers")
SOCKET_NAME = "aws.sock"
"""The defaults of the daemon. `csi.config` has them too, but its import would take too long."""

_EXAMPLE = """\
example:
  kubectl -n kube-system exec POD -- secrets-provider-aws health
"""
EXIT_CODES: Mapping[int, str] = {
    0: "the daemon answers",
    1: "it does not: stderr says why in one line",
    2: "wrong command line",
}


def add_options(parser: Parser) -> None:
    parser.usage = f"{parser.prog} [OPTION…]"
    parser.description = (
        "Ask the daemon for its version through the socket that the driver uses, as a liveness\n"
        "probe does."
    )
    parser.epilog = f"{_EXAMPLE}\n{paragraph('exit codes', EXIT_CODES)}"
    add = parser.add_argument
    folder = f"folder of the socket; default: {PROVIDER_VOLUME}"
    complete_files(add("--provider-volume", type=Path, metavar="PATH", help=folder))
    socket = f"default: {SOCKET_NAME} in the folder"
    complete_files(add("--socket", type=Path, metavar="PATH", help=socket))
    add(
        "--timeout",
        type=duration,
        default=5.0,
        metavar="DURATION",
        help="time for an answer; default: 5s",
    )


def run(options: Namespace) -> int:
    socket = options.socket or (options.provider_volume or PROVIDER_VOLUME) / SOCKET_NAME
    fault = probe(socket, options.timeout)
    if fault:
        raise CommandFailed(1, fault)
    sys.stdout.write("the daemon answers\n")
    return 0
