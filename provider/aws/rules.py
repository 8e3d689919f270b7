"""The endpoint rule sets and partitions that come with botocore, read without its code.

A rule set is a tree of conditions with a URL at each leaf ("Endpoint rule sets", Smithy
specification). botocore's own interpreter is private to it and imports half of the SDK, which
would double the CPU that the daemon needs to start. The tests hold the two against each other.
"""

import gzip
import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from provider.errors import InvalidRequest

Scope = dict[str, Any]
"""Parameters of the rule set, and what conditions have assigned."""


def botocore_file(name: str) -> Path:
    """A file of the installed botocore, which stays unimported."""
    spec = find_spec("botocore")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("botocore is not installed")
    return Path(spec.origin).parent / name


def resolve(service: str, scope: Scope) -> tuple[str, Mapping[str, str]]:
    """URL and authentication scheme by the rules of `service`; `InvalidRequest` if they say so."""
    rule_set = _rule_set(service)
    defaults = {
        name: parameter["default"]
        for name, parameter in rule_set["parameters"].items()
        if "default" in parameter
    }
    leaf = _first_match(rule_set["rules"], {**defaults, **scope})
    if leaf is None:
        raise InvalidRequest("no rule says where to ask")
    rule, scope = leaf
    if rule["type"] == "error":
        raise InvalidRequest(str(_value(rule["error"], scope)))
    schemes = rule["endpoint"]["properties"].get("authSchemes") or [{}]
    scheme = {name: _value(value, scope) for name, value in schemes[0].items()}
    return str(_value(rule["endpoint"]["url"], scope)), scheme


@cache
def _rule_set(service: str) -> Any:
    return _read(max(botocore_file(f"data/{service}").glob("*/endpoint-rule-set-1.json*")))


@cache
def _partitions() -> Any:
    return _read(next(botocore_file("data").glob("partitions.json*")))["partitions"]


def _read(path: Path) -> Any:
    raw = path.read_bytes()
    return json.loads(gzip.decompress(raw) if path.suffix == ".gz" else raw)


def _first_match(rules: list[Any], scope: Scope) -> tuple[Any, Scope] | None:
    """The first leaf all of whose conditions hold, with what they assigned on the way."""
    for rule in rules:
        inner = dict(scope)
        if all(_holds(condition, inner) for condition in rule["conditions"]):
            leaf = _first_match(rule["rules"], inner) if rule["type"] == "tree" else (rule, inner)
            if leaf is not None:
                return leaf
    return None


def _holds(condition: Any, scope: Scope) -> bool:
    result = _value(condition, scope)
    if "assign" in condition:
        scope[condition["assign"]] = result
    return result is not None and result is not False


def _value(expression: Any, scope: Scope) -> Any:
    if isinstance(expression, str):
        return re.sub(r"\{([^{}]+)\}", lambda found: _interpolated(found[1], scope), expression)
    if not isinstance(expression, dict):
        return expression
    if "ref" in expression:
        return scope.get(expression["ref"])
    return _FUNCTIONS[expression["fn"]](*(_value(one, scope) for one in expression["argv"]))


def _interpolated(path: str, scope: Scope) -> str:
    value: Any = scope
    for name in path.split("#"):
        value = value[name]
    return str(value)


def _partition(region: str) -> Mapping[str, Any]:
    """The partition of a region; of one that nobody knows yet, the first."""
    partitions = _partitions()
    for partition in partitions:
        if region in partition["regions"] or re.match(partition["regionRegex"], region):
            break
    else:
        partition = partitions[0]
    return {**partition["outputs"], "name": partition["id"]}


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "aws.partition": _partition,
    "booleanEquals": lambda one, other: one is other,
    "getAttr": lambda value, name: value[name],
    "isSet": lambda value: value is not None,
    "not": lambda value: not value,
    "stringEquals": lambda one, other: one == other,
}
"""All that the rules of our three services use."""
