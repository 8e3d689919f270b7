"""What to list and watch, and what the answers hold."""

import json
from dataclasses import dataclass
from typing import Any, Literal, get_args

from provider.errors import KubernetesUnavailable
from provider.kube.kinds import Document, Kind
from provider.kube.replies import ApiRequest, error_of_status
from provider.runtime.transport import AnswerTooLong, Reply

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


def read_event(asked: ApiRequest, line: bytes) -> WatchEvent:
    """The event in a line of the answer to a watch."""
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
