"""An observer of the engine for tools, which count nothing."""


class Unobserved:
    """Ignores every event; see `engine.wiring.Observer`."""

    def aws_request(
        self, service: str, operation: str, region: str, outcome: str, seconds: float
    ) -> None:
        """An attempt at a call to AWS has ended."""

    def cache_event(self, cache: str, event: str) -> None:
        """A cache was used."""
