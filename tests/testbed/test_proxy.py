"""The proxy fixture."""

import ssl
from pathlib import Path

import pytest
import urllib3

from testbed.aws import FakeAws
from testbed.proxy import FakeProxy
from testbed.tls import Authority


def test_a_tunnel_leads_real_names_to_the_fake(tmp_path: Path) -> None:
    authority = Authority()
    ca = authority.write(tmp_path / "ca.pem")
    host = "sts.eu-west-1.amazonaws.com"
    with FakeAws(tls=authority.server("*.eu-west-1.amazonaws.com")) as aws:
        port = int(aws.url.rpartition(":")[2])
        context = ssl.create_default_context(cafile=str(ca))
        with (
            FakeProxy(routes={"*": ("127.0.0.1", port)}) as proxy,
            urllib3.ProxyManager(proxy.url, ssl_context=context, retries=False) as pool,
        ):
            answer = pool.request("POST", f"https://{host}/", body=b"Action=Nothing")
            assert answer.status == 400
        assert proxy.seen == [f"CONNECT {host}:443"]
        assert aws.journal.calls[0].region == "eu-west-1"


def test_plain_requests_are_forwarded(aws: FakeAws) -> None:
    with FakeProxy() as proxy, urllib3.ProxyManager(proxy.url, retries=False) as pool:
        assert pool.request("POST", f"{aws.url}/", body=b"Action=Nothing").status == 400
    assert proxy.seen == [f"POST {aws.url.removeprefix('http://')}"]


@pytest.mark.parametrize(("login", "status"), [("a:b", 400), ("a:c", 407)])
def test_a_login_is_asked_for(aws: FakeAws, login: str, status: int) -> None:
    headers = urllib3.make_headers(proxy_basic_auth="a:b")
    with (
        FakeProxy(login=login) as proxy,
        urllib3.ProxyManager(proxy.url, proxy_headers=headers, retries=False) as pool,
    ):
        assert pool.request("POST", f"{aws.url}/", body=b"Action=Nothing").status == status
