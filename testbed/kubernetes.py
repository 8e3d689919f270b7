"""A fake Kubernetes API server with state: objects are read, listed, watched and written.

Answers as kube-apiserver does: Status objects, bearer tokens that rotate, RBAC by resource. The
contract tests of `tests/contract/test_kubernetes_api.py` hold it to a real one.
"""

import json
import re
import ssl
from dataclasses import dataclass
from typing import Any

from testbed.api_errors import (
    ApiError,
    expired,
    forbidden,
    json_reply,
    not_found,
    too_many_requests,
    unavailable,
)
from testbed.api_kinds import KINDS, ApiKind
from testbed.api_writes import Writes, token_answer
from testbed.fake import Asked, Desk, Listening
from testbed.http import Outlet, Reply, Request
from testbed.http_server import Server
from testbed.object_store import Gone, ObjectStore, Thing, Watcher
from testbed.selectors import selector

__all__ = ["TOKEN", "ApiError", "FakeKubernetes", "too_many_requests", "unavailable"]

TOKEN = "kube-token"  # noqa: S105 (a made-up one)
"""The bearer token that the fake takes at first."""
_PATH = re.compile(
    r"/(?:api|apis/(?P<group>[^/]+))/(?P<version>v[0-9a-z]+)"
    r"(?:/namespaces/(?P<namespace>[^/]+)(?=/[a-z]))?"
    r"/(?P<resource>[a-z]+)(?:/(?P<name>[^/]+))?(?:/(?P<subresource>[a-z]+))?"
)
_NAMESPACE_STATUS = re.compile(r"/api/v1/namespaces/(?P<name>[^/]+)/(?P<subresource>status)")


@dataclass(frozen=True, slots=True)
class Target:
    """What a request is about."""

    kind: ApiKind
    version: str
    namespace: str
    name: str
    subresource: str


