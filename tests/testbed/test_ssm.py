"""The fake Parameter Store, judged by botocore."""

import json

import pytest

from testbed.aws import FakeAws, allow
from tests.testbed.oracle import Client, error_of


def test_answers_come_in_alphabetical_order(aws: FakeAws, client: Client) -> None:
    for name in ("/b", "/a", "c"):
        aws.cloud.put_parameter(name, f"value of {name}")
    answer = client("ssm").get_parameters(Names=["c", "/b", "/a"], WithDecryption=True)
    assert [one["Name"] for one in answer["Parameters"]] == ["/a", "/b", "c"]
    assert answer["Parameters"][0]["Value"] == "value of /a"
    assert answer["InvalidParameters"] == []


def test_selectors_choose_a_version(aws: FakeAws, client: Client) -> None:
    aws.cloud.put_parameter("/db", "one", labels=("prod",))
    aws.cloud.put_parameter("/db", "two")
    names = ["/db:1", "/db:prod", "/db", "/db:7", "/db:none", "/nothing"]
    answer = client("ssm").get_parameters(Names=names, WithDecryption=True)
    assert [(one.get("Selector"), one["Value"]) for one in answer["Parameters"]] == [
        (None, "two"),
        (":1", "one"),
        (":prod", "one"),
    ]
    assert answer["InvalidParameters"] == ["/db:7", "/db:none", "/nothing"]


def test_an_arn_names_a_parameter(aws: FakeAws, client: Client) -> None:
    parameter = aws.cloud.put_parameter("/app/db", "x")
    names = [f"{parameter.arn}:1", "arn:of-nothing"]
    answer = client("ssm").get_parameters(Names=names, WithDecryption=True)
    assert answer["InvalidParameters"] == ["arn:of-nothing"]
    (only,) = answer["Parameters"]
    assert (only["Name"], only["ARN"], only["Selector"]) == ("/app/db", parameter.arn, ":1")


def test_secure_strings_stay_sealed_without_decryption(aws: FakeAws, client: Client) -> None:
    aws.cloud.put_parameter("/db", "hunter2")
    answer = client("ssm").get_parameters(Names=["/db"])
    assert "hunter2" not in answer["Parameters"][0]["Value"]


def test_secrets_are_read_through_parameter_store(aws: FakeAws, client: Client) -> None:
    secret = aws.cloud.put_secret("db", "hunter2")
    name = "/aws/reference/secretsmanager/db"
    answer = client("ssm").get_parameters(Names=[name, f"{name}2"], WithDecryption=True)
    (only,) = answer["Parameters"]
    assert (only["Name"], only["Value"], only["ARN"]) == (name, "hunter2", secret.arn)
    assert json.loads(only["SourceResult"])["VersionStages"] == ["AWSCURRENT"]
    assert answer["InvalidParameters"] == [f"{name}2"]


@pytest.mark.parametrize(
    "names",
    [
        pytest.param([f"/{number}" for number in range(11)], id="more than ten"),
        pytest.param(["/a", "/a"], id="twice the same"),
        pytest.param(["/a b"], id="a space within"),
    ],
)
def test_impossible_requests_are_refused(client: Client, names: list[str]) -> None:
    code, _ = error_of(client("ssm").get_parameters, Names=names)
    assert code == "ValidationException"


def test_one_denied_parameter_denies_the_batch(aws: FakeAws, client: Client) -> None:
    aws.cloud.put_parameter("/mine", "x")
    denied = aws.cloud.put_parameter("/other", "x")
    role = aws.cloud.put_role("narrow", allow=allow("arn:aws:ssm:*:*:parameter/mine"))
    narrow = client("ssm", session=aws.cloud.open_session(role, "pod"))
    assert narrow.get_parameters(Names=["/mine"])["Parameters"]
    code, message = error_of(narrow.get_parameters, Names=["/mine", "/other"])
    assert code == "AccessDeniedException"
    assert f"ssm:GetParameters on resource: {denied.arn} because" in message


def test_a_denied_key_denies_decryption_only(aws: FakeAws, client: Client) -> None:
    aws.cloud.put_parameter("/db", "x").kms_denied = True
    ssm = client("ssm")
    assert ssm.get_parameters(Names=["/db"])["Parameters"]
    code, message = error_of(ssm.get_parameters, Names=["/db"], WithDecryption=True)
    assert code == "AccessDeniedException"
    assert "customer master key" in message


def test_paths_are_paged_and_descended(aws: FakeAws, client: Client) -> None:
    for number in range(12):
        aws.cloud.put_parameter(f"/app/{number:02}", "x")
    aws.cloud.put_parameter("/app/deep/one", "x")
    aws.cloud.put_parameter("/apple", "x")
    pages = client("ssm").get_paginator("get_parameters_by_path").paginate
    flat = [one["Name"] for page in pages(Path="/app") for one in page["Parameters"]]
    assert flat == [f"/app/{number:02}" for number in range(12)]
    deep = [
        one["Name"] for page in pages(Path="/app/", Recursive=True) for one in page["Parameters"]
    ]
    assert deep == [*flat, "/app/deep/one"]
