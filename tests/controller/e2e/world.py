"""The real controller as a process, on a real API server, with the fake AWS."""

import base64
import copy
import json
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.request import urlopen

import yaml

from testbed import tokens
from testbed.aws import FakeAws
from testbed.aws.iam import CONTROLLER_ACTIONS, Role, Session, allow
from testbed.cluster import Address, ClusterClient
from testbed.control_plane import AUDIENCES
from tests.e2e.world import HASTY
from tests.forked import Forked
from tests.waiting import eventually

GROUP = "/apis/external-secrets.io/v1"
MANIFESTS = Path(__file__).parents[1] / "manifests"
PLURALS = {
    "ExternalSecret": "externalsecrets",
    "SecretStore": "secretstores",
    "ClusterSecretStore": "clustersecretstores",
    "ClusterExternalSecret": "clusterexternalsecrets",
    "ClusterGenerator": "clustergenerators",
    "ECRAuthorizationToken": "ecrauthorizationtokens",
    "Password": "passwords",
    "STSSessionToken": "stssessiontokens",
    "UUID": "uuids",
    "ConfigMap": "configmaps",
    "ClusterRole": "clusterroles",
    "ClusterRoleBinding": "clusterrolebindings",
    "Role": "roles",
    "RoleBinding": "rolebindings",
    "ServiceAccount": "serviceaccounts",
}
CLASSED = (
    "SecretStore",
    "ClusterSecretStore",
    "Password",
    "UUID",
    "ECRAuthorizationToken",
    "STSSessionToken",
)
"""Kinds that have a controller class."""
tokens.CLUSTER_ISSUERS.add(AUDIENCES[0])


