"""The whole path against the fake AWS, which checks signatures, rights and tokens."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from provider import errors
from provider.aws.client import AwsClient
from provider.aws.endpoints import Endpoints
from provider.aws.network import Network
from provider.aws.protocols import user_agent
from provider.aws.stores import stores
from provider.aws.stores.parameter_store import ParameterStore
from provider.aws.stores.secrets_manager import SecretsManager
from provider.aws.sts import Sts
from provider.engine.model import Access, Credentials, Identity, SecretRef, SecretValue
from provider.runtime.http import HttpClient
from testbed import faults
from testbed.aws import AwsError, FakeAws, Role, allow
from testbed.tokens import issue_token
from tests.aws.oracle import outcome_of

REGION = "us-east-1"


@pytest.fixture
async def connect() -> AsyncIterator[Callable[[str], AwsClient]]:
    """Makes clients of an endpoint URL."""
    http = HttpClient()

    def connect(url: str) -> AwsClient:
        environment = {"AWS_ENDPOINT_URL": url}
        return AwsClient(Endpoints(environment), Network(environment, http).send, lambda *_: None)

    yield connect
    await http.close()


@pytest.fixture
def client(aws: FakeAws, connect: Callable[[str], AwsClient]) -> AwsClient:
    return connect(aws.url)


@pytest.fixture
def role(aws: FakeAws) -> Role:
    return aws.cloud.put_role("web", trust=["shop:web"])


Enter = Callable[..., Access]


def access_of(aws: FakeAws, role: Role, lifetime: float = 3600.0) -> Access:
    session = aws.cloud.open_session(role, "web@shop", lifetime=lifetime)
    keys = Credentials(session.access_key_id, session.secret_access_key, session.token)
    return Access(REGION, Identity("irsa", "shop/web", "aws", role=role.arn), keys)


@pytest.fixture
def enter(aws: FakeAws, role: Role) -> Enter:
    """Gives access: with the role's rights as they are, from now on."""
    return lambda lifetime=3600.0: access_of(aws, role, lifetime)


SECRET = SecretRef("secretsmanager", "a")


async def test_a_denied_secret_tells_whom_to_allow_what(
    client: AwsClient, enter: Enter, role: Role
) -> None:
    role.allow = []
    outcome = await outcome_of(SecretsManager(client), SECRET, enter())
    assert isinstance(outcome, errors.AccessDenied)
    assert str(outcome).startswith("AccessDeniedException: User: arn:aws:sts::")
    assert "is not authorized to perform: secretsmanager:GetSecretValue" in str(outcome)
    assert str(outcome).endswith(
        f"Allow secretsmanager:GetSecretValue on this resource to role {role.arn} "
        "of service account shop/web."
    )


async def test_a_key_that_is_denied_names_kms(
    aws: FakeAws, client: AwsClient, enter: Enter
) -> None:
    aws.cloud.put_secret("a", "x").kms_denied = True
    outcome = await outcome_of(SecretsManager(client), SECRET, enter())
    assert isinstance(outcome, errors.AccessDenied)
    assert "kms:Decrypt" in str(outcome)


async def test_of_a_batch_only_the_denied_parameters_are_refused(
    aws: FakeAws, client: AwsClient, enter: Enter, role: Role
) -> None:
    refs = [SecretRef("ssmparameter", name) for name in ("/mine/a", "/theirs/b", "/mine/c", "no")]
    for ref in refs[:3]:
        aws.cloud.put_parameter(ref.name, "x")
    role.allow = [
        *allow("arn:aws:ssm:*:*:parameter/mine/*", "ssm:GetParameters"),
        *allow("arn:aws:ssm:*:*:parameter/no", "ssm:GetParameters"),
    ]
    outcomes = await ParameterStore(client).read(refs, enter())
    kinds = [type(outcomes[ref]) for ref in refs]
    assert kinds == [SecretValue, errors.AccessDenied, SecretValue, errors.SecretNotFound]
    assert aws.journal.count("GetParameters") == 1 + len(refs)


