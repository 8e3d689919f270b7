"""The kernel tells which sockets an epoll set has, and each new one shows."""

import os
import socket
from collections.abc import Iterator
from contextlib import closing
from select import EPOLLET, EPOLLIN, epoll

import pytest

from provider.server import watched as module
from provider.server.watched import Watched, find_watched, tells_of


@pytest.fixture
def epoll_set() -> Iterator[epoll]:
    with epoll() as one:
        yield one


@pytest.fixture
def watched(epoll_set: epoll) -> Iterator[Watched]:
    with closing(Watched(epoll_set.fileno())) as one:
        yield one


def pair(epoll_set: epoll) -> tuple[socket.socket, socket.socket]:
    near, far = socket.socketpair()
    epoll_set.register(near, EPOLLIN | EPOLLET)
    return near, far


def inode(one: socket.socket) -> int:
    return os.fstat(one.fileno()).st_ino


def test_members_are_told_by_their_inodes(epoll_set: epoll, watched: Watched) -> None:
    (near, far), (other, away) = pair(epoll_set), pair(epoll_set)
    with near, far, other, away:
        members = watched.members()
        assert tells_of(members, {inode(near)})
        assert tells_of(members, {inode(near), inode(other)})
        assert not tells_of(members, {inode(near), inode(far)})
        assert not tells_of(members, set())
        assert not tells_of(b"", {inode(near)})


def test_traffic_changes_nothing(epoll_set: epoll, watched: Watched) -> None:
    near, far = pair(epoll_set)
    with near, far:
        before = watched.members()
        far.sendall(b"x")
        assert epoll_set.poll(20)
        near.recv(1)
        assert watched.members() == before


def test_a_socket_in_the_place_of_another_shows(epoll_set: epoll, watched: Watched) -> None:
    near, far = pair(epoll_set)
    number, before = near.fileno(), watched.members()
    with far:
        near.close()
    assert watched.members() != before
    other, away = pair(epoll_set)
    with other, away:
        assert other.fileno() == number
        assert watched.members() != before


def test_the_set_that_has_them_is_found(epoll_set: epoll) -> None:
    near, far = pair(epoll_set)
    with near, far, epoll() as another:
        descriptors = [near.fileno(), 999_999, another.fileno(), epoll_set.fileno()]
        found = find_watched(descriptors, {inode(near)})
        assert found
        with closing(found):
            assert tells_of(found.members(), {inode(near)})
        assert find_watched(descriptors, {inode(far)}) is None
        assert find_watched(descriptors, set()) is None
        assert find_watched([], {inode(near)}) is None


def test_what_is_told_in_part_is_not_believed(
    epoll_set: epoll, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    near, far = pair(epoll_set)
    with near, far:
        monkeypatch.setattr(module, "_ROOM", 100)
        assert watched.members() == b""


def test_a_set_that_is_closed_tells_nothing() -> None:
    one = epoll()
    with closing(Watched(one.fileno())) as watched:
        one.close()
        assert watched.members() == b""