class Process:
    """A controller; `log` has the lines of all that were started here."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self._process: Forked | None = None

    @property
    def is_running(self) -> bool:
        return self._process is not None

    def start(
        self, main: str, arguments: list[str], environment: Mapping[str, str], line: str
    ) -> None:
        """Start one and wait until it logs a line."""
        seen = len(self.log)
        process = Forked(main, ["controller", *arguments], environment)
        self._process = process
        self._reader = Thread(target=self._read, args=(process,), daemon=True)
        self._reader.start()

        def is_there() -> bool:
            assert process.poll() is None, self.tail()
            return any(line in one for one in self.log[seen:])

        eventually(is_there, f"{line}\n{self.tail()}", 40)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def send_signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self, number: int, seconds: float) -> int:
        """Stop it; its exit code."""
        assert self._process is not None
        self._process.send_signal(number)
        code = self._process.wait(seconds)
        self._reader.join(seconds)
        self._process.stderr.close()
        self._process = None
        return code

    def tail(self) -> str:
        return "\n".join(self.log[-30:])

    def _read(self, process: Forked) -> None:
        for line in process.stderr:
            self.log.append(line.rstrip("\n"))


@dataclass
class World:
    """Sets up AWS and the cluster, runs the controller, looks at what it makes.

    Controllers of other tests see the same cluster: with a `controller_class`, stores and
    generators that are applied here have it, and so has the controller.
    """

    folder: Path
    address: Address
    cluster: ClusterClient
    aws: FakeAws
    namespace: str
    flags: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    token: str = ""
    """Of the controller; that of the administrator if it is empty."""
    url: str = ""
    """Of the API server, for the controller; that of `address` if it is empty."""
    controller_class: str = ""
    home: str = ""
    """Namespace of the Lease; that of the objects if it is empty."""
    lease_seconds: int = 15
    """A busy machine may hold up a renewal for seconds."""
    main: str = HASTY
    """What the process runs, for `tests.forked`."""
    process: Process = field(default_factory=Process)

    def __post_init__(self) -> None:
        self.user: Session = self._new_user()
        self._cluster_wide: list[str] = []

    def _new_user(self) -> Session:
        return self.aws.cloud.put_user(self.namespace, allow=allow("*", *CONTROLLER_ACTIONS))

    def at(self, namespace: str) -> "World":
        """The same AWS and controller, for objects in another namespace and a user of its own."""
        other = copy.copy(self)
        other.namespace = namespace
        other.__post_init__()
        return other

    @property
    def log(self) -> list[str]:
        return self.process.log

    def role(self, namespace: str, service_account: str) -> Role:
        """A role that a ServiceAccount, which is made too, may assume."""
        role = self.aws.cloud.put_role(
            f"{namespace}-{service_account}",
            trust=[f"{namespace}:{service_account}"],
            allow=allow("*", *CONTROLLER_ACTIONS),
        )
        role.issuer = AUDIENCES[0]
        annotations = {"eks.amazonaws.com/role-arn": role.arn}
        self.cluster.apply(
            f"/api/v1/namespaces/{namespace}/serviceaccounts",
            {
                "apiVersion": "v1",
                "kind": "ServiceAccount",
                "metadata": {"name": service_account, "annotations": annotations},
            },
        )
        return role

    def keys(self, namespace: str, name: str, key_id: str, secret: str) -> None:
        """A Secret with the access key of the user."""
        values = {key_id: self.user.access_key_id, secret: self.user.secret_access_key}
        self.put_secret(namespace, name, values)

    def put_secret(self, namespace: str, name: str, values: Mapping[str, str]) -> None:
        document = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name},
            "stringData": dict(values),
        }
        self.cluster.apply(f"/api/v1/namespaces/{namespace}/secrets", document)

    def apply(self, text: str, namespace: str = "", version: str = "") -> None:
        """Apply manifests as they are; those without a namespace in that of the test."""
        for given in yaml.safe_load_all(text):
            kind = given["kind"]
            has_class = kind in CLASSED and self.controller_class
            document = _with_class(given, self.controller_class) if has_class else given
            api = version or document["apiVersion"]
            is_cluster_wide = kind.startswith("Cluster")
            place = document["metadata"].get("namespace") or namespace or self.namespace
            root = "" if is_cluster_wide else f"/namespaces/{place}"
            group = "/api/v1" if api == "v1" else f"/apis/{api}"
            path = f"{group}{root}/{PLURALS[kind]}"
            self.cluster.apply(path, {**document, "apiVersion": api})
            if is_cluster_wide and "external-secrets.io" in api:
                self._cluster_wide.append(f"{path}/{document['metadata']['name']}")

    def remove(self) -> None:
        """Delete the objects that no namespace takes along."""
        for path in self._cluster_wide:
            self.cluster.ask("DELETE", path)

    def get(self, kind: str, name: str, namespace: str | None = None) -> Any:
        """An object; None if there is none."""
        answer = self.cluster.ask("GET", self.path(kind, name, namespace))
        return answer.body if answer.status == 200 else None

    def path(self, kind: str, name: str, namespace: str | None = None) -> str:
        root = "/api/v1" if kind == "Secret" else GROUP
        plural = "secrets" if kind == "Secret" else PLURALS[kind]
        place = "" if kind.startswith("Cluster") else f"/namespaces/{namespace or self.namespace}"
        return f"{root}{place}/{plural}/{name}"

    def patch(
        self, kind: str, name: str, change: Mapping[str, Any], namespace: str | None = None
    ) -> Any:
        path = self.path(kind, name, namespace)
        return self.cluster.do("PATCH", path, change, "application/merge-patch+json")

    def delete(self, kind: str, name: str, namespace: str | None = None) -> None:
        self.cluster.do("DELETE", self.path(kind, name, namespace))

    def data(self, name: str, namespace: str | None = None) -> dict[str, str] | None:
        """The decoded data of a Secret; None if there is none."""
        found = self.get("Secret", name, namespace)
        if found is None:
            return None
        return {
            key: base64.b64decode(value).decode() for key, value in found.get("data", {}).items()
        }

    def ready(self, kind: str, name: str, namespace: str | None = None) -> tuple[str, str, str]:
        """Status, reason and message of the condition Ready."""
        found = self.get(kind, name, namespace) or {}
        for one in found.get("status", {}).get("conditions", ()):
            if one["type"] == "Ready":
                return one["status"], one.get("reason", ""), one.get("message", "")
        return "", "", ""

    def until(self, kind: str, name: str, *expected: str, namespace: str | None = None) -> None:
        """Wait for a condition Ready that begins with these."""

        def met() -> bool:
            found = self.ready(kind, name, namespace)
            return all(text.startswith(want) for text, want in zip(found, expected, strict=False))

        try:
            eventually(met, f"{kind} {name} {expected}")
        except AssertionError as error:
            found = self.ready(kind, name, namespace)
            raise AssertionError(f"{error}\nfound {found}\n{self.process.tail()}") from None

    def events(self, namespace: str | None = None) -> list[tuple[str, str, str]]:
        """Object, reason and message of the Events of a namespace."""
        place = namespace or self.namespace
        found = self.cluster.do("GET", f"/api/v1/namespaces/{place}/events")["items"]
        return [(one["involvedObject"]["name"], one["reason"], one["message"]) for one in found]

    def calls(self) -> int:
        """Calls to AWS so far as one of this namespace."""
        calls = list(self.aws.journal.calls)
        return sum(self.namespace in one.identity for one in calls)

    # ---- the process

    @property
    def status_socket(self) -> str:
        return f"@status-of-{self.home or self.namespace}"

    def arguments(self) -> list[str]:
        token = self.folder / "token"
        token.write_text(self.token or self.address.token)
        return [
            f"--kube-api-url={self.url or self.address.url}",
            f"--kube-ca-file={self.address.ca_file}",
            f"--kube-token-file={token}",
            "--metrics-addr=127.0.0.1:0",
            "--live-addr=127.0.0.1:0",
            f"--lease-namespace={self.home or self.namespace}",
            "--pod-name=controller-0",
            f"--lease-duration={self.lease_seconds}s",
            f"--status-socket={self.status_socket}",
            "--log-format=json",
            *([f"--controller-class={self.controller_class}"] if self.controller_class else []),
            *self.flags,
        ]

    def start(self) -> "World":
        """Start the controller, unless it runs, and wait until it works."""
        return self if self.process.is_running else self._start("all objects are known")

    def start_waiting(self) -> "World":
        """Start a controller that is to wait for another one's Lease."""
        return self._start("another replica is the leader")

    def start_at_once(self) -> "World":
        """Start a controller and wait for nothing but its first line."""
        return self._start('"starting"')

    def _start(self, line: str) -> "World":
        plain = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        environment = {**plain, "AWS_ENDPOINT_URL": self.aws.url, **self.environment}
        self.process.start(self.main, self.arguments(), environment, line)
        return self

    def page(self, path: str) -> str:
        """A page of the running controller."""
        for line in reversed(self.log):
            if '"HTTP server is up"' in line and path in json.loads(line)["paths"].split():
                with urlopen(f"http://{json.loads(line)['address']}{path}", timeout=5) as page:
                    return str(page.read().decode())
        raise AssertionError("no such page")

    def stop(self, number: int = signal.SIGTERM, seconds: float = 15) -> int:
        """Stop the controller; its exit code."""
        return self.process.stop(number, seconds)

    def close(self) -> None:
        if self.process.is_running:
            self.stop(signal.SIGKILL)
        self.remove()


def _with_class(document: dict[str, Any], name: str) -> dict[str, Any]:
    spec = document.get("spec") or {}
    return {**document, "spec": {"controller": name, **spec}}


@contextmanager
def a_world(
    folder: Path, address: Address, cluster: ClusterClient, namespace: str, *flags: str
) -> Iterator[World]:
    """A world that is not started; it is closed at the end."""
    with FakeAws() as aws:
        world = World(folder, address, cluster, aws, namespace, flags)
        try:
            yield world
        finally:
            world.close()