@pytest.mark.parametrize("broken", ["key", "name"])
async def test_of_a_batch_only_the_broken_parameter_fails(
    aws: FakeAws, client: AwsClient, enter: Enter, broken: str
) -> None:
    good = SecretRef("ssmparameter", "/a")
    bad = SecretRef("ssmparameter", "/b" if broken == "key" else "/b c")
    aws.cloud.put_parameter("/a", "x")
    aws.cloud.put_parameter("/b", "x").kms_denied = True
    outcomes = await ParameterStore(client).read([good, bad], enter())
    assert outcomes[good] == SecretValue(b"x", "1")
    refused = errors.AccessDenied if broken == "key" else errors.InvalidRequest
    assert isinstance(outcomes[bad], refused)


async def test_a_secret_behind_a_parameter_has_its_version(
    aws: FakeAws, client: AwsClient, enter: Enter
) -> None:
    secret = aws.cloud.put_secret("db", "x")
    ref = SecretRef("ssmparameter", "/aws/reference/secretsmanager/db")
    outcome = await outcome_of(ParameterStore(client), ref, enter())
    assert isinstance(outcome, SecretValue)
    assert outcome.content == b"x"
    assert outcome.version in secret.versions


async def test_expired_credentials_fail_the_whole_call(client: AwsClient, enter: Enter) -> None:
    access = enter(lifetime=-1)
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: SecretsManager(client).read([SECRET], access),
        lambda: ParameterStore(client).read([SecretRef("ssmparameter", "a")], access),
    ]
    for call in calls:
        with pytest.raises(errors.CredentialsExpired, match="ExpiredTokenException"):
            await call()


@pytest.mark.parametrize(
    "effect",
    [
        faults.reset(),
        faults.closed(),
        faults.truncated(),
        faults.garbage(),
        faults.failing(500),
        faults.failing(503),
        AwsError("ThrottlingException", "Rate exceeded"),
    ],
    ids=["reset", "closed", "truncated", "garbage", "500", "503", "throttled"],
)
async def test_a_passing_fault_goes_unnoticed(
    aws: FakeAws, client: AwsClient, enter: Enter, effect: faults.Effect
) -> None:
    aws.cloud.put_secret("a", "x")
    aws.faults.inject(effect, times=1)
    outcome = await outcome_of(SecretsManager(client), SECRET, enter())
    assert isinstance(outcome, SecretValue)


@pytest.mark.parametrize(
    ("effect", "error"),
    [
        (faults.garbage(), errors.AwsUnavailable),
        (faults.truncated(), errors.AwsUnavailable),
        (faults.failing(500), errors.AwsUnavailable),
        (faults.huge(9 * 1024 * 1024), errors.AwsUnavailable),
        (faults.failing(429), errors.AwsThrottled),
    ],
    ids=["garbage", "truncated", "500", "huge", "429"],
)
async def test_a_lasting_fault_fails_the_whole_call(
    aws: FakeAws,
    client: AwsClient,
    enter: Enter,
    effect: faults.Effect,
    error: type[errors.ProviderError],
) -> None:
    aws.cloud.put_secret("a", "x")
    aws.faults.inject(effect)
    with pytest.raises(error):
        await SecretsManager(client).read([SECRET], enter())


