"""What to write for an ExternalSecret, given the values and the Secret as it is. Without any I/O.

The rules are those of External Secrets Operator, byte for byte: a Secret that the operator has
written is found as it should be, and is not written.
"""

import base64
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Literal

from provider.controller.kinds import EXTERNAL_SECRETS
from provider.controller.resources.external_secret import ExternalSecretSpec, Target
from provider.controller.resources.hashes import (
    DATA_HASH_ANNOTATION,
    MANAGED_LABEL,
    OWNER_LABEL,
    data_hash,
    field_manager,
    owner_label,
)
from provider.controller.resources.object_meta import Metadata
from provider.controller.resources.template import MAKERS
from provider.controller.status import TEXT_NOT_WRITTEN
from provider.controller.watch.secret_state import (
    MANAGED,
    Owner,
    controller_owner,
    owned_fields,
    read_data,
)
from provider.errors import NotPossible
from provider.kube.kinds import Document

OWNED_BY_OTHER_KIND = "failed to take ownership of target secret"
OWNED_BY_ANOTHER = "target is owned by another ExternalSecret"
IMMUTABLE = "could not update secret, target is immutable"
_MERGING = ("Merge", "CreateOrMerge")


class TargetNotWritable(NotPossible):
    """The Secret must not be written until it or the ExternalSecret is changed.

    `condition` is External Secrets Operator's text for it.
    """

    def __init__(self, cause: str, condition: str = "") -> None:
        super().__init__(cause)
        self.condition = condition


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a Secret is to hold, made from values and templates."""

    data: Mapping[str, bytes] = field(repr=False)
    labels: Mapping[str, str] = field(default_factory=dict, repr=False)
    annotations: Mapping[str, str] = field(default_factory=dict, repr=False)
    finalizers: tuple[str, ...] = ()
    type: str = ""
    """Empty: as it is, or Opaque."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A write, or none; `missing`: none, because there is no Secret to merge into."""

    action: Literal["create", "replace", "nothing", "missing"]
    document: Document = field(default_factory=dict, repr=False)


def plan(
    metadata: Metadata, spec: ExternalSecretSpec, wanted: Wanted, current: Document | None
) -> Plan:
    """The write that makes the Secret what is wanted; raises `TargetNotWritable`.

    `current` is the whole Secret, None if there is none.
    """
    if current is None:
        if spec.target.creation_policy == "Merge":
            return Plan("missing")
        return Plan(
            "create", _checked(_changed(metadata, spec.target, wanted, _new(metadata, spec)))
        )
    _check_owner(metadata, spec.target, controller_owner(current))
    document = _changed(metadata, spec.target, wanted, current)
    if _bare(document) == _bare(current):
        return Plan("nothing")
    if current.get("immutable") and (document.get("data") or {}) != (current.get("data") or {}):
        raise TargetNotWritable("its data would change: delete it, or set another name", IMMUTABLE)
    return Plan("replace", _checked(document))


def target_name(metadata: Metadata, spec: ExternalSecretSpec) -> str:
    return spec.target.name or metadata.name


def is_ours(metadata: Metadata, owner: Owner | None) -> bool:
    """Whether an object is controlled by this ExternalSecret."""
    return owner is not None and owner.is_external_secret and owner.name == metadata.name


