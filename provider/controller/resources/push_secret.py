"""PushSecrets of External Secrets Operator, as far as a refusal needs them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from provider.controller.resources.object_meta import (
    Condition,
    Metadata,
    read_conditions,
    read_metadata,
    read_status,
)
from provider.controller.resources.store_ref import StoreKind


@dataclass(frozen=True, slots=True)
class PushSecret:
    """A PushSecret or ClusterPushSecret.

    The name of a store is empty where stores are selected by labels.
    """

    metadata: Metadata
    stores: tuple[tuple[StoreKind, str], ...]
    conditions: tuple[Condition, ...]


def read_push_secret(document: Mapping[str, Any]) -> PushSecret:
    spec = document.get("spec") or {}
    refs = (spec.get("pushSecretSpec") or spec).get("secretStoreRefs") or ()
    stores = tuple((_kind(one), str(one.get("name") or "")) for one in refs)
    return PushSecret(read_metadata(document), stores, read_conditions(read_status(document)))


def _kind(ref: Mapping[str, Any]) -> StoreKind:
    return "ClusterSecretStore" if ref.get("kind") == "ClusterSecretStore" else "SecretStore"
