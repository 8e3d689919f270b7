"""Finding by name, path and tags: what is found, at which cost, and within which bounds."""

import re
import time
from collections.abc import Collection

import pytest

from provider.aws import finding
from provider.aws.finding import Find, ParameterFinder, SecretFinder
from provider.engine.model import SecretRef, SecretValue
from provider.engine.ports import Principal
from provider.errors import (
    AccessDenied,
    AnswerTooLarge,
    AwsUnavailable,
    InvalidRequest,
    OutOfTime,
)
from testbed import faults
from testbed.aws import AwsError, allow
from tests.aws.reading import REGION, Reading, query


def named(pattern: str) -> finding.Matching:
    async def matching(names: Collection[str]) -> set[str]:
        return {name for name in names if re.search(pattern, name)}

    return matching


async def secrets(reading: Reading, find: Find, user: Principal | None = None) -> list[str]:
    finder = SecretFinder(reading.engine.client, reading.engine.calls)
    found = await finder.find(find, REGION, query(user or reading.user()))
    assert set(found.values()) <= {None}
    assert {ref.store for ref in found} <= {"secretsmanager"}
    return [ref.name for ref in found]


def fill(reading: Reading) -> None:
    put = reading.aws.cloud.put_secret
    put("app/db", "1", tags={"env": "dev", "team": "shop"})
    put("app/api", "2", tags={"env": "development", "team": "shop"})
    put("other", "3", tags={"env": "prod", "kind": "dev"})
    put("my-app/db", "4")
    put("app/gone", "5", tags={"env": "dev"}).deleted_at = time.time()


@pytest.mark.parametrize(
    ("find", "expected"),
    [
        (Find(named("db$")), ["app/db", "my-app/db"]),
        (Find(named("db$"), path="app/"), ["app/db"]),
        (Find(named("."), path="app/"), ["app/api", "app/db"]),
        (Find(tags=(("env", "dev"),)), ["app/db"]),
        (Find(tags=(("team", "shop"),)), ["app/api", "app/db"]),
        (Find(tags=(("team", "shop"), ("env", "dev"))), ["app/db"]),
        (Find(tags=(("team", "shop"), ("env", "prod"))), []),
        (Find(named("api"), tags=(("team", "shop"),)), ["app/api"]),
        (Find(path="app/a", tags=(("team", "shop"),)), ["app/api"]),
        (Find(named("nothing")), []),
    ],
    ids=[
        "name",
        "name and path",
        "path at the start",
        "a tag exactly",
        "two of a tag",
        "tags of one secret",
        "tags of two secrets",
        "name and tag",
        "path and tag",
        "nothing",
    ],
)
async def test_secrets_are_found(reading: Reading, find: Find, expected: list[str]) -> None:
    fill(reading)
    assert await secrets(reading, find) == expected
    assert reading.calls() == {"ListSecrets": 1}


async def test_what_filters_cannot_say_is_checked_here(reading: Reading) -> None:
    tags = {f"k{number}": "v" for number in range(12)} | {"ümlaut": "!no", "empty": ""}
    reading.aws.cloud.put_secret("!odd", "x", tags=tags)
    reading.aws.cloud.put_secret("!even", "x", tags={**tags, "empty": "full"})
    reading.aws.cloud.put_secret("plain", "x", tags={"k0": "v"})
    assert await secrets(reading, Find(path="!", tags=tuple(tags.items()))) == ["!odd"]
    assert await secrets(reading, Find(tags=(("ümlaut", "!no"),))) == ["!even", "!odd"]
    assert await secrets(reading, Find(named("."), path="!e")) == ["!even"]


async def test_filters_keep_the_list_short(reading: Reading) -> None:
    for number in range(250):
        reading.aws.cloud.put_secret(f"a{number:03}", "x", tags={"env": "prod"})
    reading.aws.cloud.put_secret("b", "x", tags={"env": "dev"})
    assert await secrets(reading, Find(tags=(("env", "dev"),))) == ["b"]
    assert await secrets(reading, Find(named("."), path="b")) == ["b"]
    assert reading.calls() == {"ListSecrets": 2}
    assert len(await secrets(reading, Find(named(".")))) == 251
    assert reading.calls() == {"ListSecrets": 3}


