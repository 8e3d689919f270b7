"""Requests that are sent first and read later: only over open connections, never lost or mixed."""

from collections.abc import Iterator
from time import time

import pytest

from provider.aws import client
from provider.aws.client import AwsClient
from provider.aws.endpoints import Endpoints
from provider.aws.stores.secrets_manager import SecretsManager
from provider.aws.transport import Transport
from provider.credentials import Access, Credentials, Identity
from provider.deadline import Deadline
from provider.errors import (
    AwsThrottled,
    AwsUnavailable,
    CredentialsExpired,
    ProviderError,
    SecretNotFound,
)
from provider.csi.request.model import ObjectRef
from provider.store import Pending, SecretValue
from testbed import faults
from testbed.aws import FakeAws
from testbed.aws.errors import throttled
from testbed.faults import Effect

REGION = "us-east-1"
IN_FLIGHT = 16
AHEAD = IN_FLIGHT // 4


@pytest.fixture
def store(aws: FakeAws) -> Iterator[SecretsManager]:
    environment = {"AWS_ENDPOINT_URL": aws.url}
    transport = Transport.from_environment(environment, IN_FLIGHT)
    yield SecretsManager(AwsClient(Endpoints(environment), transport, lambda *_: None))
    transport.close()


@pytest.fixture
def access(aws: FakeAws) -> Access:
    role = aws.cloud.put_role("reader", trust=["shop:web"])
    session = aws.cloud.open_session(role, "shop.web")
    for number in range(8):
        aws.cloud.put_secret(f"s{number}", f"value {number}")
    credentials = Credentials(
        session.access_key_id, session.secret_access_key, session.token, session.expires_at
    )
    identity = Identity("irsa", "shop", "web", "aws", role=role.arn)
    return Access(REGION, identity, credentials, Deadline.after(20))


def secret(name: str) -> ObjectRef:
    return ObjectRef("secretsmanager", name)


def open_connections(store: SecretsManager, access: Access, number: int) -> None:
    """Leave so many idle connections: while some are in use, others have to be opened."""
    begun: list[Pending[SecretValue] | None] = []
    for _ in range(number):
        store.fetch([secret("s0")], access)
        begun.append(store.begin_fetch(secret("s0"), access))
    for one in begun:
        assert one is not None
        one.read()


def test_without_an_open_connection_nothing_is_sent(
    store: SecretsManager, access: Access, aws: FakeAws
) -> None:
    assert store.begin_fetch(secret("s0"), access) is None
    assert store.begin_current_version(secret("s0"), access) is None
    assert not aws.journal.totals


def test_answers_read_later_are_those_of_their_questions(
    store: SecretsManager, access: Access
) -> None:
    open_connections(store, access, 3)
    begun = [store.begin_fetch(secret(f"s{number}"), access) for number in (3, 1, 2)]
    values = [one.read().content for one in begun if one is not None]
    assert values == [b"value 3", b"value 1", b"value 2"]


def test_a_version_is_the_one_that_a_fetch_gets(store: SecretsManager, access: Access) -> None:
    fetched = store.fetch([secret("s5")], access)[secret("s5")]
    assert isinstance(fetched, SecretValue)
    checking = store.begin_current_version(secret("s5"), access)
    assert checking is not None
    assert checking.read() == fetched.version


def test_the_bound_on_requests_in_flight_holds(store: SecretsManager, access: Access) -> None:
    open_connections(store, access, AHEAD)
    begun = [store.begin_fetch(secret("s0"), access) for _ in range(AHEAD + 3)]
    sent = [one for one in begun if one is not None]
    assert len(sent) == AHEAD
    assert [one.read().content for one in sent] == [b"value 0"] * AHEAD


def test_what_was_sent_ahead_leaves_room_for_calls(store: SecretsManager, access: Access) -> None:
    open_connections(store, access, AHEAD)
    begun = [store.begin_fetch(secret("s0"), access) for _ in range(AHEAD)]
    assert isinstance(store.fetch([secret("s1")], access)[secret("s1")], SecretValue)
    assert all(one is not None and one.read().content == b"value 0" for one in begun)


@pytest.mark.parametrize(
    ("effect", "error"),
    [
        (faults.reset(), AwsUnavailable),
        (faults.closed(), AwsUnavailable),
        (faults.truncated(), AwsUnavailable),
        (faults.garbage(), AwsUnavailable),
        (faults.failing(503), AwsUnavailable),
        (throttled(), AwsThrottled),
    ],
    ids=["reset", "closed", "truncated", "garbage", "503", "throttled"],
)
def test_what_fails_is_told_once_and_gives_its_place_back(
    store: SecretsManager, access: Access, aws: FakeAws, effect: Effect, error: type[ProviderError]
) -> None:
    for _ in range(AHEAD + 2):
        store.fetch([secret("s0")], access)
        aws.faults.inject(effect, times=1)
        aws.journal.clear()
        begun = store.begin_fetch(secret("s0"), access)
        assert begun is not None
        with pytest.raises(error):
            begun.read()
        assert aws.journal.count("GetSecretValue") == 1
        aws.faults.clear()


def test_what_is_not_there_is_told(store: SecretsManager, access: Access) -> None:
    store.fetch([secret("s0")], access)
    begun = store.begin_fetch(secret("nope"), access)
    assert begun is not None
    with pytest.raises(SecretNotFound):
        begun.read()


def test_expired_credentials_are_told(store: SecretsManager, access: Access, aws: FakeAws) -> None:
    store.fetch([secret("s0")], access)
    aws.cloud.expire_sessions()
    begun = store.begin_fetch(secret("s0"), access)
    assert begun is not None
    with pytest.raises(CredentialsExpired):
        begun.read()


def test_a_clock_that_has_jumped_costs_no_credentials(
    store: SecretsManager, access: Access, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_connections(store, access, 3)
    monkeypatch.setattr(client, "time", lambda: time() + 2 * 3600)
    aws.journal.clear()
    begun = [store.begin_fetch(secret(f"s{number}"), access) for number in (3, 1, 2)]
    values = [one.read().content for one in begun if one is not None]
    assert values == [b"value 3", b"value 1", b"value 2"]
    assert aws.journal.count("GetSecretValue") == 6
    asked_later = store.begin_fetch(secret("s4"), access)
    assert asked_later is not None
    assert asked_later.read().content == b"value 4"
    assert aws.journal.count("GetSecretValue") == 7
