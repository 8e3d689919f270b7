"""Converts the target of an ExternalSecret to `secretObjects` of the driver."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from provider.manifests.problems import quote
from provider.tools.convert.remarks import Part, Remark, Remarks

_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_ONE_VALUE = re.compile(
    r"\{\{-?\s*(?:\.(?P<name>[A-Za-z_][A-Za-z0-9_]*)|index\s+\.\s+\"(?P<quoted>[-._A-Za-z0-9]+)\")"
    r"\s*(?:\|\s*toString\s*)?-?\}\}"
)
"""A template that is only a value."""

_NO_SECRET = "creationPolicy is None: there are only files, and no Secret is created."  # noqa: S105 - a remark
_TARGET_KEYS = {"name", "creationPolicy", "deletionPolicy", "template", "immutable"}
_TEMPLATE_KEYS = {"type", "engineVersion", "metadata", "mergePolicy", "data", "templateFrom"}


@dataclass(frozen=True, slots=True)
class Synced:
    """A Kubernetes Secret."""

    name: str
    type: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    keys: Mapping[str, str]
    """The file of each key of the Secret."""


def read_target(manifest: Part, files: Sequence[str], remarks: Remarks) -> Synced | None:
    """The Secret with these files, which are named like the keys; None if there is no Secret."""
    target = manifest.part("spec").part("target")
    remarks.lost += _losses(target)
    policy = target.text("creationPolicy", "Owner")
    if policy in {"None", "Merge"}:
        remarks.notes += [_NO_SECRET] if policy == "None" else []
        return None
    template = target.part("template")
    metadata = template.part("metadata") if "template" in target else manifest.part("metadata")
    keys = _keys(template, list(files), remarks)
    if files and not keys:
        remarks.lost.append(target.remark("no key is left: no Secret is created", "template"))
        return None
    return Synced(
        name=target.text("name") or manifest.part("metadata").text("name"),
        type=template.text("type", "Opaque"),
        labels=_texts(metadata.part("labels"), remarks),
        annotations=_texts(metadata.part("annotations"), remarks),
        keys=keys,
    )


def _losses(target: Part) -> Iterator[Remark]:
    yield from target.unknown(_TARGET_KEYS)
    template = target.part("template")
    yield from template.unknown(_TEMPLATE_KEYS)
    yield from template.part("metadata").unknown({"labels", "annotations"})
    if "templateFrom" in template:
        yield template.remark("the driver does not support templates", "templateFrom")
    policy = target.text("creationPolicy", "Owner")
    if policy == "Merge":
        why = "the driver cannot add to an existing Secret: no Secret is created"
        yield target.remark(why, "creationPolicy")
    if policy == "Orphan":
        yield target.remark("the driver deletes the Secret with the last pod", "creationPolicy")
    if target.text("deletionPolicy", "Retain") != "Retain":
        why = "if a secret is deleted in AWS, the mount fails: see optional"
        yield target.remark(why, "deletionPolicy")
    if target.is_true("immutable"):
        yield target.remark("the driver updates its Secrets", "immutable")


def _keys(template: Part, files: list[str], remarks: Remarks) -> dict[str, str]:
    data = template.part("data")
    if "data" not in template:
        return {file: file for file in files}
    keys: dict[str, str] = {}
    dropped: set[str] = set()
    for key, text in data.texts():
        one = _ONE_VALUE.fullmatch(text)
        file = (one["name"] or one["quoted"]) if one else None
        if file in files:
            keys[key] = file
            continue
        dropped.add(key)
        if file:
            remarks.lost.append(data.remark(f"there is no value {quote(file)}", key))
        else:
            why = "the driver does not support templates: only {{ .key }} alone is converted"
            remarks.lost.append(data.remark(why, key))
    if template.text("mergePolicy") != "Merge":
        return keys
    # The plain value would be wrong under a key whose template is dropped.
    return {file: file for file in files if file not in dropped} | keys


def _texts(part: Part, remarks: Remarks) -> dict[str, str]:
    """Labels or annotations, without those that are templates."""
    texts = {}
    for key, text in part.texts():
        if "{{" in text:
            remarks.lost.append(part.remark("the driver does not support templates", key))
        elif key != _APPLIED:
            texts[key] = text
    return texts
