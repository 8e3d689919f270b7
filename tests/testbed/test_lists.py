"""Lists, batches and tags of the fake AWS, judged by botocore."""

import base64
import time
from typing import Any

import pytest

from testbed.aws import FakeAws, Session, allow
from testbed.aws.iam import CONTROLLER_ACTIONS
from testbed.moto import Moto
from tests.testbed.oracle import Client, error_of


@pytest.fixture
def session(aws: FakeAws) -> Session:
    """A user that may do what the controller may need."""
    return aws.cloud.put_user("controller", allow=allow("*", *CONTROLLER_ACTIONS))


def names_of(manager: Any, **arguments: Any) -> list[str]:
    pages = manager.get_paginator("list_secrets").paginate(**arguments)
    return [entry["Name"] for page in pages for entry in page["SecretList"]]


def by_tag(key: str, value: str) -> list[dict[str, Any]]:
    return [{"Key": "tag-key", "Values": [key]}, {"Key": "tag-value", "Values": [value]}]


def fill(put: Any) -> None:
    put("app/db", {"env": "dev", "team": "shop"})
    put("app/api", {"env": "development"})
    put("other", {"env": "prod", "kind": "dev"})
    put("plain", {})


FILTERS: list[tuple[list[dict[str, Any]], list[str]]] = [
    ([{"Key": "name", "Values": ["app/"]}], ["app/api", "app/db"]),
    ([{"Key": "name", "Values": ["App/"]}], []),
    ([{"Key": "name", "Values": ["pp/"]}], []),
    ([{"Key": "name", "Values": ["app/d", "pl"]}], ["app/db", "plain"]),
    ([{"Key": "tag-key", "Values": ["te"]}], ["app/db"]),
    (by_tag("env", "dev"), ["app/api", "app/db", "other"]),
    (by_tag("env", "prod"), ["other"]),
]
IDS = ["prefix", "case", "infix", "or", "tag prefix", "no pairs", "exact"]


@pytest.mark.parametrize(("filters", "expected"), FILTERS, ids=IDS)
def test_filters_match_prefixes_and_do_not_pair_tags(
    aws: FakeAws, client: Client, filters: list[dict[str, Any]], expected: list[str]
) -> None:
    fill(lambda name, tags: aws.cloud.put_secret(name, "x", tags=tags))
    assert sorted(names_of(client("secretsmanager"), Filters=filters)) == expected


@pytest.fixture(scope="module")
def moto(moto_server: Moto) -> Moto:
    moto_server.forget()
    manager = moto_server.client("secretsmanager")

    def put(name: str, tags: dict[str, str]) -> None:
        listed = [{"Key": key, "Value": value} for key, value in tags.items()]
        manager.create_secret(Name=name, SecretString="x", Tags=listed)

    fill(put)
    return moto_server


@pytest.mark.parametrize(("filters", "expected"), FILTERS, ids=IDS)
def test_moto_agrees_on_filters(
    moto: Moto, filters: list[dict[str, Any]], expected: list[str]
) -> None:
    assert sorted(names_of(moto.client("secretsmanager"), Filters=filters)) == expected


def test_a_filter_may_say_what_is_not_wanted(aws: FakeAws, client: Client) -> None:
    fill(lambda name, tags: aws.cloud.put_secret(name, "x", tags=tags))
    names = names_of(client("secretsmanager"), Filters=[{"Key": "name", "Values": ["!app"]}])
    assert names == ["other", "plain"]


def test_lists_come_in_pages_without_deleted_secrets(aws: FakeAws, client: Client) -> None:
    for number in range(7):
        aws.cloud.put_secret(f"s{number}", "x", tags={"n": str(number)})
    aws.cloud.put_secret("gone", "x").deleted_at = time.time()
    manager = client("secretsmanager")
    paging = {"PageSize": 3}
    assert names_of(manager, PaginationConfig=paging) == [f"s{number}" for number in range(7)]
    assert aws.journal.count("ListSecrets") == 3
    assert "gone" in names_of(manager, IncludePlannedDeletion=True)
    assert manager.list_secrets()["SecretList"][1]["Tags"] == [{"Key": "n", "Value": "1"}]


