"""The EKS Pod Identity agent: its two addresses, its refusals, its outages."""

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, NoReturn

import pytest

from provider.aws.credentials import pod_identity
from provider.aws.credentials.pod_identity import (
    AddressType,
    Agent,
    AgentAbsent,
    NoAssociation,
    PodIdentity,
)
from provider.engine.model import Credentials
from provider.errors import (
    AgentUnavailable,
    NotAuthenticated,
    ProviderError,
    RoleNotAssumable,
    TokenRejected,
)
from provider.runtime.http import HttpClient
from provider.runtime.transport import NoAnswer
from provider.runtime.transport import Request as HttpRequest
from testbed.agent import FakeAgent, throttled, unavailable
from testbed.aws.cloud import Cloud
from testbed.faults import (
    Effect,
    body,
    closed,
    failing,
    garbage,
    hang,
    huge,
    reset,
    trickle,
    truncated,
)
from testbed.http import Reply, Request
from testbed.http_server import Server
from testbed.tokens import POD_IDENTITY_AUDIENCE, issue_token
from tests.error_texts import all_texts

TOKEN = issue_token("shop", "web", audience=POD_IDENTITY_AUDIENCE)
NOWHERE = "http://127.0.0.1:1/v1/credentials"


@pytest.fixture
def cloud() -> Cloud:
    cloud = Cloud()
    cloud.associate("shop", "web", cloud.put_role("web"))
    return cloud


@pytest.fixture
def ipv4(cloud: Cloud) -> Iterator[FakeAgent]:
    with FakeAgent(cloud) as agent:
        yield agent


@pytest.fixture
def ipv6(cloud: Cloud) -> Iterator[FakeAgent]:
    with FakeAgent(cloud, host="::1") as agent:
        yield agent


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    client = HttpClient()
    yield client
    await client.close()


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pod_identity, "PAUSES", (0, 0))


Fetch = Callable[..., Coroutine[Any, Any, Credentials]]


@pytest.fixture
def fetch(http: HttpClient) -> Fetch:
    async def fetch(
        ipv4: str = NOWHERE,
        ipv6: str = NOWHERE,
        address_type: AddressType = "auto",
        *,
        token: str = TOKEN,
        timeout: float | None = None,
        probing: bool = False,
    ) -> Credentials:
        agent = Agent(http.send, ipv4, ipv6, timeout=timeout)
        return await PodIdentity(agent, address_type, "shop/web", token, probing).fetch()

    return fetch


async def test_the_agent_gives_credentials_for_the_token(
    fetch: Fetch, ipv4: FakeAgent, cloud: Cloud
) -> None:
    credentials = await fetch(ipv4.url)
    session = cloud.sessions[credentials.access_key_id]
    assert credentials.secret_access_key == session.secret_access_key
    assert credentials.session_token == session.token
    assert credentials.lifetime == pytest.approx(6 * 3600, abs=5)


@pytest.mark.parametrize(
    ("address_type", "asked"),
    [("auto", (1, 0)), ("ipv4", (1, 0)), ("ipv6", (0, 1))],
)
async def test_the_wanted_address_is_asked(
    fetch: Fetch,
    ipv4: FakeAgent,
    ipv6: FakeAgent,
    address_type: AddressType,
    asked: tuple[int, int],
) -> None:
    await fetch(ipv4.url, ipv6.url, address_type)
    assert (ipv4.journal.count(), ipv6.journal.count()) == asked


@pytest.mark.parametrize(
    "effect",
    [failing(500), throttled(), garbage(), reset()],
    ids=["500", "429", "garbage", "reset"],
)
async def test_where_ipv4_gives_no_credentials_ipv6_does(
    fetch: Fetch, ipv4: FakeAgent, ipv6: FakeAgent, effect: Effect
) -> None:
    ipv4.faults.inject(effect)
    await fetch(ipv4.url, ipv6.url)
    assert ipv4.journal.count() >= 1


async def test_where_nobody_listens_on_ipv4_ipv6_is_asked(fetch: Fetch, ipv6: FakeAgent) -> None:
    await fetch(NOWHERE, ipv6.url)


async def test_an_agent_that_refuses_on_ipv4_is_asked_on_ipv6(
    fetch: Fetch, cloud: Cloud, ipv6: FakeAgent
) -> None:
    with FakeAgent(Cloud()) as other:
        await fetch(other.url, ipv6.url)


@pytest.mark.parametrize("address_type", ["ipv4", "ipv6"])
async def test_a_pinned_address_is_the_only_one_asked(
    fetch: Fetch, ipv4: FakeAgent, ipv6: FakeAgent, address_type: AddressType
) -> None:
    (pinned, other) = (ipv4, ipv6) if address_type == "ipv4" else (ipv6, ipv4)
    pinned.faults.inject(failing(500))
    with pytest.raises(AgentUnavailable):
        await fetch(ipv4.url, ipv6.url, address_type)
    assert other.journal.count() == 0


