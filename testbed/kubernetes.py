"""A fake Kubernetes API server: service accounts, pods and nodes, read one at a time, and Events.

Answers as kube-apiserver does: Status objects, bearer tokens that rotate, RBAC by resource.
"""

import json
import re
import ssl
from collections.abc import Mapping
from typing import Any

from testbed.fake import Asked, Desk, Listening, Refusal
from testbed.http import Reply, Request, Server

TOKEN = "kube-token"  # noqa: S105 (a made-up one)
"""The bearer token that the fake takes at first."""
USER = "system:serviceaccount:kube-system:csi-secrets-store-provider-aws"
_PATH = re.compile(
    r"/api/v1(?:/namespaces/(?P<namespace>[^/]+))?/(?P<resource>[a-z]+)(?:/(?P<name>[^/]+))?"
)


class ApiError(Refusal):
    """A failure as the API server's Status object tells it."""

    def __init__(
        self, code: int, reason: str, message: str, *, retry_after: int | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.retry_after = retry_after

    def reply(self) -> Reply:
        """The Status object."""
        body = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": str(self),
            "reason": self.reason,
            "code": self.code,
        }
        after = () if self.retry_after is None else (("Retry-After", str(self.retry_after)),)
        return _json(body, self.code, *after)


def too_many_requests(retry_after: int = 1) -> ApiError:
    """Priority and Fairness turns the call away."""
    message = "Too many requests, please try again later."
    return ApiError(429, "TooManyRequests", message, retry_after=retry_after)


def unavailable() -> ApiError:
    """The API server cannot reach etcd."""
    return ApiError(500, "InternalError", "etcdserver: leader changed")


def _json(body: Mapping[str, Any], status: int = 200, *headers: tuple[str, str]) -> Reply:
    content = json.dumps(body).encode()
    return Reply(status, content, (("Content-Type", "application/json"), *headers))


class FakeKubernetes(Listening):
    """The API server and its objects.

    `token` is the bearer token that it accepts (assign another one to rotate it); `forbidden`
    holds resources (`serviceaccounts`) that RBAC denies. Every answer takes `latency` seconds.
    Faults and journal use the service `kubernetes` and operations such as `get serviceaccounts`.
    """

    def __init__(
        self,
        *,
        token: str = TOKEN,
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
        latency: float = 0.0,
    ) -> None:
        self.token = token
        self.forbidden: set[str] = set()
        self._objects: dict[tuple[str, str, str], dict[str, Any]] = {}
        self._desk = Desk(ApiError, latency)
        self.faults = self._desk.faults
        self.journal = self._desk.journal
        self._server = Server(self._answer, host=host, tls=tls)
        super().__init__(self._server)

    @property
    def url(self) -> str:
        """Base URL."""
        return self._server.url

    @property
    def address(self) -> tuple[str, int]:
        """Host and port, as in KUBERNETES_SERVICE_HOST and …_PORT."""
        return self._server.host, self._server.port

    def put_service_account(
        self, namespace: str, name: str, *, role_arn: str | None = None
    ) -> None:
        """Make or replace a service account, with the IRSA annotation or without."""
        annotations = {} if role_arn is None else {"eks.amazonaws.com/role-arn": role_arn}
        self._put("serviceaccounts", "ServiceAccount", namespace, name, annotations=annotations)

    def put_pod(self, namespace: str, name: str, *, node: str) -> None:
        """Make or replace a pod that runs on a node."""
        self._put("pods", "Pod", namespace, name)["spec"] = {"nodeName": node}

    def put_node(self, name: str, *, region: str | None = None) -> None:
        """Make or replace a node, with the region label or without."""
        labels = {} if region is None else {"topology.kubernetes.io/region": region}
        self._put("nodes", "Node", "", name, labels=labels)

    @property
    def events(self) -> list[dict[str, Any]]:
        """All Events that were written, as they stand."""
        return [one for (kind, _, _), one in list(self._objects.items()) if kind == "events"]

    def remove(self, resource: str, name: str, namespace: str = "") -> None:
        """Delete an object."""
        del self._objects[resource, namespace, name]

    def _put(
        self, resource: str, kind: str, namespace: str, name: str, **metadata: dict[str, str]
    ) -> dict[str, Any]:
        place = {"namespace": namespace} if namespace else {}
        filled = {key: value for key, value in metadata.items() if value}
        thing: dict[str, Any] = {
            "kind": kind,
            "apiVersion": "v1",
            "metadata": {"name": name, **place, **filled},
        }
        self._objects[resource, namespace, name] = thing
        return thing

    def _answer(self, request: Request) -> Reply:
        found = _PATH.fullmatch(request.path)
        parts = (
            found.groupdict(default="")
            if found
            else dict.fromkeys(("namespace", "resource", "name"), "")
        )
        asked = Asked(
            "kubernetes",
            f"{request.method.lower()} {parts['resource']}",
            identity=request.headers.get("authorization", ""),
            target="/".join(part for part in (parts["namespace"], parts["name"]) if part),
        )
        answer = self._write if request.method in ("POST", "PATCH") else self._get
        return self._desk.serve(asked, lambda: answer(request, **parts), ApiError.reply)

    def _write(self, request: Request, *, namespace: str, resource: str, name: str) -> Reply:
        self._admit(request, namespace, resource, name, may_write=resource == "events")
        given = json.loads(request.body)
        if request.method == "PATCH":
            thing = self._objects.get((resource, namespace, name))
            if thing is None:
                raise ApiError(404, "NotFound", f'{resource} "{name}" not found')
            thing.update(given)
            return _json(thing)
        name = given["metadata"]["name"]
        if given["involvedObject"]["namespace"] != namespace:
            message = f"Event {name!r} is invalid: involvedObject.namespace: does not match"
            raise ApiError(422, "Invalid", message)
        if (resource, namespace, name) in self._objects:
            raise ApiError(409, "AlreadyExists", f'{resource} "{name}" already exists')
        self._objects[resource, namespace, name] = given
        return _json(given, 201)

    def _get(self, request: Request, *, namespace: str, resource: str, name: str) -> Reply:
        self._admit(request, namespace, resource, name, may_write=False)
        thing = self._objects.get((resource, namespace, name))
        if thing is None:
            raise ApiError(404, "NotFound", f'{resource} "{name}" not found')
        return _json(thing)

    def _admit(
        self, request: Request, namespace: str, resource: str, name: str, *, may_write: bool
    ) -> None:
        """Raise unless the bearer is known and has the right."""
        if request.headers.get("authorization") != f"Bearer {self.token}":
            raise ApiError(401, "Unauthorized", "Unauthorized")
        if not resource:
            raise ApiError(404, "NotFound", "the server could not find the requested resource")
        if resource in self.forbidden or (request.method != "GET" and not may_write):
            scope = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
            raise ApiError(
                403,
                "Forbidden",
                f'{resource} "{name}" is forbidden: User "{USER}" cannot '
                f'{request.method.lower()} resource "{resource}" in API group "" {scope}',
            )
