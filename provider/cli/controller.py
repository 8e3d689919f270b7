"""`controller`: run the controller. Its options are those of `provider.controller.config`."""

from argparse import SUPPRESS, Namespace
from collections.abc import Mapping

from provider.cli.options import add_table, add_unused, start
from provider.controller.config import Config
from provider.tools.arguments import PROGRAM, Parser, paragraph

EXIT_CODES: Mapping[int, str] = {
    0: "stopped by SIGTERM or SIGINT",
    1: "failure, such as a wrong AWS variable: stderr says why in one line",
    2: "wrong command line, or wrong value of an option's environment variable",
}
_INTRODUCTION = """\
Makes Kubernetes Secrets from AWS Secrets Manager and SSM Parameter Store. External Secrets
resources say which: ExternalSecret, SecretStore, ClusterSecretStore, ClusterExternalSecret.

It runs in a cluster: docs/controller.md says how to install it. Without a cluster, try the commands
render and explain."""

_SYNTAX = """\
Options are written --option=value or --option value. Durations are those of Go (30s, 5m, 1h30m),
sizes are bytes (1048576, 16Mi). The options of External Secrets Operator keep their names; those
that have no meaning here are accepted without effect.

examples:
  secrets-provider-aws controller --concurrent=64 --audit-log
  secrets-provider-aws controller --namespace=shop --controller-class=shop"""

WITHOUT_EFFECT = (
    "enable-configmaps-caching",
    "enable-generator-state",
    "enable-managed-secrets-caching",
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


def add_options(parser: Parser) -> None:
    """Add every option of the controller. Values stay text, for `start`."""
    parser.usage = f"{PROGRAM} controller [OPTION…]"
    parser.description = _INTRODUCTION
    parser.epilog = f"{_SYNTAX}\n\n{paragraph('exit codes', EXIT_CODES)}"
    add_table(parser, Config, "controller")
    add_unused(parser, *WITHOUT_EFFECT)
    lease_duration = "--leader-election-lease-duration"  # its name in External Secrets Operator
    parser.add_argument(lease_duration, dest="lease_duration", default=SUPPRESS, help=SUPPRESS)


def run(options: Namespace) -> int:
    config = start(Config, options)
    from provider.controller import app  # noqa: PLC0415 - the slowest import

    app.serve(config)
