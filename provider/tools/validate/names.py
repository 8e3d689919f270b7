"""Checks of names, versions and labels against what AWS allows.

Sources: Systems Manager API reference, `PutParameter` and `LabelParameterVersion`; Secrets Manager
API reference, `CreateSecret`, and its page on quotas. For an invalid name AWS returns the same
error as for a missing secret, or an unclear one.
"""

import re
from collections.abc import Iterator

from provider.aws.arn import looks_like_arn
from provider.csi.request.keys import OBJECT_KEYS
from provider.csi.request.references import read_failover, read_ref
from provider.engine.model import SecretRef
from provider.manifests.entries import Findings, read_entry
from provider.manifests.nodes import Node
from provider.manifests.problems import quote
from provider.tools.validate import findings as rules
from provider.tools.validate.classes import Reviewed, value
from provider.tools.validate.findings import Finding

_PARAMETER_NAME = re.compile(r"[a-zA-Z0-9_.\-/]+")
_PARAMETER_CHARACTERS = 1011
_PARAMETER_LEVELS = 15
_PARAMETER_LABEL = re.compile(r"(?!(?i:aws|ssm))[a-zA-Z_.\-][a-zA-Z0-9_.\-]{0,99}")
_SECRET_NAME = re.compile(r"[a-zA-Z0-9/_+=.@\-]+")
_SECRET_CHARACTERS = 512
_SECRET_VERSION = range(32, 65)
_SECRET_LABEL = 256
_BATCH = 10
_CALLS_A_SECOND = 40
"""Standard throughput of GetParameters for an account. One call takes ten names."""


def check_names(reviewed: Reviewed) -> Iterator[Finding]:
    """Names that no secret and no parameter can have, also in a class with other mistakes."""
    for index, node in enumerate(reviewed.objects):
        path = f"objects[{index}]"
        entry = read_entry(node, OBJECT_KEYS, path, Findings())
        ref = read_ref(entry) if entry else None
        if entry is None or ref is None:
            continue
        yield from _check(reviewed, path, node, ref)
        other = value(node, "failoverObject")
        # The region only decides on mistakes, which the parser reports.
        failover = read_failover(entry, ref, "any") if other is not None else None
        if other is not None and failover is not None:
            yield from _check(reviewed, f"{path}.failoverObject", other, failover)


def _check(reviewed: Reviewed, path: str, node: Node, ref: SecretRef) -> Iterator[Finding]:
    for key, message, hint in faults_in(ref):
        at = value(node, key) or node
        yield reviewed.found_inside(rules.AWS_NAME, f"{path}.{key}", message, at, hint)


def faults_in(ref: SecretRef) -> Iterator[tuple[str, str, str]]:
    """Key of an object, fault and suggestion, for a secret or a parameter."""
    is_secret = ref.store == "secretsmanager"
    if not looks_like_arn(ref.name):
        for message, hint in (_secret_name if is_secret else _parameter_name)(ref.name):
            yield "objectName", message, hint
    yield from _secret_version(ref) if is_secret else _parameter_version(ref)


def _parameter_name(name: str) -> Iterator[tuple[str, str]]:
    levels = name.count("/")
    if len(name) > _PARAMETER_CHARACTERS:
        limit = f"{len(name)} characters, the limit of a parameter is {_PARAMETER_CHARACTERS}"
        yield f"is too long: {limit}", ""
    elif not _PARAMETER_NAME.fullmatch(name):
        yield f"{quote(name)} is not a valid name of a parameter: use letters, digits and _.-/", ""
    elif levels and not name.startswith("/"):
        message = f"{quote(name)} is not a valid name of a parameter"
        yield f"{message}: a name with / must begin with /", f"did you mean /{name}"
    elif levels > _PARAMETER_LEVELS:
        limit = f"{levels} levels, the limit of a parameter is {_PARAMETER_LEVELS}"
        yield f"is too deep: {limit}", ""


def _parameter_version(ref: SecretRef) -> Iterator[tuple[str, str, str]]:
    if ref.version and not (ref.version.isascii() and ref.version.isdigit()):
        message = f"{quote(ref.version)} is not a version of a parameter, which is a number"
        yield "objectVersion", message, "for a label use objectVersionLabel"
    if ref.label and not _PARAMETER_LABEL.fullmatch(ref.label):
        rule = "at most 100 letters, digits and _.-, not beginning with a digit, aws or ssm"
        message = f"{quote(ref.label)} is not a valid label of a parameter: {rule}"
        yield "objectVersionLabel", message, ""


def _secret_name(name: str) -> Iterator[tuple[str, str]]:
    if len(name) > _SECRET_CHARACTERS:
        limit = f"{len(name)} characters, the limit of a secret is {_SECRET_CHARACTERS}"
        yield f"is too long: {limit}", ""
    elif not _SECRET_NAME.fullmatch(name):
        hint = "for a parameter use objectType: ssmparameter" if ":" in name else ""
        yield (
            f"{quote(name)} is not a valid name of a secret: use letters, digits and /_+=.@-",
            hint,
        )


def _secret_version(ref: SecretRef) -> Iterator[tuple[str, str, str]]:
    if ref.version and len(ref.version) not in _SECRET_VERSION:
        why = "is not a version id of a secret, which has 32 to 64 characters"
        message = f"{quote(ref.version)} {why}"
        yield "objectVersion", message, "for a staging label use objectVersionLabel"
    if ref.label and len(ref.label) > _SECRET_LABEL:
        message = f"is too long: the limit of a staging label is {_SECRET_LABEL} characters"
        yield "objectVersionLabel", message, ""


def check_number(reviewed: Reviewed) -> Iterator[Finding]:
    """More parameters than Parameter Store returns in a second."""
    objects = reviewed.known.objects if reviewed.known else ()
    refs = {obj.ref for obj in objects if obj.ref.store == "ssmparameter"}
    calls = -(-len(refs) // _BATCH)
    if calls <= _CALLS_A_SECOND:
        return
    message = (
        f"{len(refs)} parameters need {calls} calls for each mount, and the standard throughput of "
        f"Parameter Store is {_CALLS_A_SECOND} a second for the whole account"
    )
    yield reviewed.found(rules.AWS_NAME, "spec.parameters.objects", message)
