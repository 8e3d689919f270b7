"""Fills the fake AWS with everything that a class asks for."""

import json
from collections.abc import Iterator
from typing import Any

from provider.aws.arn import looks_like_arn
from provider.csi.request.model import ClassSpec, SecretObject
from provider.engine.model import SecretRef
from testbed.aws import Cloud

LEAF = "abcd"
"""Text that is valid base64 and hex."""
_REFERENCE = "/aws/reference/secretsmanager/"


def stock(cloud: Cloud, klass: ClassSpec, region: str) -> None:
    """Create everything that the class names, in both of its regions."""
    for obj in klass.objects:
        value = _value(obj)
        _put(cloud, obj.ref, region, value)
        if obj.failover is not None and klass.failover_region is not None:
            _put(cloud, obj.failover, klass.failover_region, value)


def _put(cloud: Cloud, ref: SecretRef, region: str, value: str) -> None:
    if ref.store == "secretsmanager":
        _put_secret(cloud, ref, region, value)
    elif ref.store == "ssmparameterpath":
        cloud.put_parameter(f"{ref.name.rstrip('/')}/{LEAF}", LEAF, region=region)
    elif ref.name.startswith(_REFERENCE):
        secret = SecretRef("secretsmanager", ref.name.removeprefix(_REFERENCE))
        _put_secret(cloud, secret, region, value)
    else:
        _put_parameter(cloud, ref, region, value)


def _put_secret(cloud: Cloud, ref: SecretRef, region: str, value: str) -> None:
    name, suffix = ref.name, None
    if looks_like_arn(name):
        name = name.split(":", 6)[-1]
        if name[-7:-6] == "-":
            name, suffix = name[:-7], name[-6:]
    secret = cloud.put_secret(name, value, region=region, account=_account(ref), suffix=suffix)
    if ref.version or ref.label:
        secret.put(value, version=ref.version, stages=(ref.label,) if ref.label else ())


def _put_parameter(cloud: Cloud, ref: SecretRef, region: str, value: str) -> None:
    name = ref.name.partition(":parameter")[2] if looks_like_arn(ref.name) else ref.name
    for _ in range(4):
        parameter = cloud.put_parameter(name, value, region=region, account=_account(ref))
    if ref.label:
        parameter.label(ref.label, max(parameter.versions))


def _account(ref: SecretRef) -> str | None:
    """The account in an ARN; None for the own account."""
    return ref.name.split(":")[4] if looks_like_arn(ref.name) else None


def _value(obj: SecretObject) -> str:
    """A value in which every key and path is found and can be decoded."""
    return (
        LEAF if obj.encoding and not (obj.extractions or obj.keys) else json.dumps(_document(obj))
    )


def _document(obj: SecretObject) -> dict[str, Any]:
    document: dict[str, Any] = {"key": LEAF}
    for extraction in obj.extractions:
        if extraction.expression.compiled is not None:
            document |= _nest(list(_steps(extraction.expression.compiled.parsed)), LEAF)
        else:
            document[extraction.path] = LEAF
    for pattern in obj.keys.patterns if obj.keys else ():
        document[pattern.replace("*", "x")] = LEAF
    return document


def _steps(node: Any) -> Iterator[str | int]:
    if node["type"] in {"field", "index"}:
        yield node["value"]
    for child in node["children"]:
        yield from _steps(child)


def _nest(steps: list[str | int], leaf: str) -> Any:
    if not steps:
        return leaf
    first, *rest = steps
    inner = _nest(rest, leaf)
    return {first: inner} if isinstance(first, str) else [inner] * (first + 1)
