"""`controller`: run the controller. Its options are those of `provider.controller.config`."""

from argparse import SUPPRESS, Namespace

from provider.cli.option_table import add_table
from provider.cli.start import start
from provider.controller.config import OPTIONS, configure
from provider.tools.arguments import PROGRAM, Parser

_INTRODUCTION = """\
Makes Kubernetes Secrets from AWS Secrets Manager and SSM Parameter Store, by External Secrets
resources: ExternalSecret, SecretStore, ClusterSecretStore, ClusterExternalSecret."""

_SYNTAX = """\
Options are written --option=value or --option value. Durations are those of Go (30s, 5m, 1h30m),
sizes are bytes (1048576, 16Mi). The options of External Secrets Operator keep their names; those
that have no meaning here are accepted without effect."""

WITHOUT_EFFECT = (
    "enable-configmaps-caching",
    "enable-generator-state",
    "enable-managed-secrets-caching",
    "enable-push-secret-reconciler",
    "enable-cluster-push-secret-reconciler",
    "enable-secrets-caching",
    "enable-vault-token-cache",
    "experimental-enable-aws-session-cache",
    "experimental-aws-session-cache-size",
    "experimental-enable-vault-token-cache",
    "experimental-vault-token-cache-size",
    "generator-gc-grace-period",
    "leader-election-renew-deadline",
    "leader-election-retry-period",
    "enable-http2",
    "tls-ciphers",
    "tls-min-version",
    "unsafe-allow-generic-targets",
    "vault-token-cache-size",
    "zap-time-encoding",
)
"""Flags of External Secrets Operator that are accepted without effect."""
OTHER_NAMES = {"leader-election-lease-duration": "lease_duration"}
"""Flags of External Secrets Operator, and the options that they are here."""


def add_options(parser: Parser) -> None:
    """Add every option of the controller. Values stay text: `configure` parses them."""
    parser.usage = f"{PROGRAM} controller [OPTION…]"
    parser.description = _INTRODUCTION
    parser.epilog = _SYNTAX
    add_table(parser, OPTIONS, "controller")
    for name in WITHOUT_EFFECT:
        parser.add_argument(f"--{name}", dest="unused", nargs="?", default=SUPPRESS, help=SUPPRESS)
    for name, field in OTHER_NAMES.items():
        parser.add_argument(f"--{name}", dest=field, default=SUPPRESS, help=SUPPRESS)


def run(options: Namespace) -> int:
    """Run the controller until a signal stops it."""
    config = start(configure, options, OPTIONS)
    from provider.controller import app  # noqa: PLC0415 - the slowest import

    app.serve(config)
