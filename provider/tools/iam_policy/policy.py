"""IAM policies as data: statements that allow, and their JSON documents.

Text from a class is escaped, so that no name can widen a policy (IAM User Guide, "Policy
variables", special characters).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

VERSION = "2012-10-17"
"""The policy language with variables."""

MANAGED_LIMIT = 6144
"""Most characters of a managed policy, without white space (IAM quotas)."""

OPERATOR = "StringEquals"
"""Of all conditions."""
PrincipalType = Literal["Federated", "Service"]

_SPECIAL = str.maketrans({"*": "${*}", "?": "${?}", "$": "${$}"})


def literal(text: str) -> str:
    """The text escaped, so that it matches only itself."""
    return text.translate(_SPECIAL)


def unique(labels: Iterable[str]) -> Sequence[str]:
    """The labels, with a number at the end of those that are already taken."""
    taken: dict[str, None] = {}
    for label in labels:
        number, free = 2, label
        while free in taken:
            free, number = f"{label}{number}", number + 1
        taken[free] = None
    return list(taken)


@dataclass(frozen=True, slots=True)
class Condition:
    """A key of the request context, and the texts that it may equal."""

    key: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """Actions allowed on resources or, in a trust policy, to a principal."""

    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()
    principal: tuple[PrincipalType, str] | None = None

    def as_json(self) -> Mapping[str, Any]:
        """The statement in the form of IAM."""
        element: dict[str, Any] = {"Sid": self.sid, "Effect": "Allow"}
        if self.principal:
            element["Principal"] = dict([self.principal])
        element["Action"] = list(self.actions)
        if self.resources:
            element["Resource"] = list(self.resources)
        if self.conditions:
            equal = {one.key: list(one.values) for one in self.conditions}
            element["Condition"] = {OPERATOR: equal}
        return element


def document(statements: Sequence[Statement]) -> Mapping[str, Any]:
    return {"Version": VERSION, "Statement": [one.as_json() for one in statements]}


def size(statements: Sequence[Statement]) -> int:
    """Characters as IAM counts them."""
    return len(json.dumps(document(statements), separators=(",", ":")))


@dataclass(frozen=True, slots=True)
class Grants:
    """The policies that some classes need."""

    policy: tuple[Statement, ...]
    """For the role of the pods."""
    trust: tuple[Statement, ...] = ()
    """The trust policy of that role."""
    assumed: tuple[tuple[str, tuple[Statement, ...]], ...] = ()
    """For the roles that the pods' role assumes, by their ARNs."""

    def documents(self) -> Mapping[str, Any]:
        """The documents `policy`, and if there are any `trust` and `assumedRoles`."""
        whole: dict[str, Any] = {"policy": document(self.policy)}
        if self.trust:
            whole["trust"] = document(self.trust)
        if self.assumed:
            whole["assumedRoles"] = {arn: document(granted) for arn, granted in self.assumed}
        return whole

    def as_json(self) -> str:
        """The bare policy if there is nothing else, so that it can be used as it is."""
        whole = self.documents()
        return json.dumps(whole if len(whole) > 1 else whole["policy"], indent=2) + "\n"


def joined(first: Grants | None, second: Grants) -> Grants:
    """What either needs, for one role."""
    if first is None:
        return second
    assumed = dict(first.assumed)
    for arn, more in second.assumed:
        assumed[arn] = _together(assumed.get(arn, ()), more)
    policy, trust = _together(first.policy, second.policy), _together(first.trust, second.trust)
    return Grants(policy, trust, tuple(assumed.items()))


def _together(first: Sequence[Statement], second: Sequence[Statement]) -> tuple[Statement, ...]:
    """Each statement once, under a name of its own, as IAM requires."""
    statements = dict.fromkeys((*first, *second))
    sids = unique(one.sid for one in statements)
    return tuple(replace(one, sid=sid) for one, sid in zip(statements, sids, strict=True))
