"""How the Kubernetes API is reached: addresses, trust, tokens, bounds."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from provider.errors import KubernetesUnavailable, LookupForbidden, ObjectNotFound
from provider.kube import objects as module
from provider.kube.connection import api_url
from provider.kube.kinds import PODS, SERVICE_ACCOUNTS
from provider.kube.objects import Objects
from provider.runtime import ca_file
from testbed.faults import Effect, closed, hang, huge, reset, trickle, truncated
from testbed.faults import body as spoilt
from testbed.http import Reply, Request
from testbed.http_server import Server
from testbed.kubernetes import FakeKubernetes
from testbed.tls import Authority
from tests.error_texts import all_texts
from tests.kube.conftest import MakeApi

TOKEN = "c4nary-of-the-daemon"
GET = "get serviceaccounts"


@pytest.fixture
def api(api_of: MakeApi, kubernetes: FakeKubernetes) -> Objects:
    return api_of(kubernetes.url, token=TOKEN)


@pytest.fixture
def kubernetes() -> Iterator[FakeKubernetes]:
    with FakeKubernetes(token=TOKEN) as fake:
        fake.put_service_account("shop", "web")
        yield fake


async def get(api: Objects) -> str:
    """The object's name."""
    return str((await api.get(SERVICE_ACCOUNTS, "shop", "web"))["metadata"]["name"])


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
        assert await get(api_of(fake.url, token=TOKEN)) == "web"


async def test_the_ca_file_is_read_again_when_it_changes(
    tmp_path: Path, api_of: MakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ca_file, "_LOOK_AGAIN", 0.0)
    old, new = Authority(), Authority()
    old.write(tmp_path / "ca.crt")
    with FakeKubernetes(token=TOKEN, tls=new.server()) as fake:
        fake.put_service_account("shop", "web")
        api = api_of(fake.url, token=TOKEN)
        with pytest.raises(KubernetesUnavailable, match="not trusted"):
            await get(api)
        new.write(tmp_path / "ca.crt")
        assert await get(api) == "web"


async def test_no_proxy_is_used(api: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:1")
    assert await get(api) == "web"


async def test_a_rotated_token_is_used_from_the_next_request_on(
    kubernetes: FakeKubernetes, api: Objects, tmp_path: Path
) -> None:
    await get(api)
    kubernetes.token = "rotated"
    (tmp_path / "token").write_text("rotated")
    assert await get(api) == "web"
    assert kubernetes.journal.count(GET) == 2


async def test_a_rejected_token_is_read_again_once(
    kubernetes: FakeKubernetes, api_of: MakeApi
) -> None:
    with pytest.raises(LookupForbidden, match="token of this program's own service account"):
        await get(api_of(kubernetes.url, token="old"))
    assert kubernetes.journal.count(GET) == 2


@pytest.mark.parametrize(
    "effect", [reset(), closed(), truncated()], ids=["reset", "closed", "truncated"]
)
async def test_a_broken_connection_names_the_object(
    kubernetes: FakeKubernetes, api: Objects, effect: Effect
) -> None:
    kubernetes.faults.inject(effect)
    with pytest.raises(KubernetesUnavailable, match="cannot get ServiceAccount shop/web"):
        await get(api)


@pytest.mark.parametrize("effect", [hang(), trickle(0.01)], ids=["hangs", "trickles"])
async def test_an_attempt_is_bounded_in_time(
    kubernetes: FakeKubernetes,
    api: Objects,
    monkeypatch: pytest.MonkeyPatch,
    effect: Effect,
) -> None:
    monkeypatch.setattr(module, "TIMEOUT", 0.05)
    kubernetes.faults.inject(effect)
    with pytest.raises(KubernetesUnavailable, match="did not answer in time"):
        await get(api)


async def test_an_answer_is_bounded_in_size(
    kubernetes: FakeKubernetes, api: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_BODY", 1000)
    kubernetes.faults.inject(huge(100_000))
    with pytest.raises(KubernetesUnavailable, match="more than 1000 bytes"):
        await get(api)


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b"\xff"], ids=repr)
async def test_an_answer_that_is_no_object_is_an_error(
    kubernetes: FakeKubernetes, api: Objects, body: bytes
) -> None:
    kubernetes.faults.inject(spoilt(body))
    with pytest.raises(KubernetesUnavailable, match="the answer of Kubernetes is not an object"):
        await get(api)


async def test_names_are_escaped_in_the_url(api_of: MakeApi) -> None:
    asked: list[str] = []

    def answer(request: Request) -> Reply:
        asked.append(request.target)
        return Reply(404)

    with Server(answer) as server, pytest.raises(ObjectNotFound):
        await api_of(server.url).get(PODS, "a/b", "../x?y#z")
    assert asked == ["/api/v1/namespaces/a%2Fb/pods/..%2Fx%3Fy%23z"]


@pytest.mark.parametrize(
    ("url", "missing", "text"),
    [
        ("", "", "KUBERNETES_SERVICE_HOST is not set"),
        (
            "https://127.0.0.1:1",
            "ca.crt",
            "the CA of the Kubernetes API: cannot load certificates from",
        ),
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
