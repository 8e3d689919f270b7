"""Requests to the Kubernetes API with the process's own service account.

The token's file is read for each request, since the kubelet replaces it. The API server is never
reached through a proxy: its address within a cluster is a direct one.
"""

import ssl
from collections.abc import Awaitable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from provider.errors import KubernetesUnavailable
from provider.runtime.ca_file import CaFile
from provider.runtime.transport import Reply, Request


class Send(Protocol):
    """`HttpClient.send`, or a fake of it."""

    def __call__(self, request: Request, *, tls: ssl.SSLContext | None) -> Awaitable[Reply]: ...


def api_url(environment: Mapping[str, str]) -> str:
    """The URL of the API of the cluster that this process runs in; empty outside of a cluster."""
    host = environment.get("KUBERNETES_SERVICE_HOST", "")
    port = environment.get("KUBERNETES_SERVICE_PORT", "443")
    if not host:
        return ""
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"


class Connection:
    """The API at `url`."""

    def __init__(self, url: str, *, ca_file: Path, token_file: Path, send: Send) -> None:
        self.url = url
        self._ca_file = ca_file
        self._token_file = token_file
        self._send = send
        self._authorities: CaFile | None = None

    async def send(self, request: Request) -> Reply:
        """The answer to a request whose URL is a path.

        After a 401, that to a second request, with the token as it is then. Raises `NoAnswer`;
        `KubernetesUnavailable` if no request can be made.
        """
        for _ in range(2):
            reply = await self._send(self.completed(request), tls=await self.tls())
            if reply.status != 401:
                break
        return reply

    def completed(self, request: Request) -> Request:
        """The request with the address of the API and the token; raises `KubernetesUnavailable`."""
        if not self.url:
            raise KubernetesUnavailable(
                "the Kubernetes API is not known: KUBERNETES_SERVICE_HOST is not set, as it is in "
                "every pod; outside of a cluster set --kube-api-url"
            )
        try:
            token = self._token_file.read_text(encoding="utf-8", errors="replace").strip()
        except OSError as error:
            raise KubernetesUnavailable(
                f"cannot read this program's service account token {self._token_file} "
                f"({error.strerror}): its pod needs automountServiceAccountToken: true"
            ) from error
        headers = {**request.headers, "Authorization": f"Bearer {token}"}
        return replace(request, url=self.url + request.url, headers=headers)

    async def tls(self) -> ssl.SSLContext | None:
        """Whom to trust; raises `KubernetesUnavailable`."""
        if not self.url.startswith("https:"):
            return None
        if self._authorities is None:
            try:
                self._authorities = CaFile(self._ca_file, "the CA of the Kubernetes API")
            except ValueError as error:
                raise KubernetesUnavailable(str(error)) from error
        return await self._authorities.context()
