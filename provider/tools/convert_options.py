"""The options of `convert`, and its `--help`."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from provider.tools.arguments import Parser, listed

PROGRAM = "secrets-provider-aws convert"

EXIT_CODES: Mapping[object, str] = {
    0: "all is converted",
    1: "some is not: stderr says what, and so do comments in the classes",
    2: "wrong command line, or a file that cannot be read or holds no ExternalSecret",
}
_ABOUT = """\
FILE holds ExternalSecrets and the SecretStores or ClusterSecretStores that they name (v1 or
v1beta1); all files are read together. Each ExternalSecret becomes a class of the same name whose
files are called as its keys, with secretObjects for the Kubernetes Secret.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line, parsed."""

    files: Sequence[str]
    keys: Sequence[tuple[str, Sequence[str]]]
    pod_identity: bool


def parse(arguments: Sequence[str]) -> Options:
    """The options that `arguments` give; raises `UsageError`, or leaves after `--help`."""
    return Options(**vars(parser().parse_args(arguments)))


def parser() -> Parser:
    """All options, for whoever prints or completes them."""
    parser = Parser(
        prog=PROGRAM,
        usage=f"{PROGRAM} FILE… [OPTION…]",
        description="Print SecretProviderClasses for what the External Secrets Operator delivers.",
        epilog=f"{_ABOUT}\n{listed('exit codes', EXIT_CODES)}",
    )
    add = parser.add_argument
    add("files", nargs="+", metavar="FILE", help="manifests, or folders of them; - is stdin")
    keys = "the keys of a JSON secret that dataFrom extracts, so that secretObjects can name them"
    add("--keys", action="append", default=[], type=_keys, metavar="SECRET=KEY,…", help=keys)
    add("--pod-identity", action="store_true", help="classes use EKS Pod Identity instead of IRSA")
    return parser


def _keys(text: str) -> tuple[str, Sequence[str]]:
    secret, equals, names = text.rpartition("=")
    found = [name for name in names.split(",") if name]
    if not (secret and equals and found):
        raise argparse.ArgumentTypeError("expected a secret's name, = and its keys, with commas")
    return secret, found
