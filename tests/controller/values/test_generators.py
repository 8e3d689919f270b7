"""Values that are made anew at each refresh."""

import base64
import re

import pytest

from provider import errors
from provider.controller.resources.generators import PasswordSpec
from provider.controller.resources.objects import read_generator
from provider.controller.values.passwords import SYMBOLS, new_passwords
from tests.controller.values.world import Spec, World, jwt, parsed_spec, secret_ref
from tests.loop_watchdog import loop_watchdog


def entry(kind: str, name: str = "gen", **more: object) -> Spec:
    ref = {"kind": kind, "name": name, "apiVersion": "generators.external-secrets.io/v1alpha1"}
    return {"sourceRef": {"generatorRef": ref}, **more}


async def failure(world: World, *entries: Spec) -> str:
    with pytest.raises(errors.ProviderError) as raised:
        await world.fetch(dataFrom=list(entries))
    prefix = "error processing spec.dataFrom[0].sourceRef.generatorRef, err: "
    assert str(raised.value).startswith(prefix)
    return str(raised.value).removeprefix(prefix)


async def test_a_password_by_default(world: World) -> None:
    world.put_generator("Password")
    values = await world.values(dataFrom=[entry("Password")])
    password = values["password"]
    assert len(password) == 24
    assert len(set(password)) == 24
    assert sum(one.isdigit() for one in password) == 6
    assert sum(one in SYMBOLS for one in password) == 6
    assert values != await world.values(dataFrom=[entry("Password")])


async def test_a_missing_cluster_generator_may_be_switched_off(world: World) -> None:
    text = await failure(world, entry("ClusterGenerator"))
    assert text.endswith(
        '"gen" not found; with --namespace or --enable-cluster-generators=false none is used'
    )
    assert (await failure(world, entry("Password"))).endswith('"gen" not found')


async def test_keys_are_noted_as_they_are_in_the_secret(world: World) -> None:
    world.put_generator("Password")
    twice = [entry("Password", rewrite=[{"regexp": {"source": "$", "target": "-2"}}])]
    asked = world.asked()
    await world.fetcher.fetch(parsed_spec(dataFrom=[entry("Password"), *twice]), asked)
    [(ref, made)] = asked.record.generators.items()
    assert (ref.name, made.kind, made.session) == ("gen", "Password", None)
    assert made.keys == ("password", "password-2")


async def test_each_call_of_a_generator_counts(world: World) -> None:
    world.put_generator(
        "ECRAuthorizationToken", region="eu-west-1", auth={"secretRef": secret_ref()}
    )
    asked = world.asked()
    spec = parsed_spec(dataFrom=[entry("ECRAuthorizationToken")] * 3)
    await world.fetcher.fetch(spec, asked)
    assert asked.record.calls == 3


@pytest.mark.parametrize(
    ("spec", "pattern"),
    [
        (PasswordSpec(length=10, digits=10, symbols=0), "[0-9]{10}"),
        (PasswordSpec(length=26, digits=0, symbols=0, no_upper=True), "[a-z]{26}"),
        (
            PasswordSpec(length=40, digits=0, symbols=40, allow_repeat=True),
            r"[^\w\s]{40}|[\W_]{40}",
        ),
        (PasswordSpec(length=3, digits=0, symbols=3, symbol_characters="-._"), "[-._]{3}"),
        (PasswordSpec(length=4, digits=4, symbols=0, encoding="hex"), "(3[0-9]){4}"),
    ],
)
def test_what_passwords_are_made_of(spec: PasswordSpec, pattern: str) -> None:
    assert re.fullmatch(pattern, new_passwords(spec)["password"].decode())


def test_encodings_and_keys_of_passwords() -> None:
    spec = PasswordSpec(length=32, allow_repeat=True, secret_keys=("a", "b"), encoding="base64")
    found = new_passwords(spec)
    assert found["a"] != found["b"]
    assert len(base64.b64decode(found["a"], validate=True)) == 32