def test_a_batch_answers_each_secret_by_itself(aws: FakeAws, client: Client) -> None:
    secret = aws.cloud.put_secret("db", "hunter2")
    aws.cloud.put_secret("gone", "x").deleted_at = time.time()
    aws.cloud.put_secret("hidden", "x")
    may = [
        *allow("*", "secretsmanager:BatchGetSecretValue"),
        *allow(f"{secret.arn[:-7]}*", "secretsmanager:GetSecretValue"),
        *allow("*:gone*", "secretsmanager:GetSecretValue"),
        *allow("no", "secretsmanager:GetSecretValue"),
    ]
    manager = client("secretsmanager", session=aws.cloud.put_user("narrow", allow=may))
    answer = manager.batch_get_secret_value(SecretIdList=["db", "gone", "hidden", "no"])
    assert [one["SecretString"] for one in answer["SecretValues"]] == ["hunter2"]
    assert [(one["SecretId"], one["ErrorCode"]) for one in answer["Errors"]] == [
        ("gone", "InvalidRequestException"),
        ("hidden", "AccessDeniedException"),
        ("no", "ResourceNotFoundException"),
    ]
    code, message = error_of(manager.batch_get_secret_value, Filters=by_tag("a", "b"))
    assert (code, "secretsmanager:ListSecrets" in message) == ("AccessDeniedException", True)


def test_a_batch_by_filters_comes_in_pages(aws: FakeAws, client: Client) -> None:
    for number in range(25):
        aws.cloud.put_secret(f"s{number:02}", "x")
    manager = client("secretsmanager")
    filters = [{"Key": "name", "Values": ["s"]}]
    first = manager.batch_get_secret_value(Filters=filters)
    rest = manager.batch_get_secret_value(Filters=filters, NextToken=first["NextToken"])
    assert (len(first["SecretValues"]), len(rest["SecretValues"])) == (20, 5)
    assert "NextToken" not in rest


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({}, "InvalidParameterException"),
        ({"SecretIdList": ["a"], "Filters": by_tag("a", "b")}, "InvalidParameterException"),
        ({"SecretIdList": ["a"] * 21}, "ValidationException"),
        ({"Filters": [{"Key": "name", "Values": ["ä"]}]}, "ValidationException"),
        ({"Filters": [{"Key": "name", "Values": ["a"]}] * 11}, "ValidationException"),
    ],
    ids=["neither", "both", "21 ids", "no ASCII", "11 filters"],
)
def test_batches_that_are_refused(client: Client, arguments: dict[str, Any], code: str) -> None:
    assert error_of(client("secretsmanager").batch_get_secret_value, **arguments)[0] == code


@pytest.mark.parametrize(
    ("operation", "arguments", "action"),
    [
        ("list_secrets", {}, "secretsmanager:ListSecrets"),
        ("batch_get_secret_value", {"SecretIdList": ["a"]}, "secretsmanager:BatchGetSecretValue"),
        ("tag_resource", {"SecretId": "a", "Tags": []}, "secretsmanager:TagResource"),
    ],
)
def test_rights_of_their_own(
    aws: FakeAws, client: Client, operation: str, arguments: dict[str, Any], action: str
) -> None:
    manager = client("secretsmanager", session=aws.cloud.put_user("reader"))
    code, message = error_of(getattr(manager, operation), **arguments)
    assert (code, f"perform: {action} on" in message) == ("AccessDeniedException", True)


def test_tags_are_described(aws: FakeAws, client: Client) -> None:
    aws.cloud.put_secret("db", "x", tags={"env": "dev"})
    manager = client("secretsmanager", session=aws.cloud.put_user("admin", allow=[("*", "*")]))
    manager.tag_resource(SecretId="db", Tags=[{"Key": "team", "Value": "shop"}])
    tags = manager.describe_secret(SecretId="db")["Tags"]
    assert tags == [{"Key": "env", "Value": "dev"}, {"Key": "team", "Value": "shop"}]


def described(ssm: Any, *filters: dict[str, Any]) -> list[str]:
    pages = ssm.get_paginator("describe_parameters").paginate(ParameterFilters=list(filters))
    return [entry["Name"] for page in pages for entry in page["Parameters"]]


def tag(key: str, *values: str) -> dict[str, Any]:
    return {"Key": f"tag:{key}", "Option": "Equals", "Values": list(values)}


