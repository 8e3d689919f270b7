"""Reads and writes objects of the Kubernetes API with the process's own service account.

Transient failures are tried again. The API server is never reached through a proxy: its address
within a cluster is a direct one.
"""

import asyncio
import json
import ssl
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol
from urllib.parse import quote

from provider.errors import (
    KubernetesUnavailable,
    LookupForbidden,
    ProviderError,
    ServiceAccountNotFound,
)
from provider.runtime.transport import NoAnswer, Reply, Request

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
    "POST": "application/json",
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


class Send(Protocol):
    """`HttpClient.send`, or a fake of it."""

    def __call__(self, request: Request, *, tls: ssl.SSLContext | None) -> Awaitable[Reply]:
        """The answer; raises `NoAnswer`."""
        ...


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
        self._ca_file = ca_file
        self._token_file = token_file
        self._send = send
        self._pauses = pauses
        self._context: ssl.SSLContext | None = None

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
            return await self._authorized(method, path, json.dumps(document).encode())
        except NoAnswer as error:
            raise KubernetesUnavailable(str(error)) from error

    async def _get(self, resource: Resource) -> Reply:
        """The first answer that does not ask for another attempt."""
        pauses = iter(self._pauses)
        while True:
            asked_pause = 0.0
            try:
                reply = await self._authorized("GET", resource.path)
            except NoAnswer as error:
                failure = str(error)
            else:
                if not _is_transient(reply):
                    return reply
                failure = f"{self._url} answered {reply.status}{_message(reply)}"
                asked_pause = _retry_after(reply)
            pause = next(pauses, None)
            if pause is None or asked_pause > MAX_PAUSE:
                raise _unavailable(resource, failure)
            await asyncio.sleep(max(pause, asked_pause))

    async def _authorized(
        self, method: Literal["GET", "POST", "PATCH"], path: str, body: bytes = b""
    ) -> Reply:
        """The answer; after a 401 that to a second request, with the token as it is then."""
        reply = await self._attempt(method, path, body)
        return await self._attempt(method, path, body) if reply.status == 401 else reply

    async def _attempt(
        self, method: Literal["GET", "POST", "PATCH"], path: str, body: bytes
    ) -> Reply:
        url, tls = self._checked_url(), self._tls()
        headers = {"Accept": "application/json", "Authorization": f"Bearer {self._token()}"}
        if method != "GET":
            headers["Content-Type"] = _CONTENT_TYPES[method]
        request = Request(method, url + path, headers, body, timeout=TIMEOUT, max_body=MAX_BODY)
        try:
            return await self._send(request, tls=tls)
        except NoAnswer as error:
            if error.kind == "untrusted":
                self._context = None  # the cluster may have a new CA: read its file again
            raise

    def _token(self) -> str:
        """Read for every request: the kubelet replaces it every hour, and requests are few."""
        try:
            return self._token_file.read_text(encoding="utf-8", errors="replace").strip()
        except OSError as error:
            raise KubernetesUnavailable(
                f"cannot read the provider's own service account token {self._token_file} "
                f"({error.strerror}): its pod needs automountServiceAccountToken: true"
            ) from error

    def _checked_url(self) -> str:
        if not self._url:
            raise KubernetesUnavailable(
                "the Kubernetes API is not known: KUBERNETES_SERVICE_HOST is not set, as it is in "
                "every pod; outside of a cluster set --kube-api-url"
            )
        return self._url

    def _tls(self) -> ssl.SSLContext | None:
        if not self._url.startswith("https:"):
            return None
        if self._context is None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            try:
                context.load_verify_locations(cafile=self._ca_file)
            except OSError as error:  # ssl.SSLError is one
                raise KubernetesUnavailable(
                    f"cannot load the Kubernetes API's certificates from {self._ca_file}: "
                    f"{error.strerror or error}"
                ) from error
            self._context = context
        return self._context


def _is_transient(reply: Reply) -> bool:
    return reply.status == 429 or reply.status >= 500


def _retry_after(reply: Reply) -> float:
    text = reply.headers.get("retry-after", "")
    return float(text) if text.isdecimal() and len(text) < 6 else 0.0


def _message(reply: Reply) -> str:
    """The API server's own message in parentheses, if there is one."""
    try:
        message = json.loads(reply.body)["message"]
    except (ValueError, KeyError, TypeError):
        return ""
    return f" ({' '.join(str(message).split())[:300]})" if message else ""


def _refused(resource: Resource, reply: Reply) -> ProviderError:
    what = f"{resource}: Kubernetes answered {reply.status}{_message(reply)}"
    if reply.status == 403:
        return LookupForbidden(
            f'{what}. Let the provider\'s ClusterRole read it: apiGroups [""], resources '
            f"[{resource.kind}], verbs [get]."
        )
    if reply.status == 404:
        return ServiceAccountNotFound(f"there is no {resource}{_message(reply)}")
    if reply.status == 401:
        return LookupForbidden(
            f"{what}. It rejects the provider's own service account token: check the provider's "
            "service account."
        )
    return _unavailable(resource, what)


def _unavailable(resource: Resource, why: str) -> KubernetesUnavailable:
    return KubernetesUnavailable(f"cannot look up the {resource}: {why}. It is tried again.")
