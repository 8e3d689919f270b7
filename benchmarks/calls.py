"""The load: prepared requests over one connection, as the driver has one, and what came back."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import grpc

from provider.v1alpha1 import service_pb2 as pb

SERVICE = "v1alpha1.CSIDriverProvider"
TIMEOUT = 120.0
"""Seconds that the driver waits."""

if TYPE_CHECKING:
    Method: TypeAlias = grpc.UnaryUnaryMultiCallable[bytes, bytes]
    Answer: TypeAlias = grpc.Future[bytes]

Done = Callable[[bytes | None, float], None]
"""Told the answer, or None for a failure, and the seconds it took."""


@dataclass(frozen=True, slots=True)
class Burst:
    """Mounts that were asked for at once. `seconds` until the last one was answered."""

    seconds: float
    each: Sequence[float]
    failures: Sequence[str] = field(default=())

    @property
    def milliseconds(self) -> float:
        return self.seconds * 1000


class Caller:
    """Calls with bytes and gives back bytes, so that the load costs little of its own."""

    def __init__(self, socket: Path) -> None:
        self._channel = grpc.insecure_channel(f"unix:{socket}")
        self._mount: Method = self._channel.unary_unary(f"/{SERVICE}/Mount")
        self._version: Method = self._channel.unary_unary(f"/{SERVICE}/Version")

    def close(self) -> None:
        """Hang up."""
        self._channel.close()

    def version(self) -> None:
        """Ask who it is."""
        self._version(b"", timeout=TIMEOUT)

    def mount(self, request: bytes) -> float:
        """Seconds of one mount, which must succeed."""
        started = time.perf_counter()
        self._mount(request, timeout=TIMEOUT)
        return time.perf_counter() - started

    def files(self, request: bytes) -> int:
        """How many files a mount delivers."""
        return len(pb.MountResponse.FromString(self._mount(request, timeout=TIMEOUT)).files)

    def start(self, request: bytes, done: Done) -> None:
        """Begin a mount; `done` is called in another thread."""
        started = time.perf_counter()

        def end(future: "Answer") -> None:
            seconds = time.perf_counter() - started
            failed = future.exception() is not None
            done(None if failed else future.result(), seconds)

        self._mount.future(request, timeout=TIMEOUT).add_done_callback(end)

    def burst(self, requests: Sequence[bytes], *, may_fail: bool = False) -> Burst:
        """All mounts at once; unless they `may_fail`, one that does is raised."""
        return self._all(self._mount, requests, may_fail=may_fail)

    def versions(self, number: int) -> Burst:
        """As many calls of Version at once: what gRPC and this load cost without any mount."""
        return self._all(self._version, [b""] * number, may_fail=False)

    def _all(
        self,
        call: "Method",
        requests: Sequence[bytes],
        *,
        may_fail: bool,
    ) -> Burst:
        ends = [0.0] * len(requests)

        def note(at: int, _future: "Answer") -> None:
            ends[at] = time.perf_counter()

        futures = []
        started = time.perf_counter()
        for at, request in enumerate(requests):
            future = call.future(request, timeout=TIMEOUT)
            future.add_done_callback(partial(note, at))
            futures.append(future)
        failures = [str(error) for one in futures if (error := one.exception())]
        if failures and not may_fail:
            raise RuntimeError(failures[0])
        while not all(ends):
            time.sleep(0.0005)
        return Burst(max(ends) - started, [end - started for end in ends], failures)
