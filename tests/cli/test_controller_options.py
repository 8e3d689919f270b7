"""The controller's options, and those of External Secrets Operator that people have set."""

import pytest

from provider.cli.controller import add_options
from provider.controller.config import Config
from provider.runtime.options import configure
from provider.tools.arguments import Parser

OPERATORS = (
    "client-burst=100",
    "client-qps=50",
    "concurrent=1",
    "controller-class=default",
    "enable-cluster-external-secret-reconciler=true",
    "enable-cluster-push-secret-reconciler=true",
    "enable-cluster-store-reconciler=true",
    "enable-configmaps-caching=false",
    "enable-extended-metric-labels=true",
    "enable-flood-gate=true",
    "enable-generator-state=true",
    "enable-http2=false",
    "enable-leader-election=true",
    "enable-managed-secrets-caching=true",
    "enable-push-secret-reconciler=true",
    "enable-secret-store-reconciler=true",
    "enable-secrets-caching=false",
    "enable-vault-token-cache=false",
    "experimental-aws-session-cache-size=1024",
    "experimental-enable-aws-session-cache=false",
    "experimental-enable-vault-token-cache=false",
    "experimental-vault-token-cache-size=100",
    "generator-gc-grace-period=2m0s",
    "leader-election-id=external-secrets-controller",
    "leader-election-lease-duration=30s",
    "leader-election-renew-deadline=10s",
    "leader-election-retry-period=2s",
    "live-addr=:8082",
    "loglevel=info",
    "metrics-addr=:8080",
    "namespace=",
    "store-requeue-interval=5m0s",
    "template-left-delimiter={{",
    "template-right-delimiter=}}",
    "tls-ciphers=TLS_AES_128_GCM_SHA256",
    "tls-min-version=VersionTLS12",
    "unsafe-allow-generic-targets=false",
    "vault-token-cache-size=100",
    "zap-time-encoding=epoch",
)
"""Of the operator's controller, 0.16 to 2.9, with its defaults or other good values."""


def config(*arguments: str) -> Config:
    parser = Parser(prog="test")
    add_options(parser)
    return configure(Config, vars(parser.parse_args(arguments)), {})


def test_the_operators_flags_are_accepted() -> None:
    found = config(*(f"--{one}" for one in OPERATORS))
    assert found.lease_duration == 30
    assert found.enable_extended_metric_labels


@pytest.mark.parametrize("flag", ["--enable-generator-state", "--enable-http2"])
def test_flags_without_effect_need_no_value(flag: str) -> None:
    assert config(flag) == config()
