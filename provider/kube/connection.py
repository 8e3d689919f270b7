"""Requests to the Kubernetes API with the process's own service account.

The token is read for each request, since the kubelet replaces it; the CA file with the first one,
and again once the server is not trusted. The API server is never reached through a proxy: its
address within a cluster is a direct one.
"""

import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol

from provider.errors import KubernetesUnavailable
from provider.runtime.transport import Method, NoAnswer, Reply, Request

JSON = "application/json"


class Send(Protocol):
    """`HttpClient.send`, or a fake of it."""

    def __call__(self, request: Request, *, tls: ssl.SSLContext | None) -> Awaitable[Reply]:
        """The answer; raises `NoAnswer`."""
        ...


class Lines(Protocol):
    """`http_stream.Stream`, or a fake of it."""

    @property
    def status(self) -> int:
        """The status code."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers; names are in lower case."""
        ...

    def lines(self) -> AsyncGenerator[bytes, None]:
        """Lines as they come; raises `NoAnswer`."""
        ...

    async def read(self, most: int) -> bytes:
        """The whole body; raises `NoAnswer`."""
        ...


class OpenStream(Protocol):
    """`HttpClient.stream`, or a fake of it."""

    def __call__(
        self, request: Request, *, tls: ssl.SSLContext | None, idle: float, max_line: int
    ) -> AbstractAsyncContextManager[Lines]:
        """An answer that comes line by line; raises `NoAnswer`."""
        ...


class Connection:
    """The API at `url`. A fixed `token` takes the place of the file's; `stream` is for watches."""

    def __init__(  # noqa: PLR0913 (all by name)
        self,
        url: str,
        *,
        ca_file: Path,
        token_file: Path | None = None,
        token: str = "",
        send: Send,
        stream: OpenStream | None = None,
    ) -> None:
        self.url = url
        self._ca_file = ca_file
        self._token_file = token_file
        self._fixed_token = token
        self._send = send
        self._stream = stream
        self._context: ssl.SSLContext | None = None

    async def send(  # noqa: PLR0913 (all by name)
        self,
        method: Method,
        path: str,
        *,
        body: bytes = b"",
        content_type: str = JSON,
        accept: str = JSON,
        timeout: float,
        max_body: int,
    ) -> Reply:
        """The answer; after a 401 that to a second request, with the token as it is then.

        Raises `NoAnswer`; `KubernetesUnavailable` if no request can be made.
        """
        for _ in range(2):
            request = self._request(method, path, body, content_type, accept, timeout, max_body)
            try:
                reply = await self._send(request, tls=self._tls())
            except NoAnswer as error:
                self._note(error)
                raise
            if reply.status != 401:
                break
        return reply

    @asynccontextmanager
    async def stream(
        self, path: str, *, accept: str, timeout: float, idle: float, max_line: int
    ) -> AsyncIterator[Lines]:
        """An answer that comes line by line. Raises as `send` does, but makes one request only."""
        if self._stream is None:
            raise TypeError("this connection was made without a stream")
        request = self._request("GET", path, b"", JSON, accept, timeout, 0)
        opened = self._stream(request, tls=self._tls(), idle=idle, max_line=max_line)
        try:
            lines = await opened.__aenter__()
        except NoAnswer as error:
            self._note(error)
            raise
        try:
            yield lines
        finally:
            await opened.__aexit__(None, None, None)

    def _request(  # noqa: PLR0913, PLR0917 (made in two places)
        self,
        method: Method,
        path: str,
        body: bytes,
        content_type: str,
        accept: str,
        timeout: float,
        max_body: int,
    ) -> Request:
        headers = {"Accept": accept, "Authorization": f"Bearer {self._token()}"}
        if method not in ("GET", "DELETE") or body:
            headers["Content-Type"] = content_type
        url = self._checked_url() + path
        return Request(method, url, headers, body, timeout=timeout, max_body=max_body)

    def _note(self, error: NoAnswer) -> None:
        if error.kind == "untrusted":
            self._context = None  # the cluster may have a new CA: read its file again

    def _token(self) -> str:
        if self._token_file is None:
            return self._fixed_token
        try:
            return self._token_file.read_text(encoding="utf-8", errors="replace").strip()
        except OSError as error:
            raise KubernetesUnavailable(
                f"cannot read the provider's own service account token {self._token_file} "
                f"({error.strerror}): its pod needs automountServiceAccountToken: true"
            ) from error

    def _checked_url(self) -> str:
        if not self.url:
            raise KubernetesUnavailable(
                "the Kubernetes API is not known: KUBERNETES_SERVICE_HOST is not set, as it is in "
                "every pod; outside of a cluster set --kube-api-url"
            )
        return self.url

    def _tls(self) -> ssl.SSLContext | None:
        if not self.url.startswith("https:"):
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
