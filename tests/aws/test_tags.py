"""The tags of secrets and parameters as the text that Go makes of them."""

import json

import pytest

from provider.aws.stores.tags import go_json, parameter_tags, secret_tags
from provider.engine.model import SecretRef, SecretValue
from provider.errors import AccessDenied, AwsUnavailable, SecretNotFound
from testbed.aws import allow
from tests.aws.oracle import StubTransport, access, client
from tests.aws.reading import Reading

SECRET = SecretRef("secretsmanagertags", "db")
PARAMETER = SecretRef("ssmparametertags", "/db")


@pytest.mark.parametrize(
    ("tags", "text"),
    [
        ({}, "{}"),
        ({"b": "1", "a": "2"}, '{"a":"2","b":"1"}'),
        ({"a": '<&>"\\'}, r'{"a":"\u003c\u0026\u003e\"\\"}'),
        ({"a": "\n\t\r\x01\x7f"}, '{"a":"\\n\\t\\r\\u0001\x7f"}'),
        ({"a": "\u2028\u2029"}, r'{"a":"\u2028\u2029"}'),
        ({"\uffff": "1", "\U0001f600": "2", "ä": "é"}, '{"ä":"é","\uffff":"1","\U0001f600":"2"}'),
    ],
    ids=["none", "sorted", "HTML", "control", "line ends", "sorted by bytes"],
)
def test_text_as_of_go(tags: dict[str, str], text: str) -> None:
    assert go_json(tags) == text


async def test_tags_are_values_of_their_own(reading: Reading) -> None:
    reading.aws.cloud.put_secret("db", "x", tags={"team": "shop", "a&b": "1"})
    reading.aws.cloud.put_parameter("/db", "x", tags={"env": "dev"})
    expected = [r'{"a\u0026b":"1","team":"shop"}', '{"env":"dev"}']
    assert await reading.texts([SECRET, PARAMETER], reading.user()) == expected
    assert reading.calls() == {"DescribeSecret": 1, "ListTagsForResource": 1}


async def test_without_tags_an_empty_object(reading: Reading) -> None:
    reading.aws.cloud.put_secret("db", "x")
    reading.aws.cloud.put_parameter("/db", "x")
    assert await reading.texts([SECRET, PARAMETER], reading.user()) == ["{}", "{}"]


async def test_new_tags_are_a_new_version(reading: Reading) -> None:
    versions = set()
    for value in ("dev", "dev", "prod"):
        reading.aws.cloud.put_secret("db", "x", tags={"env": value})
        (found,) = await reading.read([SECRET], reading.user())
        assert isinstance(found, SecretValue)
        versions.add(found.version)
    assert len(versions) == 2


async def test_what_does_not_exist_is_missing(reading: Reading) -> None:
    outcomes = await reading.read([SECRET, PARAMETER], reading.user())
    assert [type(one) for one in outcomes] == [SecretNotFound] * 2


async def test_a_refusal_names_the_action(reading: Reading) -> None:
    reading.aws.cloud.put_secret("db", "x")
    reading.aws.cloud.put_parameter("/db", "x")
    user = reading.user(list(allow("*", "secretsmanager:GetSecretValue")))
    outcomes = await reading.read([SECRET, PARAMETER], user)
    assert [type(one) for one in outcomes] == [AccessDenied] * 2
    assert "Allow secretsmanager:DescribeSecret on this resource to" in str(outcomes[0])
    assert "Allow ssm:ListTagsForResource on this resource to" in str(outcomes[1])


@pytest.mark.parametrize(
    "tags",
    [7, [7], [{"Key": "a"}], [{"Value": "a"}], [{"Key": 1, "Value": "a"}], [["a", "b"]]],
)
async def test_garbage_is_aws_failing(tags: object) -> None:
    for store, key, ref in ((secret_tags, "Tags", SECRET), (parameter_tags, "TagList", PARAMETER)):
        answer = 200, json.dumps({key: tags}).encode()
        with pytest.raises(AwsUnavailable):
            await store(client(StubTransport([answer]))).read([ref], access())


async def test_a_tag_that_is_no_text_is_aws_failing() -> None:
    answer = 200, json.dumps({"Tags": [{"Key": "a", "Value": "\ud800"}]}).encode()
    with pytest.raises(AwsUnavailable):
        await secret_tags(client(StubTransport([answer]))).read([SECRET], access())