@pytest.mark.parametrize(
    "effect",
    [unavailable(), throttled(), failing(502), reset(), closed(), truncated(), garbage()],
    ids=["503", "429", "502", "reset", "closed", "cut short", "garbage"],
)
async def test_what_passes_is_tried_again(fetch: Fetch, ipv4: FakeAgent, effect: Effect) -> None:
    ipv4.faults.inject(effect, times=2)
    await fetch(ipv4.url, address_type="ipv4")
    ipv4.faults.inject(effect)
    with pytest.raises(AgentUnavailable, match="eks-pod-identity-agent runs on the node"):
        await fetch(ipv4.url, address_type="ipv4")
    assert ipv4.journal.count() >= 6  # a GET that is cut off is repeated at once


async def test_no_proxy_is_used(
    fetch: Fetch, ipv4: FakeAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:1")
    await fetch(ipv4.url)


async def test_an_agent_that_hangs_is_given_up_in_the_time_that_was_set(
    fetch: Fetch, ipv4: FakeAgent
) -> None:
    ipv4.faults.inject(hang(), times=1)
    await fetch(ipv4.url, address_type="ipv4", timeout=0.1)
    assert ipv4.journal.count() >= 2  # more where the machine is slower than that


@pytest.mark.parametrize("effect", [hang(), trickle(0.01)], ids=["hangs", "trickles"])
async def test_no_agent_outlasts_its_time(fetch: Fetch, ipv4: FakeAgent, effect: Effect) -> None:
    ipv4.faults.inject(effect)
    with pytest.raises(AgentUnavailable, match="did not answer in time"):
        await fetch(ipv4.url, address_type="ipv4", timeout=0.1)


async def test_an_answer_without_end_is_not_read(fetch: Fetch, ipv4: FakeAgent) -> None:
    ipv4.faults.inject(huge(100_000))
    with pytest.raises(AgentUnavailable, match="answered more than"):
        await fetch(ipv4.url)


async def test_the_error_names_both_addresses_of_an_agent_that_is_not_there(fetch: Fetch) -> None:
    with pytest.raises(AgentUnavailable) as caught:
        await fetch(NOWHERE, "http://[::1]:1/v1/credentials")
    for part in ("cannot connect to http://127.0.0.1:1: Connection refused", "[::1]:1", "shop/web"):
        assert part in str(caught.value)


async def refusal(fetch: Fetch, cloud: Cloud, token: str = TOKEN) -> NotAuthenticated:
    with FakeAgent(cloud) as agent, pytest.raises(NotAuthenticated) as caught:
        await fetch(agent.url, token=token)
    assert agent.journal.count() == 1
    assert "service account shop/web" in str(caught.value)
    return caught.value


async def test_a_missing_association_tells_how_to_make_one(fetch: Fetch) -> None:
    error = await refusal(fetch, Cloud())
    assert isinstance(error, RoleNotAssumable)
    command = (
        "create-pod-identity-association --cluster-name CLUSTER --namespace shop --service-account"
    )
    assert f"{command} web" in str(error)


async def test_a_role_that_does_not_trust_pods_tells_what_to_allow(fetch: Fetch) -> None:
    cloud = Cloud()
    role = cloud.put_role("web")
    role.trusts_pods = False
    cloud.associate("shop", "web", role)
    error = await refusal(fetch, cloud)
    assert isinstance(error, RoleNotAssumable)
    assert "sts:TagSession" in str(error)


@pytest.mark.parametrize(
    "token",
    [
        issue_token("shop", "web", audience=POD_IDENTITY_AUDIENCE, lifetime=-60),
        issue_token("shop", "web"),
        "nonsense",
    ],
    ids=["expired", "another audience", "no token"],
)
async def test_a_refused_token_is_token_rejected(fetch: Fetch, cloud: Cloud, token: str) -> None:
    assert isinstance(await refusal(fetch, cloud, token), TokenRejected)


@pytest.mark.parametrize("moment", ["2100-01-01T00:00:00Z", "2100-01-01T00:00:00.123456789Z"])
async def test_both_forms_of_the_expiry_are_read(
    fetch: Fetch, ipv4: FakeAgent, moment: str
) -> None:
    answer = (
        f'{{"AccessKeyId": "A", "SecretAccessKey": "S", "Token": "T", "Expiration": "{moment}"}}'
    )
    ipv4.faults.inject(body(answer.encode()))
    credentials = await fetch(ipv4.url)
    assert credentials.lifetime == 12 * 3600


GOOD = {"AccessKeyId": '"A"', "SecretAccessKey": '"c4nary"', "Token": '"c4nary"'}
GOOD |= {"Expiration": '"2100-01-01T00:00:00Z"'}


BAD = [(name, value) for name in GOOD for value in ('""', "null", "1", "[]", None)]
BAD += [("SecretAccessKey", '"\\ud800"')]  # nothing can be signed with it
BAD += [("AccessKeyId", '"a\\nb"'), ("Token", '"a\\nb"'), ("Token", '"ä"')]  # no headers


async def test_an_answer_that_is_no_credentials_is_not_quoted(
    fetch: Fetch, ipv4: FakeAgent
) -> None:
    for name, value in BAD:
        entries = {**GOOD, name: value}
        text = ", ".join(f'"{key}": {value}' for key, value in entries.items() if value is not None)
        ipv4.faults.clear()
        ipv4.faults.inject(body(f"{{{text}}}".encode()))
        with pytest.raises(AgentUnavailable) as caught:
            await fetch(ipv4.url, address_type="ipv4")
        assert "other than credentials" in str(caught.value), (name, value)
        assert "c4nary" not in all_texts(caught.value), (name, value)


@pytest.mark.parametrize("content", [b"[]", b"null", b'"c4nary"', b'{"c4nary'], ids=repr)
async def test_an_answer_of_another_shape_is_not_quoted(
    fetch: Fetch, ipv4: FakeAgent, content: bytes
) -> None:
    ipv4.faults.inject(body(content))
    with pytest.raises(AgentUnavailable, match="other than credentials") as caught:
        await fetch(ipv4.url)
    assert "c4nary" not in all_texts(caught.value)


@pytest.mark.parametrize("status", [203, 403, 500])
async def test_credentials_with_another_status_are_not_quoted(
    fetch: Fetch, ipv4: FakeAgent, status: int
) -> None:
    ipv4.faults.inject(body(b'{"SecretAccessKey": "c4nary", "Token": "c4nary"}', status))
    with pytest.raises(ProviderError, match=f"answered {status}") as caught:
        await fetch(ipv4.url)
    assert "c4nary" not in all_texts(caught.value)


@pytest.mark.parametrize("status", [400, 403, 500])
async def test_a_token_that_the_agent_echoes_is_taken_out(fetch: Fetch, status: int) -> None:
    def echo(request: Request) -> Reply:
        token = request.headers["authorization"]
        return Reply(status, f"bad {token} and {token.split('.')[1]}".encode())

    with Server(echo) as server, pytest.raises(ProviderError) as caught:
        await fetch(server.url)
    _, payload, signature = TOKEN.split(".")
    texts = all_texts(caught.value)
    assert "bad *** and ***" in texts
    assert payload not in texts
    assert signature not in texts


async def test_a_token_that_is_rejected_says_that_it_concerns_the_token(
    fetch: Fetch, cloud: Cloud
) -> None:
    token = issue_token("shop", "web", audience=POD_IDENTITY_AUDIENCE, lifetime=-60)
    text = str(await refusal(fetch, cloud, token))
    assert text.startswith("no EKS Pod Identity credentials for the service account shop/web: ")
    assert "mount" not in text


@pytest.mark.parametrize("token", ["c4nary\r\nX: y", "c4naryä"], ids=["two lines", "no ASCII"])
async def test_a_token_that_cannot_be_sent_is_not_quoted(
    fetch: Fetch, ipv4: FakeAgent, token: str
) -> None:
    with pytest.raises(AgentUnavailable) as caught:
        await fetch(ipv4.url, token=token)
    assert "c4nary" not in all_texts(caught.value)


async def test_neither_token_nor_keys_are_printed(http: HttpClient, ipv4: FakeAgent) -> None:
    agent = Agent(http.send, ipv4.url, NOWHERE)
    source = PodIdentity(agent, "auto", "shop/web", TOKEN)
    credentials = await source.fetch()
    printed = f"{source!r} {credentials!r} {agent!r}"
    for secret in (TOKEN, credentials.secret_access_key, str(credentials.session_token)):
        assert secret not in printed


async def test_a_probe_takes_the_first_refusal_for_an_answer(
    fetch: Fetch, ipv4: FakeAgent, ipv6: FakeAgent, cloud: Cloud
) -> None:
    cloud.pod_roles.clear()
    with pytest.raises(NoAssociation) as caught:
        await fetch(ipv4.url, ipv6.url, probing=True)
    assert caught.value.reason == "RoleNotAssumable"
    assert (ipv4.journal.count(), ipv6.journal.count()) == (1, 0)


async def test_a_probe_finds_an_agent_at_its_other_address(fetch: Fetch, ipv6: FakeAgent) -> None:
    assert (await fetch(NOWHERE, ipv6.url, probing=True)).access_key_id


async def test_a_probe_asks_an_agent_that_is_not_there_once() -> None:
    asked = []

    async def nothing_listens(request: HttpRequest) -> NoReturn:
        asked.append(request.url)
        raise NoAnswer("unreachable", "cannot connect")

    agent = Agent(nothing_listens, "ipv4", "ipv6")
    with pytest.raises(AgentAbsent) as caught:
        await PodIdentity(agent, "auto", "shop/web", TOKEN, probing=True).fetch()
    assert caught.value.reason == "AgentUnavailable"
    assert asked == ["ipv4", "ipv6"]


async def test_an_agent_that_fails_at_one_address_is_not_absent(
    fetch: Fetch, ipv4: FakeAgent
) -> None:
    ipv4.faults.inject(failing(503))
    with pytest.raises(AgentUnavailable) as caught:
        await fetch(ipv4.url, probing=True)
    assert type(caught.value) is AgentUnavailable
    assert ipv4.journal.count() == 3
