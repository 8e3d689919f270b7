"""Who calls, as the kernel tells."""

import os
import socket

from provider.server.callers import Caller, Callers, caller


def test_a_caller_is_who_made_the_connection() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with ours, theirs:
        assert caller(ours) == Caller(os.getpid(), os.geteuid(), os.getegid())


def test_root_and_the_daemon_s_own_user_are_admitted_and_nobody_else() -> None:
    callers = Callers({0})
    assert callers.admit(Caller(1, 0, 0))
    assert callers.admit(Caller(1, os.geteuid(), 0))
    assert not callers.admit(Caller(1, 4711, 0))


def test_more_users_or_all_can_be_admitted() -> None:
    assert Callers({0, 4711}).admit(Caller(1, 4711, 4711))
    assert Callers(None).admit(Caller(1, 4712, 0))
