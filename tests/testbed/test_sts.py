"""The fake STS, judged by botocore."""

from datetime import UTC, datetime, timedelta

import pytest

from testbed.aws import FakeAws
from testbed.aws.errors import idp_unreachable, sts_throttled
from testbed.tokens import POD_IDENTITY_AUDIENCE, issue_token
from tests.testbed.oracle import Client, error_of

ROLE = "arn:aws:iam::111122223333:role/web"


@pytest.fixture
def _role(aws: FakeAws) -> None:
    aws.cloud.put_role("web", trust=["shop:web", "stage-*:web"])


@pytest.mark.usefixtures("_role")
class TestWebIdentity:
    """AssumeRoleWithWebIdentity."""

    @pytest.mark.parametrize("namespace", ["shop", "stage-7"])
    def test_a_trusted_service_account_gets_working_credentials(
        self, aws: FakeAws, client: Client, namespace: str
    ) -> None:
        answer = client("sts").assume_role_with_web_identity(
            RoleArn=ROLE, RoleSessionName="one", WebIdentityToken=issue_token(namespace, "web")
        )
        assert answer["AssumedRoleUser"]["Arn"].endswith(":assumed-role/web/one")
        assert answer["SubjectFromWebIdentityToken"] == f"system:serviceaccount:{namespace}:web"
        keys = answer["Credentials"]
        assert keys["Expiration"] > datetime.now(UTC) + timedelta(minutes=59)
        session = aws.cloud.sessions[keys["AccessKeyId"]]
        identity = client("sts", session=session).get_caller_identity()
        assert identity["Arn"] == answer["AssumedRoleUser"]["Arn"]

    @pytest.mark.parametrize(
        ("token", "code", "message"),
        [
            pytest.param(
                issue_token("shop", "web", audience=POD_IDENTITY_AUDIENCE),
                "InvalidIdentityToken",
                "Incorrect token audience",
                id="another audience",
            ),
            pytest.param(
                issue_token("shop", "web", lifetime=-60),
                "ExpiredTokenException",
                "Token expired: current date/time ",
                id="expired",
            ),
            pytest.param(
                issue_token("shop", "other"),
                "AccessDenied",
                "Not authorized to perform sts:AssumeRoleWithWebIdentity",
                id="not trusted",
            ),
            pytest.param(
                issue_token("shop", "web", issuer="https://elsewhere"),
                "AccessDenied",
                "Not authorized to perform sts:AssumeRoleWithWebIdentity",
                id="another cluster",
            ),
            pytest.param(
                issue_token("shop", "web")[:-2],
                "InvalidIdentityToken",
                "Couldn't retrieve verification key",
                id="forged",
            ),
            pytest.param(
                "not a token",
                "InvalidIdentityToken",
                "The ID Token provided is not a valid JWT",
                id="no JWT",
            ),
        ],
    )
    def test_other_tokens_are_refused(
        self, client: Client, token: str, code: str, message: str
    ) -> None:
        its_code, its_message = error_of(
            client("sts").assume_role_with_web_identity,
            RoleArn=ROLE,
            RoleSessionName="one",
            WebIdentityToken=token,
        )
        assert its_code == code
        assert its_message.startswith(message)

    @pytest.mark.parametrize(
        ("role", "name"),
        [
            pytest.param("arn:aws:iam::1:user/x-and-more", "one", id="not a role"),
            pytest.param(ROLE, "a b", id="a space in the session name"),
            pytest.param(ROLE, "x" * 65, id="a long session name"),
        ],
    )
    def test_malformed_requests_are_refused(self, client: Client, role: str, name: str) -> None:
        code, _ = error_of(
            client("sts").assume_role_with_web_identity,
            RoleArn=role,
            RoleSessionName=name,
            WebIdentityToken=issue_token("shop", "web"),
        )
        assert code == "ValidationError"

    def test_faults_come_in_the_words_of_sts(self, aws: FakeAws, client: Client) -> None:
        aws.faults.inject(idp_unreachable(), service="sts", times=1)
        aws.faults.inject(sts_throttled(), service="sts", times=2)
        codes = [
            error_of(
                client("sts").assume_role_with_web_identity,
                RoleArn=ROLE,
                RoleSessionName="one",
                WebIdentityToken=issue_token("shop", "web"),
            )[0]
            for _ in range(2)
        ]
        assert codes == ["IDPCommunicationError", "Throttling"]


def test_roles_are_chained_where_the_policy_allows_it(aws: FakeAws, client: Client) -> None:
    target = aws.cloud.put_role("target")
    allowed = aws.cloud.put_role("source", allow=[("sts:AssumeRole", target.arn)])
    sts = client("sts", session=aws.cloud.open_session(allowed, "one"))
    answer = sts.assume_role(RoleArn=target.arn, RoleSessionName="two")
    assert answer["AssumedRoleUser"]["Arn"].endswith(":assumed-role/target/two")
    code, message = error_of(client("sts").assume_role, RoleArn=target.arn, RoleSessionName="two")
    assert code == "AccessDenied"
    assert "not authorized to perform: sts:AssumeRole on resource" in message
