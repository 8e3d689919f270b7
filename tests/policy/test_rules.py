"""The operator's limits: what a rule refuses, and which rule counts."""

import pytest

from provider.policy.rules import AccessRequest, Policy, Rule, _pattern

ROLE = "arn:aws:iam::111122223333:role/shop-db"
SECRET = "arn:aws:secretsmanager:eu-west-1:444455556666:secret:shop/db-AbCdEf"
PARAMETER = "arn:aws:ssm:eu-west-1:444455556666:parameter/shop/db"
ASKED = AccessRequest("team-shop", ("eu-west-1",), (ROLE,), ("shop/db",))


def test_without_rules_everything_is_allowed() -> None:
    assert Policy().check(ASKED) is None


@pytest.mark.parametrize(
    ("rule", "refusal"),
    [
        (Rule("r", regions=("eu-*",)), None),
        (Rule("r", regions=("eu-central-1",)), 'region "eu-west-1" is not allowed by r'),
        (Rule("r", accounts=("111122223333",)), None),
        (Rule("r", accounts=("9*",)), 'account "111122223333" is not allowed by r (9*)'),
        (Rule("r", role_arns=("*:role/shop-*",)), None),
        (Rule("r", role_arns=("*:role/pay-*",)), f'role "{ROLE}" is not allowed by r'),
        (Rule("r", secret_names=("pay/*", "shop/*")), None),
        (Rule("r", secret_names=("*pay*x", "*h*/*b", "[!a]|(")), None),
        (Rule("r", secret_names=("shop/DB",)), 'secret "shop/db" is not allowed by r (shop/DB)'),
    ],
)
def test_each_limit_refuses_what_matches_none_of_its_globs(rule: Rule, refusal: str | None) -> None:
    violation = Policy([rule]).check(ASKED)
    if refusal is None:
        assert violation is None
    else:
        assert violation is not None
        assert refusal in str(violation)
        assert violation.kind == "denied"


@pytest.mark.parametrize(
    ("name", "glob", "allowed"),
    [
        (SECRET, "shop/db-??????", True),
        (SECRET, "shop/db", False),
        (PARAMETER, "/shop/*", True),
        (PARAMETER, "shop/*", False),
        ("arn:aws:ssm:eu-west-1:444455556666:parameter/db", "db", True),
        ("/shop/", "/shop/*", True),
        ("/shop/", "/shop/db", False),
    ],
)
def test_names_in_arns_and_paths_are_matched(name: str, glob: str, allowed: bool) -> None:
    policy = Policy([Rule("r", secret_names=(glob,))])
    assert (policy.check(AccessRequest("shop", names=(name,))) is None) is allowed


def test_the_account_of_a_secret_s_arn_counts() -> None:
    policy = Policy([Rule("r", accounts=("111122223333",))])
    assert '"444455556666"' in str(policy.check(AccessRequest("shop", names=(SECRET,))))


def test_the_first_rule_of_a_namespace_counts_and_the_general_ones_always() -> None:
    policy = Policy(
        [Rule("--allowed-regions", regions=("eu-*",))],
        [
            Rule('rule "shop"', ("team-shop",), secret_names=("shop/*",)),
            Rule('rule "all"', ("*",), secret_names=("common/*",)),
        ],
    )
    assert policy.check(ASKED) is None
    assert 'rule "all"' in str(policy.check(ASKED._replace(namespace="other")))
    assert "--allowed-regions" in str(policy.check(ASKED._replace(regions=("us-east-1",))))


def test_every_refusal_is_named_up_to_a_bound() -> None:
    policy = Policy([Rule("r", regions=(), secret_names=())])
    text = str(
        policy.check(AccessRequest("shop", ("eu-west-1",), names=[f"s{n}" for n in range(20)]))
    )
    assert "eu-west-1" in text
    assert "and 16 more" in text
    assert len(text) < 1000


def test_a_policy_of_the_largest_size_compiles_its_patterns_once() -> None:
    own = [Rule("r", (f"team-{number}",), secret_names=("shop/*",)) for number in range(1100)]
    policy, asked = Policy(own=own), AccessRequest("team-1099", names=("shop/db",))
    assert policy.check(asked) is None
    compiled = _pattern.cache_info().misses
    assert policy.check(asked) is None
    assert _pattern.cache_info().misses == compiled
