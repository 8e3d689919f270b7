"""The whole path against the fake AWS, which checks signatures, rights and tokens."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from time import time

import pytest

from provider import errors
from provider.aws import client as client_module
from provider.aws.client import AwsClient
from provider.aws.endpoints import Endpoints
from provider.aws.stores.parameter_store import ParameterStore
from provider.aws.stores.secrets_manager import SecretsManager
from provider.aws.sts import Sts
from provider.aws.transport import Transport
from provider.credentials import Access, Credentials, Identity
from provider.csi.request.model import ObjectRef
from provider.deadline import Deadline
from provider.store import SecretValue
from testbed import faults
from testbed.aws import AwsError, FakeAws, Role, allow
from testbed.tokens import issue_token

REGION = "us-east-1"


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries follow at once."""
    monkeypatch.setattr(client_module, "sleep", lambda seconds: None)


@pytest.fixture
def client(aws: FakeAws) -> Iterator[AwsClient]:
    environment = {"AWS_ENDPOINT_URL": aws.url}
    transport = Transport.from_environment(environment, 4)
    yield AwsClient(Endpoints(environment), transport, lambda *_: None)
    transport.close()


@pytest.fixture
def role(aws: FakeAws) -> Role:
    return aws.cloud.put_role("web", trust=["shop:web"])


Enter = Callable[..., Access]


@pytest.fixture
def enter(aws: FakeAws, role: Role) -> Enter:
    """Gives access: with the role's rights as they are, from now on."""

    def enter(seconds: float = 10.0, lifetime: float = 3600.0) -> Access:
        session = aws.cloud.open_session(role, "shop.web", lifetime=lifetime)
        keys = session.access_key_id, session.secret_access_key, session.token
        identity = Identity("irsa", "shop", "web", "aws", role=role.arn)
        deadline = Deadline.after(seconds)
        return Access(REGION, identity, Credentials(*keys, session.expires_at), deadline)

    return enter


SECRET = ObjectRef("secretsmanager", "a")


def test_a_denied_secret_tells_whom_to_allow_what(
    client: AwsClient, enter: Enter, role: Role
) -> None:
    role.allow = []
    outcome = SecretsManager(client).fetch([SECRET], enter())[SECRET]
    assert isinstance(outcome, errors.AccessDenied)
    assert str(outcome).startswith("AccessDeniedException: User: arn:aws:sts::")
    assert "is not authorized to perform: secretsmanager:GetSecretValue" in str(outcome)
    assert str(outcome).endswith(
        f"Allow secretsmanager:GetSecretValue on it to role {role.arn} of service account shop/web."
    )


def test_a_key_that_is_denied_names_kms(aws: FakeAws, client: AwsClient, enter: Enter) -> None:
    aws.cloud.put_secret("a", "x").kms_denied = True
    outcome = SecretsManager(client).fetch([SECRET], enter())[SECRET]
    assert isinstance(outcome, errors.AccessDenied)
    assert "kms:Decrypt" in str(outcome)


def test_of_a_batch_only_the_denied_parameters_are_refused(
    aws: FakeAws, client: AwsClient, enter: Enter, role: Role
) -> None:
    refs = [ObjectRef("ssmparameter", name) for name in ("/mine/a", "/theirs/b", "/mine/c", "no")]
    for ref in refs[:3]:
        aws.cloud.put_parameter(ref.name, "x")
    role.allow = [
        *allow("arn:aws:ssm:*:*:parameter/mine/*", "ssm:GetParameters"),
        *allow("arn:aws:ssm:*:*:parameter/no", "ssm:GetParameters"),
    ]
    outcomes = ParameterStore(client).fetch(refs, enter())
    kinds = [type(outcomes[ref]) for ref in refs]
    assert kinds == [SecretValue, errors.AccessDenied, SecretValue, errors.SecretNotFound]
    assert aws.journal.count("GetParameters") == 1 + len(refs)


@pytest.mark.parametrize("broken", ["key", "name"])
def test_of_a_batch_only_the_broken_parameter_fails(
    aws: FakeAws, client: AwsClient, enter: Enter, broken: str
) -> None:
    good = ObjectRef("ssmparameter", "/a")
    bad = ObjectRef("ssmparameter", "/b" if broken == "key" else "/b c")
    aws.cloud.put_parameter("/a", "x")
    aws.cloud.put_parameter("/b", "x").kms_denied = True
    outcomes = ParameterStore(client).fetch([good, bad], enter())
    assert outcomes[good] == SecretValue(b"x", "1")
    refused = errors.AccessDenied if broken == "key" else errors.InvalidRequest
    assert isinstance(outcomes[bad], refused)


def test_a_secret_behind_a_parameter_has_its_version(
    aws: FakeAws, client: AwsClient, enter: Enter
) -> None:
    secret = aws.cloud.put_secret("db", "x")
    ref = ObjectRef("ssmparameter", "/aws/reference/secretsmanager/db")
    outcome = ParameterStore(client).fetch([ref], enter())[ref]
    assert isinstance(outcome, SecretValue)
    assert outcome.content == b"x"
    assert outcome.version in secret.versions


