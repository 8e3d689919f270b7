"""Objects by kind and name, on a real API server or on the fake one."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testbed import tokens
from testbed.api_kinds import KINDS
from testbed.cluster import Address, ClusterClient
from testbed.control_plane import AUDIENCES, control_plane, missing
from testbed.kubernetes import TOKEN, FakeKubernetes

Thing = dict[str, Any]
_KINDS = {kind.name: kind for kind in KINDS.values()}


@dataclass(frozen=True, slots=True)
class ClusterObjects:
    """`about` says which API server this is; `issuer` is that of its ServiceAccount tokens."""

    about: str
    address: Address
    issuer: str

    def apply(self, thing: Thing) -> None:
        """Make or change an object."""
        metadata = thing["metadata"]
        place = thing["kind"], metadata["name"], metadata.get("namespace", "")
        if self.get(*place):
            self.patch(*place, {key: part for key, part in thing.items() if key != "apiVersion"})
        else:
            path = self._path(thing["kind"], "", place[2], thing["apiVersion"])
            self._client.do("POST", path, thing)

    def patch(self, kind: str, name: str, namespace: str, change: Thing) -> None:
        """Change some fields."""
        path = self._path(kind, name, namespace)
        self._client.do("PATCH", path, change, "application/merge-patch+json")

    def delete(self, kind: str, name: str, namespace: str) -> None:
        """Delete an object."""
        self._client.do("DELETE", self._path(kind, name, namespace))

    def get(self, kind: str, name: str, namespace: str = "") -> Thing:
        """The object; empty if there is none."""
        answer = self._client.ask("GET", self._path(kind, name, namespace))
        return answer.body if answer.status == 200 else {}

    def list(self, kind: str) -> list[Thing]:
        """All objects of a kind, by namespace and name."""
        items: list[Thing] = self._client.do("GET", self._path(kind))["items"]
        return items

    def data(self, name: str, namespace: str) -> dict[str, bytes]:
        """The decoded data of a Secret; empty if there is none."""
        found = self.get("Secret", name, namespace).get("data", {})
        return {key: base64.b64decode(value) for key, value in found.items()}

    @property
    def _client(self) -> ClusterClient:
        return ClusterClient(self.address)

    def _path(self, kind: str, name: str = "", namespace: str = "", version: str = "") -> str:
        known = _KINDS[kind]
        api = version or known.api_version(known.versions[0])
        root = f"/apis/{api}" if "/" in api else f"/api/{api}"
        place = f"/namespaces/{namespace}" if namespace else ""
        return f"{root}{place}/{known.plural}" + (f"/{name}" if name else "")


@contextmanager
def any_cluster() -> Iterator[ClusterObjects]:
    """A real control plane if KUBEBUILDER_ASSETS names one, else the fake in memory."""
    if missing() is not None:
        with FakeKubernetes(writable=True) as fake:
            address = Address(fake.url, Path(), TOKEN, Path())
            about = "emulated; set KUBEBUILDER_ASSETS for a real one"
            yield ClusterObjects(about, address, tokens.ISSUER)
        return
    tokens.CLUSTER_ISSUERS.add(AUDIENCES[0])
    with control_plane() as address:
        yield ClusterObjects("a real API server", address, AUDIENCES[0])
