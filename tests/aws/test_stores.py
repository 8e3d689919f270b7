"""What the stores make of answers as the wire may bring them; the rest is in `tests/contract`."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider import errors
from provider.aws.stores.parameter_store import ParameterStore
from provider.aws.stores.secrets_manager import SecretsManager
from provider.aws.sts import Sts
from provider.engine.model import Credentials, SecretRef, SecretValue
from provider.errors import ProviderError
from provider.runtime.transport import Reply, Request
from tests.aws.oracle import IDENTITY, Answer, StubTransport, access, client

SECRET = SecretRef("secretsmanager", "a")
PARAMETER = SecretRef("ssmparameter", "a")


def answered(document: object, status: int = 200) -> Answer:
    return status, json.dumps(document).encode()


def parameter(name: str, value: str = "v", version: int = 1, **more: object) -> dict[str, object]:
    arn = f"arn:aws:ssm:eu-west-1:111122223333:parameter/{name.lstrip('/')}"
    return {"Name": name, "ARN": arn, "Value": value, "Version": version, **more}


async def fetch_secret(document: object) -> SecretValue | ProviderError:
    store = SecretsManager(client(StubTransport([answered(document)])))
    return (await store.read([SECRET], access()))[SECRET]


async def test_text_and_binary() -> None:
    text = await fetch_secret({"SecretString": "pä\x00ss", "VersionId": "v1"})
    assert text == SecretValue("pä\x00ss".encode(), "v1")
    binary = await fetch_secret({"SecretBinary": "AP8=", "VersionId": "v2"})
    assert binary == SecretValue(b"\x00\xff", "v2")


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"VersionId": "v"},
        {"SecretString": "s"},
        {"SecretString": ["s"], "VersionId": "v"},
        {"SecretString": "s", "VersionId": 7},
        {"SecretString": "s", "VersionId": "a\nb"},
        {"SecretBinary": "hunter2!", "VersionId": "v"},
        {"SecretString": "hunter2\ud800", "VersionId": "v"},
    ],
)
async def test_a_broken_secret_is_aws_failing(document: object) -> None:
    with pytest.raises(errors.AwsUnavailable) as caught:
        await fetch_secret(document)
    assert "hunter2" not in str(caught.value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
FIELDS = [
    "SecretString",
    "SecretBinary",
    "VersionId",
    "VersionIdsToStages",
    "DeletedDate",
    "Parameters",
    "InvalidParameters",
    "Name",
    "ARN",
    "Value",
    "Version",
    "Selector",
    "SourceResult",
    "LastModifiedDate",
]
documents = st.dictionaries(st.sampled_from(FIELDS), json_values)


@given(documents, st.lists(documents | json_values, max_size=2))
async def test_any_answer_is_a_value_or_an_error(
    document: dict[str, Any], parameters: list[Any]
) -> None:
    transport = StubTransport([answered(document)])
    secrets, ssm = SecretsManager(client(transport)), ParameterStore(client(transport))
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: secrets.read([SECRET], access()),
        lambda: secrets.current_version(SECRET, access()),
        lambda: ssm.read([PARAMETER], access()),
    ]
    for call in calls:
        try:
            await call()
        except ProviderError:
            continue
    transport.answers = [answered({"Parameters": parameters})]
    try:
        await ssm.read([PARAMETER], access())
    except ProviderError:
        return


@pytest.mark.parametrize(
    ("document", "label", "version"),
    [
        ({"VersionIdsToStages": {"v1": ["AWSPREVIOUS"], "v2": ["AWSCURRENT"]}}, None, "v2"),
        ({"VersionIdsToStages": {"v1": ["blue"], "v2": ["AWSCURRENT"]}}, "blue", "v1"),
        ({"VersionIdsToStages": {"v2": ["AWSCURRENT"]}}, "blue", None),
        ({"VersionIdsToStages": {"v2": ["AWSCURRENT"]}, "DeletedDate": 1.5e9}, None, None),
        ({}, None, None),
    ],
    ids=["current", "label", "no-such-label", "deleted", "no-versions"],
)
async def test_the_current_version(
    document: object, label: str | None, version: str | None
) -> None:
    store = SecretsManager(client(StubTransport([answered(document)])))
    assert (
        await store.current_version(SecretRef("secretsmanager", "a", label=label), access())
        == version
    )


async def versions(*parameters: dict[str, object]) -> list[str]:
    refs = [SecretRef("ssmparameter", str(one["Name"])) for one in parameters]
    transport = StubTransport([answered({"Parameters": list(parameters)})])
    found = await ParameterStore(client(transport)).read(refs, access())
    values = [found[ref] for ref in refs]
    return [value.version for value in values if isinstance(value, SecretValue)]


@pytest.mark.parametrize(
    ("more", "version"),
    [
        ({"version": 12}, "12"),
        ({"version": 0, "SourceResult": '{"versionId": "abc", "secretString": "x"}'}, "abc"),
        ({"version": 0, "SourceResult": "{}", "LastModifiedDate": 1.5e9}, "1500000000.0"),
        ({"version": 0, "SourceResult": "hunter2", "LastModifiedDate": 17}, "17"),
        ({"version": 0}, "0"),
    ],
)
async def test_versions_of_parameters(more: dict[str, Any], version: str) -> None:
    assert await versions(parameter("/a", **more)) == [version]


def names_asked(transport: StubTransport) -> list[list[str]]:
    return [json.loads(sent.body)["Names"] for sent in transport.sent]


async def test_no_call_names_a_parameter_twice() -> None:
    arn = str(parameter("/a")["ARN"])
    refs = [
        SecretRef("ssmparameter", "/a"),
        SecretRef("ssmparameter", "/a", version="1"),
        SecretRef("ssmparameter", arn, label="live"),
        SecretRef("ssmparameter", "/b"),
    ]
    transport = StubTransport(
        [
            answered({"Parameters": [parameter("/b"), parameter("/a", "new")]}),
            answered({"Parameters": [parameter("/a", "one", Selector=":1")]}),
            answered({"Parameters": [parameter("/a", "live", Selector=":live")]}),
        ]
    )
    found = await ParameterStore(client(transport)).read(refs, access())
    assert names_asked(transport) == [["/a", "/b"], ["/a:1"], [f"{arn}:live"]]
    assert [found[ref] for ref in refs] == [
        SecretValue(b"new", "1"),
        SecretValue(b"one", "1"),
        SecretValue(b"live", "1"),
        SecretValue(b"v", "1"),
    ]


async def test_a_parameter_without_an_arn_is_nobody_elses() -> None:
    answer = answered({"Parameters": [{"Name": "/b", "Value": "theirs", "Version": 1}]})
    ref = SecretRef("ssmparameter", "None")
    found = await ParameterStore(client(StubTransport([answer]))).read([ref], access())
    assert isinstance(found[ref], errors.AwsUnavailable)


async def test_an_answer_that_leaves_out_a_parameter_does_not_say_that_there_is_none() -> None:
    store = ParameterStore(client(StubTransport([answered({"Parameters": []})])))
    outcome = (await store.read([PARAMETER], access()))[PARAMETER]
    assert isinstance(outcome, errors.AwsUnavailable)


class PerName:
    """Refuses batches; answers single names, all at once, as soon as `wanted` were asked for."""

    def __init__(self, wanted: int, broken: dict[str, Answer]) -> None:
        self.asked: list[str] = []
        self._broken = broken
        self._all_there = asyncio.Barrier(wanted)

    async def __call__(self, request: Request) -> Reply:
        names = json.loads(request.body)["Names"]
        if len(names) > 1:
            return Reply(400, {}, b'{"__type": "AccessDeniedException"}')
        self.asked.append(names[0])
        if names[0] not in self.asked[:-1]:
            await self._all_there.wait()
        status, body = self._broken.get(names[0], answered({"Parameters": [parameter(names[0])]}))
        return Reply(status, {"x-amzn-requestid": "1"}, body)


NAMES = [SecretRef("ssmparameter", f"/{number}") for number in range(10)]


async def test_names_of_a_refused_batch_are_asked_side_by_side() -> None:
    transport = PerName(10, {"/3": (400, b'{"__type": "AccessDeniedException"}')})
    found = dict(await ParameterStore(client(transport)).read(NAMES, access()))
    assert isinstance(found.pop(NAMES[3]), errors.AccessDenied)
    assert set(found.values()) == {SecretValue(b"v", "1")}


async def test_what_fails_for_one_name_leaves_the_others_alone() -> None:
    transport = PerName(10, {"/3": (501, b"")})
    found = dict(await ParameterStore(client(transport)).read(NAMES, access()))
    assert isinstance(found.pop(NAMES[3]), errors.AwsUnavailable)
    assert set(found.values()) == {SecretValue(b"v", "1")}


async def test_a_batch_that_fails_for_a_transient_reason_is_not_taken_apart() -> None:
    transport = StubTransport([(500, b"")])
    with pytest.raises(errors.AwsUnavailable):
        await ParameterStore(client(transport)).read(NAMES, access())
    assert {len(names) for names in names_asked(transport)} == {10}


async def test_expired_credentials_concern_all_names_of_a_batch() -> None:
    transport = PerName(10, {"/3": (400, b'{"__type": "ExpiredTokenException"}')})
    with pytest.raises(errors.CredentialsExpired):
        await ParameterStore(client(transport)).read(NAMES, access())


TOKEN = "eyJhbGciOiJSUzI1NiJ9aaaa.eyJzdWIiOiJtZSJ9bbbbbbbb.c2lnbmF0dXJlc2lnbmF0dXJl"


async def assume(body: str, status: int = 200, date: str = "") -> object:
    return await Sts(
        client(StubTransport([(status, body.encode())], date=date))
    ).assume_role_with_web_identity(
        identity=IDENTITY,
        session_name="web@shop",
        token=TOKEN,
        region="eu-west-1",
    )


def credentials(token: str = "T", expiration: str = "2030-01-01T00:00:00Z") -> str:
    return (
        "<AccessKeyId>A</AccessKeyId><SecretAccessKey>S</SecretAccessKey>"
        f"<SessionToken>{token}</SessionToken><Expiration>{expiration}</Expiration>"
    )


def credentials_answer(expiration: str) -> str:
    return f"<R><A><Credentials>{credentials(expiration=expiration)}</Credentials></A></R>"


AN_HOUR_LATER = "2030-01-01T01:00:00Z"


@pytest.mark.parametrize(
    ("date", "lifetime"),
    [
        ("Tue, 01 Jan 2030 00:00:00 GMT", 3600.0),
        ("Tue, 01 Jan 2030 02:00:00 GMT", 0.0),
        ("Tue, 01 Jan 2019 00:00:00 GMT", 12 * 3600.0),
    ],
    ids=["an hour", "over", "no session lasts as long"],
)
async def test_the_lifetime_is_measured_by_the_clock_of_aws(
    monkeypatch: pytest.MonkeyPatch, date: str, lifetime: float
) -> None:
    monkeypatch.setattr("provider.aws.credentials.lifetime.time", lambda: 4e9)
    answer = credentials_answer(AN_HOUR_LATER)
    assert await assume(answer, date=date) == Credentials("A", "S", "T", lifetime)


@pytest.mark.parametrize("date", ["", "soon"])
async def test_without_a_date_the_local_clock_counts(
    monkeypatch: pytest.MonkeyPatch, date: str
) -> None:
    monkeypatch.setattr("provider.aws.credentials.lifetime.time", lambda: 1_893_456_000.0)
    answer = credentials_answer(AN_HOUR_LATER)
    assert await assume(answer, date=date) == Credentials("A", "S", "T", 3600.0)


@pytest.mark.parametrize(
    "inside",
    [
        pytest.param("", id="none"),
        pytest.param("<AccessKeyId>A</AccessKeyId>", id="some"),
        pytest.param(credentials(expiration="soon"), id="no-expiry"),
        pytest.param(credentials(token="T\nX-Evil: 1"), id="a-header-in-the-token"),
        pytest.param(credentials(token="tökén"), id="not-ascii"),
    ],
)
async def test_broken_credentials_are_sts_failing(inside: str) -> None:
    with pytest.raises(errors.AwsUnavailable, match="UnexpectedAnswer"):
        await assume(f"<R><Result><Credentials>{inside}</Credentials></Result></R>")


async def test_no_part_of_a_token_is_in_an_error() -> None:
    message = f"cannot decode {TOKEN} nor {TOKEN.rpartition('.')[2]}"
    body = "<R><Error><Code>InvalidIdentityToken</Code><Message>{}</Message></Error></R>"
    with pytest.raises(errors.TokenRejected, match=r"cannot decode \*\*\* nor \*\*\*") as caught:
        await assume(body.format(message), 400)
    assert not any(part in str(caught.value) for part in TOKEN.split("."))