def test_expired_credentials_fail_the_whole_call(client: AwsClient, enter: Enter) -> None:
    access = enter(lifetime=-1)
    calls: list[Callable[[], object]] = [
        lambda: SecretsManager(client).fetch([SECRET], access),
        lambda: ParameterStore(client).fetch([ObjectRef("ssmparameter", "a")], access),
    ]
    for call in calls:
        with pytest.raises(errors.CredentialsExpired, match="ExpiredTokenException"):
            call()


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
def test_a_passing_fault_goes_unnoticed(
    aws: FakeAws, client: AwsClient, enter: Enter, effect: faults.Effect
) -> None:
    aws.cloud.put_secret("a", "x")
    aws.faults.inject(effect, times=1)
    outcome = SecretsManager(client).fetch([SECRET], enter())[SECRET]
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
def test_a_lasting_fault_fails_the_whole_call(
    aws: FakeAws,
    client: AwsClient,
    enter: Enter,
    effect: faults.Effect,
    error: type[errors.ProviderError],
) -> None:
    aws.cloud.put_secret("a", "x")
    aws.faults.inject(effect)
    with pytest.raises(error):
        SecretsManager(client).fetch([SECRET], enter(seconds=3))


def test_a_hanging_region_ends_with_the_deadline(
    aws: FakeAws, client: AwsClient, enter: Enter
) -> None:
    aws.faults.inject(faults.hang())
    with pytest.raises(errors.OutOfTime, match="did not answer"):
        SecretsManager(client).fetch([SECRET], enter(seconds=0.2))


def test_many_threads_of_many_pods_are_signed_each_as_itself(
    aws: FakeAws, client: AwsClient
) -> None:
    def access_of(number: int) -> Access:
        role = aws.cloud.put_role(f"r{number}", allow=allow(f"*:secret:s{number}-*"))
        session = aws.cloud.open_session(role, "x")
        keys = session.access_key_id, session.secret_access_key, session.token
        identity = Identity("irsa", "shop", f"r{number}", "aws", role=role.arn)
        return Access(REGION, identity, Credentials(*keys, 4e9), Deadline.after(30))

    refs = [ObjectRef("secretsmanager", f"s{number}") for number in range(20)]
    for ref in refs:
        aws.cloud.put_secret(ref.name, ref.name)
    pods = [access_of(number) for number in range(20)]
    aws.faults.inject(faults.reset(), probability=0.05)
    store = SecretsManager(client)

    def matches(turn: int) -> bool:
        number = turn % 20
        outcome = store.fetch([refs[number]], pods[number])[refs[number]]
        return isinstance(outcome, SecretValue) and outcome.content == refs[number].name.encode()

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(matches, range(400)))


@pytest.mark.parametrize("suffix", ["", "/{region}", "/x/{region}/"])
def test_a_path_in_the_endpoint_is_signed(aws: FakeAws, enter: Enter, suffix: str) -> None:
    aws.cloud.put_secret("a", "x")
    environment = {"AWS_ENDPOINT_URL": aws.url + suffix}
    transport = Transport.from_environment(environment, 1)
    client = AwsClient(Endpoints(environment), transport, lambda *_: None)
    outcome = SecretsManager(client).fetch([SECRET], enter())[SECRET]
    transport.close()
    assert isinstance(outcome, SecretValue)


def assume(client: AwsClient, role: str, token: str) -> Credentials:
    return Sts(client).assume_role_with_web_identity(
        role_arn=role,
        session_name="shop.web",
        token=token,
        region=REGION,
        deadline=Deadline.after(10),
    )


def test_a_token_becomes_credentials_that_work(aws: FakeAws, client: AwsClient, role: Role) -> None:
    aws.cloud.put_secret("a", "x")
    credentials = assume(client, role.arn, issue_token("shop", "web"))
    assert 3500 < credentials.expires_at - time() < 3700
    identity = Identity("irsa", "shop", "web", "aws", role=role.arn)
    access = Access(REGION, identity, credentials, Deadline.after(10))
    assert isinstance(SecretsManager(client).fetch([SECRET], access)[SECRET], SecretValue)


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
def test_tokens_that_get_nothing(  # noqa: PLR0917 - fixtures and a table
    client: AwsClient,
    role: Role,
    account: str,
    role_arn: str | None,
    options: dict[str, object],
    error: type[errors.ProviderError],
) -> None:
    token = issue_token("shop", account, **options)  # type: ignore[arg-type]  # from the table
    with pytest.raises(error) as caught:
        assume(client, role_arn or role.arn, token)
    assert token not in str(caught.value)


def test_an_unreachable_identity_provider_is_asked_again(
    aws: FakeAws, client: AwsClient, role: Role
) -> None:
    aws.faults.inject(AwsError("IDPCommunicationError", "try again"), times=2)
    assert assume(client, role.arn, issue_token("shop", "web")).session_token
