"""A Secret as it is, without its values: what decides whether it has to be written.

The hash is computed from the data itself, so that an edited Secret is noticed; the data is not
kept.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from provider.controller.kinds import EXTERNAL_SECRETS
from provider.controller.resources.hashes import (
    DATA_HASH_ANNOTATION,
    MANAGED_LABEL,
    OWNER_LABEL,
    data_hash,
)
from provider.controller.resources.object_meta import shared
from provider.kube.kinds import Document

MANAGED = "true"
"""The value of `MANAGED_LABEL`."""
LARGE = 64 * 1024
"""Characters of Base64."""


class Owner(NamedTuple):
    """The controller owner of an object."""

    group: str
    kind: str
    name: str
    uid: str

    @property
    def is_external_secret(self) -> bool:
        """Whether it is an ExternalSecret."""
        return (self.group, self.kind) == (EXTERNAL_SECRETS.group, EXTERNAL_SECRETS.name)


class OwnedFields(NamedTuple):
    """Keys that one field manager has written."""

    data: frozenset[str]
    labels: frozenset[str]
    annotations: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretState:
    """A Secret in Kubernetes without its data."""

    name: str
    uid: str
    version: str
    is_intact: bool
    """It has the label of the controller, and its data is what was written."""
    created_by: str
    """The label that names the owning ExternalSecret."""
    owner: Owner | None


def read_state(document: Document) -> SecretState:
    """The state of a whole Secret, as the API server returns it."""
    metadata = document["metadata"]
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    is_managed = labels.get(MANAGED_LABEL) == MANAGED
    written = annotations.get(DATA_HASH_ANNOTATION)
    return SecretState(
        name=shared(metadata["name"]),
        uid=metadata.get("uid", ""),
        version=metadata.get("resourceVersion", ""),
        is_intact=is_managed and written == data_hash(read_data(document)),
        created_by=labels.get(OWNER_LABEL, ""),
        owner=controller_owner(document),
    )


KEY = 64


def is_large(document: Document) -> bool:
    """Whether to read the state takes longer than the event loop may be held."""
    return data_size(document) > LARGE


def data_size(document: Document) -> int:
    """Characters of the data of a Secret or ConfigMap; a key counts for some more."""
    data = document.get("data") or {}
    return KEY * len(data) + sum(len(value or "") for value in data.values())


def read_data(document: Document) -> dict[str, bytes]:
    """The decoded data of a Secret; ValueError where it is not Base64."""
    data = (document.get("data") or {}).items()
    try:
        return {key: base64.b64decode(value or "", validate=True) for key, value in data}
    except binascii.Error as error:
        raise ValueError("the data of the Secret is not Base64") from error


def controller_owner(document: Document) -> Owner | None:
    """The owner that controls an object."""
    for one in document["metadata"].get("ownerReferences") or ():
        if one.get("controller"):
            group = shared(one.get("apiVersion", "").rpartition("/")[0])
            return Owner(group, *(shared(one.get(key, "")) for key in ("kind", "name", "uid")))
    return None


def owned_fields(document: Document, manager: str) -> OwnedFields:
    """What `manager` has written, by the object's `managedFields`."""
    owned = [
        entry.get("fieldsV1") or {}
        for entry in document["metadata"].get("managedFields") or ()
        if entry.get("manager") == manager
    ]
    return OwnedFields(
        frozenset(key for fields in owned for key in _keys(fields, "f:data")),
        frozenset(key for fields in owned for key in _keys(fields, "f:metadata", "f:labels")),
        frozenset(key for fields in owned for key in _keys(fields, "f:metadata", "f:annotations")),
    )


def _keys(fields: Mapping[str, Any], *path: str) -> Iterator[str]:
    for part in path:
        fields = fields.get(part) or {}
    return (name.removeprefix("f:") for name in fields if name.startswith("f:"))
