"""The contract of `Store`, on the real adapters over our fake AWS and over moto."""

import json
from collections.abc import Iterator

import pytest
from moto.secretsmanager.models import secretsmanager_backends
from moto.ssm.models import ssm_backends

from provider.aws.client import AwsClient
from provider.aws.endpoints import Endpoints
from provider.aws.stores.parameter_path import ParameterPaths
from provider.aws.stores.parameter_store import ParameterStore
from provider.aws.stores.secrets_manager import SecretsManager
from provider.aws.transport import Transport
from provider.credentials import Access, Identity
from provider.deadline import Deadline
from provider.errors import ProviderError, SecretNotFound, SecretUnusable
from provider.csi.request.model import ObjectRef
from provider.store import SecretValue, Store
from testbed.aws import FakeAws
from tests.contract.worlds import REGION, FakeWorld, MotoWorld, World, moto_url


@pytest.fixture(scope="module")
def moto() -> Iterator[MotoWorld]:
    with moto_url() as url:
        yield MotoWorld(url)


@pytest.fixture(params=["fake", "moto"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "moto":
        secretsmanager_backends.reset()
        ssm_backends.reset()
        yield request.getfixturevalue("moto")
        return
    with FakeAws() as aws:
        role = aws.cloud.put_role("reader", trust=["shop:web"])
        yield FakeWorld(aws, aws.cloud.open_session(role, "shop.web"))


@pytest.fixture
def client(world: World) -> Iterator[AwsClient]:
    environment = {"AWS_ENDPOINT_URL": world.url}
    transport = Transport.from_environment(environment, 4)
    yield AwsClient(Endpoints(environment), transport, lambda *_: None)
    transport.close()


@pytest.fixture
def access(world: World) -> Access:
    identity = Identity("irsa", "shop", "web", "aws", role="reader")
    return Access(REGION, identity, world.credentials, Deadline.after(20))


@pytest.fixture
def secrets(client: AwsClient) -> Store:
    return SecretsManager(client)


@pytest.fixture
def parameters(client: AwsClient) -> Store:
    return ParameterStore(client)


@pytest.fixture
def paths(client: AwsClient) -> Store:
    return ParameterPaths(client)


def below(path: str, *, recursive: bool = False) -> ObjectRef:
    return ObjectRef("ssmparameterpath", path, recursive=recursive)


def secret(name: str, version: str | None = None, label: str | None = None) -> ObjectRef:
    return ObjectRef("secretsmanager", name, version, label)


def parameter(name: str, version: str | None = None, label: str | None = None) -> ObjectRef:
    return ObjectRef("ssmparameter", name, version, label)


def fetch(store: Store, ref: ObjectRef, access: Access) -> SecretValue | ProviderError:
    return store.fetch([ref], access)[ref]


def value(store: Store, ref: ObjectRef, access: Access) -> SecretValue:
    outcome = fetch(store, ref, access)
    assert isinstance(outcome, SecretValue), outcome
    return outcome


# ---- Secrets Manager ---------------------------------------------------------------


@pytest.mark.parametrize("content", ["pä$$", b"\x00\xff\xfe"], ids=["text", "binary"])
def test_a_secret_by_name_and_by_arn(
    world: World, secrets: Store, access: Access, content: str | bytes
) -> None:
    arn = world.put_secret("prod/db", content)
    expected = content.encode() if isinstance(content, str) else content
    by_name = value(secrets, secret("prod/db"), access)
    assert by_name.content == expected
    assert value(secrets, secret(arn), access) == by_name
    assert value(secrets, secret(arn[:-7]), access) == by_name


def test_the_current_version_is_the_one_that_a_fetch_gets(
    world: World, secrets: Store, access: Access
) -> None:
    for content in ("old", "new"):
        world.put_secret("a", content)
        fetched = value(secrets, secret("a"), access)
        assert fetched.content == content.encode()
        assert secrets.current_version(secret("a"), access) == fetched.version


def test_versions_and_labels_of_a_secret(world: World, secrets: Store, access: Access) -> None:
    world.put_secret("a", "old")
    old = value(secrets, secret("a"), access)
    world.put_secret("a", "new")
    new = value(secrets, secret("a", label="AWSCURRENT"), access)
    assert new.content == b"new"
    assert value(secrets, secret("a", version=old.version), access) == old
    assert value(secrets, secret("a", label="AWSPREVIOUS"), access) == old
    assert secrets.current_version(secret("a", label="AWSPREVIOUS"), access) == old.version


@pytest.mark.parametrize(
    "ref",
    [secret("b"), secret("a", version="0" * 36), secret("a", label="nope")],
    ids=["name", "version", "label"],
)
def test_there_is_no_such_secret(
    world: World, secrets: Store, access: Access, ref: ObjectRef
) -> None:
    world.put_secret("a", "x")
    assert isinstance(fetch(secrets, ref, access), SecretNotFound)


def test_describing_what_is_not_there(secrets: Store, access: Access) -> None:
    with pytest.raises(SecretNotFound):
        secrets.current_version(secret("b"), access)


def test_a_secret_marked_for_deletion(world: World, secrets: Store, access: Access) -> None:
    world.put_secret("a", "x")
    world.delete_secret("a")
    outcome = fetch(secrets, secret("a"), access)
    assert isinstance(outcome, SecretUnusable)
    assert "marked for deletion" in str(outcome)
    assert secrets.current_version(secret("a"), access) is None


# ---- Parameter Store ---------------------------------------------------------------


def test_ten_parameters_in_one_call(world: World, parameters: Store, access: Access) -> None:
    refs = [parameter(f"/team/{9 - i}") for i in range(parameters.batch_size)]
    for ref in refs:
        world.put_parameter(ref.name, f"value of {ref.name}")
    outcomes = parameters.fetch(refs, access)
    expected = {ref: SecretValue(f"value of {ref.name}".encode(), "1") for ref in refs}
    assert outcomes == expected


def test_a_parameter_by_name_and_by_arn(world: World, parameters: Store, access: Access) -> None:
    arn = world.put_parameter("/a/b", "x")
    refs = [parameter("/a/b"), parameter(arn)]
    assert parameters.fetch(refs, access) == dict.fromkeys(refs, SecretValue(b"x", "1"))


def test_versions_and_labels_of_a_parameter(
    world: World, parameters: Store, access: Access
) -> None:
    arn = world.put_parameter("a", "one", label="live")
    world.put_parameter("a", "two")
    expected = {
        parameter("a"): SecretValue(b"two", "2"),
        parameter("a", version="1"): SecretValue(b"one", "1"),
        parameter("a", label="live"): SecretValue(b"one", "1"),
    }
    assert parameters.fetch(list(expected), access) == expected
    if isinstance(world, FakeWorld):  # moto knows no selector behind an ARN
        by_arn = parameter(arn, version="1")
        assert value(parameters, by_arn, access) == SecretValue(b"one", "1")


def test_each_missing_parameter_is_named(world: World, parameters: Store, access: Access) -> None:
    world.put_parameter("a", "x")
    refs = [parameter("a"), parameter("b"), parameter("a", version="7")]
    outcomes = parameters.fetch(refs, access)
    assert outcomes[refs[0]] == SecretValue(b"x", "1")
    for ref in refs[1:]:
        assert isinstance(outcomes[ref], SecretNotFound)
        assert ref.name in str(outcomes[ref])


@pytest.mark.parametrize(
    ("recursive", "names"), [(False, {"x"}), (True, {"x", "b/y"})], ids=["one level", "all levels"]
)
def test_all_parameters_under_a_path(
    world: World, paths: Store, access: Access, recursive: bool, names: set[str]
) -> None:
    for name in ("/a/x", "/a/b/y", "/ab/z", "/a"):
        world.put_parameter(name, f"value of {name}")
    found = value(paths, below("/a", recursive=recursive), access)
    assert json.loads(found.content) == {name: f"value of /a/{name}" for name in names}


@pytest.mark.parametrize("count", [10, 11, 35])
def test_a_path_of_many_pages(world: World, paths: Store, access: Access, count: int) -> None:
    expected = {f"p{number:02}": f"v{number}" for number in range(count)}
    for name, content in expected.items():
        world.put_parameter(f"/many/{name}", content)
    assert json.loads(value(paths, below("/many"), access).content) == expected


def test_there_is_nothing_under_a_path(world: World, paths: Store, access: Access) -> None:
    world.put_parameter("/a/b/c", "x")
    outcome = fetch(paths, below("/a"), access)
    assert isinstance(outcome, SecretNotFound)
    assert "what lies deeper needs recursive: true" in str(outcome)


def test_the_version_of_a_path_changes_whenever_a_value_does(
    world: World, paths: Store, access: Access
) -> None:
    ref, versions = below("/a"), []
    for name, content in (("x", "1"), ("y", "1"), ("x", "2"), ("x", "1")):
        world.put_parameter(f"/a/{name}", content)
        versions.append(value(paths, ref, access).version)
        assert value(paths, ref, access).version == versions[-1]
    assert len(set(versions)) == 4
    assert paths.current_version(ref, access) is None


def test_a_parameter_has_no_cheaper_question(parameters: Store, access: Access) -> None:
    assert parameters.current_version(parameter("a"), access) is None
