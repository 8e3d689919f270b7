"""The policy of a front door, by its options."""

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from provider.policy.rules import Asked
from provider.policy.watched import open_policy
from provider.runtime.metrics import Metrics
from provider.runtime.process import StartFailed
from provider.runtime.shared_options import SharedOptions

RULES = "rules: [{name: shop, namespaces: [shop], secretNames: [shop/*]}]"


async def test_options_are_for_all_and_the_file_is_for_namespaces(tmp_path: Path) -> None:
    file, metrics = tmp_path / "policy.yaml", Metrics()
    file.write_text(RULES)
    options = SharedOptions(
        policy_file=file,
        allowed_regions=("eu-*",),
        allowed_accounts=("111122223333",),
        allowed_role_arns=("*:role/a",),
    )
    async with AsyncExitStack() as stack:
        policy = await open_policy(options, metrics, stack)
        assert b"secrets_provider_aws_policy_file_failing 0.0" in await metrics.page()
    role = "arn:aws:iam::444455556666:role/b"
    refusal = str(policy.check(Asked("shop", ["us-east-1"], [role], ["db"])))
    named = ("--allowed-regions", "--allowed-accounts", "--allowed-role-arns", 'rule "shop"')
    assert [one for one in named if one not in refusal] == []
    assert policy.check(Asked("other", ["eu-west-1"], [], ["db"])) is None


async def test_what_belongs_to_no_namespace_is_for_the_options_only(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text("rules: [{name: rest, namespaces: ['*'], regions: [eu-west-1]}]")
    async with AsyncExitStack() as stack:
        options = SharedOptions(policy_file=file, allowed_regions=("us-*",))
        policy = await open_policy(options, Metrics(), stack)
    assert policy.check(Asked(None, ["us-east-1"])) is None
    assert "refuses every namespace" in str(policy.check(Asked(None, ["eu-west-1"])))


@pytest.mark.parametrize("text", [None, "rules: [{name: a}]"], ids=["missing", "not valid"])
async def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "policy.yaml"
    if text is not None:
        file.write_text(text)
    async with AsyncExitStack() as stack:
        with pytest.raises(StartFailed, match=f"--policy-file {file}: ") as raised:
            await open_policy(SharedOptions(policy_file=file), Metrics(), stack)
    assert "\n" not in str(raised.value)