async def test_a_hanging_region_ends_with_the_deadline_of_the_caller(
    aws: FakeAws, client: AwsClient, enter: Enter
) -> None:
    aws.cloud.put_secret("a", "x")
    aws.faults.inject(faults.hang(), times=1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await SecretsManager(client).read([SECRET], enter())
    assert isinstance((await SecretsManager(client).read([SECRET], enter()))[SECRET], SecretValue)


async def test_many_calls_of_many_identities_are_signed_each_as_itself(
    aws: FakeAws, client: AwsClient
) -> None:
    refs = [SecretRef("secretsmanager", f"s{number}") for number in range(20)]
    for ref in refs:
        aws.cloud.put_secret(ref.name, ref.name)
    roles = [aws.cloud.put_role(f"r{at}", allow=allow(f"*:secret:s{at}-*")) for at in range(20)]
    identities = [access_of(aws, role) for role in roles]
    aws.faults.inject(faults.reset(), probability=0.05)
    store = SecretsManager(client)

    async def matches(turn: int) -> bool:
        ref, access = refs[turn % 20], identities[turn % 20]
        outcome = await outcome_of(store, ref, access)
        return isinstance(outcome, SecretValue) and outcome.content == ref.name.encode()

    assert all(await asyncio.gather(*map(matches, range(200))))


@pytest.mark.parametrize("suffix", ["", "/{region}", "/x/{region}/"])
async def test_a_path_in_the_endpoint_is_signed(
    aws: FakeAws, connect: Callable[[str], AwsClient], enter: Enter, suffix: str
) -> None:
    aws.cloud.put_secret("a", "x")
    client = connect(aws.url + suffix)
    outcome = await outcome_of(SecretsManager(client), SECRET, enter())
    assert isinstance(outcome, SecretValue)


async def test_the_stores_by_name(aws: FakeAws, client: AwsClient, enter: Enter) -> None:
    aws.cloud.put_secret("a", "x")
    aws.cloud.put_parameter("/b/c", "y")
    known = stores(client)
    for ref, content in (
        (SECRET, b"x"),
        (SecretRef("ssmparameter", "/b/c"), b"y"),
        (SecretRef("ssmparameterpath", "/b"), b'{"c": "y"}'),
    ):
        outcome = await outcome_of(known[ref.store], ref, enter())
        assert isinstance(outcome, SecretValue)
        assert outcome.content == content
    assert [known[name].batch_size for name in known] == [1, 10, 1]
    assert [known[name].can_describe for name in known] == [True, False, False]


def test_the_user_agent() -> None:
    assert user_agent().startswith("secrets-provider-aws/")
    assert user_agent("v1.2") == f"{user_agent()} eks-addon/v1.2"


async def assume(client: AwsClient, role: str, token: str) -> Credentials:
    return await Sts(client).assume_role_with_web_identity(
        identity=Identity("irsa", "shop/web", "aws", role),
        session_name="web@shop",
        token=token,
        region=REGION,
    )


async def test_a_token_becomes_credentials_that_work(
    aws: FakeAws, client: AwsClient, role: Role
) -> None:
    aws.cloud.put_secret("a", "x")
    credentials = await assume(client, role.arn, issue_token("shop", "web"))
    assert credentials.lifetime == pytest.approx(3600, abs=5)
    access = Access(REGION, Identity("irsa", "shop/web", "aws", role=role.arn), credentials)
    outcome = await outcome_of(SecretsManager(client), SECRET, access)
    assert isinstance(outcome, SecretValue)


STRANGE = "arn:aws:iam::111122223333:role/nobody"


@pytest.mark.parametrize(
    ("account", "role_arn", "options", "error"),
    [
        ("other", None, {}, errors.RoleNotAssumable),
        ("web", STRANGE, {}, errors.RoleNotAssumable),
        ("web", "no role", {}, errors.RoleNotAssumable),
        ("web", None, {"lifetime": -60}, errors.TokenRejected),
        ("web", None, {"audience": "wrong"}, errors.TokenRejected),
    ],
    ids=["not-trusted", "no-such-role", "no-arn", "expired", "wrong-audience"],
)
async def test_tokens_that_get_nothing(  # noqa: PLR0917 - fixtures and a table
    client: AwsClient,
    role: Role,
    account: str,
    role_arn: str | None,
    options: dict[str, object],
    error: type[errors.ProviderError],
) -> None:
    token = issue_token("shop", account, **options)  # type: ignore[arg-type]  # from the table
    with pytest.raises(error) as caught:
        await assume(client, role_arn or role.arn, token)
    assert token not in str(caught.value)


@pytest.mark.parametrize("code", ["IDPCommunicationError", "InvalidIdentityToken"])
async def test_a_provider_that_is_not_known_everywhere_is_asked_again(
    aws: FakeAws, client: AwsClient, role: Role, code: str
) -> None:
    aws.faults.inject(AwsError(code, "try again"), times=2)
    assert (await assume(client, role.arn, issue_token("shop", "web"))).session_token
