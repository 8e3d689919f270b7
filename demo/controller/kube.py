"""A client of the Kubernetes API for the demo, as small as it can be; and the API server itself."""

import base64
import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from testbed import tokens
from testbed.api_kinds import KINDS
from testbed.control_plane import AUDIENCES, control_plane, missing
from testbed.kubernetes import TOKEN, FakeKubernetes

Thing = dict[str, Any]
_KINDS = {kind.name: kind for kind in KINDS.values()}


@dataclass(frozen=True, slots=True)
class Kube:
    """`about` says which API server this is; `issuer` is that of its ServiceAccount tokens."""

    about: str
    url: str
    token: str
    issuer: str
    ca_file: str = ""

    def apply(self, thing: Thing) -> None:
        """Make or change an object."""
        metadata = thing["metadata"]
        place = thing["kind"], metadata["name"], metadata.get("namespace", "")
        if self.get(*place) is None:
            path = self._path(thing["kind"], "", place[2], thing["apiVersion"])
            self._ask("POST", path, thing)
        else:
            rest = {key: part for key, part in thing.items() if key != "apiVersion"}
            self.patch(*place, rest)

    def patch(self, kind: str, name: str, namespace: str, change: Thing) -> None:
        """Change some fields."""
        path = self._path(kind, name, namespace)
        self._ask("PATCH", path, change, "application/merge-patch+json")

    def delete(self, kind: str, name: str, namespace: str) -> None:
        """Delete an object."""
        self._ask("DELETE", self._path(kind, name, namespace))

    def get(self, kind: str, name: str, namespace: str = "") -> Thing | None:
        """The object; None if there is none."""
        return self._ask("GET", self._path(kind, name, namespace))

    def list(self, kind: str) -> list[Thing]:
        """All objects of a kind, by namespace and name."""
        items: list[Thing] = (self._ask("GET", self._path(kind)) or {})["items"]
        return items

    def data(self, name: str, namespace: str) -> dict[str, bytes]:
        """The decoded data of a Secret; empty if there is none."""
        found = (self.get("Secret", name, namespace) or {}).get("data", {})
        return {key: base64.b64decode(value) for key, value in found.items()}

    def _path(self, kind: str, name: str = "", namespace: str = "", version: str = "") -> str:
        known = _KINDS[kind]
        api = version or known.api_version(known.versions[0])
        root = f"/apis/{api}" if "/" in api else f"/api/{api}"
        place = f"/namespaces/{namespace}" if namespace else ""
        return f"{root}{place}/{known.plural}" + (f"/{name}" if name else "")

    def _ask(
        self, method: str, path: str, body: Thing | None = None, media: str = "application/json"
    ) -> Thing | None:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": media}
        data = None if body is None else json.dumps(body).encode()
        request = Request(self.url + path, data, headers, method=method)
        context = ssl.create_default_context(cafile=self.ca_file) if self.ca_file else None
        try:
            with urlopen(request, timeout=20, context=context) as reply:
                answer: Thing = json.load(reply)
                return answer
        except HTTPError as error:
            if error.code == 404 and method == "GET":
                return None
            raise RuntimeError(f"{method} {path}: {error.code} {error.read().decode()}") from error


@contextmanager
def kubernetes() -> Iterator[Kube]:
    """A real control plane where KUBEBUILDER_ASSETS names one, else the fake in memory."""
    if missing() is not None:
        with FakeKubernetes(writable=True) as fake:
            issuer = tokens.ISSUER
            yield Kube("emulated; set KUBEBUILDER_ASSETS for a real one", fake.url, TOKEN, issuer)
        return
    tokens.CLUSTER_ISSUERS.add(AUDIENCES[0])
    with control_plane() as address:
        ca_file = str(address.ca_file)
        yield Kube("a real API server", address.url, address.token, AUDIENCES[0], ca_file)
