"""The contract of `Store`, on the real adapters over our fake AWS and over moto."""

import json
from collections.abc import AsyncIterator, Iterator

import pytest

from provider.aws.client import AwsClient
from provider.aws.endpoints import Endpoints
from provider.aws.stores.parameter_path import ParameterPaths
from provider.aws.stores.parameter_store import ParameterStore
from provider.aws.stores.secrets_manager import SecretsManager
from provider.aws.stores.secrets_manager_batch import SecretsManagerBatch
from provider.aws.stores.tags import parameter_tags, secret_tags
from provider.engine.model import Access, Identity, SecretRef, SecretValue
from provider.engine.ports import Store
from provider.errors import SecretNotFound, SecretUnusable
from provider.runtime.http import HttpClient
from testbed.aws import FakeAws, allow
from testbed.aws.iam import CONTROLLER_ACTIONS
from testbed.moto import Moto
from tests.aws.oracle import outcome_of
from tests.contract.worlds import REGION, FakeWorld, MotoWorld, World

pytestmark = pytest.mark.usefixtures("moto_server")


@pytest.fixture(scope="module")
def moto(moto_server: Moto) -> MotoWorld:
    return MotoWorld(moto_server)


@pytest.fixture(params=["fake", "moto"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "moto":
        Moto.forget()
        yield request.getfixturevalue("moto")
        return
    with FakeAws() as aws:
        may = allow("*", *CONTROLLER_ACTIONS)
        role = aws.cloud.put_role("reader", trust=["shop:web"], allow=may)
        yield FakeWorld(aws, aws.cloud.open_session(role, "shop.web"))


@pytest.fixture
async def client(world: World) -> AsyncIterator[AwsClient]:
    http = HttpClient()
    yield AwsClient(Endpoints({"AWS_ENDPOINT_URL": world.url}), http.send, lambda *_: None)
    await http.close()


@pytest.fixture
def access(world: World) -> Access:
    return Access(REGION, Identity("irsa", "shop/web", "aws", role="reader"), world.credentials)


@pytest.fixture
def secrets(client: AwsClient) -> Store:
    return SecretsManager(client)


@pytest.fixture
def batches(client: AwsClient) -> Store:
    return SecretsManagerBatch(client)


@pytest.fixture
def parameters(client: AwsClient) -> Store:
    return ParameterStore(client)


@pytest.fixture
def paths(client: AwsClient) -> Store:
    return ParameterPaths(client)


def below(path: str, *, recursive: bool = False) -> SecretRef:
    return SecretRef("ssmparameterpath", path, recursive=recursive)


def secret(name: str, version: str | None = None, label: str | None = None) -> SecretRef:
    return SecretRef("secretsmanager", name, version, label)


def parameter(name: str, version: str | None = None, label: str | None = None) -> SecretRef:
    return SecretRef("ssmparameter", name, version, label)


async def value(store: Store, ref: SecretRef, access: Access) -> SecretValue:
    outcome = await outcome_of(store, ref, access)
    assert isinstance(outcome, SecretValue), outcome
    return outcome


# ---- Secrets Manager ---------------------------------------------------------------


@pytest.mark.parametrize("content", ["pä$$", b"\x00\xff\xfe"], ids=["text", "binary"])
async def test_a_secret_by_name_and_by_arn(
    world: World, secrets: Store, access: Access, content: str | bytes
) -> None:
    arn = world.put_secret("prod/db", content)
    expected = content.encode() if isinstance(content, str) else content
    by_name = await value(secrets, secret("prod/db"), access)
    assert by_name.content == expected
    assert await value(secrets, secret(arn), access) == by_name
    assert await value(secrets, secret(arn[:-7]), access) == by_name


async def test_the_current_version_is_the_one_that_a_fetch_gets(
    world: World, secrets: Store, access: Access
) -> None:
    for content in ("old", "new"):
        world.put_secret("a", content)
        fetched = await value(secrets, secret("a"), access)
        assert fetched.content == content.encode()
        assert await secrets.current_version(secret("a"), access) == fetched.version


async def test_versions_and_labels_of_a_secret(
    world: World, secrets: Store, access: Access
) -> None:
    world.put_secret("a", "old")
    old = await value(secrets, secret("a"), access)
    world.put_secret("a", "new")
    new = await value(secrets, secret("a", label="AWSCURRENT"), access)
    assert new.content == b"new"
    assert await value(secrets, secret("a", version=old.version), access) == old
    assert await value(secrets, secret("a", label="AWSPREVIOUS"), access) == old
    assert await secrets.current_version(secret("a", label="AWSPREVIOUS"), access) == old.version


@pytest.mark.parametrize(
    "ref",
    [secret("b"), secret("a", version="0" * 36), secret("a", label="nope")],
    ids=["name", "version", "label"],
)
async def test_there_is_no_such_secret(
    world: World, secrets: Store, access: Access, ref: SecretRef
) -> None:
    world.put_secret("a", "x")
    assert isinstance(await outcome_of(secrets, ref, access), SecretNotFound)


async def test_describing_what_is_not_there(secrets: Store, access: Access) -> None:
    with pytest.raises(SecretNotFound):
        await secrets.current_version(secret("b"), access)


async def test_a_secret_marked_for_deletion(world: World, secrets: Store, access: Access) -> None:
    world.put_secret("a", "x")
    world.delete_secret("a")
    outcome = await outcome_of(secrets, secret("a"), access)
    assert isinstance(outcome, SecretUnusable)
    assert "marked for deletion" in str(outcome)
    assert await secrets.current_version(secret("a"), access) is None


async def test_a_batch_is_what_single_calls_are(
    world: World, secrets: Store, batches: Store, access: Access
) -> None:
    refs = [secret(f"s{number}") for number in range(batches.batch_size - 3)]
    for ref in refs:
        world.put_secret(ref.name, ref.name)
    world.put_secret("s0", "new")
    arn = world.put_secret("binary", b"\x00\xff")
    refs += [secret("binary"), secret(arn), secret("s0", label="AWSPREVIOUS")]
    expected = {ref: await outcome_of(secrets, ref, access) for ref in refs}
    assert all(isinstance(one, SecretValue) for one in expected.values())
    assert await batches.read(refs, access) == expected


async def test_what_a_batch_does_not_find(world: World, batches: Store, access: Access) -> None:
    for name in ("a", "gone"):
        world.put_secret(name, "x")
    world.delete_secret("gone")
    refs = [secret("a"), secret("b"), secret("gone"), secret("a", label="nope")]
    outcomes = await batches.read(refs, access)
    assert isinstance(outcomes[refs[0]], SecretValue)
    assert [type(outcomes[ref]) for ref in refs[1:]] == [SecretNotFound] * 3


async def test_tags_of_what_has_none(world: World, client: AwsClient, access: Access) -> None:
    world.put_secret("a", "x")
    world.put_parameter("/a", "x")
    for store, ref in (
        (secret_tags(client), SecretRef("secretsmanagertags", "a")),
        (parameter_tags(client), SecretRef("ssmparametertags", "/a")),
    ):
        assert (await value(store, ref, access)).content == b"{}"
        missing = ref._replace(name=f"{ref.name}b")
        assert isinstance(await outcome_of(store, missing, access), SecretNotFound)


# ---- Parameter Store ---------------------------------------------------------------


async def test_ten_parameters_in_one_call(world: World, parameters: Store, access: Access) -> None:
    refs = [parameter(f"/team/{9 - i}") for i in range(parameters.batch_size)]
    for ref in refs:
        world.put_parameter(ref.name, f"value of {ref.name}")
    outcomes = await parameters.read(refs, access)
    expected = {ref: SecretValue(f"value of {ref.name}".encode(), "1") for ref in refs}
    assert outcomes == expected


async def test_a_parameter_by_name_and_by_arn(
    world: World, parameters: Store, access: Access
) -> None:
    arn = world.put_parameter("/a/b", "x")
    refs = [parameter("/a/b"), parameter(arn)]
    assert await parameters.read(refs, access) == dict.fromkeys(refs, SecretValue(b"x", "1"))


async def test_versions_and_labels_of_a_parameter(
    world: World, parameters: Store, access: Access
) -> None:
    arn = world.put_parameter("a", "one", label="live")
    world.put_parameter("a", "two")
    expected = {
        parameter("a"): SecretValue(b"two", "2"),
        parameter("a", version="1"): SecretValue(b"one", "1"),
        parameter("a", label="live"): SecretValue(b"one", "1"),
    }
    assert await parameters.read(list(expected), access) == expected
    if isinstance(world, FakeWorld):  # moto knows no selector behind an ARN
        by_arn = parameter(arn, version="1")
        assert await value(parameters, by_arn, access) == SecretValue(b"one", "1")


async def test_each_missing_parameter_is_named(
    world: World, parameters: Store, access: Access
) -> None:
    world.put_parameter("a", "x")
    refs = [parameter("a"), parameter("b"), parameter("a", version="7")]
    outcomes = await parameters.read(refs, access)
    assert outcomes[refs[0]] == SecretValue(b"x", "1")
    for ref in refs[1:]:
        assert isinstance(outcomes[ref], SecretNotFound)
        assert ref.name in str(outcomes[ref])


@pytest.mark.parametrize(
    ("recursive", "names"), [(False, {"x"}), (True, {"x", "b/y"})], ids=["one level", "all levels"]
)
async def test_all_parameters_under_a_path(
    world: World, paths: Store, access: Access, recursive: bool, names: set[str]
) -> None:
    for name in ("/a/x", "/a/b/y", "/ab/z", "/a"):
        world.put_parameter(name, f"value of {name}")
    found = await value(paths, below("/a", recursive=recursive), access)
    assert json.loads(found.content) == {name: f"value of /a/{name}" for name in names}


@pytest.mark.parametrize("count", [10, 11, 21])
async def test_a_path_of_many_pages(world: World, paths: Store, access: Access, count: int) -> None:
    expected = {f"p{number:02}": f"v{number}" for number in range(count)}
    for name, content in expected.items():
        world.put_parameter(f"/many/{name}", content)
    assert json.loads((await value(paths, below("/many"), access)).content) == expected


async def test_there_is_nothing_under_a_path(world: World, paths: Store, access: Access) -> None:
    world.put_parameter("/a/b/c", "x")
    outcome = await outcome_of(paths, below("/a"), access)
    assert isinstance(outcome, SecretNotFound)
    assert "what lies deeper needs recursive: true" in str(outcome)


async def test_the_version_of_a_path_changes_whenever_a_value_does(
    world: World, paths: Store, access: Access
) -> None:
    ref, versions = below("/a"), []
    for name, content in (("x", "1"), ("y", "1"), ("x", "2"), ("x", "1")):
        world.put_parameter(f"/a/{name}", content)
        versions.append((await value(paths, ref, access)).version)
        assert (await value(paths, ref, access)).version == versions[-1]
    assert len(set(versions)) == 4
    assert await paths.current_version(ref, access) is None


async def test_a_parameter_has_no_cheaper_question(parameters: Store, access: Access) -> None:
    assert not parameters.can_describe
    assert await parameters.current_version(parameter("a"), access) is None
