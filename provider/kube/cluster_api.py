"""The Kubernetes API for a program that knows all objects: lists, watches, tokens, and all writes,
as long as it is the leader."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from provider.errors import KubernetesUnavailable
from provider.kube.connection import Connection
from provider.kube.kinds import SERVICE_ACCOUNTS, Document, Kind
from provider.kube.objects import JSON, MAX_BODY, Objects
from provider.kube.reading import Page, Selection, WatchEvent, is_too_long, read_event, read_page
from provider.kube.replies import ApiRequest, error_of
from provider.kube.request_limits import RequestLimits
from provider.runtime.http_stream import StreamingClient
from provider.runtime.transport import NoAnswer, Reply, Request

METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
LIST_TIMEOUT = 60.0
"""Seconds for one page of a list."""
PAGE = 100
"""Objects in one page of a list."""
OPEN_TIMEOUT = 30.0
"""Seconds until the headers of a watch's answer."""
IDLE = 150.0
"""Seconds without any event; the server sends a bookmark about once a minute."""
MAX_LINE = 16 * 2**20
LARGE = 16 * 1024
"""Bytes of an event that takes a millisecond, or more, to read."""
_MAX_STATUS = 2**20


@dataclass(frozen=True, slots=True)
class ServiceAccountToken:
    """A token, and when it expires in seconds since 1970."""

    token: str = field(repr=False)
    expires_at: float


class ClusterApi(Objects):
    """As `Objects`; lists and watches raise `VersionGone` too. `streams` is for watches alone.

    While `may_write` returns False, nothing is written and every write raises
    `KubernetesUnavailable`: a leader that has lost its Lease stops there at the latest.
    """

    def __init__(
        self,
        connection: Connection,
        streams: StreamingClient,
        *,
        field_manager: str,
        limits: RequestLimits | None = None,
        may_write: Callable[[], bool] = lambda: True,
    ) -> None:
        super().__init__(connection, field_manager=field_manager)
        self._streams = streams
        self._limits = limits or RequestLimits()
        self._may_write = may_write

    async def list(
        self, selection: Selection, *, page: int = PAGE, timeout: float = LIST_TIMEOUT
    ) -> AsyncIterator[Page]:
        """All objects of a selection, in pages of at most `page`, as they were at one time.

        `timeout` is for each page, in seconds. A page that is over the limit of an answer is asked
        for again with fewer objects.
        """
        asked = ApiRequest("list", selection.kind, selection.namespace)
        headers = {"Accept": METADATA_LIST if selection.metadata_only else JSON}
        query = {**selection.query, "limit": str(page)}
        while True:
            url = f"{asked.path}?{urlencode(query)}"
            request = Request("GET", url, headers, timeout=timeout, max_body=MAX_BODY)
            try:
                reply = await self._reply(asked, request)
            except KubernetesUnavailable as error:
                if page == 1 or not is_too_long(error):
                    raise
                page = max(page // 4, 1)
                query["limit"] = str(page)
                continue
            found, query["continue"] = read_page(asked, reply)
            yield found
            if not query["continue"]:
                return

    @asynccontextmanager
    async def watch(
        self, selection: Selection, version: str, *, seconds: int
    ) -> AsyncIterator[AsyncIterator[WatchEvent]]:
        """Changes after a version, with bookmarks, until the server ends the watch after about so
        many seconds.

        It does not count against the limits of requests.
        """
        query = {
            **selection.query,
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(seconds),
        }
        asked = ApiRequest("watch", selection.kind, selection.namespace)
        headers = {"Accept": METADATA if selection.metadata_only else JSON}
        url = f"{asked.path}?{urlencode(query)}"
        request = self._connection.completed(Request("GET", url, headers, timeout=OPEN_TIMEOUT))
        try:
            async with self._streams.stream(
                request, tls=await self._connection.tls(), idle=IDLE, max_line=MAX_LINE
            ) as answer:
                if answer.status != 200:
                    body = await answer.read(_MAX_STATUS)
                    raise error_of(asked, Reply(answer.status, answer.headers, body))
                async with aclosing(_events(asked, answer.lines())) as events:
                    yield events
        except NoAnswer as error:
            raise KubernetesUnavailable(f"{asked}: {error}") from error

    async def patch_status(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        status: Mapping[str, Any],
        *,
        version: str = "",
    ) -> Document:
        """Merge into the status; returns the object as stored.

        Raises `ObjectConflict` if `version` is given and is not the current resourceVersion.
        """
        change: Document = {"status": status}
        if version:
            change["metadata"] = {"resourceVersion": version}
        return await self._written(ApiRequest("patch", kind, namespace, name, "status"), change)

    async def delete(self, kind: Kind, namespace: str, name: str, *, uid: str = "") -> None:
        """Delete an object; only the one of that uid, if it is given.

        Raises `ObjectConflict` if it is another one. What it owns is deleted in the background.
        """
        options: Document = {"propagationPolicy": "Background"}
        if uid:
            options["preconditions"] = {"uid": uid}
        await self._document(ApiRequest("delete", kind, namespace, name), options)

    async def create_token(
        self, namespace: str, service_account: str, *, audiences: Sequence[str], seconds: int = 3600
    ) -> ServiceAccountToken:
        """A new token of a service account; a replica that does not lead may ask too."""
        asked = ApiRequest("create", SERVICE_ACCOUNTS, namespace, service_account, "token")
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"audiences": list(audiences), "expirationSeconds": seconds},
        }
        answer = await self._document(asked, request)
        try:
            status = answer["status"]
            expires = datetime.fromisoformat(status["expirationTimestamp"])
            return ServiceAccountToken(str(status["token"]), expires.timestamp())
        except (LookupError, TypeError, ValueError):
            text = f"{asked}: the answer of Kubernetes has no token"
            raise KubernetesUnavailable(text) from None

    async def _reply(self, asked: ApiRequest, request: Request) -> Reply:
        async with self._limits.turn():
            if _writes(asked) and not self._may_write():
                what = str(asked).removeprefix("cannot ")
                raise KubernetesUnavailable(f"did not {what}: another replica is the leader")
            return await super()._reply(asked, request)


def _writes(asked: ApiRequest) -> bool:
    """Whether the request changes what is stored; one for a token does not."""
    return asked.method != "GET" and asked.subresource != "token"


async def _events(
    asked: ApiRequest, lines: AsyncGenerator[bytes, None]
) -> AsyncGenerator[WatchEvent, None]:
    async with aclosing(lines):
        async for line in lines:
            if len(line) > LARGE:
                await asyncio.sleep(0)  # several may be there at once: others get their turn
            if line:
                yield read_event(asked, line)
