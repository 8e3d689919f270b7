"""A small IAM: evaluates a policy document as AWS does, for a role of the fake AWS."""

import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from testbed.aws import Role

Policy = Mapping[str, Any]
_TOKEN = re.compile(r"\$\{(?P<plain>[*?$])\}|(?P<many>\*)|(?P<one>\?)|(?P<text>.)", re.DOTALL)


def allows(
    policy: Policy, action: str, resource: str, context: Mapping[str, str] | None = None
) -> bool:
    """Whether a statement allows the call; there is no Deny and no NotAction in ours."""
    return any(_applies(one, action, resource, context or {}) for one in policy["Statement"])


def _applies(
    statement: Mapping[str, Any], action: str, resource: str, context: Mapping[str, str]
) -> bool:
    assert statement["Effect"] == "Allow"
    return (
        any(matches(one, action) for one in statement["Action"])
        and any(matches(one, resource) for one in statement["Resource"])
        and all(
            operator == "StringEquals" and context.get(key) in values
            for operator, wanted in statement.get("Condition", {}).items()
            for key, values in wanted.items()
        )
    )


@lru_cache(4096)
def matches(pattern: str, text: str) -> bool:
    """Whether a pattern with `*`, `?` and the variables that stand for them covers a text."""
    pieces = []
    for token in _TOKEN.finditer(pattern):
        wild = ".*" if token["many"] else "." if token["one"] else ""
        pieces.append(wild or re.escape(token["plain"] or token["text"]))
    return re.fullmatch("".join(pieces), text, re.DOTALL) is not None


@dataclass(slots=True)
class PolicyRole(Role):
    """A role with a policy document. What AWS asks KMS for in its name must be allowed too."""

    policy: Policy = field(default_factory=lambda: {"Statement": []})
    keys: Mapping[str, str] = field(default_factory=dict)
    """The KMS key of each region that everything there is encrypted under."""
    denied: list[tuple[str, str]] = field(default_factory=list)
    asked: set[tuple[str, str, tuple[tuple[str, str], ...]]] = field(default_factory=set)
    """Actions, resources and contexts of all permissions that were needed."""

    def may(self, action: str, resource: str) -> bool:
        """Whether the policy allows the call and the decryption that it entails."""
        return self._may(action, resource, {}) and self._may_decrypt(action, resource)

    def was_covered_by(self, policy: Policy) -> bool:
        """Whether another policy allows everything that was asked."""
        return all(allows(policy, what, on, dict(context)) for what, on, context in self.asked)

    def _may(self, action: str, resource: str, context: Mapping[str, str]) -> bool:
        self.asked.add((action, resource, tuple(context.items())))
        if allows(self.policy, action, resource, context):
            return True
        self.denied.append((action, resource))
        return False

    def _may_decrypt(self, action: str, resource: str) -> bool:
        _, _, service, region, _ = resource.split(":", 4)
        key = self.keys.get(region)
        if key is None or not action.partition(":")[2].startswith("Get"):
            return True
        suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        return self._may("kms:Decrypt", key, {"kms:ViaService": f"{service}.{region}.{suffix}"})


def lesser(policy: Policy) -> Iterator[tuple[str, Policy]]:
    """The policy without one of its parts, each in turn, with what is gone."""
    for index, statement in enumerate(policy["Statement"]):
        yield f"statement {statement['Sid']}", _without(policy, ("Statement",), index)
        for path, values in _lists(statement):
            for at, value in enumerate(values):
                yield (
                    f"{statement['Sid']}: {value}",
                    _without(policy, ("Statement", index, *path), at),
                )


def _lists(statement: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Sequence[str]]]:
    yield ("Action",), statement["Action"]
    yield ("Resource",), statement["Resource"]
    for operator, wanted in statement.get("Condition", {}).items():
        for key, values in wanted.items():
            yield ("Condition", operator, key), values


def _without(policy: Policy, path: tuple[str | int, ...], at: int) -> Policy:
    copy = deepcopy(policy)
    found: Any = copy
    for step in path:
        found = found[step]
    del found[at]
    return copy
