"""Leases, by which replicas agree on a leader, as client-go writes them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from time import time
from typing import Any

from provider.kube.kinds import LEASES, Document


@dataclass(frozen=True, slots=True)
class Lease:
    """A Lease as read, with what others wrote there; without a `version` it does not exist yet."""

    namespace: str
    name: str
    version: str = ""
    spec: Mapping[str, Any] = field(default_factory=dict)

    @property
    def holder(self) -> str:
        """Who holds it; empty where nobody does."""
        return str(self.spec.get("holderIdentity") or "")

    @property
    def renewed(self) -> str:
        """When its holder has renewed it, by the clock of the holder."""
        return str(self.spec.get("renewTime") or "")

    @property
    def seconds(self) -> float:
        """How long a renewal lasts."""
        return float(self._number("leaseDurationSeconds"))

    def taken(self, holder: str, seconds: int) -> "Lease":
        """This Lease as its new holder writes it; renewed if the holder is the same."""
        now = _now()
        spec = {**self.spec, "leaseDurationSeconds": seconds, "renewTime": now}
        if holder != self.holder:
            transitions = self._number("leaseTransitions") + (1 if self.version else 0)
            spec |= {"holderIdentity": holder, "acquireTime": now, "leaseTransitions": transitions}
        return replace(self, spec=spec)

    def released(self) -> "Lease":
        """This Lease without a holder, so that another replica need not wait."""
        nobody = {"holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": _now()}
        return replace(self, spec={**self.spec, **nobody})

    def document(self) -> Document:
        """The object to write; only over the version that was read."""
        metadata = {"namespace": self.namespace, "name": self.name}
        if self.version:
            metadata["resourceVersion"] = self.version
        api_version, kind = LEASES.api_version, LEASES.name
        return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": self.spec}

    def _number(self, key: str) -> int:
        found = self.spec.get(key)
        return found if isinstance(found, int) else 0


def read_lease(document: Mapping[str, Any]) -> Lease:
    """The Lease in an answer."""
    metadata = document["metadata"]
    version = str(metadata.get("resourceVersion", ""))
    spec = document.get("spec") or {}
    return Lease(metadata.get("namespace", ""), metadata["name"], version, spec)


def _now() -> str:
    return datetime.fromtimestamp(time(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
