"""An observer of the engine for tools, which count nothing."""


class Unobserved:
    """Ignores every event; see `engine.wiring.Observer`."""

    def aws_request(
        self, service: str, operation: str, region: str, outcome: str, seconds: float
    ) -> None: ...

    def cache_event(self, cache: str, event: str) -> None: ...
