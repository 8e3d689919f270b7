"""Leases, by which replicas agree on a leader, as client-go writes them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from time import time
from typing import Any

from provider.kube.kinds import LEASES, Document


@dataclass(frozen=True, slots=True)
class Lease:
    """A Lease as read. `version` is its resourceVersion; `seconds` how long a renewal lasts."""

    namespace: str
    name: str
    holder: str = ""
    seconds: float = 0.0
    acquired: str = ""
    renewed: str = ""
    transitions: int = 0
    version: str = ""

    def taken(self, holder: str, seconds: int) -> "Lease":
        """This Lease as its new holder writes it; renewed if the holder is the same."""
        renewed = replace(self, seconds=seconds, renewed=_now())
        if holder == self.holder:
            return renewed
        transitions = self.transitions + (1 if self.version else 0)
        return replace(renewed, holder=holder, acquired=renewed.renewed, transitions=transitions)

    def released(self) -> "Lease":
        """This Lease without a holder, so that another replica need not wait."""
        return replace(self, holder="", seconds=1, renewed=_now())

    def document(self) -> Document:
        """The object to write; only over the version that was read."""
        metadata = {"namespace": self.namespace, "name": self.name}
        if self.version:
            metadata["resourceVersion"] = self.version
        return {
            "apiVersion": LEASES.api_version,
            "kind": LEASES.name,
            "metadata": metadata,
            "spec": {
                "holderIdentity": self.holder,
                "leaseDurationSeconds": int(self.seconds),
                "acquireTime": self.acquired or self.renewed,
                "renewTime": self.renewed,
                "leaseTransitions": self.transitions,
            },
        }


def read_lease(document: Mapping[str, Any]) -> Lease:
    """A Lease; what others have left out or written wrongly counts as empty."""
    metadata, spec = document["metadata"], document.get("spec") or {}
    seconds, transitions = spec.get("leaseDurationSeconds"), spec.get("leaseTransitions")
    return Lease(
        namespace=metadata.get("namespace", ""),
        name=metadata["name"],
        holder=str(spec.get("holderIdentity") or ""),
        seconds=float(seconds) if isinstance(seconds, int) else 0.0,
        acquired=str(spec.get("acquireTime") or ""),
        renewed=str(spec.get("renewTime") or ""),
        transitions=transitions if isinstance(transitions, int) else 0,
        version=str(metadata.get("resourceVersion", "")),
    )


def _now() -> str:
    return datetime.fromtimestamp(time(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
