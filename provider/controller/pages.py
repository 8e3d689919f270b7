"""The web pages of the controller: probes and metrics."""

from contextlib import AsyncExitStack

from provider.controller.config import Config
from provider.controller.controller import Controller
from provider.runtime import pages
from provider.runtime.metrics import Metrics


class Readiness:
    """What the probes and gauges say. `controller` is there while this replica is the leader."""

    def __init__(self) -> None:
        self.controller: Controller | None = None

    async def problem(self) -> str | None:
        """Whether the leader knows all objects; another replica is ready to take over."""
        missing = self.controller.informers.missing() if self.controller is not None else []
        return f"not all objects are known: no list of {', '.join(missing)}" if missing else None


async def serve_pages(
    config: Config, metrics: Metrics, readiness: Readiness, stack: AsyncExitStack
) -> None:
    """Serve the pages until the stack closes; raises `StartFailed`."""
    probes, metrics_page = pages.probes(readiness.problem), pages.scrape(metrics)
    await pages.serve("--live-addr", config.live_addr, probes, stack)
    await pages.serve("--metrics-addr", config.metrics_addr, metrics_page, stack)
