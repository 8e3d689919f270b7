"""The client of the Kubernetes API: objects of any kind, one attempt a call, typed errors.

Nothing is tried again here: callers know better when. Errors of all calls:
`KubernetesUnavailable`, `KubernetesThrottled`, `LookupForbidden`, `ObjectNotFound`,
`ObjectConflict`, `ObjectExists`, `ObjectRefused`, and `VersionGone` for lists and watches.
"""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any
from urllib.parse import urlencode

from provider.errors import KubernetesUnavailable
from provider.kube import tokens
from provider.kube.connection import Connection
from provider.kube.kinds import SERVICE_ACCOUNTS, Document, Kind
from provider.kube.reading import (
    JSON,
    Page,
    Selection,
    WatchEvent,
    list_pages,
    open_watch,
)
from provider.kube.replies import Asked, error_of
from provider.kube.request_limits import RequestLimits
from provider.kube.tokens import ServiceAccountToken
from provider.runtime.transport import Method, NoAnswer, Reply, Request

TIMEOUT = 10.0
"""Seconds for one request."""
LIST_TIMEOUT = 60.0
"""The same for one page of a list."""
MAX_BODY = 16 * 2**20
PAGE = 100
"""Objects in one page of a list."""
_MERGE_PATCH = "application/merge-patch+json"


class Objects:
    """Reads and writes objects. `field_manager` is the name by which writes are recorded.

    While `may_write` returns False, nothing is written and every write raises
    `KubernetesUnavailable`: a leader that has lost its Lease stops there at the latest.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        field_manager: str,
        limits: RequestLimits | None = None,
        may_write: Callable[[], bool] = lambda: True,
    ) -> None:
        self._connection = connection
        self._field_manager = field_manager
        self._limits = limits or RequestLimits()
        self._may_write = may_write

    async def get(self, kind: Kind, namespace: str, name: str) -> Document:
        """One object; `namespace` is empty for kinds without."""
        asked = Asked("get", kind, namespace, name)
        return await self._document(asked, "GET", kind.path(namespace, name))

    def list(
        self, selection: Selection, *, page: int = PAGE, timeout: float = LIST_TIMEOUT
    ) -> AsyncIterator[Page]:
        """All objects of a selection, in pages of at most `page`, as they were at one time.

        `timeout` is for each page, in seconds.
        """
        asked = Asked("list", selection.kind, selection.namespace)
        headers = {"Accept": selection.accept_list}

        async def read(query: Mapping[str, str]) -> Reply:
            path = f"{selection.path}?{urlencode(query)}"
            return await self._reply(
                asked, Request("GET", path, headers, timeout=timeout, max_body=MAX_BODY)
            )

        return list_pages(selection, read, page)

    def watch(
        self, selection: Selection, version: str, *, seconds: int
    ) -> AbstractAsyncContextManager[AsyncIterator[WatchEvent]]:
        """Changes after a version, until the server ends the watch after about so many seconds.

        It does not count against the limits of requests.
        """
        return open_watch(self._connection, selection, version, seconds)

    async def create(
        self, kind: Kind, document: Mapping[str, Any], *, field_manager: str = ""
    ) -> Document:
        """Create an object; returns it as stored. Raises `ObjectExists` if there is one.

        That may be the new one: a request whose answer is cut off is sent a second time.
        """
        namespace, name = _place(document)
        path = self._query(kind.path(namespace), field_manager)
        return await self._written(Asked("create", kind, namespace, name), "POST", path, document)

    async def replace(
        self, kind: Kind, document: Mapping[str, Any], *, field_manager: str = ""
    ) -> Document:
        """Put an object in place of the stored one; returns it as stored.

        Raises `ObjectConflict` if the document has a resourceVersion that is not the current one.
        """
        namespace, name = _place(document)
        path = self._query(kind.path(namespace, name), field_manager)
        return await self._written(Asked("update", kind, namespace, name), "PUT", path, document)

    async def merge_patch(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        change: Mapping[str, Any],
        *,
        subresource: str = "",
    ) -> Document:
        """Merge `change` into an object; returns it as stored. None deletes a field.

        Raises `ObjectConflict` if `change` has a resourceVersion that is not the current one.
        """
        path = self._query(kind.path(namespace, name, subresource))
        asked = Asked("patch", kind, namespace, name, subresource)
        return await self._written(asked, "PATCH", path, change)

    async def patch_status(
        self, kind: Kind, namespace: str, name: str, status: Mapping[str, Any]
    ) -> Document:
        """Merge into the status; returns the object as stored."""
        change = {"status": status}
        return await self.merge_patch(kind, namespace, name, change, subresource="status")

    async def delete(self, kind: Kind, namespace: str, name: str, *, uid: str = "") -> None:
        """Delete an object; only the one of that uid, if it is given.

        Raises `ObjectConflict` if it is another one. What it owns is deleted in the background.
        """
        options: Document = {"propagationPolicy": "Background"}
        if uid:
            options["preconditions"] = {"uid": uid}
        asked = Asked("delete", kind, namespace, name)
        await self._written(asked, "DELETE", kind.path(namespace, name), options)

    async def create_token(
        self,
        namespace: str,
        service_account: str,
        *,
        audiences: Sequence[str],
        seconds: int = tokens.SECONDS,
    ) -> ServiceAccountToken:
        """A new token of a service account. Needs no Lease: nothing is stored."""
        asked = Asked("create", SERVICE_ACCOUNTS, namespace, service_account, "token")
        path = SERVICE_ACCOUNTS.path(namespace, service_account, "token")
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"audiences": list(audiences), "expirationSeconds": seconds},
        }
        return tokens.read_token(asked, await self._document(asked, "POST", path, request))

    async def _written(
        self, asked: Asked, method: Method, path: str, document: Mapping[str, Any]
    ) -> Document:
        self._check_may_write(str(asked).removeprefix("cannot "))
        return await self._document(asked, method, path, document)

    def _check_may_write(self, what: str) -> None:
        if not self._may_write():
            raise KubernetesUnavailable(f"did not {what}: another replica is the leader")

    async def _document(
        self,
        asked: Asked,
        method: Method,
        path: str,
        document: Mapping[str, Any] | None = None,
    ) -> Document:
        headers = {"Accept": JSON}
        if document is not None:
            headers["Content-Type"] = _MERGE_PATCH if method == "PATCH" else JSON
        body = b"" if document is None else json.dumps(document).encode()
        request = Request(method, path, headers, body, timeout=TIMEOUT, max_body=MAX_BODY)
        reply = await self._reply(asked, request)
        try:
            answer = json.loads(reply.body)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise KubernetesUnavailable(f"{asked}: the answer of Kubernetes is not an object")
        return answer

    async def _reply(self, asked: Asked, request: Request) -> Reply:
        """The answer, which is a success."""
        try:
            async with self._limits.turn():
                reply = await self._connection.send(request)
        except NoAnswer as error:
            raise KubernetesUnavailable(f"{asked}: {error}") from error
        except KubernetesUnavailable as error:
            raise error.in_context(str(asked)) from error
        if not 200 <= reply.status < 300:
            raise error_of(asked, reply)
        return reply

    def _query(self, path: str, field_manager: str = "") -> str:
        return f"{path}?{urlencode({'fieldManager': field_manager or self._field_manager})}"


def _place(document: Mapping[str, Any]) -> tuple[str, str]:
    metadata = document["metadata"]
    return metadata.get("namespace", ""), metadata["name"]
