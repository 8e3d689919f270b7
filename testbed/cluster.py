"""What tests, demo and benchmarks ask of a real API server, without the client that they test.

Blocking, on the standard library: it must not share code or faults with `provider.kube`.
"""

import contextlib
import http.client
import json
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import yaml

_APPLY = "application/apply-patch+yaml"
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@dataclass(frozen=True, slots=True)
class Address:
    """How to reach an API server as its administrator."""

    url: str
    ca_file: Path
    token: str
    kubeconfig: Path

    def to_json(self) -> dict[str, str]:
        """For another process; `from_json` reads it."""
        return {
            "url": self.url,
            "ca_file": str(self.ca_file),
            "token": self.token,
            "kubeconfig": str(self.kubeconfig),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, str]) -> Self:
        """The address that `to_json` wrote."""
        ca_file, kubeconfig = Path(value["ca_file"]), Path(value["kubeconfig"])
        return cls(value["url"], ca_file, value["token"], kubeconfig)

    def write_kubeconfig(self) -> None:
        """Write the file `kubeconfig`, with which kubectl is the administrator."""
        cluster = {"server": self.url, "certificate-authority": str(self.ca_file)}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "testbed", "cluster": cluster}],
            "users": [{"name": "admin", "user": {"token": self.token}}],
            "contexts": [{"name": "testbed", "context": {"cluster": "testbed", "user": "admin"}}],
            "current-context": "testbed",
        }
        self.kubeconfig.write_text(json.dumps(config))
        self.kubeconfig.chmod(0o600)


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and JSON of an answer."""

    status: int
    body: Any

    @property
    def message(self) -> str:
        """The API server's text of a refusal."""
        return str(self.body.get("message", "")) if isinstance(self.body, dict) else ""


class Refused(AssertionError):
    """The API server refused a request that was to succeed."""


class ClusterClient:
    """Requests to an API server, as the administrator unless `token`; from any thread."""

    def __init__(self, address: Address, token: str | None = None) -> None:
        self._idle: list[http.client.HTTPConnection] = []
        self._token = token or address.token
        host = urlsplit(address.url).netloc
        self._connect = partial(http.client.HTTPConnection, host, timeout=30)
        if not address.url.startswith("http:"):  # as the fake API server has it
            context = ssl.create_default_context(cafile=str(address.ca_file))
            self._connect = partial(http.client.HTTPSConnection, host, timeout=30, context=context)

    def ask(
        self, method: str, path: str, body: object = None, kind: str = "application/json"
    ) -> Answer:
        """The answer to a request, of any status; OSError where the server does not answer."""
        text = None if body is None else json.dumps(body)
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": kind}
        while self._idle:
            # The server may have closed it meanwhile.
            with contextlib.suppress(ConnectionError, ssl.SSLEOFError):
                return self._asked(self._idle.pop(), method, path, text, headers)
        return self._asked(self._connect(), method, path, text, headers)

    def _asked(
        self,
        link: http.client.HTTPConnection,
        method: str,
        path: str,
        body: str | None,
        headers: Mapping[str, str],
    ) -> Answer:
        try:
            link.request(method, path, body, headers)
            reply = link.getresponse()
            answer = _answer(reply.status, reply.read())
        except BaseException:
            link.close()
            raise
        self._idle.append(link)
        return answer

    def __del__(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def do(
        self, method: str, path: str, body: object = None, kind: str = "application/json"
    ) -> Any:
        """The JSON of an answer; raises `Refused` for a status above 299."""
        answer = self.ask(method, path, body, kind)
        if answer.status > 299:
            raise Refused(f"{method} {path}: {answer.status} {answer.message or answer.body}")
        return answer.body

    def is_ready(self) -> bool:
        """Whether the API server is up and has made the namespace `default`."""
        try:
            ready = self.ask("GET", "/readyz").status == 200
            return ready and self.ask("GET", "/api/v1/namespaces/default").status == 200
        except OSError:
            return False

    def apply(self, path: str, document: Mapping[str, Any]) -> Any:
        """Server-side apply of one object; `path` is that of its kind, without the name."""
        name = document["metadata"]["name"]
        address = f"{path}/{name}?fieldManager=testbed&force=true"
        return self.do("PATCH", address, document, _APPLY)

    def apply_crds(self, folder: Path) -> None:
        """Apply every CustomResourceDefinition of a folder and wait until all are served."""
        files = sorted(folder.glob("*.yaml"))
        documents = [one for path in files for one in read_yaml(path)]
        crds = [one for one in documents if one and one["kind"] == "CustomResourceDefinition"]
        for crd in crds:
            self.apply(_CRDS, crd)
        self._wait_until_served([crd["metadata"]["name"] for crd in crds])

    def _wait_until_served(self, names: Sequence[str], seconds: float = 20.0) -> None:
        until = time.monotonic() + seconds
        while not all(self._is_established(name) for name in names):
            if time.monotonic() > until:
                raise Refused(f"not established within {seconds:g} s: {', '.join(names)}")
            time.sleep(0.05)

    def _is_established(self, name: str) -> bool:
        """Whether the API server serves the kind under each of its versions."""
        crd = self.do("GET", f"{_CRDS}/{name}")
        conditions = {one["type"]: one for one in crd.get("status", {}).get("conditions", ())}
        if conditions.get("NamesAccepted", {}).get("status") == "False":
            raise Refused(f"{name}: {conditions['NamesAccepted']['message']}")
        if conditions.get("Established", {}).get("status") != "True":
            return False
        spec = crd["spec"]
        served = [version["name"] for version in spec["versions"] if version["served"]]
        paths = [f"/apis/{spec['group']}/{one}/{spec['names']['plural']}" for one in served]
        return all(self.ask("GET", f"{path}?limit=1").status == 200 for path in paths)

    def make_namespace(self, name: str, **labels: str) -> None:
        """Create a namespace if it is not there."""
        document = {"metadata": {"name": name, "labels": labels}}
        answer = self.ask("POST", "/api/v1/namespaces", document)
        if answer.status not in (201, 409):
            raise Refused(f"namespace {name}: {answer.status} {answer.message}")

    def service_account_token(
        self, namespace: str, name: str, audiences: Sequence[str] = (), seconds: int = 3600
    ) -> str:
        """A token of a ServiceAccount, by TokenRequest; for the API server without `audiences`."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        spec = {"expirationSeconds": seconds, "audiences": list(audiences)}
        document = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        token: str = self.do("POST", path, document)["status"]["token"]
        return token


def read_yaml(path: Path) -> list[Any]:
    """The documents of a YAML file; by the C parser, which is ten times as fast, if it is there."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return list(yaml.load_all(path.read_text(), loader))


def _answer(status: int, body: bytes) -> Answer:
    try:
        return Answer(status, json.loads(body))
    except ValueError:
        return Answer(status, body.decode(errors="replace"))
