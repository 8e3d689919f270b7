"""One small server, reached directly."""

from pathlib import Path

import pytest

from provider.deadline import Deadline
from provider.http import connection
from provider.http.site import Limits, Site, Untrusted
from testbed.http import Reply, Server, Wire
from testbed.tls import Authority


def test_without_authorities_of_its_own_it_trusts_the_systems(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority()
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.write(tmp_path / "ca.pem")))
    with Server(lambda _: Reply(), tls=authority.server()) as server:
        assert Site(server.url, Limits(5, 5, 1000)).get("/", {}, Deadline.after(5)).status == 200
    with Server(lambda _: Reply(), tls=Authority().server()) as server, pytest.raises(Untrusted):
        Site(server.url, Limits(5, 5, 1000)).get("/", {}, Deadline.after(5))


def test_its_own_limit_may_be_longer_than_that_of_other_connections(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "READ_TIMEOUT", 0.05)
    slow = Reply(body=b"late", wire=Wire.TRICKLE, pause=0.1)
    with Server(lambda _: slow) as server:
        reply = Site(server.url, Limits(5, 20, 1000)).get("/", {}, Deadline.after(20))
    assert reply.body == b"late"
