"""Checks of names, versions and labels against what AWS allows.

Sources: Systems Manager API reference, `PutParameter` and `LabelParameterVersion`; Secrets Manager
API reference, `CreateSecret`, and its page on quotas. AWS answers a name that cannot be with the
same words as one that is not there, or with none that help.
"""

import re
from collections.abc import Iterator

from provider.tools.review import findings as rules
from provider.tools.review.classes import Reviewed, value
from provider.tools.review.findings import Finding
from provider.aws.arn import looks_like_arn
from provider.csi.request.model import ObjectRef
from provider.manifests.nodes import Node
from provider.manifests.problems import quote

_PARAMETER_NAME = re.compile(r"[a-zA-Z0-9_.\-/]+")
_PARAMETER_CHARACTERS = 1011
_PARAMETER_LEVELS = 15
_PARAMETER_LABEL = re.compile(r"(?!(?i:aws|ssm))[a-zA-Z_.\-][a-zA-Z0-9_.\-]{0,99}")
_SECRET_NAME = re.compile(r"[a-zA-Z0-9/_+=.@\-]+")
_SECRET_CHARACTERS = 512
_SECRET_VERSION = re.compile(r"[\s\S]{32,64}")
_SECRET_LABEL = re.compile(r"[\s\S]{1,256}")
_BATCH = 10
_CALLS_A_SECOND = 40
"""Of GetParameters, which takes ten names a call, for a whole account that pays for no more."""


def check_names(reviewed: Reviewed) -> Iterator[Finding]:
    """What no secret and no parameter can be called."""
    for obj in reviewed.spec.objects if reviewed.spec else ():
        node = reviewed.objects[obj.index]
        yield from _check(reviewed, obj.path, node, obj.ref)
        other = value(node, "failoverObject")
        if obj.failover is not None and other is not None:
            yield from _check(reviewed, f"{obj.path}.failoverObject", other, obj.failover)


def _check(reviewed: Reviewed, path: str, node: Node, ref: ObjectRef) -> Iterator[Finding]:
    faults = _secret(ref) if ref.store == "secretsmanager" else _parameter(ref)
    for key, message, hint in faults:
        at = value(node, key) or node
        yield reviewed.found_inside(rules.AWS_NAME, f"{path}.{key}", message, at, hint)


def _parameter(ref: ObjectRef) -> Iterator[tuple[str, str, str]]:
    """Key, fault and suggestion."""
    name = ref.name
    if looks_like_arn(name):
        pass
    elif len(name) > _PARAMETER_CHARACTERS:
        limit = f"{len(name)} characters, a parameter's has {_PARAMETER_CHARACTERS} at most"
        yield "objectName", f"is too long: {limit}", ""
    elif not _PARAMETER_NAME.fullmatch(name):
        yield "objectName", f"{quote(name)} is no parameter's name: letters, digits and _.-/", ""
    elif "/" in name and not name.startswith("/"):
        message = f"{quote(name)} is no parameter's name: one with / begins with /"
        yield "objectName", message, f"did you mean /{name}"
    elif name.count("/") > _PARAMETER_LEVELS:
        levels = f"{name.count('/')} levels, a parameter has {_PARAMETER_LEVELS} at most"
        yield "objectName", f"is too deep: {levels}", ""
    if ref.version and not (ref.version.isascii() and ref.version.isdigit()):
        message = f"{quote(ref.version)} is no parameter's version, which is a number"
        yield "objectVersion", message, "a label is given by objectVersionLabel"
    if ref.label and not _PARAMETER_LABEL.fullmatch(ref.label):
        rule = "at most 100 letters, digits and _.-, not beginning with a digit, aws or ssm"
        yield "objectVersionLabel", f"{quote(ref.label)} is no parameter's label: {rule}", ""


def _secret(ref: ObjectRef) -> Iterator[tuple[str, str, str]]:
    name = ref.name
    if looks_like_arn(name):
        pass
    elif len(name) > _SECRET_CHARACTERS:
        limit = f"{len(name)} characters, a secret's has {_SECRET_CHARACTERS} at most"
        yield "objectName", f"is too long: {limit}", ""
    elif not _SECRET_NAME.fullmatch(name):
        hint = "a parameter is objectType: ssmparameter" if ":" in name else ""
        message = f"{quote(name)} is no secret's name: letters, digits and /_+=.@-"
        yield "objectName", message, hint
    if ref.version and not _SECRET_VERSION.fullmatch(ref.version):
        message = f"{quote(ref.version)} is no secret's version id, which has 32 to 64 characters"
        yield "objectVersion", message, "a staging label is given by objectVersionLabel"
    if ref.label and not _SECRET_LABEL.fullmatch(ref.label):
        yield "objectVersionLabel", "is too long: a staging label has 256 characters at most", ""


def check_number(reviewed: Reviewed) -> Iterator[Finding]:
    """More parameters than a pod should ask for at its start."""
    objects = reviewed.spec.objects if reviewed.spec else ()
    refs = {obj.ref for obj in objects if obj.ref.store == "ssmparameter"}
    calls = -(-len(refs) // _BATCH)
    if calls <= _CALLS_A_SECOND:
        return
    message = (
        f"{len(refs)} parameters make {calls} calls a mount, and Parameter Store takes "
        f"{_CALLS_A_SECOND} a second from all of an account unless more is paid for"
    )
    at = reviewed.klass.values["objects"]
    yield reviewed.found(rules.AWS_NAME, "spec.parameters.objects", message, at)