def _new(metadata: Metadata, spec: ExternalSecretSpec) -> Document:
    place = {"name": target_name(metadata, spec), "namespace": metadata.namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": place, "type": "Opaque"}


def _check_owner(metadata: Metadata, target: Target, owner: Owner | None) -> None:
    if owner is None or is_ours(metadata, owner):
        return
    if owner.is_external_secret:
        what = f"secret is owned by another ExternalSecret: {owner.name}"
        raise TargetNotWritable(what, OWNED_BY_ANOTHER)
    if target.creation_policy == "Owner":
        what = f"it is controlled by {owner.kind} {owner.name}: use creationPolicy Merge or Orphan"
        raise TargetNotWritable(what, OWNED_BY_OTHER_KIND)


def _checked(document: Document) -> Document:
    """The Secret, if it is of a type that an ExternalSecret may write.

    A writer of the others gets the tokens of any ServiceAccount, or has Helm delete what it names.
    """
    maker = MAKERS.get(document.get("type", ""))
    if maker is not None:
        what = f"Secrets of type {document['type']} are made by {maker}: set another target.name"
        raise TargetNotWritable(what, TEXT_NOT_WRITTEN)
    return document


def _changed(metadata: Metadata, target: Target, wanted: Wanted, current: Document) -> Document:
    document = deepcopy(current)
    exists = "resourceVersion" in current["metadata"]
    if target.immutable:
        document["immutable"] = True
    if not (exists and target.immutable):
        _fill(document, target, wanted, field_manager(metadata.name))
    _own(document["metadata"], metadata, target)
    annotations = document["metadata"].setdefault("annotations", {})
    annotations[DATA_HASH_ANNOTATION] = data_hash(read_data(document))
    return document


def _fill(document: Document, target: Target, wanted: Wanted, manager: str) -> None:
    """Put in what is wanted, in place of what this manager has written before."""
    owned, about = owned_fields(document, manager), document["metadata"]
    about["labels"] = _without(about.get("labels"), owned.labels) | dict(wanted.labels)
    about["annotations"] = _without(about.get("annotations"), owned.annotations) | dict(
        wanted.annotations
    )
    kept = document.get("data") if target.creation_policy in _MERGING else None
    document["data"] = _without(kept, owned.data) | {
        key: base64.b64encode(value).decode() for key, value in wanted.data.items()
    }
    if wanted.type:
        document["type"] = wanted.type
    if new := [one for one in wanted.finalizers if one not in about.get("finalizers", ())]:
        about["finalizers"] = [*about.get("finalizers", ()), *new]


def _without(found: Mapping[str, str] | None, keys: frozenset[str]) -> dict[str, str]:
    return {key: value for key, value in (found or {}).items() if key not in keys}


def _own(about: dict[str, Any], metadata: Metadata, target: Target) -> None:
    """Set labels and owner by the creation policy."""
    labels = about.setdefault("labels", {})
    label = owner_label(metadata.namespace, metadata.name)
    references = [one for one in about.get("ownerReferences") or () if not _refers(one, metadata)]
    if target.creation_policy == "Owner":
        labels[OWNER_LABEL] = label
        about["ownerReferences"] = _put(about, references, _reference(metadata))
    else:
        if labels.get(OWNER_LABEL) == label:
            del labels[OWNER_LABEL]
        about["ownerReferences"] = references
    labels[MANAGED_LABEL] = MANAGED


def _put(
    about: Mapping[str, Any], others: list[dict[str, Any]], reference: dict[str, Any]
) -> list[dict[str, Any]]:
    """The owner references with ours, which keeps the place that it has."""
    found: list[dict[str, Any]] = about.get("ownerReferences") or []
    at = next((index for index, one in enumerate(found) if one not in others), len(others))
    return [*others[:at], reference, *others[at:]]


def _refers(reference: Mapping[str, Any], metadata: Metadata) -> bool:
    group = reference.get("apiVersion", "").rpartition("/")[0]
    found = group, reference.get("kind"), reference.get("name")
    return found == (EXTERNAL_SECRETS.group, EXTERNAL_SECRETS.name, metadata.name)


def _reference(metadata: Metadata) -> dict[str, Any]:
    return {
        "apiVersion": EXTERNAL_SECRETS.api_version,
        "kind": EXTERNAL_SECRETS.name,
        "name": metadata.name,
        "uid": metadata.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def _bare(document: Document) -> Document:
    """The document without empty lists and mappings, which count as none."""
    return {
        key: _bare(value) if isinstance(value, dict) else value
        for key, value in document.items()
        if value not in ({}, [], None)
    }
