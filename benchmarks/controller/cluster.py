"""The cluster that is measured on: its objects, and what the controller asks of its API server."""

import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.controller.aws import REGION, Account
from benchmarks.controller.shape import Shape
from testbed.cluster import Address, ClusterClient, read_yaml
from testbed.control_plane import control_plane

HOME, ACCOUNT = "external-secrets", "secrets-controller-aws"
USER = f"system:serviceaccount:{HOME}:{ACCOUNT}"
GROUP = "/apis/external-secrets.io/v1"
_DEPLOY = Path(__file__).parents[2] / "deploy/controller/base"
_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_PATHS = {
    "ServiceAccount": f"/api/v1/namespaces/{HOME}/serviceaccounts",
    "ClusterRole": f"{_RBAC}/clusterroles",
    "ClusterRoleBinding": f"{_RBAC}/clusterrolebindings",
    "Role": f"{_RBAC}/namespaces/{HOME}/roles",
    "RoleBinding": f"{_RBAC}/namespaces/{HOME}/rolebindings",
}
_ABOUT = {"apiVersion": "external-secrets.io/v1"}
_THREADS = 6
_WRITES = frozenset({"create", "update", "patch", "delete"})
_NOTHING = frozenset({("watch", ""), ("get", "leases"), ("update", "leases"), ("create", "leases")})


def counted(requests: Mapping[tuple[str, str], int]) -> int:
    """How many requests these are, without watches and the Lease."""
    return sum(number for key, number in requests.items() if key not in _NOTHING)


def written(requests: Mapping[tuple[str, str], int]) -> int:
    """How many of them write; a request for a token does not."""
    return sum(
        number
        for (verb, what), number in requests.items()
        if verb in _WRITES and what not in {"leases", "serviceaccounts/token"}
    )


