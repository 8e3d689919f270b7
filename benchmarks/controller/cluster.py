"""The cluster that is measured on: its objects, and what the controller asks of its API server."""

import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.controller.aws import REGION, Account
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
    namespaces: Sequence[str]
    audit: Path

    def token(self) -> str:
        """A token of the controller's ServiceAccount, with the rights of deploy/controller."""
        return self.client.service_account_token(HOME, ACCOUNT)

    def requests(self) -> Counter[tuple[str, str]]:
        """The controller's requests so far, by verb and resource; all watches are one kind."""
        counts: Counter[tuple[str, str]] = Counter()
        for line in self.audit.read_text().splitlines():
            event = json.loads(line)
            target = event.get("objectRef", {})
            what = "/".join(filter(None, (target.get("resource"), target.get("subresource"))))
            verb = event["verb"]
            counts[verb, "" if verb == "watch" else what] += 1
        return counts

    def install(self) -> None:
        """Apply what deploy/controller has about rights."""
        self.client.make_namespace(HOME)
        for file in sorted(_DEPLOY.glob("*.yaml")):
            for document in read_yaml(file):
                if path := _PATHS.get(document["kind"]):
                    self.client.apply(path, document)

    def fill(self, account: Account, external_secrets: int) -> None:
        """Make the stores of all namespaces, and the ExternalSecrets `es-0` …, in turn."""
        with ThreadPoolExecutor(_THREADS) as threads:
            list(threads.map(lambda number: self._store(number, account), range(self._size)))
            list(threads.map(self.external_secret, range(external_secrets)))

    def external_secret(self, number: int, interval: str = "1h") -> str:
        """Make or change an ExternalSecret; one secret is its own, one is shared. Its namespace."""
        namespace = self.namespaces[number % self._size]
        keys = {"own": f"own-{number}", "shared": "shared"}
        data = [
            {"secretKey": name, "remoteRef": {"key": key, "property": "value"}}
            for name, key in keys.items()
        ]
        spec = {"refreshInterval": interval, "secretStoreRef": {"name": "aws"}, "data": data}
        self._apply(namespace, "ExternalSecret", f"es-{number}", spec)
        return namespace

    @property
    def _size(self) -> int:
        return len(self.namespaces)

    def _store(self, number: int, account: Account) -> None:
        namespace = self.namespaces[number]
        self.client.make_namespace(namespace)
        core = f"/api/v1/namespaces/{namespace}"
        auth: Mapping[str, Any]
        if number % 2:
            auth = {"jwt": {"serviceAccountRef": {"name": "app"}}}
            annotations = {"eks.amazonaws.com/role-arn": account.roles[namespace]}
            metadata = {"name": "app", "annotations": annotations}
            document = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
            self.client.apply(f"{core}/serviceaccounts", document)
        else:
            names = {"accessKeyIDSecretRef": "id", "secretAccessKeySecretRef": "secret"}
            auth = {"secretRef": {ref: {"name": "keys", "key": key} for ref, key in names.items()}}
            values = {"id": account.access_key_id, "secret": account.secret_access_key}
            document = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys"}}
            self.client.apply(f"{core}/secrets", {**document, "stringData": values})
        provider = {"aws": {"service": "SecretsManager", "region": REGION, "auth": auth}}
        self._apply(namespace, "SecretStore", "aws", {"provider": provider})

    def _apply(self, namespace: str, kind: str, name: str, spec: Mapping[str, Any]) -> None:
        about = {"apiVersion": "external-secrets.io/v1", "kind": kind, "metadata": {"name": name}}
        path = f"{GROUP}/namespaces/{namespace}/{kind.lower()}s"
        self.client.apply(path, {**about, "spec": spec})


@contextmanager
def cluster(namespaces: Sequence[str]) -> Iterator[Cluster]:
    """A control plane of our own, whose API server logs the controller's requests."""
    with tempfile.TemporaryDirectory(prefix="bench-audit-") as folder:
        policy, audit = Path(folder, "policy.json"), Path(folder, "audit.log")
        policy.write_text(json.dumps(_policy()))
        audit.touch()
        flags = f"--audit-policy-file={policy}", f"--audit-log-path={audit}"
        with control_plane(api_server_flags=flags) as address:
            yield Cluster(address, ClusterClient(address), namespaces, audit)


def _policy() -> dict[str, Any]:
    """One line when the answer to a request of the controller begins or is whole."""
    stages = ["RequestReceived", "ResponseStarted", "Panic"]
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": stages,
        "rules": [{"level": "Metadata", "users": [USER]}, {"level": "None"}],
    }
