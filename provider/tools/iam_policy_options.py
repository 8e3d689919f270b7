"""The options of `iam-policy`, and its `--help`."""

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from provider.tools.arguments import Parser, UsageError, listed
from provider.tools.iam.accounts import ServiceAccount
from provider.tools.iam.needs import region_of_key
from provider.csi.request.keys import REGION

PROGRAM = "secrets-provider-aws iam-policy"

EXIT_CODES: Mapping[object, str] = {
    0: "the policy is printed; warnings, if any, are on stderr",
    2: "wrong command line or file, mistakes in a class, or something is left unsaid",
}
_USE = """\
The policy is for the role of the pods that mount the classes, all of them together. To use it:
  secrets-provider-aws iam-policy class.yaml --account 111122223333 > policy.json
  aws iam put-role-policy --role-name ROLE --policy-name secrets \\
    --policy-document file://policy.json
With --trust, and for classes that assume a role, the JSON is an object of documents: policy,
trust, and by their ARNs assumedRoles.
"""
_NAME = r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line, parsed."""

    files: Sequence[str]
    output_format: Literal["json", "terraform", "cloudformation"]
    account: str | None
    regions: Sequence[str]
    kms_keys: Sequence[str]
    trust: Literal["irsa", "pod-identity"] | None
    oidc_provider: str
    service_accounts: Sequence[ServiceAccount]
    namespace: str


def parse(arguments: Sequence[str]) -> Options:
    """The options that `arguments` give; raises `UsageError`, or leaves after `--help`."""
    options = Options(**vars(parser().parse_args(arguments)))
    if options.trust == "irsa" and not options.oidc_provider:
        raise UsageError("--trust irsa needs --oidc-provider: the cluster's, an ARN or its URL")
    if options.trust is None and (options.oidc_provider or options.service_accounts):
        raise UsageError("--oidc-provider and --service-account are for --trust")
    return options


def parser() -> Parser:
    """All options, for whoever prints or completes them."""
    parser = Parser(
        prog=PROGRAM,
        usage=f"{PROGRAM} FILE… [OPTION…]",
        description="Print the IAM policy with which the daemon can read what classes name.",
        epilog=f"{_USE}\n{listed('exit codes', EXIT_CODES)}",
    )
    add = parser.add_argument
    add("files", nargs="+", metavar="FILE", help="manifests, or folders of them; - is stdin")
    formats = ("json", "terraform", "cloudformation")
    add("--format", dest="output_format", choices=formats, default="json", help="default: json")
    whose = "account of what is named without one; default: that of the service accounts' roles"
    add("--account", type=_account, metavar="ID", help=whose)
    where = "region of classes that name none; may be repeated"
    add("--region", **_repeated("regions", _region), metavar="REGION", help=where)
    key = "a KMS key that the secrets are encrypted under; may be repeated"
    add("--kms-key", **_repeated("kms_keys", _key), metavar="ARN", help=key)
    _add_trust(parser.add_argument_group("who may be the role"))
    return parser


def _add_trust(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--trust", choices=("irsa", "pod-identity"), help="print the trust policy as well")
    oidc = "the cluster's OIDC provider, for irsa: its ARN or its issuer's URL"
    add("--oidc-provider", default="", metavar="ARN|URL", help=oidc)
    whom = "may be repeated; default: those of the pods (else all ServiceAccounts) in the files"
    pair = _repeated("service_accounts", _service_account)
    add("--service-account", **pair, metavar="NAMESPACE/NAME", help=whom)
    ours = "namespace of manifests that name none; default: default"
    add("-n", "--namespace", default="default", metavar="NAME", help=ours)


def _repeated(dest: str, kind: Callable[[str], object]) -> dict[str, Any]:
    return {"dest": dest, "action": "append", "default": [], "type": kind}


def _account(text: str) -> str:
    if not re.fullmatch(r"\d{12}", text):
        raise argparse.ArgumentTypeError("expected the twelve digits of an account")
    return text


def _region(text: str) -> str:
    if not re.fullmatch(REGION, text):
        raise argparse.ArgumentTypeError("expected a region, such as eu-west-1")
    return text


def _key(text: str) -> str:
    try:
        region_of_key(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _service_account(text: str) -> ServiceAccount:
    namespace, slash, name = text.partition("/")
    if not (slash and re.fullmatch(_NAME, namespace) and re.fullmatch(_NAME, name)):
        raise argparse.ArgumentTypeError("expected NAMESPACE/NAME")
    return ServiceAccount(namespace, name)
