"""The client of the Kubernetes API: objects of any kind, one attempt a call, typed errors.

Nothing is tried again here: callers know better when. Errors of all calls:
`KubernetesUnavailable`, `KubernetesThrottled`, `LookupForbidden`, `ObjectNotFound`,
`ObjectConflict`, `ObjectExists` and `ObjectRefused`.
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from provider.errors import KubernetesUnavailable
from provider.kube.connection import Connection
from provider.kube.kinds import Document, Kind
from provider.kube.replies import ApiRequest, Verb, error_of, json_object
from provider.runtime.transport import NoAnswer, Reply, Request

TIMEOUT = 10.0
"""Seconds for one request."""
MAX_BODY = 16 * 2**20
JSON = "application/json"
_MERGE_PATCH = "application/merge-patch+json"


class Objects:
    """Reads and writes objects. `field_manager` is the name by which writes are recorded."""

    def __init__(self, connection: Connection, *, field_manager: str) -> None:
        self._connection = connection
        self._field_manager = field_manager

    async def get(self, kind: Kind, namespace: str, name: str) -> Document:
        """One object; `namespace` is empty for kinds without."""
        return await self._document(ApiRequest("get", kind, namespace, name))

    async def create(
        self, kind: Kind, document: Mapping[str, Any], *, field_manager: str = ""
    ) -> Document:
        """Create an object; returns it as stored. Raises `ObjectExists` if there is one.

        That may be the new one: a request whose answer is cut off is sent a second time.
        """
        return await self._written(_about("create", kind, document), document, field_manager)

    async def replace(
        self, kind: Kind, document: Mapping[str, Any], *, field_manager: str = ""
    ) -> Document:
        """Put an object in place of the stored one; returns it as stored.

        Raises `ObjectConflict` if the document has a resourceVersion that is not the current one.
        """
        return await self._written(_about("update", kind, document), document, field_manager)

    async def merge_patch(
        self, kind: Kind, namespace: str, name: str, change: Mapping[str, Any]
    ) -> Document:
        """Merge `change` into an object; returns it as stored. None deletes a field.

        Raises `ObjectConflict` if `change` has a resourceVersion that is not the current one.
        """
        return await self._written(ApiRequest("patch", kind, namespace, name), change)

    async def _written(
        self, asked: ApiRequest, document: Mapping[str, Any], field_manager: str = ""
    ) -> Document:
        return await self._document(asked, document, field_manager or self._field_manager)

    async def _document(
        self, asked: ApiRequest, document: Mapping[str, Any] | None = None, field_manager: str = ""
    ) -> Document:
        path, headers, body = asked.path, {"Accept": JSON}, b""
        if document is not None:
            headers["Content-Type"] = _MERGE_PATCH if asked.verb == "patch" else JSON
            body = json.dumps(document).encode()
        if field_manager:
            path += "?" + urlencode({"fieldManager": field_manager})
        request = Request(asked.method, path, headers, body, timeout=TIMEOUT, max_body=MAX_BODY)
        answer = json_object((await self._reply(asked, request)).body)
        if answer is None:
            raise KubernetesUnavailable(f"{asked}: the answer of Kubernetes is not an object")
        return answer

    async def _reply(self, asked: ApiRequest, request: Request) -> Reply:
        """The answer, which is a success."""
        try:
            reply = await self._connection.send(request)
        except (NoAnswer, KubernetesUnavailable) as error:
            raise KubernetesUnavailable(f"{asked}: {error}") from error
        if not 200 <= reply.status < 300:
            raise error_of(asked, reply)
        return reply


def _about(verb: Verb, kind: Kind, document: Mapping[str, Any]) -> ApiRequest:
    metadata = document["metadata"]
    return ApiRequest(verb, kind, metadata.get("namespace", ""), metadata["name"])
