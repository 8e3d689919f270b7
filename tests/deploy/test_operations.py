"""docs/operations.md: what it tells to run, set, allow and query exists."""

import json
import re
from typing import Any

import pytest

from provider.csi.config import Config
from provider.csi.metrics import MountMetrics, NamespaceLabel
from provider.runtime.metrics import Metrics
from provider.runtime.options import flag, options_of
from tests.deploy import manifests
from tests.deploy.chart import LEAVES

GUIDE = manifests.ROOT / "docs" / "operations.md"
TEXT = GUIDE.read_text()
POLICIES: list[dict[str, Any]] = [
    json.loads(block) for block in re.findall(r"```json\n(.+?)```", TEXT, re.DOTALL)
]


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\bdeploy/[\w./-]*\w", TEXT))))
def test_paths_exist(path: str) -> None:
    assert (manifests.ROOT / path).exists()


def test_the_policy_allows_what_the_provider_asks_and_no_more() -> None:
    rights, *_ = POLICIES
    allowed = {
        action
        for statement in rights["Statement"]
        for action in (
            [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        )
    }
    assert allowed == {
        "secretsmanager:GetSecretValue",
        "secretsmanager:DescribeSecret",
        "ssm:GetParameters",
        "kms:Decrypt",
    }
    assert all(statement["Resource"] != "*" for statement in rights["Statement"])


def test_a_role_trusts_one_account_or_the_service() -> None:
    _, irsa, pod_identity = POLICIES
    [trust] = irsa["Statement"]
    assert trust["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert set(trust["Condition"]["StringEquals"]) == {"ISSUER:aud", "ISSUER:sub"}
    [trust] = pod_identity["Statement"]
    assert trust["Principal"] == {"Service": "pods.eks.amazonaws.com"}
    assert trust["Action"] == ["sts:AssumeRole", "sts:TagSession"]


def test_values_that_are_set_are_values_of_the_chart() -> None:
    leaves = {".".join(path) for path in LEAVES} | {
        "resources.limits.cpu",
        "resources.limits.memory",
    }
    named = set(re.findall(r"--set ([\w.-]+)=", TEXT))
    assert {name.removeprefix("secrets-provider-aws.") for name in named} <= leaves


def test_options_are_options_of_the_daemon() -> None:
    known = {flag(name) for name in options_of(Config)}
    for name in set(re.findall(r"`(--[a-z-]+)`", TEXT)):
        assert name in known, name


async def test_queries_are_of_metrics_that_there_are() -> None:
    metrics = Metrics()
    MountMetrics(metrics, NamespaceLabel(None))
    metrics.aws_request("secretsmanager", "GetSecretValue", "eu-west-1", "ok", 1.0)
    for gauge in ("mounts_waiting", "mounts_failing", "stalest_mount_age_seconds"):
        metrics.watch(gauge, "as app.py does", lambda: 0)
    page = (await metrics.page()).decode()
    for name in set(re.findall(r"\b(?:secrets_provider_aws|process)_\w+", TEXT)):
        assert re.search(rf"^{name}[ {{]", page, re.MULTILINE), name
