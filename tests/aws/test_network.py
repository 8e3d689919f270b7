"""Proxies and CA bundle from the environment."""

from collections.abc import AsyncIterator, Callable
from importlib.util import find_spec, module_from_spec
from pathlib import Path

import pytest

from provider.aws.network import Network
from provider.runtime import ca_file
from provider.runtime.http import HttpClient
from provider.runtime.transport import NoAnswer, Request
from testbed.http import Reply as Answer
from testbed.http_server import Server
from testbed.tls import Authority
from tests.runtime.http_proxy import running_proxy

Connect = Callable[..., Network]


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Makes ways to AWS: `connect(HTTP_PROXY="…")`."""
    client = HttpClient()
    yield lambda **environment: Network(environment, client)
    await client.close()


async def post(way: Network, url: str) -> bytes:
    return (await way.send(Request("POST", f"{url}/", body=b"hello", timeout=5))).body


def echo(request: object) -> Answer:
    return Answer(body=b"hello")


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def bundle(authority: Authority, tmp_path: Path) -> Path:
    return authority.write(tmp_path / "ca.pem")


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
async def test_ca_bundles(
    connect: Connect, authority: Authority, bundle: Path, variable: str
) -> None:
    with Server(echo, tls=authority.server()) as server:
        assert await post(connect(**{variable: str(bundle)}), server.url) == b"hello"


async def test_without_a_bundle_only_public_authorities_are_trusted(
    connect: Connect, authority: Authority
) -> None:
    mistrusted = pytest.raises(NoAnswer, match=r"not trusted: .* \(is AWS_CA_BUNDLE right\?\)")
    with Server(echo, tls=authority.server()) as server, mistrusted:
        await post(connect(), server.url)
    with pytest.raises(NoAnswer) as refused:
        await post(connect(), server.url)
    assert "AWS_CA_BUNDLE" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [("ca.pem", None), ("ca.pem", "no certificate"), ("x" * 300, None)],
    ids=["missing", "not-pem", "not to be looked at"],
)
async def test_an_unreadable_bundle_stops_the_start(
    connect: Connect, tmp_path: Path, name: str, content: str | None
) -> None:
    bundle = tmp_path / name
    if content is not None:
        bundle.write_text(content)
    with pytest.raises(ValueError, match="AWS_CA_BUNDLE: cannot load certificates from"):
        connect(AWS_CA_BUNDLE=str(bundle))


async def test_a_new_certificate_is_trusted_by_new_connections(
    connect: Connect, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ca_file, "_LOOK_AGAIN", 0.0)
    way, new = connect(AWS_CA_BUNDLE=str(bundle)), Authority()
    with Server(echo, tls=new.server()) as server:
        with pytest.raises(NoAnswer, match="not trusted"):
            await post(way, server.url)
        new.write(bundle)
        assert await post(way, server.url) == b"hello"


async def test_without_a_variable_the_authorities_are_those_of_botocore() -> None:
    spec = find_spec("provider.aws.network")
    assert spec is not None
    assert spec.loader is not None
    spec.loader.exec_module(unchanged := module_from_spec(spec))  # tests/conftest.py changes it
    context = await unchanged._authorities({}).context()
    subjects = [str(one["subject"]) for one in context.get_ca_certs()]
    assert any("Amazon Root CA 1" in one for one in subjects)


async def test_https_goes_through_the_proxy(
    connect: Connect, authority: Authority, bundle: Path
) -> None:
    with Server(echo, tls=authority.server()) as server, running_proxy() as proxy:
        login = proxy.url.replace("://", "://user:p%40ss@")
        way = connect(AWS_CA_BUNDLE=str(bundle), HTTPS_PROXY=login)
        assert await post(way, server.url) == b"hello"
        await way._http.close()
    assert proxy.seen == [f"CONNECT {server.url.removeprefix('https://')}"]
    assert proxy.authorizations == ["Basic dXNlcjpwQHNz"]


@pytest.mark.parametrize("scheme", ["http://", "http:"], ids=["bare", "two slashes"])
async def test_a_proxy_without_a_scheme_is_an_http_proxy(connect: Connect, scheme: str) -> None:
    with Server(echo) as server, running_proxy() as proxy:
        way = connect(http_proxy=proxy.url.removeprefix(scheme))
        assert await post(way, server.url) == b"hello"
    assert proxy.seen == [f"POST {server.url}/"]


@pytest.mark.parametrize(
    "environment",
    [
        pytest.param({"NO_PROXY": "127.0.0.1"}, id="no-proxy"),
        pytest.param({"no_proxy": "*"}, id="everything"),
        pytest.param({"no_proxy": "example, .0.0.1"}, id="a-domain-above"),
        pytest.param({"http_proxy": ""}, id="switched-off-in-lower-case"),
        pytest.param({"HTTPS_PROXY": "http://127.0.0.1:1", "HTTP_PROXY": ""}, id="https-only"),
    ],
)
async def test_ways_around_a_proxy(connect: Connect, environment: dict[str, str]) -> None:
    with Server(echo) as server, running_proxy() as proxy:
        await post(connect(**{"HTTP_PROXY": proxy.url, **environment}), server.url)
    assert proxy.seen == []


async def test_a_port_of_no_proxy_may_be_that_of_the_scheme(connect: Connect) -> None:
    way = connect(HTTPS_PROXY="http://proxy:1", NO_PROXY="a.example:443,b.example:8443")
    asked = ("https://a.example/", "https://b.example/", "https://b.example:8443/")
    assert [way._proxy_for(url) is None for url in asked] == [True, False, True]


@pytest.mark.parametrize(
    "url",
    ["socks5://user:hunter2@x", "http://user:hunter2/3@x:3128", "http://user:hunter2℀@x:3128"],
    ids=["scheme", "slash in the password", "another character with a slash"],
)
async def test_an_invalid_proxy_stops_the_start(connect: Connect, url: str) -> None:
    with pytest.raises(ValueError, match="HTTPS_PROXY: not a") as caught:
        connect(HTTPS_PROXY=url)
    assert "hunter2" not in str(caught.value)
