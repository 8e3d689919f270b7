"""The options of `mount`, and its `--help`."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from provider.csi.config import Config
from provider.tools.arguments import (
    REPEATED,
    AddArgument,
    Parser,
    UsageError,
    complete_files,
    duration,
    pair,
    paragraph,
)

EXIT_CODES: Mapping[int, str] = {
    0: "the files are written, or were up to date; with --dry-run: they would be",
    1: "the mount was refused: stderr shows what the pod's events would show",
    2: "wrong command line, file or environment, or mistakes in the class",
    3: "no daemon answers at the socket",
    4: "the files cannot be written; stderr says what the folder holds",
}

_ASK = "ask a running daemon, as the driver does (default)"
_TOKENS = """\
examples:
  secrets-provider-aws mount --local -f class.yaml -o files --dry-run
  secrets-provider-aws mount -f class.yaml -o files -n shop \\
    --service-account web --token sts.amazonaws.com=token

tokens:
  The daemon needs a token of the pod's service account. Get one:
    kubectl create token SERVICE_ACCOUNT -n NAMESPACE --audience AUDIENCE > FILE
  AUDIENCE is sts.amazonaws.com for IRSA and pods.eks.amazonaws.com for EKS Pod
  Identity, which needs a token bound to a pod: add --bound-object-kind Pod
  --bound-object-name POD. Without a file:
    --token sts.amazonaws.com=<(kubectl create token SERVICE_ACCOUNT \\
      --audience sts.amazonaws.com)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line, parsed. Empty names are filled in from the class."""

    filename: str
    output: Path
    class_name: str | None
    set: Sequence[tuple[str, str]]
    dry_run: bool
    output_format: Literal["table", "json"]
    timeout: float
    socket: Path | None
    token: Sequence[tuple[str, str]]
    """Audiences, each with the name of a file that holds a token."""
    namespace: str
    service_account: str
    pod: str
    pod_uid: str
    local: bool
    profile: str | None


def checked(namespace: argparse.Namespace) -> Options:
    """The options; raises `UsageError` where they contradict each other."""
    options = Options(**vars(namespace))
    if [options.filename, *(name for _, name in options.token)].count("-") > 1:
        raise UsageError("stdin (-) can be read only once")
    if options.local and (options.token or options.socket):
        raise UsageError("--local asks no daemon: it cannot be used with --socket or --token")
    if options.profile and not options.local:
        raise UsageError("--profile needs --local: a daemon uses only the pod's credentials")
    return options


def add_options(parser: Parser) -> None:
    parser.usage = f"{parser.prog} -f FILE -o DIR [OPTION…]"
    parser.description = "Write the files of a SecretProviderClass into a folder, as for a pod."
    parser.epilog = f"{_TOKENS}\n{paragraph('exit codes', EXIT_CODES)}"
    _add_general(parser)
    _add_daemon(parser.group(_ASK))
    _add_local(parser.group("without a daemon"))


def _add_general(parser: Parser) -> None:
    add = parser.add_argument
    manifests = "manifests; - is stdin"
    complete_files(add("-f", "--filename", required=True, metavar="FILE", help=manifests))
    folder = "folder to write into"
    complete_files(add("-o", "--output", required=True, type=_folder, metavar="DIR", help=folder))
    add("--class", dest="class_name", metavar="NAME", help="the class, if FILE has several")
    meaning = "set or replace a parameter of the class; may be repeated"
    add("--set", **REPEATED, type=pair("KEY=VALUE"), metavar="KEY=VALUE", help=meaning)
    add("--dry-run", action="store_true", help="fetch, but write nothing: show what would change")
    add("--output-format", choices=("table", "json"), default="table", help="default: table")
    limit = "time for the whole mount; default: 2m"
    add("--timeout", type=duration, default=120.0, metavar="DURATION", help=limit)


def _folder(text: str) -> Path:
    """The absolute path of a folder."""
    try:
        text.encode()
        return Path(text).absolute()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError("the name of the folder must be UTF-8") from None
    except OSError:
        raise argparse.ArgumentTypeError("the current folder does not exist") from None


def _add_daemon(add: AddArgument) -> None:
    where = f"default: the one of the class's provider in {Config().provider_volume}"
    complete_files(add("--socket", type=Path, metavar="PATH", help=where))
    meaning = "read a service account token from FILE (- is stdin); may be repeated; see below"
    form = "AUDIENCE=FILE"
    add("--token", **REPEATED, type=pair(form), metavar=form, help=meaning)
    whose = "namespace of the pod; default: that of the class, or default"
    add("-n", "--namespace", default="", metavar="NAME", help=whose)
    account = "service account of the pod; default: default"
    add("--service-account", default="default", metavar="NAME", help=account)
    add("--pod", default="mount-by-hand", metavar="NAME", help="default: mount-by-hand")
    add("--pod-uid", default="", metavar="UID", help="default: a new one, so that all is fetched")


def _add_local(add: AddArgument) -> None:
    meaning = "fetch with your own AWS credentials; stderr shows whose they are"
    add("--local", action="store_true", help=meaning)
    add("--profile", metavar="NAME", help="profile of your AWS configuration; default: AWS_PROFILE")
