"""How long the loop of the daemon is held: the latency of `Version` while everything else goes on.

`Version` does no work, so its latency is that of the loop, plus what the busy machine adds.
"""

import statistics
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from typing import Self

import grpc

from provider.v1alpha1 import service_pb2 as pb
from provider.v1alpha1.service_pb2_grpc import CSIDriverProviderStub

PAUSE = 0.02
TIMEOUT = 5.0


class Probe:
    """Calls `Version` all the time; calls without an answer (no daemon) do not count."""

    def __init__(self, socket: Path, is_excused: Callable[[float, float], bool]) -> None:
        self._socket = socket
        self._is_excused = is_excused
        self._over = Event()
        self._thread = Thread(target=self._run)
        self.seconds: list[float] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        self._thread.join()

    def text(self) -> str:
        """Median, the slowest of a hundred, and the slowest of all, in milliseconds."""
        if len(self.seconds) < 2:
            return "no answer of Version"
        slow = statistics.quantiles(self.seconds, n=100)[-1]
        numbers = (statistics.median(self.seconds), slow, max(self.seconds))
        median, slow_text, slowest = (f"{1000 * one:.1f} ms" for one in numbers)
        return (
            f"{len(self.seconds)} × Version: {median}, one in a hundred {slow_text}, "
            f"slowest {slowest}"
        )

    def _run(self) -> None:
        options = [("grpc.use_local_subchannel_pool", 1)]
        with grpc.insecure_channel(f"unix:{self._socket}", options) as channel:
            stub = CSIDriverProviderStub(channel)  # type: ignore[no-untyped-call]  # generated
            while not self._over.wait(PAUSE):
                started = monotonic()
                try:
                    stub.Version(pb.VersionRequest(), timeout=TIMEOUT)
                except grpc.RpcError:
                    continue
                ended = monotonic()
                if not self._is_excused(started, ended):
                    self.seconds.append(ended - started)