@pytest.mark.parametrize("find", [Find(), Find(path="app/"), Find(tags=())])
async def test_without_name_and_tags_there_is_nothing_to_find(reading: Reading, find: Find) -> None:
    with pytest.raises(InvalidRequest, match=r"^unexpected find operator"):
        await secrets(reading, find)


async def test_what_is_found_is_read_in_batches(reading: Reading) -> None:
    for number in range(30):
        reading.aws.cloud.put_secret(f"s{number:02}", str(number))
    user = reading.user()
    finder = SecretFinder(reading.engine.client, reading.engine.calls)
    asked = query(user)
    found = await finder.find(Find(named("^s")), REGION, asked)
    assert await reading.texts(list(found), user) == [str(number) for number in range(30)]
    assert reading.calls() == {"ListSecrets": 1, "BatchGetSecretValue": 2}
    assert asked.trace.calls == 1


async def test_a_denied_list_names_action_and_resource(reading: Reading) -> None:
    user = reading.user(list(allow()))
    with pytest.raises(AccessDenied) as caught:
        await secrets(reading, Find(named(".")), user)
    assert str(caught.value).endswith(
        'Allow secretsmanager:ListSecrets on the resource "*" to access keys of shop/keys.'
    )


async def test_found_names_are_bounded(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        reading.aws.cloud.put_secret(f"s{number}", "x")
        reading.aws.cloud.put_parameter(f"/s{number}", "x" * 10)
    monkeypatch.setattr(finding, "MAX_NAMES", 4)
    for find in (secrets, parameters):
        assert len(await find(reading, Find(named("[0-3]")))) == 4
        with pytest.raises(AnswerTooLarge, match="more than 4 secrets"):
            await find(reading, Find(named(".")))
    monkeypatch.setattr(finding, "MAX_NAMES", 100)
    monkeypatch.setattr(finding, "MAX_VALUE_BYTES", 49)
    with pytest.raises(AnswerTooLarge, match="49 bytes of values"):
        await parameters(reading, Find(named(".")))
    monkeypatch.setattr(finding, "MAX_NAME_BYTES", 9)
    with pytest.raises(AnswerTooLarge, match="9 bytes of names"):
        await secrets(reading, Find(named(".")))


async def test_pages_are_bounded(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(31):
        reading.aws.cloud.put_parameter(f"/s{number}", "x")
    monkeypatch.setattr(finding, "MAX_PAGES", 3)
    with pytest.raises(AnswerTooLarge, match="GetParametersByPath answers more than 3 pages"):
        await parameters(reading, Find(named("nothing")))


async def test_a_list_that_hangs_ends_with_the_deadline(reading: Reading) -> None:
    reading.aws.faults.inject(faults.hang())
    finder = SecretFinder(reading.engine.client, reading.engine.calls)
    with pytest.raises(OutOfTime):
        await finder.find(Find(named(".")), REGION, query(reading.user(), seconds=0.2))


async def test_garbage_is_aws_failing(reading: Reading) -> None:
    reading.aws.faults.inject(faults.garbage())
    for find in (secrets, parameters):
        with pytest.raises(AwsUnavailable):
            await find(reading, Find(named(".")))


async def parameters(
    reading: Reading, find: Find, user: Principal | None = None
) -> dict[str, str | None]:
    finder = ParameterFinder(reading.engine.client, reading.engine.calls)
    found = await finder.find(find, REGION, query(user or reading.user()))
    assert {ref.store for ref in found} <= {"ssmparameter"}
    return {ref.name: value.content.decode() if value else None for ref, value in found.items()}


def fill_parameters(reading: Reading) -> None:
    put = reading.aws.cloud.put_parameter
    put("/app/db", "1", tags={"env": "dev", "team": "shop"})
    put("/app/deep/db", "2", tags={"env": "development", "team": "shop"})
    put("/other", "3", tags={"env": "dev"})


BOTH = {"/app/db": None, "/app/deep/db": None}
DEEP = {"/app/deep/db": None}


@pytest.mark.parametrize(
    ("find", "expected", "operation"),
    [
        (Find(named("db")), {"/app/db": "1", "/app/deep/db": "2"}, "GetParametersByPath"),
        (Find(named("^db"), path="/app/deep"), {}, "GetParametersByPath"),
        (Find(named("^/app/d"), path="/app/deep"), {"/app/deep/db": "2"}, "GetParametersByPath"),
        (Find(named("o"), tags=(("no", "no"),)), {"/other": "3"}, "GetParametersByPath"),
        (Find(tags=(("env", "dev"),)), {"/app/db": None, "/other": None}, "DescribeParameters"),
        (Find(path="/app", tags=(("team", "shop"),)), BOTH, "DescribeParameters"),
        (Find(path="/app/deep", tags=(("team", "shop"),)), DEEP, "DescribeParameters"),
        (Find(tags=(("env", "dev"), ("team", "shop"))), {"/app/db": None}, "DescribeParameters"),
        (Find(tags=()), {**BOTH, "/other": None}, "DescribeParameters"),
    ],
    ids=[
        "name",
        "not the name below the path",
        "full name",
        "tags beside a name",
        "tag",
        "path and tag",
        "deeper path and tag",
        "tags",
        "no tags at all",
    ],
)
async def test_parameters_are_found(
    reading: Reading, find: Find, expected: dict[str, str | None], operation: str
) -> None:
    fill_parameters(reading)
    assert await parameters(reading, find) == expected
    assert reading.calls() == {operation: 1}


async def test_parameters_without_name_and_tags(reading: Reading) -> None:
    with pytest.raises(InvalidRequest, match=r"^unexpected find operator"):
        await parameters(reading, Find(path="/app"))


async def test_pages_of_parameters(reading: Reading) -> None:
    for number in range(120):
        reading.aws.cloud.put_parameter(f"/p{number:03}", "x")
    assert len(await parameters(reading, Find(named("^/p")))) == 120
    assert len(await parameters(reading, Find(tags=()))) == 120
    assert reading.calls() == {"GetParametersByPath": 12, "DescribeParameters": 3}


async def test_without_the_right_to_a_path_parameters_are_described(reading: Reading) -> None:
    fill_parameters(reading)
    user = reading.user(list(allow("*", "ssm:DescribeParameters", "ssm:GetParameters")))
    assert await parameters(reading, Find(named("db"), path="/app"), user) == BOTH
    reading.aws.cloud.put_parameter("another", "outside of all paths")
    find = Find(named("other"), tags=(("no", "no"),))
    assert await parameters(reading, find, user) == {"/other": None}
    refs = [SecretRef("ssmparameter", name) for name in BOTH]
    assert await reading.texts(refs, user) == ["1", "2"]


async def test_names_come_without_values_where_the_caller_drops_some(reading: Reading) -> None:
    fill_parameters(reading)
    find = Find(named("db"), path="/app", names_first=True)
    assert await parameters(reading, find) == BOTH
    assert reading.calls() == {"DescribeParameters": 1}
    user = reading.user(list(allow("*", "ssm:GetParametersByPath")))
    assert await parameters(reading, find, user) == {"/app/db": "1", "/app/deep/db": "2"}


async def test_one_locked_parameter_does_not_hide_the_others(reading: Reading) -> None:
    fill_parameters(reading)
    reading.aws.cloud.parameter("/app/db").kms_denied = True
    user = reading.user()
    found = await parameters(reading, Find(named("db")), user)
    assert found == BOTH
    refs = [SecretRef("ssmparameter", name) for name in found]
    good = [isinstance(one, SecretValue) for one in await reading.read(refs, user)]
    assert good == [False, True]


async def test_other_refusals_are_not_worked_around(reading: Reading) -> None:
    where = "^fetching parameters by path app: .*forward slash"
    with pytest.raises(InvalidRequest, match=where):
        await parameters(reading, Find(named("."), path="app"))
    assert reading.calls() == {"GetParametersByPath": 1}
    with pytest.raises(AccessDenied, match='Allow ssm:DescribeParameters on the resource "\\*"'):
        await parameters(reading, Find(named(".")), reading.user([]))


async def test_credentials_that_expire_in_the_middle_are_renewed(reading: Reading) -> None:
    for number in range(25):
        reading.aws.cloud.put_parameter(f"/p{number}", "x")
    user = reading.user()
    reading.aws.faults.inject(AwsError("ExpiredTokenException", "expired"), times=1)
    assert len(await parameters(reading, Find(named(".")), user)) == 25
    assert reading.calls() == {"GetParametersByPath": 4}
