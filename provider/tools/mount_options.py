"""The options of `mount`, and its `--help`."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from provider import syntax
from provider.tools.arguments import Parser, UsageError, listed
from provider.csi.config import Config

PROGRAM = "secrets-provider-aws mount"

EXIT_CODES: Mapping[object, str] = {
    0: "written, or up to date already; with --dry-run: would be",
    1: "the mount was refused: stderr shows what the pod's events would",
    2: "wrong command line, file or environment, or mistakes in the class",
    3: "no daemon answers at the socket",
    4: "the files cannot be written; stderr says what the folder holds",
}

_TOKENS = """\
tokens:
  A daemon gives secrets to whoever proves to be a pod's service account. Get a token:
    kubectl create token SERVICE_ACCOUNT -n NAMESPACE --audience AUDIENCE > FILE
  AUDIENCE is sts.amazonaws.com for IRSA, and pods.eks.amazonaws.com for EKS Pod Identity, which
  wants a pod's token: add --bound-object-kind Pod --bound-object-name POD. Without a file:
    --token sts.amazonaws.com=<(kubectl create token SERVICE_ACCOUNT --audience sts.amazonaws.com)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line, parsed. Empty names are for the class or the command to fill in."""

    filename: str
    output: Path
    class_name: str | None
    set: Sequence[tuple[str, str]]
    dry_run: bool
    output_format: Literal["table", "json"]
    timeout: float
    socket: Path | None
    token: Sequence[tuple[str, str]]
    """Audiences, and files with tokens."""
    namespace: str
    service_account: str
    pod: str
    pod_uid: str
    local: bool
    profile: str | None


def parse(arguments: Sequence[str]) -> Options:
    """The options that `arguments` give; raises `UsageError`, or leaves after `--help`."""
    options = Options(**vars(parser().parse_args(arguments)))
    if [options.filename, *(name for _, name in options.token)].count("-") > 1:
        raise UsageError("stdin (-) can be read once only")
    if options.local and (options.token or options.socket):
        raise UsageError("--local asks no daemon: no --socket and no --token with it")
    if options.profile and not options.local:
        raise UsageError("--profile is for --local: a daemon uses no credentials but the pod's")
    return options


def parser() -> Parser:
    """All options, for whoever prints or completes them."""
    parser = Parser(
        prog=PROGRAM,
        usage=f"{PROGRAM} -f FILE -o DIR [OPTION…]",
        description="Mount a SecretProviderClass into a folder, as the driver does for a pod.",
        epilog=f"{_TOKENS}\n{listed('exit codes', EXIT_CODES)}",
    )
    _add_general(parser)
    _add_daemon(parser.add_argument_group("a running daemon is asked, as the driver asks it"))
    _add_local(parser.add_argument_group("without a daemon"))
    return parser


def _add_general(parser: Parser) -> None:
    add = parser.add_argument
    add("-f", "--filename", required=True, metavar="FILE", help="manifests; - is stdin")
    add("-o", "--output", required=True, type=Path, metavar="DIR", help="folder to write into")
    add("--class", dest="class_name", metavar="NAME", help="which class, where FILE has several")
    meaning = "a parameter in place of the class's; may be repeated"
    add("--set", **_repeated("KEY=VALUE"), help=meaning)
    add("--dry-run", action="store_true", help="fetch, but write nothing: say what would change")
    add("--output-format", choices=("table", "json"), default="table", help="default: table")
    add("--timeout", type=_duration, default=120.0, metavar="DURATION", help="default: 2m")


def _add_daemon(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    folder = Config().provider_volume
    where = f"default: that of the class's provider in {folder}"
    add("--socket", type=Path, metavar="PATH", help=where)
    meaning = "a service account token of FILE (- is stdin); may be repeated; see below"
    add("--token", **_repeated("AUDIENCE=FILE"), help=meaning)
    whose = "the pod's; default: the class's, else default"
    add("-n", "--namespace", default="", metavar="NAME", help=whose)
    add("--service-account", default="default", metavar="NAME", help="the pod's; default: default")
    add("--pod", default="mount-by-hand", metavar="NAME", help="default: mount-by-hand")
    add("--pod-uid", default="", metavar="UID", help="default: a new one, which fetches all anew")


def _add_local(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    meaning = "fetch with your own AWS credentials; stderr says whose they are"
    add("--local", action="store_true", help=meaning)
    add("--profile", metavar="NAME", help="of your AWS configuration; default: AWS_PROFILE")


def _repeated(metavar: str) -> dict[str, Any]:
    return {"action": "append", "default": [], "type": _pair, "metavar": metavar}


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError("expected a name, = and what belongs to it")
    return name, value


def _duration(text: str) -> float:
    try:
        return syntax.positive_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
