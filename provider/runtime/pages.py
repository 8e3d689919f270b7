"""The pages that both long-running commands serve: probes and metrics."""

import os
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from http import HTTPStatus

from provider.runtime import web
from provider.runtime.log import fields, logger
from provider.runtime.metrics import CONTENT_TYPE, Metrics
from provider.runtime.process import StartFailed
from provider.runtime.web import Page, Pages


def probes(problem: Callable[[], Awaitable[str | None]]) -> Pages:
    """`/healthz`: the event loop answers. `/readyz`: 503 with the problem, while there is one."""

    async def health() -> Page:
        return Page(b"ok\n")

    async def ready() -> Page:
        if text := await problem():
            return Page(f"{text}\n".encode(), HTTPStatus.SERVICE_UNAVAILABLE)
        return Page(b"ok\n")

    return {"/healthz": health, "/readyz": ready}


def scrape(metrics: Metrics) -> Pages:

    async def page() -> Page:
        return Page(await metrics.page(), content_type=CONTENT_TYPE)

    return {"/metrics": page}


async def serve(
    option: str, address: tuple[str, int] | None, pages: Pages, stack: AsyncExitStack
) -> None:
    """Serve pages at the address of an option, until the stack closes; None: do nothing.

    Raises `StartFailed`.
    """
    if address is None:
        return
    host, port = address
    try:
        listener = web.listen(host, port)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else error
        raise StartFailed(f"cannot listen on {host}:{port} ({option}): {why}") from error
    server = web.WebServer(listener, pages)
    await server.start()
    stack.push_async_callback(server.close)
    logger.info("HTTP server is up", extra=fields(address=server.address, paths=" ".join(pages)))
