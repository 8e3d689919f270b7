"""Reading objects of the Kubernetes API as the daemon's own service account.

What may pass by itself is tried again, what not is told with what to do about it. The API server
is never asked through a proxy, unlike by kubectl: within a cluster its address is reached directly.
"""

import json
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from time import sleep
from typing import Any, Literal
from urllib.parse import quote

from provider.deadline import Deadline
from provider.errors import (
    KubernetesUnavailable,
    LookupForbidden,
    ProviderError,
    ServiceAccountNotFound,
)
from provider.http.response import Reply
from provider.http.site import Limits, Site, SiteUnavailable, Untrusted

LIMITS = Limits(connect=3.0, request=10.0, body=4 * 1024 * 1024)
PAUSES = (0.1, 0.5)
"""Seconds before each further attempt."""

Kind = Literal["serviceaccounts", "pods", "nodes"]
_SINGULAR: Mapping[Kind, str] = {
    "serviceaccounts": "service account",
    "pods": "pod",
    "nodes": "node",
}


@dataclass(frozen=True, slots=True)
class Resource:
    """One object of the core API; a node has no namespace."""

    kind: Kind
    name: str
    namespace: str = ""

    @property
    def path(self) -> str:
        """Its path in the API."""
        place = f"namespaces/{quote(self.namespace, safe='')}/" if self.namespace else ""
        return f"/api/v1/{place}{self.kind}/{quote(self.name, safe='')}"

    def __str__(self) -> str:
        name = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{_SINGULAR[self.kind]} {name}"


def api_url(environment: Mapping[str, str]) -> str:
    """The API of the cluster that the process runs in, or nothing outside of one."""
    host = environment.get("KUBERNETES_SERVICE_HOST", "")
    port = environment.get("KUBERNETES_SERVICE_PORT", "443")
    if not host:
        return ""
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"


class KubernetesApi:
    """Thread-safe; touches neither network nor files before it is asked something."""

    def __init__(
        self,
        url: str,
        *,
        ca_file: Path,
        token_file: Path,
        limits: Limits = LIMITS,
        pauses: Sequence[float] = PAUSES,
    ) -> None:
        self._url = url
        self._ca_file = ca_file
        self._token_file = token_file
        self._limits = limits
        self._pauses = pauses
        self._site: Site | None = None
        self._lock = Lock()

    def get(self, resource: Resource, deadline: Deadline) -> Mapping[str, Any]:
        """The object, or `LookupForbidden`, `ServiceAccountNotFound`, `KubernetesUnavailable`."""
        reply = self._ask(resource, deadline)
        if reply.status != 200:
            raise _refused(resource, reply)
        try:
            document = json.loads(reply.body)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise _unavailable(resource, f"{self._url} answered something other than an object")
        return document

    def write(
        self, method: Literal["POST", "PATCH"], path: str, document: Any, deadline: Deadline
    ) -> Reply:
        """Make an object, or merge into it; the answer, whatever it says. One attempt.

        Raises `KubernetesUnavailable`.
        """
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        body = json.dumps(document).encode()
        try:
            for _ in range(2):
                headers = {**self._headers(), "Content-Type": kind}
                reply = self._connected().send(method, path, headers, deadline, body)
                if reply.status != 401:  # else the token may have been replaced just now
                    break
        except SiteUnavailable as error:
            if isinstance(error, Untrusted):
                self._site = None
            raise KubernetesUnavailable(str(error)) from error
        return reply

    def _ask(self, resource: Resource, deadline: Deadline) -> Reply:
        """Ask until there is an answer that another attempt would not better."""
        pauses = iter(self._pauses)
        while True:
            reply, failure = self._attempt(resource, deadline)
            if reply is not None and not _may_pass(reply):
                return reply
            pause = next(pauses, None)
            if pause is not None and reply is not None:
                pause = max(pause, _retry_after(reply))
            if pause is None or pause >= deadline.remaining():
                raise _unavailable(resource, failure)
            sleep(pause)

    def _attempt(self, resource: Resource, deadline: Deadline) -> tuple[Reply | None, str]:
        """The answer, if one came, and what to say if it is the last word."""
        try:
            reply = self._get(resource, deadline)
            if reply.status == 401:  # the token may have been replaced just now
                reply = self._get(resource, deadline)
        except SiteUnavailable as error:
            if isinstance(error, Untrusted):
                self._site = None  # the cluster may have a new authority: read the file again
            return None, str(error)
        return reply, f"{self._url} answered {reply.status}{_message(reply)}"

    def _get(self, resource: Resource, deadline: Deadline) -> Reply:
        return self._connected().get(resource.path, self._headers(), deadline)

    def _headers(self) -> dict[str, str]:
        return {"Accept": "application/json", "Authorization": f"Bearer {self._token()}"}

    def _token(self) -> str:
        """Read for every request: kubelet replaces it every hour, and requests are few."""
        try:
            return self._token_file.read_text(encoding="utf-8", errors="replace").strip()
        except OSError as error:
            raise KubernetesUnavailable(
                f"cannot read the provider's own service account token {self._token_file} "
                f"({error.strerror}): its pod needs automountServiceAccountToken: true"
            ) from error

    def _connected(self) -> Site:
        with self._lock:
            if self._site is None:
                self._site = Site(self._checked_url(), self._limits, self._tls())
            return self._site

    def _checked_url(self) -> str:
        if not self._url:
            raise KubernetesUnavailable(
                "no Kubernetes API is known: KUBERNETES_SERVICE_HOST is not set, as it is in every "
                "pod; outside of a cluster set --kube-api-url"
            )
        return self._url

    def _tls(self) -> ssl.SSLContext | None:
        if not self._url.startswith("https:"):
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            context.load_verify_locations(cafile=self._ca_file)
        except OSError as error:  # ssl.SSLError is one
            raise KubernetesUnavailable(
                f"cannot load the Kubernetes API's certificates from {self._ca_file}: "
                f"{error.strerror or error}"
            ) from error
        return context


def _may_pass(reply: Reply) -> bool:
    return reply.status == 429 or reply.status >= 500


def _retry_after(reply: Reply) -> float:
    text = reply.headers.get("retry-after", "")
    return float(text) if text.isdecimal() and len(text) < 6 else 0.0


def _message(reply: Reply) -> str:
    """What the API says itself, if it does."""
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
            f"{what}. It does not take the provider's own service account token: check the "
            "provider's service account."
        )
    return _unavailable(resource, what)


def _unavailable(resource: Resource, why: str) -> KubernetesUnavailable:
    return KubernetesUnavailable(f"cannot look up the {resource}: {why}. The driver tries again.")
