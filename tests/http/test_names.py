"""A resolver that hangs is stood in for by a function: the real one cannot be made to."""

import socket
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest

from provider.deadline import Deadline
from provider.http import names as module
from provider.http.names import MOST, Names, Unresolved
from tests.fakes import no_threads
from tests.server.process import eventually

HERE = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 443))]


class HangingResolver:
    """Answers names when `answer` is set; numbers at once."""

    def __init__(self) -> None:
        self.answer = Event()
        self.asked: list[str] = []

    def __call__(self, host: str, port: int, flags: int = 0) -> Any:
        if flags:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        self.asked.append(host)
        assert self.answer.wait(20)
        return HERE


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> HangingResolver:
    resolver = HangingResolver()
    monkeypatch.setattr(module, "_look_up", resolver)
    return resolver


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_an_address_needs_no_look_up(host: str) -> None:
    names = Names()
    [(_, _, _, _, address)] = names.addresses(host, 443, Deadline.after(0))
    assert address[:2] == (host, 443)


def test_a_name_is_looked_up() -> None:
    assert Names().addresses("localhost", 443, Deadline.after(20))


def test_an_unknown_name_fails_as_the_resolver_says() -> None:
    names = Names()
    with pytest.raises(socket.gaierror):
        names.addresses("nowhere.invalid", 443, Deadline.after(20))
    assert len(names) == 0


def test_who_waits_leaves_in_time(resolver: HangingResolver) -> None:
    names = Names()
    with pytest.raises(Unresolved):
        names.addresses("a.test", 443, Deadline.after(0.01))
    resolver.answer.set()
    eventually(lambda: len(names) == 0, "the look-up has ended")
    assert names.addresses("a.test", 443, Deadline.after(20)) == HERE


def test_all_who_want_a_name_share_one_look_up(resolver: HangingResolver) -> None:
    names = Names()
    with ThreadPoolExecutor(20) as pool:
        waiting = [
            pool.submit(names.addresses, "a.test", 443, Deadline.after(20)) for _ in range(20)
        ]
        eventually(lambda: resolver.asked, "it is looked up")
        resolver.answer.set()
        assert all(one.result() == HERE for one in waiting)
    assert len(resolver.asked) < 20


def test_without_a_thread_a_name_is_not_resolved_and_later_is(resolver: HangingResolver) -> None:
    names = Names()
    resolver.answer.set()
    with no_threads(), pytest.raises(OSError, match="no thread"):
        names.addresses("a.test", 443, Deadline.after(20))
    assert names.addresses("a.test", 443, Deadline.after(20)) == HERE


def test_look_ups_under_way_are_bounded(resolver: HangingResolver) -> None:
    names = Names()
    for number in range(MOST):
        with pytest.raises(Unresolved):
            names.addresses(f"{number}.test", 443, Deadline.after(0))
    with pytest.raises(OSError, match="too many names"):
        names.addresses("more.test", 443, Deadline.after(0))
    resolver.answer.set()
    eventually(lambda: len(names) == 0, "all look-ups have ended")
