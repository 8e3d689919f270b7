"""What the stores make of answers as the wire may bring them; the rest is in `tests/contract`."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provider import errors
from provider.aws.stores.parameter_store import ParameterStore
from provider.aws.stores.secrets_manager import SecretsManager
from provider.aws.sts import Sts
from provider.credentials import Credentials
from provider.deadline import Deadline
from provider.errors import ProviderError
from provider.csi.request.model import ObjectRef
from provider.store import SecretValue
from tests.aws.oracle import Answer, StubTransport, access, client

SECRET = ObjectRef("secretsmanager", "a")
PARAMETER = ObjectRef("ssmparameter", "a")


def answered(document: object, status: int = 200) -> Answer:
    return status, json.dumps(document).encode()


def parameter(name: str, value: str = "v", version: int = 1, **more: object) -> dict[str, object]:
    arn = f"arn:aws:ssm:eu-west-1:111122223333:parameter/{name.lstrip('/')}"
    return {"Name": name, "ARN": arn, "Value": value, "Version": version, **more}


def fetch_secret(document: object) -> SecretValue | ProviderError:
    return SecretsManager(client(StubTransport([answered(document)]))).fetch([SECRET], access())[
        SECRET
    ]


def test_text_and_binary() -> None:
    text = fetch_secret({"SecretString": "pä\x00ss", "VersionId": "v1"})
    assert text == SecretValue("pä\x00ss".encode(), "v1")
    binary = fetch_secret({"SecretBinary": "AP8=", "VersionId": "v2"})
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
def test_a_broken_secret_is_aws_failing(document: object) -> None:
    with pytest.raises(errors.AwsUnavailable) as caught:
        fetch_secret(document)
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


@settings(max_examples=60)
@given(documents, st.lists(documents | json_values, max_size=2))
def test_no_answer_makes_a_store_stumble(document: dict[str, Any], parameters: list[Any]) -> None:
    transport = StubTransport([answered(document)])
    secrets, ssm = SecretsManager(client(transport)), ParameterStore(client(transport))
    calls: list[Callable[[], object]] = [
        lambda: secrets.fetch([SECRET], access()),
        lambda: secrets.current_version(SECRET, access()),
        lambda: ssm.fetch([PARAMETER], access()),
    ]
    for call in calls:
        try:
            call()
        except ProviderError:
            continue
    transport.answers = [answered({"Parameters": parameters})]
    try:
        ssm.fetch([PARAMETER], access())
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
def test_the_current_version(document: object, label: str | None, version: str | None) -> None:
    store = SecretsManager(client(StubTransport([answered(document)])))
    assert store.current_version(ObjectRef("secretsmanager", "a", label=label), access()) == version


def versions(*parameters: dict[str, object]) -> list[str]:
    refs = [ObjectRef("ssmparameter", str(one["Name"])) for one in parameters]
    transport = StubTransport([answered({"Parameters": list(parameters)})])
    found = ParameterStore(client(transport)).fetch(refs, access())
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
def test_versions_of_parameters(more: dict[str, Any], version: str) -> None:
    assert versions(parameter("/a", **more)) == [version]


def names_asked(transport: StubTransport) -> list[list[str]]:
    return [json.loads(sent.body)["Names"] for sent in transport.sent]


def test_no_call_names_a_parameter_twice() -> None:
    arn = str(parameter("/a")["ARN"])
    refs = [
        ObjectRef("ssmparameter", "/a"),
        ObjectRef("ssmparameter", "/a", version="1"),
        ObjectRef("ssmparameter", arn, label="live"),
        ObjectRef("ssmparameter", "/b"),
    ]
    transport = StubTransport(
        [
            answered({"Parameters": [parameter("/b"), parameter("/a", "new")]}),
            answered({"Parameters": [parameter("/a", "one", Selector=":1")]}),
            answered({"Parameters": [parameter("/a", "live", Selector=":live")]}),
        ]
    )
    found = ParameterStore(client(transport)).fetch(refs, access())
    assert names_asked(transport) == [["/a", "/b"], ["/a:1"], [f"{arn}:live"]]
    assert [found[ref] for ref in refs] == [
        SecretValue(b"new", "1"),
        SecretValue(b"one", "1"),
        SecretValue(b"live", "1"),
        SecretValue(b"v", "1"),
    ]


def test_an_answer_that_leaves_out_a_parameter_does_not_say_that_there_is_none() -> None:
    store = ParameterStore(client(StubTransport([answered({"Parameters": []})])))
    outcome = store.fetch([PARAMETER], access())[PARAMETER]
    assert isinstance(outcome, errors.AwsUnavailable)


TOKEN = "eyJhbGciOiJSUzI1NiJ9aaaa.eyJzdWIiOiJtZSJ9bbbbbbbb.c2lnbmF0dXJlc2lnbmF0dXJl"


def assume(body: str, status: int = 200) -> object:
    return Sts(client(StubTransport([(status, body.encode())]))).assume_role_with_web_identity(
        role_arn="arn:aws:iam::111122223333:role/web",
        session_name="shop.web",
        token=TOKEN,
        region="eu-west-1",
        deadline=Deadline.after(5),
    )


def credentials(token: str = "T", expiration: str = "2030-01-01T00:00:00Z") -> str:
    return (
        "<AccessKeyId>A</AccessKeyId><SecretAccessKey>S</SecretAccessKey>"
        f"<SessionToken>{token}</SessionToken><Expiration>{expiration}</Expiration>"
    )


def test_credentials_that_are_whole() -> None:
    answer = f"<R><Result><Credentials>{credentials()}</Credentials></Result></R>"
    assert assume(answer) == Credentials("A", "S", "T", 1_893_456_000.0)


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
def test_broken_credentials_are_sts_failing(inside: str) -> None:
    with pytest.raises(errors.AwsUnavailable, match="UnexpectedAnswer"):
        assume(f"<R><Result><Credentials>{inside}</Credentials></Result></R>")


def test_no_part_of_a_token_is_in_an_error() -> None:
    message = f"cannot decode {TOKEN} nor {TOKEN.rpartition('.')[2]}"
    body = "<R><Error><Code>InvalidIdentityToken</Code><Message>{}</Message></Error></R>"
    with pytest.raises(errors.TokenRejected, match=r"cannot decode \*\*\* nor \*\*\*") as caught:
        assume(body.format(message), 400)
    assert not any(part in str(caught.value) for part in TOKEN.split("."))
