"""The web pages of the controller: probes and metrics."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from http import HTTPStatus

from provider.controller.config import Config
from provider.controller.controller import Controller
from provider.runtime import web
from provider.runtime.log import fields, logger
from provider.runtime.metrics import CONTENT_TYPE, Metrics

Show = Callable[[], Awaitable[web.Page]]


class StartFailed(Exception):
    """The controller cannot start; the message says why in one line."""


class Readiness:
    """What the probes and gauges say. `controller` is there while this replica is the leader."""

    def __init__(self) -> None:
        self.controller: Controller | None = None

    def is_ready(self) -> bool:
        """Whether the leader knows all objects; another replica is ready to take over."""
        return self.controller is None or self.controller.is_synced

    def waiting(self) -> float:
        """Objects that are due and wait for their turn."""
        return 0.0 if self.controller is None else self.controller.waiting


async def serve_pages(
    config: Config, metrics: Metrics, readiness: Readiness, stack: AsyncExitStack
) -> None:
    async def health() -> web.Page:
        return web.Page(b"ok\n")

    async def ready() -> web.Page:
        if readiness.is_ready():
            return web.Page(b"ok\n")
        return web.Page(b"not all objects are known\n", HTTPStatus.SERVICE_UNAVAILABLE)

    async def scrape() -> web.Page:
        return web.Page(await metrics.page(), content_type=CONTENT_TYPE)

    await _listen("--live-addr", config.live_addr, {"/healthz": health, "/readyz": ready}, stack)
    await _listen("--metrics-addr", config.metrics_addr, {"/metrics": scrape}, stack)


async def _listen(
    option: str,
    address: tuple[str, int] | None,
    pages: Mapping[str, Show],
    stack: AsyncExitStack,
) -> None:
    if address is None:
        return
    host, port = address
    try:
        listener = web.listen(host, port)
    except OSError as error:
        why = error.strerror or error
        raise StartFailed(f"cannot listen on {host}:{port} ({option}): {why}") from error
    server = web.WebServer(listener, pages)
    server.start()
    stack.push_async_callback(server.close)
    logger.info("web pages are up", extra=fields(address=server.address, pages=" ".join(pages)))
