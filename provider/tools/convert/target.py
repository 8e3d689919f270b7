"""Converts the target of an ExternalSecret to `secretObjects` of the driver."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from provider.controller.resources.external_secret import Target
from provider.controller.resources.template import Template
from provider.manifests.problems import quote
from provider.tools.convert.remarks import Remarks, remark
from provider.tools.resources.parsed import Instance

_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_ONE_VALUE = re.compile(
    r"\{\{-?\s*(?:\.(?P<name>[A-Za-z_][A-Za-z0-9_]*)|index\s+\.\s+\"(?P<quoted>[-._A-Za-z0-9]+)\")"
    r"\s*(?:\|\s*toString\s*)?-?\}\}"
)
"""A template that is only a value."""

_NO_SECRET = "creationPolicy is None: there are only files, and no Secret is created."  # noqa: S105 - a remark


def secret_object(
    instance: Instance, files: Sequence[str], remarks: Remarks
) -> Mapping[str, Any] | None:
    """The entry of `secretObjects` with these files, which are named like the keys.

    None if there is no Secret.
    """
    target, path = instance.spec.target, instance.path("target")
    for key, why in _losses(target):
        remarks.lost.append(remark(instance.resource, f"{path}.{key}", why))
    if target.creation_policy in {"None", "Merge"}:
        remarks.notes += [_NO_SECRET] if target.creation_policy == "None" else []
        return None
    template = target.template or Template()
    keys, dropped = _keys(template, files)
    for key, why in dropped.items():
        remarks.lost.append(remark(instance.resource, f"{path}.template.data.{key}", why))
    if files and not keys:
        why = "no key is left: no Secret is created"
        remarks.lost.append(remark(instance.resource, f"{path}.template", why))
        return None
    given = template.metadata if target.template else instance
    about = {
        "labels": _texts(instance, "labels", given.labels, remarks),
        "annotations": _texts(instance, "annotations", given.annotations, remarks),
    }
    return {
        "secretName": target.name or instance.name,
        "type": template.type or "Opaque",
        **{kind: texts for kind, texts in about.items() if texts},
        "data": [{"objectName": file, "key": key} for key, file in keys.items()],
    }


def _losses(target: Target) -> Iterator[tuple[str, str]]:
    """Keys without an equivalent, each with why."""
    if target.template and target.template.template_from:
        yield "template.templateFrom", "the driver does not support templates"
    if target.template and target.template.metadata.finalizers:
        yield "template.metadata.finalizers", "the driver sets no finalizers"
    if target.creation_policy == "Merge":
        why = "the driver cannot add to an existing Secret: no Secret is created"
        yield "creationPolicy", why
    if target.creation_policy == "CreateOrMerge":
        yield "creationPolicy", "the driver creates the Secret, but cannot add to one that exists"
    if target.creation_policy == "Orphan":
        yield "creationPolicy", "the driver deletes the Secret with the last pod"
    if target.deletion_policy != "Retain":
        yield "deletionPolicy", "if a secret is deleted in AWS, the mount fails: see optional"
    if target.immutable:
        yield "immutable", "the driver updates its Secrets"


def _keys(template: Template, files: Sequence[str]) -> tuple[dict[str, str], dict[str, str]]:
    """The file of each key, and keys that are dropped, each with why."""
    if not template.data:
        return {file: file for file in files}, {}
    keys: dict[str, str] = {}
    dropped: dict[str, str] = {}
    for key, text in template.data.items():
        one = _ONE_VALUE.fullmatch(text)
        file = (one["name"] or one["quoted"] or "") if one else ""
        if file in files:
            keys[key] = file
        elif file:
            dropped[key] = f"there is no value {quote(file)}"
        else:
            why = "the driver does not support templates: only {{ .key }} alone is converted"
            dropped[key] = why
    if template.merge_policy == "Merge":
        # The plain value would be wrong under a key whose template is dropped.
        keys = {file: file for file in files if file not in dropped} | keys
    return keys, dropped


def _texts(
    instance: Instance, kind: str, given: Mapping[str, str], remarks: Remarks
) -> dict[str, str]:
    """Labels or annotations, without those that are templates."""
    path = instance.path(f"target.template.metadata.{kind}")
    templates = [key for key, text in given.items() if "{{" in text]
    for key in templates:
        why = "the driver does not support templates"
        remarks.lost.append(remark(instance.resource, f"{path}.{key}", why))
    return {key: one for key, one in given.items() if key not in {*templates, _APPLIED}}
