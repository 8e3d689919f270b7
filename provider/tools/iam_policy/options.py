"""The options of `iam-policy`, and its `--help`."""

import argparse
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from provider.tools.arguments import (
    REPEATED,
    AddArgument,
    Parser,
    UsageError,
    add_manifests,
    object_name,
    paragraph,
    region,
)
from provider.tools.iam_policy.permissions import region_of_key
from provider.tools.iam_policy.service_accounts import CLUSTER, ServiceAccount

EXIT_CODES: Mapping[int, str] = {
    0: "the policy is printed; warnings, if any, are on stderr",
    2: "wrong command line or file, mistakes in a class, or missing information",
}
_USE = """\
The policy is for the role of the pods that mount the classes, for all classes together, or for the
identity of the stores that ExternalSecrets name:
  secrets-provider-aws iam-policy class.yaml --account 111122223333 > role.json
  secrets-provider-aws iam-policy store.yaml es.yaml --by store \\
    --account 111122223333
  aws iam put-role-policy --role-name ROLE --policy-name secrets \\
    --policy-document file://role.json
With --trust, and for classes that assume a role, the JSON is an object with the documents policy,
trust and assumedRoles (by their ARNs). With --by, it is an object of these by service account or
store.
"""
Trust = Literal["irsa", "pod-identity"]
"""How pods authenticate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line, parsed."""

    files: Sequence[str]
    output_format: Literal["json", "terraform", "cloudformation"]
    account: str | None
    regions: Sequence[str]
    kms_keys: Sequence[str]
    cover_optional: bool
    by: Literal["service-account", "store"] | None
    trust: Trust | None
    oidc_provider: str
    cluster: str | None
    service_accounts: Sequence[ServiceAccount]
    namespace: str
    controller: ServiceAccount


def checked(namespace: argparse.Namespace) -> Options:
    """The options; raises `UsageError` where they contradict each other."""
    options = Options(**vars(namespace))
    if options.trust == "irsa" and not options.oidc_provider:
        raise UsageError(
            "--trust irsa needs --oidc-provider: an ARN, or the URL of the cluster's issuer (aws "
            "eks describe-cluster --name CLUSTER --query cluster.identity.oidc.issuer)"
        )
    if options.by and options.service_accounts:
        raise UsageError(
            "--by takes the service accounts from the files: leave --service-account out"
        )
    if not (options.trust or options.by == "service-account") and (
        options.oidc_provider or options.service_accounts
    ):
        raise UsageError("--oidc-provider and --service-account need --trust")
    if options.cluster and options.trust != "pod-identity" and options.by != "service-account":
        raise UsageError("--cluster needs --trust pod-identity")
    return options


def add_options(parser: Parser) -> None:
    parser.usage = f"{parser.prog} FILE|DIR|-… [OPTION…]"
    parser.description = (
        "Print the IAM policy that allows reading what classes and External Secrets resources name."
    )
    parser.epilog = f"{_USE}\n{paragraph('exit codes', EXIT_CODES)}"
    add = parser.add_argument
    add_manifests(add)
    formats = ("json", "terraform", "cloudformation")
    add("--format", dest="output_format", choices=formats, default="json", help="default: json")
    whose = "account of names without one; default: that of the service accounts' roles"
    add("--account", type=_account, metavar="ID", help=whose)
    where = "region of classes that name none; may be repeated"
    add("--region", dest="regions", **REPEATED, type=region, metavar="REGION", help=where)
    key = "KMS key that encrypts the secrets; may be repeated"
    add("--kms-key", dest="kms_keys", **REPEATED, type=_key, metavar="ARN", help=key)
    optional = "allow optional secrets by the beginning of their names (NAME*): see the warning"
    add("--cover-optional", action="store_true", help=optional)
    each = (
        "a policy for each store, or with a trust policy for each service account: those of pods "
        "that mount a class, and of stores"
    )
    add("--by", choices=("service-account", "store"), help=each)
    own = ServiceAccount("external-secrets", "secrets-controller-aws")
    ours = f"service account of the controller, for stores without auth; default: {own}"
    controller: dict[str, Any] = {"type": _service_account, "default": own}
    add("--controller", **controller, metavar="NAMESPACE/NAME", help=ours)
    _add_trust(parser.group("trust policy of the role"))


def _add_trust(add: AddArgument) -> None:
    add("--trust", choices=("irsa", "pod-identity"), help="print the trust policy as well")
    oidc = "the cluster's OIDC provider, for irsa: its ARN or the URL of its issuer"
    add("--oidc-provider", default="", metavar="ARN|URL", help=oidc)
    cluster = "only pods of this cluster, for pod-identity"
    add("--cluster", type=_cluster, metavar="ARN|NAME", help=cluster)
    whom = "may be repeated; default: those of the pods (else all ServiceAccounts) in the files"
    account: dict[str, Any] = {"type": _service_account, "metavar": "NAMESPACE/NAME"}
    add("--service-account", dest="service_accounts", **REPEATED, **account, help=whom)
    ours = "namespace of manifests that name none; default: default"
    add("-n", "--namespace", default="default", type=object_name, metavar="NAME", help=ours)


def _account(text: str) -> str:
    if not re.fullmatch("[0-9]{12}", text):
        raise argparse.ArgumentTypeError("expected an account id of twelve digits")
    return text


def _cluster(text: str) -> str:
    if not CLUSTER.fullmatch(text):
        raise argparse.ArgumentTypeError("expected the ARN or the name of an EKS cluster")
    return text


def _key(text: str) -> str:
    try:
        region_of_key(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _service_account(text: str) -> ServiceAccount:
    namespace, _, name = text.partition("/")
    if not (namespace and name):
        raise argparse.ArgumentTypeError("expected NAMESPACE/NAME")
    return ServiceAccount(object_name(namespace), object_name(name))
