"""The policy by options and file: its mistakes, and that a change takes effect."""

import asyncio
import json
import logging
import re
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from provider.manifests.problems import InvalidSpec
from provider.policy.file import PolicyFile, open_policy, parse_rules
from provider.policy.rules import AccessRequest, Policy
from provider.runtime.metrics import Metrics
from provider.runtime.process import StartFailed
from provider.runtime.shared_options import SharedOptions

SHOP = "rules: [{name: shop, namespaces: [shop], secretNames: [shop/*]}]"
RULES = """
rules:
  - name: shop
    namespaces: [team-shop, "shop-*"]
    regions: [eu-west-1]
    accounts: ["111122223333"]
    roleArns: ["arn:aws:iam::111122223333:role/shop-*"]
    secretNames: [shop/*]
  - name: everybody
    namespaces: "*"
    secretNames: [common/*]
"""


def test_rules_are_read_from_yaml_and_from_json() -> None:
    shop, everybody = parse_rules(RULES)
    assert shop.name == 'rule "shop"'
    assert shop.namespaces == ("team-shop", "shop-*")
    assert (shop.regions, shop.accounts) == (("eu-west-1",), ("111122223333",))
    assert shop.role_arns == ("arn:aws:iam::111122223333:role/shop-*",)
    assert shop.secret_names == ("shop/*",)
    assert (everybody.namespaces, everybody.regions) == (("*",), None)
    as_json = json.dumps({"rules": [{"name": "a", "namespaces": ["b"], "regions": ["c"]}]})
    assert parse_rules(as_json)[0].regions == ("c",)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("rules: [", "policy: "),
        ("- a", "policy: must be a mapping"),
        ("rule: []", 'policy: key "rule" is not known'),
        ("rules: [{namespaces: [a]}]", "rules[0].name: is required"),
        ("rules: [{name: a}]", "rules[0].namespaces: is required"),
        ("rules: [{name: a, namespaces: [b], region: [c]}]", 'key "region" is not known'),
        ("rules: [{name: a, namespaces: [b], regions: []}]", "rules[0].regions: has an empty list"),
        ("rules: [{name: a, namespaces: [b], regions: }]", "rules[0].regions: has no value"),
        ("rules: [{name: a, namespaces: [b], accounts: [011111111111]}]", "quote it"),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, problem: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        parse_rules(text)
    assert problem in str(caught.value)
    assert "(line " in str(caught.value)


async def until(condition: object) -> None:
    while not condition():  # type: ignore[operator]  # a function without arguments
        await asyncio.sleep(0.01)


async def test_a_changed_file_counts_and_a_broken_one_does_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, policy = tmp_path / "policy.yaml", Policy()
    path.write_text(RULES)
    file = PolicyFile(path, policy)
    changes: list[bool] = []
    policy.changed = lambda: changes.append(True)
    file.load()
    watching = asyncio.create_task(file.watch(look_seconds=0.01))
    asked = AccessRequest("team-shop", ("us-east-1",))
    assert policy.check(asked) is not None
    with caplog.at_level(logging.ERROR, "provider"):
        path.write_text("rules: [")
        await until(lambda: file.problem)
        await asyncio.sleep(0.05)
    assert policy.check(asked) is not None
    (record,) = caplog.records
    assert "the rules that were read before stay in force" in record.getMessage()
    path.write_text(RULES.replace("eu-west-1", "us-east-1"))
    await until(lambda: not file.problem)
    assert policy.check(asked) is None
    assert changes == [True]
    path.unlink()
    await until(lambda: file.problem)
    assert policy.check(asked) is None
    watching.cancel()


@pytest.mark.parametrize(
    "text", ["", "# rules: all\n", "---\n", "~", "rules:\n", "rules: ''", "{}"]
)
def test_a_file_without_rules_does_not_allow_everything(text: str) -> None:
    """A file that was cut off would lift all limits."""
    with pytest.raises(InvalidSpec, match="policy: "):
        parse_rules(text)
    assert parse_rules("rules: []") == ()


def test_a_file_that_is_broken_at_the_start_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    with pytest.raises(OSError, match="No such file"):
        PolicyFile(path, Policy()).load()
    path.write_text("rules: 1")
    with pytest.raises(InvalidSpec, match="must be a list"):
        PolicyFile(path, Policy()).load()


def test_the_example_of_the_operator_s_guide_is_valid() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    (example,) = [
        text for text in re.findall(r"```yaml\n(.+?)```", guide, re.DOTALL) if "rules:" in text
    ]
    shop, everybody = parse_rules(example)
    assert shop.covers("shop-eu")
    assert everybody.namespaces == ("*",)


async def test_options_are_for_all_and_the_file_is_for_namespaces(tmp_path: Path) -> None:
    file, metrics = tmp_path / "policy.yaml", Metrics()
    file.write_text(SHOP)
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
    refusal = str(policy.check(AccessRequest("shop", ["us-east-1"], [role], ["db"])))
    named = ("--allowed-regions", "--allowed-accounts", "--allowed-role-arns", 'rule "shop"')
    assert [one for one in named if one not in refusal] == []
    assert policy.check(AccessRequest("other", ["eu-west-1"], [], ["db"])) is None


async def test_what_belongs_to_no_namespace_is_for_the_options_only(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text("rules: [{name: rest, namespaces: ['*'], regions: [eu-west-1]}]")
    async with AsyncExitStack() as stack:
        options = SharedOptions(policy_file=file, allowed_regions=("us-*",))
        policy = await open_policy(options, Metrics(), stack)
    assert policy.check(AccessRequest(None, ["us-east-1"])) is None
    assert "refuses every namespace" in str(policy.check(AccessRequest(None, ["eu-west-1"])))


@pytest.mark.parametrize("text", [None, "rules: [{name: a}]"], ids=["missing", "not valid"])
async def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "policy.yaml"
    if text is not None:
        file.write_text(text)
    async with AsyncExitStack() as stack:
        with pytest.raises(StartFailed, match=f"--policy-file {file}: ") as raised:
            await open_policy(SharedOptions(policy_file=file), Metrics(), stack)
    assert "\n" not in str(raised.value)