class FakeKubernetes(Listening):
    """The API server and its objects, which are in `objects`.

    `token` is the bearer token that it accepts (assign another one to rotate it). RBAC allows
    reading and Events, with `writable` all of it; `forbidden` holds what it denies all the same:
    resources (`serviceaccounts`) or verbs with them (`create secrets`). Every answer takes
    `latency` seconds. Faults and journal use the service `kubernetes` and operations such as
    `get serviceaccounts`, `list secrets`, `watch secrets`.
    """

    def __init__(
        self,
        *,
        token: str = TOKEN,
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
        latency: float = 0.0,
        writable: bool = False,
    ) -> None:
        self.token = token
        self.forbidden: set[str] = set()
        self.objects = ObjectStore()
        self._writable = writable
        self._writes = Writes(self.objects)
        self._pages: dict[str, tuple[list[Thing], str]] = {}
        self._outlets: set[Outlet] = set()
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

    def put(self, thing: Thing) -> Thing:
        """Make or replace an object as another user would; its namespace is made too."""
        group, _, version = thing["apiVersion"].rpartition("/")
        kind = next(
            one for one in KINDS.values() if (one.group, one.name) == (group, thing["kind"])
        )
        if namespace := thing["metadata"].get("namespace"):
            self.put_namespace(namespace)
        return self.objects.put(kind, {**thing, "apiVersion": kind.api_version(version)})

    def put_namespace(self, name: str, **labels: str) -> None:
        """Make a namespace unless it is there."""
        if self.objects.get(KINDS["", "namespaces"], "", name) is None:
            self.objects.put(
                KINDS["", "namespaces"], _made("Namespace", "", name, labels=dict(labels))
            )

    def put_service_account(
        self, namespace: str, name: str, *, role_arn: str | None = None
    ) -> None:
        """Make or replace a service account, with the IRSA annotation or without."""
        annotations = {} if role_arn is None else {"eks.amazonaws.com/role-arn": role_arn}
        self.put(_made("ServiceAccount", namespace, name, annotations=annotations))

    def put_pod(self, namespace: str, name: str, *, node: str) -> None:
        """Make or replace a pod that runs on a node."""
        self.put({**_made("Pod", namespace, name), "spec": {"nodeName": node}})

    def put_node(self, name: str, *, region: str | None = None) -> None:
        """Make or replace a node, with the region label or without."""
        labels = {} if region is None else {"topology.kubernetes.io/region": region}
        self.put(_made("Node", "", name, labels=labels))

    @property
    def events(self) -> list[Thing]:
        """All Events that were written, as they stand."""
        return self.objects.select(KINDS["", "events"], "", lambda _: True)

    def remove(self, resource: str, name: str, namespace: str = "") -> None:
        """Delete an object."""
        kind = next(kind for kind in KINDS.values() if kind.plural == resource)
        self.objects.delete(kind, namespace, name)

    def compact(self) -> None:
        """Forget old versions: watches and lists that go on from one of them are answered 410."""
        self.objects.compact()
        self._pages.clear()

    def break_watches(self) -> None:
        """Drop the connections of all watches."""
        for outlet in list(self._outlets):
            outlet.abort()

    def _answer(self, request: Request) -> Reply:
        target = _target(request.path)
        verb = _verb(request, target)
        asked = Asked(
            "kubernetes",
            f"{verb} {target.kind.plural if target else ''}",
            identity=request.headers.get("authorization", ""),
            target="/".join(filter(None, (target.namespace, target.name))) if target else "",
        )
        return self._desk.serve(asked, lambda: self._admitted(request, target), ApiError.reply)

    def _admitted(self, request: Request, target: Target | None) -> Reply:
        """The answer, for a bearer that is known and has the right."""
        if request.headers.get("authorization") != f"Bearer {self.token}":
            raise ApiError(401, "Unauthorized", "Unauthorized")
        if target is None:
            raise ApiError(404, "NotFound", "the server could not find the requested resource")
        verb = _verb(request, target)
        resource = target.kind.plural + (f"/{target.subresource}" if target.subresource else "")
        may_write = self._writable or target.kind.plural == "events"
        denied = {target.kind.plural, f"{verb} {resource}"} & self.forbidden
        if denied or (request.method != "GET" and not may_write):
            raise forbidden(verb, resource, target.kind.group, target.namespace, target.name)
        with self.objects.lock:
            return self._allowed(verb, request, target)

    def _allowed(self, verb: str, request: Request, target: Target) -> Reply:
        metadata_only = "as=PartialObjectMetadata" in request.headers.get("accept", "")
        match verb:
            case "watch":
                return self._watch(request, target, metadata_only)
            case "list":
                return self._list(request, target, metadata_only)
            case "get":
                return json_reply(_shown(self._existing(target), target, metadata_only))
        return self._written(verb, request, target)

    def _written(self, verb: str, request: Request, target: Target) -> Reply:
        body = json.loads(request.body) if request.body else {}
        manager = request.query.get("fieldManager", "testbed")
        if verb == "create" and not target.subresource:
            stored = self._writes.create(target.kind, target.namespace, body, manager)
            return json_reply(_shown(stored, target, False), 201)
        old = self._existing(target)
        if target.subresource == "token":
            return json_reply(token_answer(target.namespace, target.name, body), 201)
        if verb == "delete":
            return json_reply(self._writes.delete(target.kind, old, body))
        write = self._writes.replace if verb == "update" else self._writes.patch
        stored = write(target.kind, old, body, manager, target.subresource)
        return json_reply(_shown(stored, target, False))

    def _existing(self, target: Target) -> Thing:
        thing = self.objects.get(target.kind, target.namespace, target.name)
        if thing is None:
            raise not_found(target.kind, target.name)
        return thing

    def _list(self, request: Request, target: Target, metadata_only: bool) -> Reply:
        query = request.query
        if token := query.get("continue"):
            if token not in self._pages:
                raise expired()
            things, version = self._pages.pop(token)
        else:
            matches = selector(query.get("labelSelector", ""), query.get("fieldSelector", ""))
            things = self.objects.select(target.kind, target.namespace, matches)
            version = str(self.objects.version)
        limit = int(query.get("limit", 0)) or len(things)
        metadata: dict[str, Any] = {"resourceVersion": version}
        if rest := things[limit:]:
            metadata |= {"continue": f"{version}-{len(rest)}", "remainingItemCount": len(rest)}
            self._pages[metadata["continue"]] = rest, version
        items = [_shown(thing, target, metadata_only) for thing in things[:limit]]
        name = "PartialObjectMetadata" if metadata_only else target.kind.name
        api = "meta.k8s.io/v1" if metadata_only else target.kind.api_version(target.version)
        return json_reply(
            {"kind": f"{name}List", "apiVersion": api, "metadata": metadata, "items": items}
        )

    def _watch(self, request: Request, target: Target, metadata_only: bool) -> Reply:
        query = request.query
        matches = selector(query.get("labelSelector", ""), query.get("fieldSelector", ""))
        since = query.get("resourceVersion", "")

        def open_watch(outlet: Outlet) -> None:
            def send(event: str, thing: Thing) -> None:
                shown = _shown(thing, target, metadata_only) if event != "BOOKMARK" else thing
                outlet.send(json.dumps({"type": event, "object": shown}).encode() + b"\n")

            watcher = Watcher(target.kind, target.namespace, matches, send)
            try:
                stop = self.objects.watch(watcher, None if since in ("", "0") else int(since))
            except Gone:
                error = {"type": "ERROR", "object": expired().status()}
                outlet.send(json.dumps(error).encode() + b"\n")
                outlet.end()
                return

            def close() -> None:
                stop()
                self._outlets.discard(outlet)

            self._outlets.add(outlet)
            outlet.on_close = close
            outlet.end_after(float(query.get("timeoutSeconds", 1800)), lambda: _bookmark(watcher))

        def _bookmark(watcher: Watcher) -> bytes:
            thing = self.objects.bookmark_of(watcher.kind)
            return json.dumps({"type": "BOOKMARK", "object": thing}).encode() + b"\n"

        return Reply(200, headers=(("Content-Type", "application/json"),), stream=open_watch)


def _target(path: str) -> Target | None:
    found = _NAMESPACE_STATUS.fullmatch(path)
    parts = {"resource": "namespaces", "version": "v1", "group": "", "namespace": ""}
    if found:
        parts |= found.groupdict()
    elif found := _PATH.fullmatch(path):
        parts = found.groupdict(default="")
    else:
        return None
    kind = KINDS.get((parts["group"], parts["resource"]))
    if kind is None or parts["version"] not in kind.versions:
        return None
    return Target(kind, *(parts[name] for name in ("version", "namespace", "name", "subresource")))


def _verb(request: Request, target: Target | None) -> str:
    if request.method == "GET" and target is not None and not target.name:
        return "watch" if request.query.get("watch") in ("1", "true") else "list"
    return {"POST": "create", "PUT": "update"}.get(request.method, request.method.lower())


def _shown(thing: Thing, target: Target, metadata_only: bool) -> Thing:
    if metadata_only:
        api = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
        return {**api, "metadata": thing["metadata"]}
    return {**thing, "apiVersion": target.kind.api_version(target.version)}


def _made(kind: str, namespace: str, name: str, **metadata: dict[str, str]) -> Thing:
    place = {"namespace": namespace} if namespace else {}
    filled = {key: value for key, value in metadata.items() if value}
    return {"kind": kind, "apiVersion": "v1", "metadata": {"name": name, **place, **filled}}