@dataclass(frozen=True, slots=True)
class Cluster:
    """An API server with its audit log, which names the controller's requests alone."""

    address: Address
    client: ClusterClient
    shape: Shape
    audit: Path

    def token(self) -> str:
        """A token of the controller's ServiceAccount, with the rights of deploy/controller."""
        return self.client.service_account_token(HOME, ACCOUNT)

    def requests(self) -> Counter[tuple[str, str]]:
        """The controller's requests so far, by verb and resource; all watches are one kind."""
        counts: Counter[tuple[str, str]] = Counter()
        for event in self._events():
            target = event.get("objectRef", {})
            what = "/".join(filter(None, (target.get("resource"), target.get("subresource"))))
            verb = event["verb"]
            counts[verb, "" if verb == "watch" else what] += 1
        return counts

    def hot_updates(self) -> int:
        """How often Secrets of the hot namespace were updated so far."""
        targets = (
            event.get("objectRef", {}) for event in self._events() if event["verb"] == "update"
        )
        hot = "secrets", self.shape.names[0]
        return sum((one.get("resource"), one.get("namespace")) == hot for one in targets)

    def install(self) -> None:
        """Apply what deploy/controller has about rights."""
        self.client.make_namespace(HOME)
        for file in sorted(_DEPLOY.glob("*.yaml")):
            for document in read_yaml(file):
                if path := _PATHS.get(document["kind"]):
                    self.client.apply(path, document)

    def fill(self, account: Account) -> None:
        """Make all namespaces, stores and ExternalSecrets."""
        with ThreadPoolExecutor(_THREADS) as threads:
            places = range(self.shape.namespaces)
            list(threads.map(lambda place: self._namespace(place, account), places))
            if self.shape.secret_stores < self.shape.stores:
                self._cluster_store()
            if self.shape.hot:
                self.change_template("first")
            list(threads.map(self.external_secret, range(self.shape.size)))

    def external_secret(self, number: int, interval: str = "1h") -> str:
        """Make or change an ExternalSecret; one secret is its own, one is shared. Its namespace."""
        place = self.shape.place_of(number)
        namespace = self.shape.names[place]
        keys = {"own": f"own-{number}", "shared": "shared"}
        data = [
            {"secretKey": name, "remoteRef": {"key": key, "property": "value"}}
            for name, key in keys.items()
        ]
        kind = "SecretStore" if place < self.shape.secret_stores else "ClusterSecretStore"
        store = {"name": "aws", "kind": kind}
        spec: dict[str, Any] = {"refreshInterval": interval, "secretStoreRef": store, "data": data}
        if number < self.shape.hot:
            items = [{"key": "text", "templateAs": "KeysAndValues"}]
            source = {"configMap": {"name": "template", "items": items}}
            spec["target"] = {"template": {"templateFrom": [source]}}
        self._apply(namespace, "ExternalSecret", f"es-{number}", spec)
        return namespace

    def change_template(self, text: str) -> None:
        """Change the template of all hot ExternalSecrets, which makes them due at once."""
        lines = f'own: "{{{{ .own }}}}"\nshared: "{{{{ .shared }}}}"\nversion: {text}\n'
        about = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "template"}}
        path = f"/api/v1/namespaces/{self.shape.names[0]}/configmaps"
        self.client.apply(path, {**about, "data": {"text": lines}})

    def _events(self) -> Iterator[Any]:
        """The lines of the audit log."""
        return map(json.loads, self.audit.read_text().splitlines())

    def _namespace(self, place: int, account: Account) -> None:
        """A namespace, with its store if it has one."""
        namespace = self.shape.names[place]
        self.client.make_namespace(namespace)
        if place >= self.shape.secret_stores:
            return
        core = f"/api/v1/namespaces/{namespace}"
        auth: Mapping[str, Any]
        if self.shape.has_role(place):
            auth = {"jwt": {"serviceAccountRef": {"name": "app"}}}
            annotations = {"eks.amazonaws.com/role-arn": account.roles[namespace]}
            metadata = {"name": "app", "annotations": annotations}
            document = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
            self.client.apply(f"{core}/serviceaccounts", document)
        else:
            auth = _access_keys({"name": "keys"})
            values = {"id": account.access_key_id, "secret": account.secret_access_key}
            document = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys"}}
            self.client.apply(f"{core}/secrets", {**document, "stringData": values})
        self._apply(namespace, "SecretStore", "aws", _store(auth))

    def _cluster_store(self) -> None:
        """With the access keys of the first namespace."""
        auth = _access_keys({"name": "keys", "namespace": self.shape.names[0]})
        about = {**_ABOUT, "kind": "ClusterSecretStore", "metadata": {"name": "aws"}}
        self.client.apply(f"{GROUP}/clustersecretstores", {**about, "spec": _store(auth)})

    def _apply(self, namespace: str, kind: str, name: str, spec: Mapping[str, Any]) -> None:
        about = {**_ABOUT, "kind": kind, "metadata": {"name": name}}
        path = f"{GROUP}/namespaces/{namespace}/{kind.lower()}s"
        self.client.apply(path, {**about, "spec": spec})


def _store(auth: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"provider": {"aws": {"service": "SecretsManager", "region": REGION, "auth": auth}}}


def _access_keys(secret: Mapping[str, str]) -> Mapping[str, Any]:
    names = {"accessKeyIDSecretRef": "id", "secretAccessKeySecretRef": "secret"}
    return {"secretRef": {ref: {**secret, "key": key} for ref, key in names.items()}}


@contextmanager
def cluster(shape: Shape) -> Iterator[Cluster]:
    """A control plane of our own, whose API server logs the controller's requests."""
    with tempfile.TemporaryDirectory(prefix="bench-audit-") as folder:
        policy, audit = Path(folder, "policy.json"), Path(folder, "audit.log")
        policy.write_text(json.dumps(_policy()))
        audit.touch()
        flags = f"--audit-policy-file={policy}", f"--audit-log-path={audit}"
        with control_plane(api_server_flags=flags) as address:
            yield Cluster(address, ClusterClient(address), shape, audit)


def _policy() -> dict[str, Any]:
    """One line when the answer to a request of the controller begins or is whole."""
    stages = ["RequestReceived", "ResponseStarted", "Panic"]
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": stages,
        "rules": [{"level": "Metadata", "users": [USER]}, {"level": "None"}],
    }
