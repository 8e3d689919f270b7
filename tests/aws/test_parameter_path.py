"""What becomes of a path's answers as the wire may bring them; the rest is in `tests/contract`."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.aws.stores.parameter_path import (
    LARGE_BYTES,
    MAX_BYTES,
    MAX_PARAMETERS,
    ParameterPaths,
)
from provider.engine.model import SecretRef, SecretValue
from provider.errors import AccessDenied, AnswerTooLarge, AwsUnavailable, ProviderError
from provider.runtime.transport import Reply, Request
from tests.aws.oracle import Answer, StubTransport, access, client, outcome_of
from tests.waiting import turns

PATH = SecretRef("ssmparameterpath", "/a")


def parameter(name: str, value: str = "v", version: int = 1, **more: object) -> dict[str, object]:
    return {"Name": name, "Value": value, "Version": version, "LastModifiedDate": 1.5e9, **more}


def page(*parameters: object, token: object = None) -> Answer:
    return 200, json.dumps({"Parameters": parameters, "NextToken": token}).encode()


async def fetch(*answers: Answer, ref: SecretRef = PATH) -> SecretValue | ProviderError:
    store = ParameterPaths(client(StubTransport(list(answers))))
    return await outcome_of(store, ref, access())


async def version(*parameters: object) -> str:
    outcome = await fetch(page(*parameters))
    assert isinstance(outcome, SecretValue)
    return outcome.version


async def test_what_is_asked_and_that_pages_are_followed_through_empty_ones() -> None:
    transport = StubTransport(
        [page(parameter("/a/x"), token="t1"), page(token="t2"), page(parameter("/a/y"))]
    )
    outcome = await outcome_of(ParameterPaths(client(transport)), PATH, access())
    assert isinstance(outcome, SecretValue)
    assert json.loads(outcome.content) == {"x": "v", "y": "v"}
    asked = [json.loads(sent.body) for sent in transport.sent]
    plain = {"Path": "/a", "Recursive": False, "WithDecryption": True, "MaxResults": 10}
    assert asked == [plain, plain | {"NextToken": "t1"}, plain | {"NextToken": "t2"}]


async def test_names_under_the_root() -> None:
    root = SecretRef("ssmparameterpath", "/", recursive=True)
    outcome = await fetch(page(parameter("/x"), parameter("/a/y")), ref=root)
    assert isinstance(outcome, SecretValue)
    assert json.loads(outcome.content) == {"a/y": "v", "x": "v"}


async def test_the_version_tells_of_names_and_revisions_and_never_of_values() -> None:
    x, y = parameter("/a/x"), parameter("/a/y")
    known = await version(x, y)
    assert await version(y, x) == known
    assert await version(x | {"Value": "other"}, y) == known
    changed = [
        (x | {"Version": 2}, y),
        (x | {"LastModifiedDate": 1.6e9}, y),
        (x,),
        (x, y, parameter("/a/z")),
        (parameter("/a/X"), y),
    ]
    assert len({known, *[await version(*parameters) for parameters in changed]}) == 6


async def test_a_refusal_names_the_action_to_allow() -> None:
    refusal = {"__type": "AccessDeniedException", "message": "User: x is not authorized"}
    outcome = await fetch((400, json.dumps(refusal).encode()))
    assert isinstance(outcome, AccessDenied)
    assert "Allow ssm:GetParametersByPath on this resource to" in str(outcome)


async def test_more_parameters_than_a_volume_should_hold() -> None:
    pages = [
        page(*(parameter(f"/a/{number}-{at}") for at in range(10)), token="more")
        for number in range(MAX_PARAMETERS // 10 + 1)
    ]
    assert isinstance(await fetch(*pages), AnswerTooLarge)


async def test_more_bytes_than_a_driver_takes() -> None:
    size = MAX_BYTES // 2
    pages = [page(parameter(f"/a/{at}", "x" * size), token="more") for at in range(3)]
    transport = StubTransport(list(pages))
    store = ParameterPaths(client(transport))
    assert isinstance(await outcome_of(store, PATH, access()), AnswerTooLarge)
    assert len(transport.sent) == 3


async def test_few_large_paths_are_read_at_a_time_and_not_all_of_one_namespace() -> None:
    """All pages of a path are in memory until the last one has come."""
    more, on_second = asyncio.Event(), []

    async def transport(request: Request) -> Reply:
        path = json.loads(request.body)["Path"]
        if b"NextToken" in request.body:
            on_second.append(path)
            await more.wait()
            return Reply(200, {}, page(parameter(f"{path}/y"))[1])
        size = 10 if path == "/small" else LARGE_BYTES + 1
        return Reply(200, {}, page(parameter(f"{path}/x", "v" * size), token="t")[1])

    store, who = ParameterPaths(client(transport)), access()
    others = [
        replace(who, identity=who.identity._replace(subject=f"other-{number}/web"))
        for number in range(3)
    ]
    asked = [("/a", who), ("/b", who), ("/c", who), ("/small", who)]
    asked += zip(("/d", "/e", "/f"), others, strict=True)
    reads = [
        asyncio.create_task(store.read([SecretRef("ssmparameterpath", path)], of))
        for path, of in asked
    ]
    await turns()
    assert sorted(on_second) == ["/a", "/b", "/d", "/e", "/small"]
    more.set()
    await asyncio.gather(*reads)
    assert sorted(on_second) == ["/a", "/b", "/c", "/d", "/e", "/f", "/small"]


async def test_pages_without_end() -> None:
    assert isinstance(await fetch(page(token="again")), AnswerTooLarge)


@pytest.mark.parametrize(
    "stranger",
    [
        parameter("/b/x"),
        parameter("/a"),
        parameter("/a/"),
        parameter("/ab"),
        {"Value": "hunter2"},
        parameter("/a/x", "hunter2\ud800"),
        "hunter2",
    ],
    ids=["elsewhere", "itself", "nameless", "neighbour", "no name", "no unicode", "text"],
)
async def test_an_answer_that_makes_no_sense_is_aws_failing(stranger: object) -> None:
    outcome = await fetch(page(stranger))
    assert isinstance(outcome, AwsUnavailable)
    assert "hunter2" not in str(outcome)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("/a/x"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
FIELDS = ["Parameters", "NextToken", "Name", "Value", "Version", "LastModifiedDate"]


@given(st.dictionaries(st.sampled_from(FIELDS), json_values), st.lists(json_values, max_size=2))
async def test_any_answer_is_values_or_an_error(
    document: dict[str, Any], parameters: list[Any]
) -> None:
    for answer in (document, {"Parameters": [document, *parameters]}, {"Parameters": [document]}):
        try:
            await fetch((200, json.dumps(answer).encode()))
        except ProviderError:
            continue
