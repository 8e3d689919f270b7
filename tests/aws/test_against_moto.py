"""Finding, batches and tags against moto, which knows nothing of the fake AWS."""

from collections.abc import AsyncIterator, Collection
from functools import partial

import pytest

from provider.aws.credentials.static import Static
from provider.aws.ecr import authorization_token
from provider.aws.finding import Find, ParameterFinder, SecretFinder
from provider.aws.session_token import session_token
from provider.aws.stores.for_controller import controller_stores
from provider.engine.failover import Found, Regions, Wanted
from provider.engine.model import Credentials, Identity, SecretRef
from provider.engine.ports import Principal
from provider.engine.wiring import Engine, Settings, open_engine
from testbed.moto import Moto
from tests.aws.reading import REGION, query

USER = Principal(Identity("static", "shop/any", "aws"), Static(Credentials("AKIA", "any")))
TAGS = [{"Key": "env", "Value": "dev"}, {"Key": "a&b", "Value": "1"}]


@pytest.fixture(scope="module")
def moto(moto_server: Moto) -> Moto:
    moto_server.forget()
    manager, ssm = moto_server.client("secretsmanager"), moto_server.client("ssm")
    manager.create_secret(Name="app/db", SecretString="1", Tags=TAGS)
    manager.create_secret(
        Name="app/api", SecretString="2", Tags=[{"Key": "env", "Value": "development"}]
    )
    manager.create_secret(Name="bytes", SecretBinary=b"\x00\xff")
    ssm.put_parameter(Name="/app/db", Value="3", Type="String", Tags=TAGS)
    ssm.put_parameter(Name="/app/deep/api", Value="4", Type="String")
    return moto_server


@pytest.fixture
async def engine(moto: Moto) -> AsyncIterator[Engine]:
    settings = Settings({"AWS_ENDPOINT_URL": moto.url})
    async with open_engine(settings, stores=controller_stores) as engine:
        yield engine


async def contents(engine: Engine, *refs: SecretRef) -> list[bytes | str]:
    wanted = [Wanted(ref) for ref in refs]
    outcomes = await engine.reader.read(wanted, Regions(REGION), query(USER))
    return [one.value.content if isinstance(one, Found) else one.error.reason for one in outcomes]


async def test_a_batch(engine: Engine) -> None:
    refs = [SecretRef("secretsmanager", name) for name in ("app/db", "bytes", "no", "app/api")]
    assert await contents(engine, *refs) == [b"1", b"\x00\xff", "SecretNotFound", b"2"]


async def test_tags(engine: Engine) -> None:
    text = b'{"a\\u0026b":"1","env":"dev"}'
    secret, parameter = (
        SecretRef("secretsmanagertags", "app/db"),
        SecretRef("ssmparametertags", "/app/db"),
    )
    assert await contents(engine, secret, parameter) == [text, text]


async def _with_api(names: Collection[str]) -> set[str]:
    return {name for name in names if "api" in name}


async def test_finding(engine: Engine) -> None:
    secrets = SecretFinder(engine.client, engine.calls)
    parameters = ParameterFinder(engine.client, engine.calls)
    by_tag, by_name = Find(tags=(("env", "dev"),)), Find(_with_api)
    found = [
        [ref.name for ref in await finder.find(find, REGION, query(USER))]
        for finder in (secrets, parameters)
        for find in (by_tag, by_name)
    ]
    assert found == [["app/db"], ["app/api"], ["/app/db"], ["/app/deep/api"]]


async def test_a_login_and_a_session_token(engine: Engine) -> None:
    ask = partial(authorization_token, engine.client)
    token = await engine.calls.make(USER, REGION, ask, lambda: None)
    assert token.username == "AWS"
    exchange = partial(session_token, engine.client)
    session = await engine.calls.make(USER, REGION, exchange, lambda: None)
    assert session.credentials.session_token
