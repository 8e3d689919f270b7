"""Rules: which regions, accounts, roles and secrets a namespace may ask for.

Without rules everything is allowed, as far as IAM allows it. Rules can only refuse.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from typing import NamedTuple

from provider.errors import PolicyViolation
from provider.manifests.problems import quote, some_of

Globs = tuple[str, ...] | None
"""What is allowed, case-sensitive; None: everything."""


class AccessRequest(NamedTuple):
    """What one request wants.

    `names` are names, paths or ARNs of secrets and parameters; a path ends with `/`. The namespace
    is None for what belongs to none: only the general rules apply then.
    """

    namespace: str | None
    regions: Sequence[str] = ()
    role_arns: Sequence[str] = ()
    names: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """Limits under one name."""

    name: str
    namespaces: tuple[str, ...] = ("*",)
    regions: Globs = None
    accounts: Globs = None
    role_arns: Globs = None
    secret_names: Globs = None

    def covers(self, namespace: str) -> bool:
        """Whether the rule is about the namespace."""
        return _pattern(self.namespaces).match(namespace) is not None

    def refusals(self, asked: AccessRequest) -> Iterator[str]:
        """A line for everything that the rule does not allow."""
        arns = [*asked.role_arns, *(name for name in asked.names if name.startswith("arn:"))]
        accounts = filter(None, map(_account, arns))
        names = map(_secret_name, asked.names)
        yield from self._refused("region", asked.regions, self.regions)
        yield from self._refused("account", accounts, self.accounts)
        yield from self._refused("role", asked.role_arns, self.role_arns)
        yield from self._refused("secret", names, self.secret_names)

    def _refused(self, what: str, texts: Iterable[str], allowed: Globs) -> Iterator[str]:
        if allowed is None:
            return
        pattern = _pattern(allowed)
        for text in dict.fromkeys(texts):
            if not pattern.match(text):
                yield f"{what} {quote(text)} is not allowed by {self.name} ({some_of(allowed)})"


class Policy:
    """All rules: the general ones, and for each namespace the first of `own` that covers it."""

    def __init__(self, general: Sequence[Rule] = (), own: Sequence[Rule] = ()) -> None:
        self._general = tuple(general)
        self.own = tuple(own)
        """The rules of namespaces; may be replaced at any time."""
        self.changed: Callable[[], object] = lambda: None
        """What is called when they were replaced because the policy file has changed."""

    def check(self, asked: AccessRequest) -> PolicyViolation | None:
        """Why the provider refuses the request; None if it does not."""
        refusals = [line for rule in self._rules(asked.namespace) for line in rule.refusals(asked)]
        if not refusals:
            return None
        whom = f"namespace {asked.namespace}" if asked.namespace else "every namespace"
        return PolicyViolation(
            f"the policy of this provider refuses {whom}: {some_of(refusals, separator='; ')}. "
            "The operator of the provider can change the policy."
        )

    def limits_names(self, namespace: str) -> bool:
        """Whether the namespace may have only some secrets, by their names."""
        return any(rule.secret_names is not None for rule in self._rules(namespace))

    def _rules(self, namespace: str | None) -> tuple[Rule, ...]:
        if namespace is None:
            return self._general
        own = next(([one] for one in self.own if one.covers(namespace)), [])
        return (*self._general, *own)


ALLOW_ALL = Policy()
"""A policy without rules."""


@lru_cache(maxsize=4096)  # more lists than a policy file can have
def _pattern(globs: tuple[str, ...]) -> re.Pattern[str]:
    """What one of the globs matches. A class may name thousands of secrets, a rule hundreds of
    globs: one pattern is a hundred times faster than one glob after the other."""
    return re.compile("|".join(map(translate, globs)) or "(?!)")


def _account(arn: str) -> str:
    """The account of an ARN; empty where it names none."""
    parts = arn.split(":", 5)
    return parts[4] if len(parts) == 6 else ""


def _secret_name(name: str) -> str:
    """The name in an ARN as the ARN has it: of a secret with the suffix, if it is there."""
    if not name.startswith("arn:"):
        return name
    resource = name.split(":", 5)[-1]
    if resource.startswith("secret:"):
        return resource.removeprefix("secret:")
    name = resource.removeprefix("parameter/")
    # AWS leaves the first slash of a parameter's path out of its ARN.
    return f"/{name}" if "/" in name else name