async def test_long_passwords_do_not_hold_the_loop(world: World) -> None:
    world.put_generator("Password", length=65_536, allowRepeat=True)
    async with loop_watchdog():
        values = await world.values(dataFrom=[entry("Password")])
    assert len(values["password"]) == 65_536


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        (
            PasswordSpec(length=60, digits=0, symbols=0),
            "number of letters exceeds available letters and repeats are not allowed",
        ),
        (PasswordSpec(length=20, digits=11), "number of digits exceeds available digits"),
        (
            PasswordSpec(length=8, symbols=2, digits=0, symbol_characters="!!"),
            "number of symbols exceeds available symbols",
        ),
        (
            PasswordSpec(length=2, digits=2, symbols=2),
            "number of digits and symbols must be less than total length",
        ),
        (PasswordSpec(secret_keys=("a", "a")), "secretKeys must be non-empty and unique"),
        (
            PasswordSpec(length=4096, allow_repeat=True, secret_keys=tuple("abcdefghijklmnopqr")),
            "more than 65536 characters",
        ),
    ],
)
def test_passwords_that_cannot_be(spec: PasswordSpec, why: str) -> None:
    with pytest.raises(errors.InvalidRequest, match=why):
        new_passwords(spec)


async def test_a_uuid_and_its_rewritten_key(world: World) -> None:
    world.put_generator("UUID")
    rewrite = [{"regexp": {"source": "uuid", "target": "id"}}]
    values = await world.values(dataFrom=[entry("UUID", rewrite=rewrite)])
    assert re.fullmatch(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", values["id"])


async def test_a_cluster_generator_works_in_every_namespace(world: World) -> None:
    spec = {"kind": "UUID", "generator": {"uuidSpec": {}}}
    document = {"metadata": {"name": "gen"}, "spec": spec}
    world.generators["ClusterGenerator", "", "gen"] = read_generator(document, "ClusterGenerator")
    found = await world.values(dataFrom=[entry("ClusterGenerator")], namespace="any")
    assert set(found) == {"uuid"}


async def test_a_generator_of_another_namespace_is_not_found(world: World) -> None:
    world.put_generator("UUID", namespace="other")
    assert await failure(world, entry("UUID")) == (
        'unable to get generator: UUID.generators.external-secrets.io "gen" not found'
    )


async def test_the_login_of_a_private_registry(world: World) -> None:
    role = world.put_role("app", "shop:app")
    world.cluster.put_account("shop", "app", role_arn=role.arn)
    world.put_generator("ECRAuthorizationToken", region="us-east-1", auth=jwt())
    values = await world.values(dataFrom=[entry("ECRAuthorizationToken")])
    assert set(values) == {"username", "password", "proxy_endpoint", "expires_at"}
    assert values["username"] == "AWS"
    assert values["proxy_endpoint"].startswith("https://")
    assert int(values["expires_at"]) > 0


async def test_the_login_of_the_public_registry(world: World) -> None:
    auth = {"secretRef": secret_ref()}
    world.put_generator("ECRAuthorizationToken", region="eu-west-1", scope="public", auth=auth)
    values = await world.values(dataFrom=[entry("ECRAuthorizationToken")])
    assert set(values) == {"username", "password", "expires_at"}


async def test_a_session_token(world: World) -> None:
    parameters = {"sessionDuration": 900}
    auth = {"secretRef": secret_ref()}
    world.put_generator(
        "STSSessionToken", region="us-east-1", auth=auth, requestParameters=parameters
    )
    values = await world.values(dataFrom=[entry("STSSessionToken")])
    assert set(values) == {"access_key_id", "secret_access_key", "session_token", "expiration"}
    assert values["access_key_id"].startswith("ASIA")


async def test_a_session_token_needs_access_keys(world: World) -> None:
    world.put_generator("STSSessionToken", region="us-east-1", auth=jwt())
    why = await failure(world, entry("STSSessionToken"))
    assert why.startswith("error using generator: unable to get authorization token: ")
    assert "use auth.secretRef instead of auth.jwt" in why
    assert world.cluster.tokens == []


async def test_a_generator_never_uses_credentials_of_another_namespace(world: World) -> None:
    world.put_user("evil", "creds")
    auth = {"secretRef": secret_ref("creds", namespace="evil")}
    world.put_generator("ECRAuthorizationToken", region="us-east-1", auth=auth)
    why = await failure(world, entry("ECRAuthorizationToken"))
    assert why.startswith("error using generator: unable to create aws session: could not fetch")
    assert {namespace for _, namespace, _ in world.cluster.reads} == {"shop"}


async def test_a_denied_login_names_action_and_identity(world: World) -> None:
    world.put_user().role.allow = []
    auth = {"secretRef": secret_ref()}
    world.put_generator("ECRAuthorizationToken", region="us-east-1", auth=auth)
    why = await failure(world, entry("ECRAuthorizationToken"))
    assert why.startswith("error using generator: unable to get authorization token: AccessDenied")
    assert "ecr:GetAuthorizationToken" in why
    assert "access keys of shop/aws-creds" in why
