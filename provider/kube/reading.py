"""Lists in pages, and watches."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal, get_args
from urllib.parse import urlencode

from provider.errors import KubernetesUnavailable
from provider.kube.connection import Connection
from provider.kube.kinds import Document, Kind
from provider.kube.replies import ApiRequest, error_of, error_of_status
from provider.runtime.transport import AnswerTooLong, NoAnswer, Reply, Request

JSON = "application/json"
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
OPEN_TIMEOUT = 30.0
"""Seconds until the headers of a watch's answer."""
IDLE = 150.0
"""Seconds without any event; the server sends a bookmark about once a minute."""
MAX_LINE = 16 * 2**20
LARGE = 16 * 1024
"""Bytes of an event that takes a millisecond, or more, to read."""
_MAX_STATUS = 2**20

EventType = Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]
_EVENT_TYPES = get_args(EventType)


@dataclass(frozen=True, slots=True)
class Selection:
    """What to list and watch: a kind, and which of its objects by namespace and selectors.

    With `metadata_only` objects come as PartialObjectMetadata: without spec, status and data.
    """

    kind: Kind
    namespace: str = ""
    labels: str = ""
    fields: str = ""
    metadata_only: bool = False

    @property
    def query(self) -> dict[str, str]:
        given = {"labelSelector": self.labels, "fieldSelector": self.fields}
        return {key: value for key, value in given.items() if value}

    def __str__(self) -> str:
        place = f" in {self.namespace}" if self.namespace else ""
        which = f" with {self.labels or self.fields}" if self.query else ""
        return f"{self.kind.plural}{place}{which}"


@dataclass(frozen=True, slots=True)
class Page:
    """Some objects of a list. All pages have the resourceVersion of the whole list."""

    items: list[Document]
    version: str


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """What happened to an object. A bookmark has nothing but a resourceVersion."""

    type: EventType
    object: Document

    @property
    def version(self) -> str:
        """The resourceVersion from which a watch can go on after this event."""
        return str(self.object["metadata"]["resourceVersion"])


def is_too_long(error: BaseException | None) -> bool:
    """Whether an answer was over the limit of its size."""
    while error is not None and not isinstance(error, AnswerTooLong):
        error = error.__cause__
    return error is not None


def read_page(asked: ApiRequest, reply: Reply) -> tuple[Page, str]:
    """The page and the token of the next one."""
    try:
        document = json.loads(reply.body)
        metadata = document["metadata"]
        page = Page(document.get("items") or [], str(metadata["resourceVersion"]))
        return page, metadata.get("continue") or ""
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise KubernetesUnavailable(f"{asked}: Kubernetes answered no list") from error


@asynccontextmanager
async def open_watch(
    connection: Connection, selection: Selection, version: str, seconds: int
) -> AsyncIterator[AsyncIterator[WatchEvent]]:
    """Changes after `version`, with bookmarks. Raises `VersionGone` and as every request."""
    query = {
        **selection.query,
        "watch": "1",
        "allowWatchBookmarks": "true",
        "resourceVersion": version,
        "timeoutSeconds": str(seconds),
    }
    asked = ApiRequest("watch", selection.kind, selection.namespace)
    accept = METADATA if selection.metadata_only else JSON
    path = f"{asked.path}?{urlencode(query)}"
    request = Request("GET", path, {"Accept": accept}, timeout=OPEN_TIMEOUT)
    try:
        async with connection.stream(request, idle=IDLE, max_line=MAX_LINE) as answer:
            if answer.status != 200:
                body = await answer.read(_MAX_STATUS)
                raise error_of(asked, Reply(answer.status, answer.headers, body))
            async with aclosing(_events(asked, answer.lines())) as events:
                yield events
    except NoAnswer as error:
        raise KubernetesUnavailable(f"{asked}: {error}") from error


async def _events(
    asked: ApiRequest, lines: AsyncGenerator[bytes, None]
) -> AsyncGenerator[WatchEvent, None]:
    async with aclosing(lines):
        async for line in lines:
            if len(line) > LARGE:
                await asyncio.sleep(0)  # several may be there at once: others get their turn
            if line:
                yield _event(asked, line)


def _event(asked: ApiRequest, line: bytes) -> WatchEvent:
    try:
        document: Any = json.loads(line)
        kind, thing = document["type"], document["object"]
        if kind == "ERROR":
            raise error_of_status(asked, int(thing.get("code") or 500), thing)
        event = WatchEvent(kind, thing)
        if kind not in _EVENT_TYPES or not event.version:
            raise ValueError(kind)
        return event
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        text = f"{asked}: the answer of Kubernetes is not a watch event"
        raise KubernetesUnavailable(text) from error
