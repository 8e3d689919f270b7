"""Measures requests to the Kubernetes API."""

import ssl
from time import monotonic

from provider.kube.connection import Send
from provider.runtime.metrics import BoundedLabel, Metrics
from provider.runtime.transport import Reply, Request

MAX_RESOURCES = 32
NO_ANSWER = "none"


class ObservedSend:
    """`send`, with the duration of each request in a histogram. Watches are not among them."""

    def __init__(self, send: Send, metrics: Metrics) -> None:
        self._send = send
        self._resource = BoundedLabel(MAX_RESOURCES)
        self._durations = metrics.histogram(
            "kubernetes_request_duration_seconds",
            "Duration of requests to the Kubernetes API, without watches.",
            ("method", "resource", "code"),
        )

    async def __call__(self, request: Request, *, tls: ssl.SSLContext | None) -> Reply:
        """The answer; raises `NoAnswer`."""
        began, code = monotonic(), NO_ANSWER
        try:
            reply = await self._send(request, tls=tls)
            code = str(reply.status)
            return reply
        finally:
            resource = self._resource(resource_of(request.url))
            self._durations.labels(request.method, resource, code).observe(monotonic() - began)


def resource_of(url: str) -> str:
    """The resource that a URL of the API is about, with its subresource."""
    path = url.partition("?")[0].partition("://")[2].split("/")[1:]
    rest = path[2:] if path[:1] == ["api"] else path[3:] if path[:1] == ["apis"] else []
    if rest[:1] == ["namespaces"] and len(rest) > 2:
        rest = rest[2:]
    return "/".join([*rest[:1], *rest[2:3]])
