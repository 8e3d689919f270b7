"""The Kubernetes Secret that an ExternalSecret makes, as `secretObjects` of the driver."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from provider.tools.external_secrets.part import Part, Remark, Remarks
from provider.manifests.problems import quote

_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_ONE_VALUE = re.compile(
    r"\{\{-?\s*(?:\.(?P<name>[A-Za-z_][A-Za-z0-9_]*)|index\s+\.\s+\"(?P<quoted>[-._A-Za-z0-9]+)\")"
    r"\s*(?:\|\s*toString\s*)?-?\}\}"
)
"""A template that is one value and nothing else."""

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
    """Files by the keys of the Secret that they become."""


def read_target(manifest: Part, files: Iterable[str], remarks: Remarks) -> Synced | None:
    """The Secret of these files, called as the keys of `data`; None where none is made."""
    target = manifest.part("spec").part("target")
    remarks.lost += _losses(target)
    if target.text("creationPolicy", "Owner") in {"None", "Merge"}:
        return None
    template = target.part("template")
    metadata = template.part("metadata") if "template" in target else manifest.part("metadata")
    return Synced(
        name=target.text("name") or manifest.part("metadata").text("name"),
        type=template.text("type", "Opaque"),
        labels=_texts(metadata.part("labels"), remarks),
        annotations=_texts(metadata.part("annotations"), remarks),
        keys=_keys(template, list(files), remarks),
    )


def _losses(target: Part) -> Iterator[Remark]:
    yield from target.unknown(_TARGET_KEYS)
    template = target.part("template")
    yield from template.unknown(_TEMPLATE_KEYS)
    yield from template.part("metadata").unknown({"labels", "annotations"})
    if "templateFrom" in template:
        yield template.remark("the driver has no templates", "templateFrom")
    policy = target.text("creationPolicy", "Owner")
    if policy == "Merge":
        why = "the driver makes Secrets of its own, and adds to nobody's: none is made"
        yield target.remark(why, "creationPolicy")
    if policy == "Orphan":
        yield target.remark("the driver's Secret goes with the last pod", "creationPolicy")
    if target.text("deletionPolicy", "Retain") != "Retain":
        why = "a secret that is gone from AWS fails the mount: see optional"
        yield target.remark(why, "deletionPolicy")
    if target.is_true("immutable"):
        yield target.remark("the driver's Secrets follow the files", "immutable")


def _keys(template: Part, files: list[str], remarks: Remarks) -> dict[str, str]:
    data = template.part("data")
    if "data" not in template:
        return {file: file for file in files}
    keys = {}
    for key, text in data.texts():
        one = _ONE_VALUE.fullmatch(text)
        file = (one["name"] or one["quoted"]) if one else None
        if file in files:
            keys[key] = file
        elif file:
            remarks.lost.append(data.remark(f"there is no {quote(file)}", key))
        else:
            why = "the driver has no templates: only {{ .key }} alone can be kept"
            remarks.lost.append(data.remark(why, key))
    return (
        {file: file for file in files} | keys if template.text("mergePolicy") == "Merge" else keys
    )


def _texts(part: Part, remarks: Remarks) -> dict[str, str]:
    """Labels or annotations, but for those that are made of values."""
    texts = {}
    for key, text in part.texts():
        if "{{" in text:
            remarks.lost.append(part.remark("the driver has no templates", key))
        elif key != _APPLIED:
            texts[key] = text
    return texts
