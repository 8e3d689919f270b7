"""Injected faults: what goes wrong, for which calls, how often.

A fault is either an exception, raised in place of the call (each fake renders its own), or a
function that changes the reply. The functions here work for every fake.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from threading import Event, Lock

from testbed.http import Reply, Wire

Effect = Callable[[Reply], Reply] | Exception


def late(seconds: float) -> Effect:
    """The right answer, this much later."""
    return lambda reply: replace(reply, delay=reply.delay + seconds)


def held(until: Event) -> Effect:
    """The right answer, when this is set."""
    return lambda reply: replace(reply, after=until)


def hang() -> Effect:
    """No answer, ever."""
    return lambda reply: replace(reply, wire=Wire.HANG)


def reset() -> Effect:
    """The connection is reset after the call was carried out."""
    return lambda reply: replace(reply, wire=Wire.RESET)


def closed() -> Effect:
    """The connection is closed without an answer."""
    return lambda reply: replace(reply, wire=Wire.CLOSE)


def truncated() -> Effect:
    """Half an answer."""
    return lambda reply: replace(reply, wire=Wire.TRUNCATED)


def trickle(pause: float) -> Effect:
    """The right answer, a byte every `pause` seconds."""
    return lambda reply: replace(reply, wire=Wire.TRICKLE, pause=pause)


def body(content: bytes, status: int = 200) -> Effect:
    """These bytes as the answer."""
    return lambda reply: replace(reply, status=status, body=content)


def garbage() -> Effect:
    """A success that is not what was asked for, as a captive portal gives."""
    return body(b"<html>\xff\xfe welcome </html>")


def huge(size: int) -> Effect:
    """A success of this many bytes of nonsense."""
    return body(b"x" * size)


def failing(status: int = 500) -> Effect:
    """A bare HTTP error as load balancers give, without any service's own wording."""
    return body(b"", status)


@dataclass(slots=True)
class _Fault:
    effect: Effect
    service: str | None
    operation: str | None
    region: str | None
    target: str | None
    left: int | None
    probability: float

    def applies_to(self, service: str, operation: str, region: str, target: str) -> bool:
        return (
            self.service in {None, service}
            and self.operation in {None, operation}
            and self.region in {None, region}
            and self.target in {None, target}
            and self.left != 0
        )


class Faults:
    """The active faults."""

    def __init__(self, seed: int = 0) -> None:
        self._random = Random(seed)  # noqa: S311 (a repeatable one is wanted)
        self._faults: list[_Fault] = []
        self._lock = Lock()

    def inject(  # noqa: PLR0913 (all by name)
        self,
        effect: Effect,
        *,
        service: str | None = None,
        operation: str | None = None,
        region: str | None = None,
        target: str | None = None,
        times: int | None = None,
        probability: float = 1.0,
    ) -> None:
        """Let calls that match fail, at most `times` of them; None means all. `target` is what a
        call asks for, such as the name of a secret."""
        with self._lock:
            fault = _Fault(effect, service, operation, region, target, times, probability)
            self._faults.append(fault)

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._faults.clear()

    def drawn(self, service: str, operation: str, region: str, target: str = "") -> list[Effect]:
        """Returns the effects for this call, and counts them down."""
        if not self._faults:
            return []
        with self._lock:
            return [
                self._use(fault)
                for fault in self._faults
                if fault.applies_to(service, operation, region, target)
                and self._random.random() < fault.probability
            ]

    @staticmethod
    def _use(fault: _Fault) -> Effect:
        if fault.left is not None:
            fault.left -= 1
        return fault.effect


def spoil(reply: Reply, effects: list[Effect]) -> Reply:
    """Returns the reply after every effect that is not an exception."""
    for effect in effects:
        if not isinstance(effect, Exception):
            reply = effect(reply)
    return reply


def raise_first(effects: list[Effect]) -> None:
    """Raise the first effect that is an exception, if any."""
    for effect in effects:
        if isinstance(effect, Exception):
            raise effect
