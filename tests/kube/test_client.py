"""Reading the Kubernetes API: what is tried again, what errors say, and how it is reached."""

import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from provider.errors import KubernetesUnavailable, LookupForbidden, ServiceAccountNotFound
from provider.kube import client as module
from provider.kube.client import KubernetesApi, Resource, api_url
from provider.runtime import transport
from provider.runtime.http import HttpClient
from testbed.faults import Effect, closed, failing, hang, huge, reset, trickle, truncated
from testbed.faults import body as spoilt
from testbed.http import Reply, Request, Server
from testbed.kubernetes import FakeKubernetes, too_many_requests, unavailable
from testbed.tls import Authority
from tests.told import all_texts

TOKEN = "c4nary-of-the-daemon"
ACCOUNT = Resource("serviceaccounts", "web", "shop")
GET = "get serviceaccounts"

MakeApi = Callable[..., KubernetesApi]


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    one = HttpClient()
    yield one
    await one.close()


@pytest.fixture
def api_of(http: HttpClient, tmp_path: Path) -> MakeApi:
    """Makes a client of the API at a URL."""

    def make(url: str, *, token: str = TOKEN) -> KubernetesApi:
        (tmp_path / "token").write_text(token + "\n")
        return KubernetesApi(
            url,
            ca_file=tmp_path / "ca.crt",
            token_file=tmp_path / "token",
            send=http.send,
            pauses=(0, 0),
        )

    return make


@pytest.fixture
def api(api_of: MakeApi, kubernetes: FakeKubernetes) -> KubernetesApi:
    return api_of(kubernetes.url)


@pytest.fixture
def kubernetes() -> Iterator[FakeKubernetes]:
    with FakeKubernetes(token=TOKEN) as fake:
        fake.put_service_account("shop", "web")
        yield fake


async def get(api: KubernetesApi, resource: Resource = ACCOUNT) -> str:
    """The object's name."""
    return str((await api.get(resource))["metadata"]["name"])


@pytest.mark.parametrize(
    ("host", "port", "url"),
    [
        ("10.96.0.1", "443", "https://10.96.0.1:443"),
        ("fd00::1", "6443", "https://[fd00::1]:6443"),
        ("", "443", ""),
    ],
    ids=["IPv4", "IPv6", "outside"],
)
def test_the_environment_of_a_pod_has_the_address_of_the_api(
    host: str, port: str, url: str
) -> None:
    environment = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}
    assert api_url(environment) == url


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_the_cluster_ca_is_trusted(host: str, tmp_path: Path, api_of: MakeApi) -> None:
    authority = Authority()
    authority.write(tmp_path / "ca.crt")
    with FakeKubernetes(token=TOKEN, tls=authority.server(), host=host) as fake:
        fake.put_service_account("shop", "web")
        assert await get(api_of(fake.url)) == "web"


async def test_the_ca_file_is_read_again_when_the_server_is_not_trusted(
    tmp_path: Path, api_of: MakeApi
) -> None:
    old, new = Authority(), Authority()
    old.write(tmp_path / "ca.crt")
    with FakeKubernetes(token=TOKEN, tls=new.server()) as fake:
        fake.put_service_account("shop", "web")
        api = api_of(fake.url)
        with pytest.raises(KubernetesUnavailable, match="not trusted"):
            await get(api)
        new.write(tmp_path / "ca.crt")
        assert await get(api) == "web"


