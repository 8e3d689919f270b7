"""The fake EKS Pod Identity agent, with botocore's container provider as the judge."""

import pytest
import urllib3
from botocore.utils import ContainerMetadataFetcher

from testbed.agent import FakeAgent, throttled, unavailable
from testbed.aws import FakeAws
from testbed.tokens import POD_IDENTITY_AUDIENCE, STS_AUDIENCE, issue_token

TOKEN = issue_token("shop", "web", audience=POD_IDENTITY_AUDIENCE, pod="web-1")


def ask(agent: FakeAgent, token: str = TOKEN) -> tuple[int, str]:
    with urllib3.PoolManager(retries=False) as pool:
        answer = pool.request("GET", agent.url, headers={"Authorization": token})
        return answer.status, answer.data.decode()


def test_botocore_takes_its_credentials(aws: FakeAws, agent: FakeAgent) -> None:
    aws.cloud.associate("shop", "web", aws.cloud.put_role("web"))
    answer = ContainerMetadataFetcher().retrieve_full_uri(
        agent.url, headers={"Authorization": TOKEN}
    )
    session = aws.cloud.sessions[answer["AccessKeyId"]]
    assert answer["Token"] == session.token
    assert answer["AccountId"] == "111122223333"
    assert ":assumed-role/web/eks-testbed-web-1-" in session.arn


def test_it_listens_on_ipv6_as_well(aws: FakeAws) -> None:
    aws.cloud.associate("shop", "web", aws.cloud.put_role("web"))
    with FakeAgent(aws.cloud, host="::1") as agent:
        assert agent.url.startswith("http://[::1]:")
        assert ask(agent)[0] == 200


@pytest.mark.parametrize(
    ("token", "status", "text"),
    [
        pytest.param("", 400, "Service account token cannot be empty", id="none"),
        pytest.param("x", 400, "Service account token cannot be parsed", id="malformed"),
        pytest.param(
            issue_token("shop", "web", audience=POD_IDENTITY_AUDIENCE, lifetime=-1),
            400,
            "token is expired",
            id="expired",
        ),
        pytest.param(
            issue_token("shop", "web", audience=STS_AUDIENCE),
            400,
            "(InvalidTokenException)",
            id="another audience",
        ),
        pytest.param(TOKEN, 404, "(ResourceNotFoundException)", id="no association"),
    ],
)
def test_refusals_are_text(agent: FakeAgent, token: str, status: int, text: str) -> None:
    its_status, its_text = ask(agent, token)
    assert its_status == status
    assert text in its_text


def test_a_role_must_trust_pods(aws: FakeAws, agent: FakeAgent) -> None:
    role = aws.cloud.put_role("web")
    role.trusts_pods = False
    aws.cloud.associate("shop", "web", role)
    status, text = ask(agent)
    assert status == 400
    assert "(AccessDeniedException)" in text


def test_its_own_faults(agent: FakeAgent) -> None:
    agent.faults.inject(throttled(), times=1)
    assert ask(agent)[0] == 429
    agent.faults.inject(unavailable(), times=1)
    assert ask(agent)[0] == 503
    assert agent.journal.count("credentials") == 2
