"""The identity of the process itself, held against what botocore finds in the same environment."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from provider.aws.credentials.own import Own
from provider.aws.principals import SESSION_NAME
from provider.engine.model import Credentials
from provider.errors import (
    AgentUnavailable,
    NotAuthenticated,
    ProviderError,
    RoleNotAssumable,
    TokenMissing,
)
from testbed import faults
from testbed.agent import FakeAgent
from testbed.aws import FakeAws, Role
from testbed.metadata import FakeMetadata
from testbed.tokens import POD_IDENTITY_AUDIENCE, issue_token
from tests.aws.reading import REGION, Reading

SUBJECT = "operators/controller"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "c4nary-secret"}


@pytest.fixture
def role(aws: FakeAws) -> Role:
    role = aws.cloud.put_role("controller", trust=["operators:controller"])
    aws.cloud.associate("operators", "controller", role)
    return role


@pytest.fixture
def metadata(aws: FakeAws) -> Iterator[FakeMetadata]:
    with FakeMetadata(aws.cloud, aws.cloud.put_role("node")) as fake:
        yield fake


@pytest.fixture
def irsa(role: Role, tmp_path: Path) -> dict[str, str]:
    """The environment of a pod with IRSA."""
    file = tmp_path / "irsa"
    file.write_text(issue_token("operators", "controller"))
    return {"AWS_WEB_IDENTITY_TOKEN_FILE": str(file), "AWS_ROLE_ARN": role.arn}


@pytest.fixture
def pod_identity(role: Role, agent: FakeAgent, tmp_path: Path) -> dict[str, str]:
    """The environment of a pod with EKS Pod Identity."""
    file = tmp_path / "pod-identity"
    file.write_text(issue_token("operators", "controller", audience=POD_IDENTITY_AUDIENCE))
    assert role.trusts_pods
    return {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": agent.url,
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(file),
    }


@pytest.fixture
def node(metadata: FakeMetadata) -> dict[str, str]:
    """The environment of a process on EC2."""
    return {"AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata.url}


async def fetch(
    reading: Reading, environment: dict[str, str], *, allow_node_role: bool = True
) -> Credentials:
    engine = reading.engine
    own = Own(
        environment,
        engine.sts,
        engine.http.send,
        SUBJECT,
        SESSION_NAME,
        allow_node_role=allow_node_role,
    )
    return await own.principal(REGION).source.fetch()


async def refused(reading: Reading, environment: dict[str, str], **options: Any) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await fetch(reading, environment, **options)
    return caught.value


def by_botocore(
    environment: dict[str, str], aws: FakeAws, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> Any:
    """What botocore finds in this environment and no other."""
    for name in (*KEYS, "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    nowhere = str(folder / "nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", nowhere)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", nowhere)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return botocore.session.Session().get_credentials().get_frozen_credentials()


@pytest.fixture
def parts(
    irsa: dict[str, str], pod_identity: dict[str, str], node: dict[str, str]
) -> list[dict[str, str]]:
    """Environments, the one that counts first in front."""
    return [{**KEYS, "AWS_SESSION_TOKEN": "token"}, irsa, pod_identity, node]


async def test_botocore_finds_the_same_in_the_same_order(
    reading: Reading,
    parts: list[dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """All at once, then without the first, and so on."""
    seen = []
    for first in range(len(parts)):
        environment = {key: value for part in parts[first:] for key, value in part.items()}
        ours = await fetch(reading, environment)
        with monkeypatch.context() as patch:
            theirs = by_botocore(environment, reading.aws, patch, tmp_path)
        found, expected = (
            reading.aws.cloud.sessions[key].role.arn if key in reading.aws.cloud.sessions else key
            for key in (ours.access_key_id, theirs.access_key)
        )
        assert found == expected
        seen.append(found)
    assert seen[0] == "AKIAEXAMPLE"
    assert seen[1] == seen[2] != seen[3]


async def test_irsa_by_the_variables_of_the_sdks(
    reading: Reading, role: Role, irsa: dict[str, str]
) -> None:
    credentials = await fetch(reading, irsa)
    session = reading.aws.cloud.sessions[credentials.access_key_id]
    assert (session.role, session.name) == (role, SESSION_NAME)
    assert credentials.lifetime == pytest.approx(3600, abs=5)
    named = await fetch(reading, {**irsa, "AWS_ROLE_SESSION_NAME": "me"})
    assert reading.aws.cloud.sessions[named.access_key_id].name == "me"


async def test_a_token_is_read_each_time(reading: Reading, irsa: dict[str, str]) -> None:
    file = Path(irsa["AWS_WEB_IDENTITY_TOKEN_FILE"])
    good = file.read_text()
    file.write_text(issue_token("operators", "other"))
    assert isinstance(await refused(reading, irsa), RoleNotAssumable)
    file.write_text(good)
    assert await fetch(reading, irsa)


async def test_pod_identity_by_the_variables_of_the_sdks(
    reading: Reading, role: Role, pod_identity: dict[str, str]
) -> None:
    credentials = await fetch(reading, pod_identity)
    assert reading.aws.cloud.sessions[credentials.access_key_id].role is role
    token = Path(pod_identity.pop("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")).read_text()
    pod_identity["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = token
    assert await fetch(reading, pod_identity)


async def test_pod_identity_without_an_association(
    reading: Reading, aws: FakeAws, pod_identity: dict[str, str]
) -> None:
    aws.cloud.pod_roles.clear()
    error = await refused(reading, pod_identity)
    assert isinstance(error, RoleNotAssumable)
    assert "--namespace operators --service-account controller" in str(error)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/v1/credentials",
        "http://169.254.170.24/",
        "http://10.0.0.1/",
        "ftp://127.0.0.1/",
        "http://[::2]/",
        "nonsense",
    ],
)
async def test_the_token_goes_to_no_stranger(
    reading: Reading, pod_identity: dict[str, str], url: str
) -> None:
    environment = {**pod_identity, "AWS_CONTAINER_CREDENTIALS_FULL_URI": url}
    error = await refused(reading, environment)
    assert isinstance(error, NotAuthenticated)
    assert "AWS_CONTAINER_CREDENTIALS_FULL_URI" in str(error)


@pytest.mark.parametrize("content", [None, "", "two\nlines", "ümlaut"])
async def test_a_token_that_cannot_be_used(
    reading: Reading, irsa: dict[str, str], content: str | None
) -> None:
    file = Path(irsa["AWS_WEB_IDENTITY_TOKEN_FILE"])
    if content is None:
        file.unlink()
    else:
        file.write_text(content)
    error = await refused(reading, irsa)
    assert isinstance(error, TokenMissing)
    assert str(file) in str(error)
    assert reading.calls() == {}


async def test_the_role_of_the_node(
    reading: Reading, metadata: FakeMetadata, node: dict[str, str]
) -> None:
    credentials = await fetch(reading, node)
    assert reading.aws.cloud.sessions[credentials.access_key_id].role is metadata.role
    assert [call.operation for call in metadata.journal.calls] == ["PUT", "GET", "GET"]


@pytest.mark.parametrize("disabled", [False, True])
async def test_the_role_of_the_node_is_only_used_where_it_may(
    reading: Reading, metadata: FakeMetadata, node: dict[str, str], *, disabled: bool
) -> None:
    environment = {**node, "AWS_EC2_METADATA_DISABLED": "true"} if disabled else node
    error = await refused(reading, environment, allow_node_role=disabled)
    assert "AWS_WEB_IDENTITY_TOKEN_FILE" in str(error)
    assert not metadata.journal.calls


@pytest.mark.parametrize(
    ("effect", "kind"),
    [
        (faults.failing(500), AgentUnavailable),
        (faults.reset(), AgentUnavailable),
        (faults.garbage(), AgentUnavailable),
        (faults.failing(403), NotAuthenticated),
    ],
    ids=["500", "reset", "garbage", "403"],
)
async def test_metadata_that_fails(
    reading: Reading,
    metadata: FakeMetadata,
    node: dict[str, str],
    effect: faults.Effect,
    kind: type[ProviderError],
) -> None:
    metadata.faults.inject(effect, target="/latest/meta-data/iam/security-credentials/node")
    assert type(await refused(reading, node)) is kind


async def test_a_node_without_a_role(
    reading: Reading, metadata: FakeMetadata, node: dict[str, str]
) -> None:
    metadata.role = None
    error = await refused(reading, node)
    assert isinstance(error, NotAuthenticated)
    assert "no IAM role" in str(error)


async def test_what_is_no_name_of_a_role_is_not_asked_for(
    reading: Reading, metadata: FakeMetadata, node: dict[str, str]
) -> None:
    metadata.role = reading.aws.cloud.put_role("not a?name")
    assert "names no role" in str(await refused(reading, node))
    assert metadata.journal.count() == 2


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ({"Code": "AssumeRoleUnauthorizedAccess", "Message": "EC2 cannot"}, "EC2 cannot"),
        ({"Code": "Success", "SecretAccessKey": "c4nary"}, "other than credentials"),
        ({"AccessKeyId": "a", "SecretAccessKey": "c4nary", "Token": "t"}, "other than credentials"),
    ],
)
async def test_metadata_without_credentials(
    reading: Reading,
    metadata: FakeMetadata,
    node: dict[str, str],
    document: dict[str, str],
    text: str,
) -> None:
    metadata.credentials = document
    error = await refused(reading, node)
    assert text in str(error)
    assert "c4nary" not in str(error)


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"AWS_SECRET_ACCESS_KEY": ""}, "secret access key is empty"),
        ({"AWS_SECRET_ACCESS_KEY": "c4nary\n"}, "secret access key has white space"),
        ({"AWS_CREDENTIAL_EXPIRATION": "2020-01-01T00:00:00Z"}, "have expired"),
        ({"AWS_CREDENTIAL_EXPIRATION": "soon"}, "no time of expiry"),
    ],
)
async def test_keys_that_cannot_be_used(reading: Reading, more: dict[str, str], text: str) -> None:
    error = await refused(reading, {**KEYS, **more})
    assert isinstance(error, NotAuthenticated)
    assert text in str(error)
    assert "c4nary" not in str(error)


async def test_keys_in_the_environment(reading: Reading) -> None:
    expiring = {**KEYS, "AWS_CREDENTIAL_EXPIRATION": "2099-01-01T00:00:00Z"}
    assert (await fetch(reading, KEYS)).lifetime is None
    assert (await fetch(reading, expiring)).lifetime is not None
    both = {**KEYS, "AWS_SESSION_TOKEN": "new", "AWS_SECURITY_TOKEN": "old"}
    assert (await fetch(reading, both)).session_token == "old"


async def test_a_half_configured_role_says_what_is_missing(
    reading: Reading, irsa: dict[str, str]
) -> None:
    del irsa["AWS_ROLE_ARN"]
    assert "AWS_ROLE_ARN is not" in str(await refused(reading, irsa))


async def test_nothing_secret_is_printed(reading: Reading, irsa: dict[str, str]) -> None:
    engine = reading.engine
    for environment in ({**KEYS, "AWS_SESSION_TOKEN": "c4nary-token"}, irsa):
        own = Own(environment, engine.sts, engine.http.send, SUBJECT, SESSION_NAME)
        assert "c4nary" not in repr(own) + repr(own.principal(REGION))
    assert own.principal(REGION).identity.role == irsa["AWS_ROLE_ARN"]