async def test_no_proxy_is_used(api: KubernetesApi, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:1")
    assert await get(api) == "web"


async def test_a_rotated_token_is_used_from_the_next_request_on(
    kubernetes: FakeKubernetes, api: KubernetesApi, tmp_path: Path
) -> None:
    await get(api)
    kubernetes.token = "rotated"
    (tmp_path / "token").write_text("rotated")
    assert await get(api) == "web"
    assert kubernetes.journal.count(GET) == 2


async def test_a_rejected_token_is_read_again_once(
    kubernetes: FakeKubernetes, api_of: MakeApi
) -> None:
    with pytest.raises(LookupForbidden, match="provider's own service account token"):
        await get(api_of(kubernetes.url, token="old"))
    assert kubernetes.journal.count(GET) == 2


@pytest.mark.parametrize(
    "effect",
    [
        unavailable(),
        too_many_requests(retry_after=0),
        failing(503),
        reset(),
        closed(),
        truncated(),
    ],
    ids=["500", "429", "503", "reset", "closed", "truncated"],
)
async def test_transient_failures_are_tried_again(
    kubernetes: FakeKubernetes, api: KubernetesApi, effect: Effect
) -> None:
    kubernetes.faults.inject(effect, times=2)
    assert await get(api) == "web"
    kubernetes.faults.inject(effect)
    with pytest.raises(KubernetesUnavailable, match="cannot look up the service account shop/web"):
        await get(api)


async def test_a_short_retry_after_is_obeyed(
    kubernetes: FakeKubernetes, api: KubernetesApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("asyncio.sleep", sleep)
    kubernetes.faults.inject(too_many_requests(retry_after=2), times=1)
    assert await get(api) == "web"
    assert 2 in slept


async def test_a_long_retry_after_is_not_waited_for(
    kubernetes: FakeKubernetes, api: KubernetesApi
) -> None:
    kubernetes.faults.inject(too_many_requests(retry_after=3600))
    with pytest.raises(KubernetesUnavailable, match=r"answered 429 \(Too many requests"):
        await get(api)
    assert kubernetes.journal.count(GET) == 1


@pytest.mark.parametrize("effect", [hang(), trickle(0.01)], ids=["hangs", "trickles"])
async def test_an_attempt_is_bounded_in_time(
    kubernetes: FakeKubernetes,
    api: KubernetesApi,
    monkeypatch: pytest.MonkeyPatch,
    effect: Effect,
) -> None:
    monkeypatch.setattr(module, "TIMEOUT", 0.05)
    kubernetes.faults.inject(effect)
    with pytest.raises(KubernetesUnavailable, match="did not answer in time"):
        await get(api)
    assert kubernetes.journal.count(GET) == 3


async def test_an_answer_is_bounded_in_size(
    kubernetes: FakeKubernetes, api: KubernetesApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_BODY", 1000)
    kubernetes.faults.inject(huge(100_000))
    with pytest.raises(KubernetesUnavailable, match="more than 1000 bytes"):
        await get(api)


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b"\xff"], ids=repr)
async def test_an_answer_that_is_no_object_is_an_error(
    kubernetes: FakeKubernetes, api: KubernetesApi, body: bytes
) -> None:
    kubernetes.faults.inject(spoilt(body))
    with pytest.raises(KubernetesUnavailable, match="other than an object"):
        await get(api)


async def test_a_forbidden_look_up_says_what_to_allow(
    kubernetes: FakeKubernetes, api: KubernetesApi
) -> None:
    kubernetes.forbidden.add("nodes")
    with pytest.raises(LookupForbidden) as caught:
        await get(api, Resource("nodes", "n1"))
    assert 'apiGroups [""], resources [nodes], verbs [get]' in str(caught.value)
    assert "node n1" in str(caught.value)


async def test_a_missing_object_is_named(api: KubernetesApi) -> None:
    with pytest.raises(ServiceAccountNotFound, match="no service account shop/gone"):
        await get(api, Resource("serviceaccounts", "gone", "shop"))


async def test_names_are_escaped_in_the_url(api_of: MakeApi) -> None:
    asked: list[str] = []

    def answer(request: Request) -> Reply:
        asked.append(request.target)
        return Reply(404)

    with Server(answer) as server, pytest.raises(ServiceAccountNotFound):
        await get(api_of(server.url), Resource("pods", "../x?y#z", "a/b"))
    assert asked == ["/api/v1/namespaces/a%2Fb/pods/..%2Fx%3Fy%23z"]


@pytest.mark.parametrize(
    ("url", "missing", "text"),
    [
        ("", "", "KUBERNETES_SERVICE_HOST is not set"),
        ("https://127.0.0.1:1", "ca.crt", "cannot load the Kubernetes API's certificates"),
        ("http://127.0.0.1:1", "token", "automountServiceAccountToken"),
        ("http://127.0.0.1:1", "", "Connection refused"),
    ],
    ids=["no cluster", "no CA", "no token", "nothing listens"],
)
async def test_the_error_says_what_is_missing(
    tmp_path: Path, api_of: MakeApi, url: str, missing: str, text: str
) -> None:
    api = api_of(url)
    if missing:
        (tmp_path / missing).unlink(missing_ok=True)
    with pytest.raises(KubernetesUnavailable, match=text):
        await get(api)


@pytest.mark.parametrize("token", [TOKEN + "\r\nX: y", TOKEN + "ä"], ids=["two lines", "no ASCII"])
async def test_a_broken_token_is_not_quoted(
    kubernetes: FakeKubernetes, api_of: MakeApi, token: str
) -> None:
    with pytest.raises(KubernetesUnavailable) as caught:
        await get(api_of(kubernetes.url, token=token))
    assert TOKEN not in all_texts(caught.value)


async def test_the_token_is_in_no_error(kubernetes: FakeKubernetes, api: KubernetesApi) -> None:
    kubernetes.faults.inject(reset())
    with pytest.raises(KubernetesUnavailable) as caught:
        await get(api)
    assert TOKEN not in all_texts(caught.value)


async def test_writing_sends_the_media_type_of_the_method(tmp_path: Path) -> None:
    sent: list[transport.Request] = []

    async def send(request: transport.Request, *, tls: ssl.SSLContext | None) -> transport.Reply:
        sent.append(request)
        return transport.Reply(201, {}, b"")

    (tmp_path / "token").write_text(TOKEN)
    api = KubernetesApi("http://x", ca_file=tmp_path, token_file=tmp_path / "token", send=send)
    await api.write("POST", "/a", {"b": 1})
    await api.write("PATCH", "/a", {"b": 1})
    assert [request.headers["Content-Type"] for request in sent] == [
        "application/json",
        "application/merge-patch+json",
    ]
    assert sent[0].body == b'{"b": 1}'
