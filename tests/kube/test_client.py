"""Reading the Kubernetes API: what is tried again, what is told, and how it is reached."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from provider.deadline import Deadline
from provider.errors import (
    KubernetesUnavailable,
    LookupForbidden,
    ServiceAccountNotFound,
)
from provider.http.site import Limits
from provider.kube.client import KubernetesApi, Resource, api_url
from testbed.faults import Effect, closed, failing, hang, huge, reset, trickle, truncated
from testbed.faults import body as spoilt
from testbed.http import Reply, Request, Server
from testbed.kubernetes import FakeKubernetes, too_many_requests, unavailable
from testbed.tls import Authority
from tests.told import all_texts

TOKEN = "c4nary-of-the-daemon"
ACCOUNT = Resource("serviceaccounts", "web", "shop")
GET = "get serviceaccounts"


def client(
    url: str, folder: Path, *, token: str = TOKEN, request: float = 5, body: int = 1 << 20
) -> KubernetesApi:
    (folder / "token").write_text(token + "\n")
    return KubernetesApi(
        url,
        ca_file=folder / "ca.crt",
        token_file=folder / "token",
        limits=Limits(1, request, body),
        pauses=(0, 0),
    )


def get(api: KubernetesApi, resource: Resource = ACCOUNT, seconds: float = 5) -> str:
    """The object's name."""
    return str(api.get(resource, Deadline.after(seconds))["metadata"]["name"])


@pytest.fixture
def kubernetes() -> Iterator[FakeKubernetes]:
    with FakeKubernetes(token=TOKEN) as fake:
        fake.put_service_account("shop", "web")
        yield fake


@pytest.mark.parametrize(
    ("host", "port", "url"),
    [
        ("10.96.0.1", "443", "https://10.96.0.1:443"),
        ("fd00::1", "6443", "https://[fd00::1]:6443"),
        ("", "443", ""),
    ],
    ids=["IPv4", "IPv6", "outside"],
)
def test_the_cluster_tells_where_its_api_is(host: str, port: str, url: str) -> None:
    environment = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}
    assert api_url(environment) == url


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_the_api_is_read_over_tls_by_the_clusters_own_authority(host: str, tmp_path: Path) -> None:
    authority = Authority()
    authority.write(tmp_path / "ca.crt")
    with FakeKubernetes(token=TOKEN, tls=authority.server(), host=host) as fake:
        fake.put_service_account("shop", "web")
        assert get(client(fake.url, tmp_path)) == "web"


def test_a_replaced_authority_is_taken_up(tmp_path: Path) -> None:
    old, new = Authority(), Authority()
    old.write(tmp_path / "ca.crt")
    with FakeKubernetes(token=TOKEN, tls=new.server()) as fake:
        fake.put_service_account("shop", "web")
        api = client(fake.url, tmp_path)
        with pytest.raises(KubernetesUnavailable, match="not trusted"):
            get(api)
        new.write(tmp_path / "ca.crt")
        assert get(api) == "web"


def test_no_proxy_is_used(
    kubernetes: FakeKubernetes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:1")
    assert get(client(kubernetes.url, tmp_path)) == "web"


def test_a_rotated_token_is_used_from_the_next_request_on(
    kubernetes: FakeKubernetes, tmp_path: Path
) -> None:
    api = client(kubernetes.url, tmp_path)
    get(api)
    kubernetes.token = "rotated"
    (tmp_path / "token").write_text("rotated")
    assert get(api) == "web"
    assert kubernetes.journal.count(GET) == 2


def test_a_token_that_is_refused_is_tried_once_more(
    kubernetes: FakeKubernetes, tmp_path: Path
) -> None:
    with pytest.raises(LookupForbidden, match="provider's own service account token"):
        get(client(kubernetes.url, tmp_path, token="old"))
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
    ids=["500", "429", "503", "reset", "closed", "cut short"],
)
def test_what_passes_is_tried_again(
    kubernetes: FakeKubernetes, tmp_path: Path, effect: Effect
) -> None:
    kubernetes.faults.inject(effect, times=2)
    assert get(client(kubernetes.url, tmp_path)) == "web"
    kubernetes.faults.inject(effect)
    with pytest.raises(KubernetesUnavailable, match="cannot look up the service account shop/web"):
        get(client(kubernetes.url, tmp_path))