def test_parameters_are_described_by_exact_tags_and_path(aws: FakeAws, client: Client) -> None:
    aws.cloud.put_parameter("/app/db", "x", tags={"env": "dev", "team": "shop"})
    aws.cloud.put_parameter("/app/deep/api", "x", tags={"env": "development"})
    aws.cloud.put_parameter("/other", "x", tags={"kind": "dev"})
    ssm = client("ssm")
    assert described(ssm) == ["/app/db", "/app/deep/api", "/other"]
    assert described(ssm, tag("env", "dev")) == ["/app/db"]
    assert described(ssm, tag("env", "dev"), tag("team", "web")) == []
    below = {"Key": "Path", "Option": "Recursive", "Values": ["/app"]}
    assert described(ssm, below) == ["/app/db", "/app/deep/api"]
    assert described(ssm, {**below, "Option": "OneLevel"}) == ["/app/db"]
    code, _ = error_of(ssm.describe_parameters, ParameterFilters=[{**below, "Values": ["app"]}])
    assert code == "InvalidFilterValue"
    assert not any("Value" in entry for entry in ssm.describe_parameters()["Parameters"])


def test_tags_of_a_parameter_take_no_version(aws: FakeAws, client: Client) -> None:
    aws.cloud.put_parameter("/db", "x", tags={"env": "dev"})
    ssm = client("ssm", session=aws.cloud.put_user("admin", allow=[("*", "*")]))
    new = [{"Key": "team", "Value": "shop"}]
    ssm.add_tags_to_resource(ResourceType="Parameter", ResourceId="/db", Tags=new)
    answer = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="/db")
    assert answer["TagList"] == [{"Key": "env", "Value": "dev"}, *new]
    for name in ("/db:1", "/none"):
        arguments = {"ResourceType": "Parameter", "ResourceId": name}
        assert error_of(ssm.list_tags_for_resource, **arguments)[0] == "InvalidResourceId"


def test_ecr_gives_logins(aws: FakeAws, client: Client) -> None:
    (private,) = client("ecr").get_authorization_token()["authorizationData"]
    assert private["proxyEndpoint"] == "https://111122223333.dkr.ecr.us-east-1.amazonaws.com"
    public = client("ecr-public").get_authorization_token()["authorizationData"]
    for login in (private, public):
        assert base64.b64decode(login["authorizationToken"]).startswith(b"AWS:")
        assert login["expiresAt"].timestamp() > time.time() + 11 * 3600
    narrow = aws.cloud.put_user("narrow", allow=allow("*", "ecr-public:GetAuthorizationToken"))
    assert error_of(client("ecr", session=narrow).get_authorization_token)[0] == (
        "AccessDeniedException"
    )
    _, message = error_of(client("ecr-public", session=narrow).get_authorization_token)
    assert "sts:GetServiceBearerToken" in message


def test_users_get_session_tokens_and_sessions_do_not(
    aws: FakeAws, client: Client, session: Session
) -> None:
    aws.cloud.mfa_codes["arn:aws:iam::111122223333:mfa/me"] = "123456"
    sts = client("sts")
    assert sts.get_caller_identity()["Arn"] == "arn:aws:iam::111122223333:user/controller"
    device = {"SerialNumber": "arn:aws:iam::111122223333:mfa/me"}
    code, message = error_of(sts.get_session_token, **device, TokenCode="654321")
    assert (code, message) == (
        "AccessDenied",
        "MultiFactorAuthentication failed with invalid MFA one time pass code.",
    )
    sts.get_session_token(**device, TokenCode="123456", DurationSeconds=900)
    key = sts.get_session_token()["Credentials"]["AccessKeyId"]
    inner = client("sts", session=aws.cloud.sessions[key])
    assert inner.get_caller_identity()["Arn"] == session.arn
    assert error_of(inner.get_session_token)[0] == "AccessDenied"


def test_only_transitive_tags_are_passed_on(aws: FakeAws, client: Client) -> None:
    may = allow("*", *CONTROLLER_ACTIONS)
    role = aws.cloud.put_role("first", allow=may)
    answer = client("sts").assume_role(
        RoleArn=role.arn,
        RoleSessionName="me",
        Tags=[{"Key": "team", "Value": "shop"}, {"Key": "env", "Value": "dev"}],
        TransitiveTagKeys=["team"],
    )
    session = aws.cloud.sessions[answer["Credentials"]["AccessKeyId"]]
    assert (session.tags, session.own_tags) == ({"team": "shop"}, {"env": "dev"})
