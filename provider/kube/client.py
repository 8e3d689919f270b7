"""What the daemon asks of the Kubernetes API: single objects and Events.

Transient failures of reads are tried again here; the controller's client (`objects.py`) leaves
that to its queue.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from provider.errors import (
    KubernetesUnavailable,
    LookupForbidden,
    ProviderError,
    ServiceAccountNotFound,
)
from provider.kube.connection import JSON, Connection, Send
from provider.kube.replies import message_of, retry_after
from provider.runtime.transport import NoAnswer, Reply

TIMEOUT = 10.0
"""Seconds for one attempt."""
MAX_BODY = 4 * 2**20
PAUSES = (0.1, 0.5)
"""Seconds before each further attempt."""
MAX_PAUSE = 5.0
"""Seconds; a longer `Retry-After` ends the attempts."""

Kind = Literal["serviceaccounts", "pods", "nodes"]
WriteMethod = Literal["POST", "PATCH"]

_SINGULAR: Mapping[Kind, str] = {
    "serviceaccounts": "service account",
    "pods": "pod",
    "nodes": "node",
}
_CONTENT_TYPES: Mapping[WriteMethod, str] = {
    "POST": JSON,
    "PATCH": "application/merge-patch+json",
}


@dataclass(frozen=True, slots=True)
class Resource:
    """One object of the core API; a node has no namespace."""

    kind: Kind
    name: str
    namespace: str = ""

    @property
    def path(self) -> str:
        """The path of its URL."""
        place = f"namespaces/{quote(self.namespace, safe='')}/" if self.namespace else ""
        return f"/api/v1/{place}{self.kind}/{quote(self.name, safe='')}"

    def __str__(self) -> str:
        name = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{_SINGULAR[self.kind]} {name}"


def api_url(environment: Mapping[str, str]) -> str:
    """The URL of the API of the cluster that this process runs in; empty outside of a cluster."""
    host = environment.get("KUBERNETES_SERVICE_HOST", "")
    port = environment.get("KUBERNETES_SERVICE_PORT", "443")
    if not host:
        return ""
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"


class KubernetesApi:
    """The API at `url`. Files are read, and connections opened, with the first request."""

    def __init__(
        self,
        url: str,
        *,
        ca_file: Path,
        token_file: Path,
        send: Send,
        pauses: Sequence[float] = PAUSES,
    ) -> None:
        self._url = url
        self._connection = Connection(url, ca_file=ca_file, token_file=token_file, send=send)
        self._pauses = pauses

    async def get(self, resource: Resource) -> Mapping[str, Any]:
        """The object. Raises `LookupForbidden`, `ServiceAccountNotFound`, `KubernetesUnavailable`.

        It makes a few attempts, each with a time-out, before it raises `KubernetesUnavailable`.
        """
        reply = await self._get(resource)
        if reply.status != 200:
            raise _refused(resource, reply)
        try:
            document = json.loads(reply.body)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise _unavailable(resource, f"{self._url} answered something other than an object")
        return document

    async def write(self, method: WriteMethod, path: str, document: Mapping[str, Any]) -> Reply:
        """Create an object, or merge into it, in one attempt. The answer may have any status.

        Raises `KubernetesUnavailable` without an answer.
        """
        try:
            return await self._send(method, path, json.dumps(document).encode())
        except NoAnswer as error:
            raise KubernetesUnavailable(str(error)) from error

    async def _get(self, resource: Resource) -> Reply:
        """The first answer that does not ask for another attempt."""
        pauses = iter(self._pauses)
        while True:
            asked_pause = 0.0
            try:
                reply = await self._send("GET", resource.path)
            except NoAnswer as error:
                failure = str(error)
            else:
                if not _is_transient(reply):
                    return reply
                failure = f"{self._url} answered {reply.status}{_in_parentheses(reply)}"
                asked_pause = retry_after(reply)
            pause = next(pauses, None)
            if pause is None or asked_pause > MAX_PAUSE:
                raise _unavailable(resource, failure)
            await asyncio.sleep(max(pause, asked_pause))

    async def _send(
        self, method: Literal["GET", "POST", "PATCH"], path: str, body: bytes = b""
    ) -> Reply:
        return await self._connection.send(
            method,
            path,
            body=body,
            content_type=JSON if method == "GET" else _CONTENT_TYPES[method],
            timeout=TIMEOUT,
            max_body=MAX_BODY,
        )


def _is_transient(reply: Reply) -> bool:
    return reply.status == 429 or reply.status >= 500


def _in_parentheses(reply: Reply) -> str:
    message = message_of(reply.body)
    return f" ({message})" if message else ""


def _refused(resource: Resource, reply: Reply) -> ProviderError:
    what = f"{resource}: Kubernetes answered {reply.status}{_in_parentheses(reply)}"
    if reply.status == 403:
        return LookupForbidden(
            f'{what}. Let the provider\'s ClusterRole read it: apiGroups [""], resources '
            f"[{resource.kind}], verbs [get]."
        )
    if reply.status == 404:
        return ServiceAccountNotFound(f"there is no {resource}{_in_parentheses(reply)}")
    if reply.status == 401:
        return LookupForbidden(
            f"{what}. It rejects the provider's own service account token: check the provider's "
            "service account."
        )
    return _unavailable(resource, what)


def _unavailable(resource: Resource, why: str) -> KubernetesUnavailable:
    return KubernetesUnavailable(f"cannot look up the {resource}: {why}. It is tried again.")