def test_a_wish_to_wait_beyond_the_deadline_is_not_waited_for(
    kubernetes: FakeKubernetes, tmp_path: Path
) -> None:
    kubernetes.faults.inject(too_many_requests(retry_after=3600))
    with pytest.raises(KubernetesUnavailable, match=r"answered 429 \(Too many requests"):
        get(client(kubernetes.url, tmp_path))
    assert kubernetes.journal.count(GET) == 1


def test_an_api_that_hangs_is_given_up(kubernetes: FakeKubernetes, tmp_path: Path) -> None:
    kubernetes.faults.inject(hang())
    with pytest.raises(KubernetesUnavailable, match="did not answer in time"):
        get(client(kubernetes.url, tmp_path), seconds=0.2)


def test_an_answer_that_trickles_in_is_given_up(kubernetes: FakeKubernetes, tmp_path: Path) -> None:
    kubernetes.faults.inject(trickle(0.01))
    with pytest.raises(KubernetesUnavailable, match="did not answer in time"):
        get(client(kubernetes.url, tmp_path, request=0.1))


def test_an_answer_without_end_is_not_read(kubernetes: FakeKubernetes, tmp_path: Path) -> None:
    kubernetes.faults.inject(huge(100_000))
    with pytest.raises(KubernetesUnavailable, match="more than 1000 bytes"):
        get(client(kubernetes.url, tmp_path, body=1000))


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b"\xff"], ids=repr)
def test_an_answer_that_is_no_object_is_an_error(
    kubernetes: FakeKubernetes, tmp_path: Path, body: bytes
) -> None:
    kubernetes.faults.inject(spoilt(body))
    with pytest.raises(KubernetesUnavailable, match="other than an object"):
        get(client(kubernetes.url, tmp_path))


def test_a_forbidden_look_up_tells_what_to_allow(
    kubernetes: FakeKubernetes, tmp_path: Path
) -> None:
    kubernetes.forbidden.add("nodes")
    with pytest.raises(LookupForbidden) as caught:
        get(client(kubernetes.url, tmp_path), Resource("nodes", "n1"))
    assert 'apiGroups [""], resources [nodes], verbs [get]' in str(caught.value)
    assert "node n1" in str(caught.value)


def test_a_missing_object_is_named(kubernetes: FakeKubernetes, tmp_path: Path) -> None:
    with pytest.raises(ServiceAccountNotFound, match="no service account shop/gone"):
        get(client(kubernetes.url, tmp_path), Resource("serviceaccounts", "gone", "shop"))


def test_names_cannot_leave_their_place_in_the_url(tmp_path: Path) -> None:
    asked: list[str] = []

    def answer(request: Request) -> Reply:
        asked.append(request.target)
        return Reply(404)

    with Server(answer) as server, pytest.raises(ServiceAccountNotFound):
        get(client(server.url, tmp_path), Resource("pods", "../x?y#z", "a/b"))
    assert asked == ["/api/v1/namespaces/a%2Fb/pods/..%2Fx%3Fy%23z"]


@pytest.mark.parametrize(
    ("url", "spoil", "told"),
    [
        ("", "", "KUBERNETES_SERVICE_HOST is not set"),
        ("https://127.0.0.1:1", "ca.crt", "cannot load the Kubernetes API's certificates"),
        ("http://127.0.0.1:1", "token", "automountServiceAccountToken"),
        ("http://127.0.0.1:1", "", "cannot be reached: Connection refused"),
    ],
    ids=["no cluster", "no CA", "no token", "nobody listens"],
)
def test_what_is_missing_is_told_when_it_is_needed(
    tmp_path: Path, url: str, spoil: str, told: str
) -> None:
    api = client(url, tmp_path)
    (tmp_path / spoil).unlink(missing_ok=True) if spoil else None
    with pytest.raises(KubernetesUnavailable, match=told):
        get(api)


@pytest.mark.parametrize("token", [TOKEN + "\r\nX: y", TOKEN + "ä"], ids=["two lines", "no ASCII"])
def test_a_broken_token_is_not_quoted(
    kubernetes: FakeKubernetes, tmp_path: Path, token: str
) -> None:
    with pytest.raises(KubernetesUnavailable) as caught:
        get(client(kubernetes.url, tmp_path, token=token))
    assert TOKEN not in all_texts(caught.value)


def test_the_daemons_token_is_in_no_error(kubernetes: FakeKubernetes, tmp_path: Path) -> None:
    kubernetes.faults.inject(reset())
    with pytest.raises(KubernetesUnavailable) as caught:
        get(client(kubernetes.url, tmp_path))
    assert TOKEN not in all_texts(caught.value)
