"""The fake Secrets Manager, judged by botocore."""

import time

import pytest

from testbed.aws import FakeAws, Session, allow
from testbed.aws.errors import throttled
from tests.testbed.oracle import Client, error_of


def test_a_secret_is_read_by_name_arn_and_partial_arn(aws: FakeAws, client: Client) -> None:
    secret = aws.cloud.put_secret("app/db", "hunter2")
    manager = client("secretsmanager")
    for secret_id in ("app/db", secret.arn, secret.arn[:-7]):
        answer = manager.get_secret_value(SecretId=secret_id)
        assert answer["SecretString"] == "hunter2"
        assert answer["ARN"] == secret.arn
        assert answer["VersionStages"] == ["AWSCURRENT"]


def test_a_partial_arn_that_looks_whole_is_not_found(aws: FakeAws, client: Client) -> None:
    secret = aws.cloud.put_secret("app-secret", "x")
    code, _ = error_of(client("secretsmanager").get_secret_value, SecretId=secret.arn[:-7])
    assert code == "ResourceNotFoundException"


def test_binary_secrets_come_as_bytes(aws: FakeAws, client: Client) -> None:
    aws.cloud.put_secret("key", b"\x00\xff")
    answer = client("secretsmanager").get_secret_value(SecretId="key")
    assert answer["SecretBinary"] == b"\x00\xff"
    assert "SecretString" not in answer


def test_stages_follow_rotation(aws: FakeAws, client: Client) -> None:
    secret = aws.cloud.put_secret("db", "old")
    old = secret.at("AWSCURRENT")
    aws.cloud.put_secret("db", "new")
    manager = client("secretsmanager")
    assert manager.get_secret_value(SecretId="db")["SecretString"] == "new"
    previous = manager.get_secret_value(SecretId="db", VersionStage="AWSPREVIOUS")
    assert previous["SecretString"] == "old"
    assert old is not None
    assert manager.get_secret_value(SecretId="db", VersionId=old.id)["SecretString"] == "old"
    stages = manager.describe_secret(SecretId="db")["VersionIdsToStages"]
    assert sorted(stages.values()) == [["AWSCURRENT"], ["AWSPREVIOUS"]]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        pytest.param(
            {"SecretId": "none"},
            "ResourceNotFoundException",
            "Secrets Manager can't find the specified secret.",
            id="no such secret",
        ),
        pytest.param(
            {"SecretId": "db", "VersionStage": "AWSPENDING"},
            "ResourceNotFoundException",
            "Secrets Manager can't find the specified secret value for staging label: AWSPENDING",
            id="no such stage",
        ),
        pytest.param(
            {"SecretId": "db", "VersionId": "0" * 32},
            "ResourceNotFoundException",
            "Secrets Manager can't find the specified secret value for VersionId: " + "0" * 32,
            id="no such version",
        ),
        pytest.param(
            {"SecretId": "gone"},
            "InvalidRequestException",
            "You can't perform this operation on the secret because it was marked for deletion.",
            id="marked for deletion",
        ),
        pytest.param(
            {"SecretId": "locked"},
            "AccessDeniedException",
            "Access to KMS is not allowed",
            id="key denied",
        ),
    ],
)
def test_failures_are_told_as_aws_tells_them(
    aws: FakeAws, client: Client, arguments: dict[str, str], code: str, message: str
) -> None:
    aws.cloud.put_secret("db", "x")
    aws.cloud.put_secret("gone", "x").deleted_at = time.time()
    aws.cloud.put_secret("locked", "x").kms_denied = True
    assert error_of(client("secretsmanager").get_secret_value, **arguments) == (code, message)


def test_a_role_reads_only_what_its_policy_names(aws: FakeAws, client: Client) -> None:
    mine = aws.cloud.put_secret("team/mine", "x")
    other = aws.cloud.put_secret("other", "x")
    role = aws.cloud.put_role("narrow", allow=allow("arn:aws:secretsmanager:*:secret:team/*"))
    narrow: Session = aws.cloud.open_session(role, "pod")
    manager = client("secretsmanager", session=narrow)
    assert manager.get_secret_value(SecretId="team/mine")["ARN"] == mine.arn
    code, message = error_of(manager.get_secret_value, SecretId="other")
    assert code == "AccessDeniedException"
    assert message == (
        "User: arn:aws:sts::111122223333:assumed-role/narrow/pod is not authorized to perform: "
        f"secretsmanager:GetSecretValue on resource: {other.arn} because no identity-based policy "
        "allows the secretsmanager:GetSecretValue action"
    )


def test_regions_keep_their_own_secrets(aws: FakeAws, client: Client) -> None:
    aws.cloud.put_secret("db", "here")
    aws.cloud.put_secret("db", "there", region="eu-west-1")
    far = client("secretsmanager", region="eu-west-1")
    assert far.get_secret_value(SecretId="db")["SecretString"] == "there"
    assert aws.journal.count("GetSecretValue", region="eu-west-1") == 1


def test_the_journal_tells_who_asked_for_what(
    aws: FakeAws, client: Client, session: Session
) -> None:
    error_of(client("secretsmanager").get_secret_value, SecretId="none")
    aws.faults.inject(throttled())
    error_of(client("secretsmanager").describe_secret, SecretId="none")
    asked, unheard = aws.journal.calls
    assert (asked.operation, asked.target, asked.status) == ("GetSecretValue", "none", 400)
    assert asked.identity == session.arn
    assert (unheard.operation, unheard.target) == ("DescribeSecret", "none")
    aws.journal.clear()
    assert aws.journal.count() == 0


@pytest.mark.parametrize("body", [b"", b"[]", b"{"])
def test_a_body_that_is_no_object_is_refused(aws: FakeAws, client: Client, body: bytes) -> None:
    manager = client("secretsmanager")
    manager.meta.events.register("before-sign", lambda request, **_: setattr(request, "data", body))
    assert error_of(manager.get_secret_value, SecretId="x")[0] == "SerializationException"


def test_several_callers_of_one_account_see_the_same(aws: FakeAws, client: Client) -> None:
    aws.cloud.put_secret("db", "x")
    with FakeAws(aws.cloud) as second:
        manager = client("secretsmanager", url=second.url)
        assert manager.get_secret_value(SecretId="db")["SecretString"] == "x"
    assert (aws.journal.count(), second.journal.count()) == (0, 1)
