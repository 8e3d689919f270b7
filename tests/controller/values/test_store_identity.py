"""Whose credentials a store uses, and whose it never uses."""

import gc
import logging
import tracemalloc
from dataclasses import replace
from typing import Any

import pytest

from provider import errors
from provider.controller.watch.named_watches import NamedObject
from provider.engine.model import Retries
from provider.kube.kinds import SECRETS
from tests.controller.values.world import Spec, World, data, jwt, secret_ref

CLUSTER = {"name": "common", "kind": "ClusterSecretStore"}


async def failure(world: World, **spec: Any) -> str:
    """Why a fetch fails, without the part about the entry."""
    with pytest.raises(errors.ProviderError) as raised:
        await world.fetch(data("db"), **spec)
    return str(raised.value).removeprefix("error processing spec.data[0] (key: db), err: ")


async def test_a_secret_store_never_reads_another_namespace(world: World) -> None:
    """Such a store is refused when it is read; were it not, only its own namespace would count."""
    world.put_user("evil")
    world.put_store("evil", auth={"secretRef": secret_ref("aws-creds", namespace="evil")})
    why = await failure(world, store={"name": "evil"})
    assert "namespace should either be empty or match the namespace of the SecretStore" in why
    assert world.cluster.reads == []


@pytest.mark.parametrize(
    "auth", [{"secretRef": secret_ref("creds", namespace="evil")}, jwt("creds", namespace="evil")]
)
async def test_the_namespace_of_a_secret_store_is_that_of_the_external_secret(
    world: World, auth: Spec
) -> None:
    wide = world.put_store("wide", kind="ClusterSecretStore", auth=auth)
    narrow = replace(wide, kind="SecretStore", metadata=replace(wide.metadata, namespace="shop"))
    with pytest.raises(errors.ProviderError):
        await world.identities.of_store(narrow, "shop", 0.0)
    assert {namespace for _, namespace, _ in world.cluster.reads} == {"shop"}


async def test_a_cluster_store_reads_the_namespace_that_it_names(world: World) -> None:
    world.put_user("central", "creds")
    world.put_store(
        "common",
        kind="ClusterSecretStore",
        auth={"secretRef": secret_ref("creds", namespace="central")},
    )
    world.aws.cloud.put_secret("db", "x")
    assert await world.values(data("db"), store=CLUSTER, namespace="other") == {"out": "x"}
    assert {namespace for _, namespace, _ in world.cluster.reads} == {"central"}


async def test_a_cluster_store_without_a_namespace_reads_that_of_the_external_secret(
    world: World,
) -> None:
    world.put_user("other", "aws-creds")
    world.put_store("common", kind="ClusterSecretStore")
    world.aws.cloud.put_secret("db", "x")
    assert await world.values(data("db"), store=CLUSTER, namespace="other") == {"out": "x"}
    assert {namespace for _, namespace, _ in world.cluster.reads} == {"other"}


SECRET = "could not fetch SecretAccessKey secret"
KEY_ID = "could not fetch accessKeyID secret"
NO_SECRET = 'cannot get Kubernetes secret "aws-creds" from namespace "shop": secrets "aws-creds" '
NOT_A_KEY = (
    'in secret "aws-creds" of namespace "shop" is not part of an access key: it is empty, too long '
    "or not printable ASCII"
)


@pytest.mark.parametrize(
    ("stored", "why"),
    [
        (None, f"{SECRET}: {NO_SECRET}not found"),
        ({"id": "A"}, f'{SECRET}: cannot find secret data for key: "key" (it has "id")'),
        ({"key": "canary"}, f'{KEY_ID}: cannot find secret data for key: "id" (it has "key")'),
        ({"id": "A", "key": "  \n"}, f'{SECRET}: the value of key "key" {NOT_A_KEY}'),
        (
            {"id": "A\nX-Evil: canary", "key": "canary"},
            f'{KEY_ID}: the value of key "id" {NOT_A_KEY}',
        ),
        ({"id": "ä", "key": "canary"}, f'{KEY_ID}: the value of key "id" {NOT_A_KEY}'),
        ({"id": "A", "key": "x" * 9000}, f'{SECRET}: the value of key "key" {NOT_A_KEY}'),
    ],
    ids=["no Secret", "no key", "no id", "empty", "line break within", "not ASCII", "huge"],
)
async def test_what_is_wrong_with_access_keys(
    world: World, stored: dict[str, str] | None, why: str
) -> None:
    if stored is None:
        del world.cluster.objects["Secret", "shop", "aws-creds"]
    else:
        world.cluster.put_secret("shop", "aws-creds", **stored)
    assert await failure(world) == f"unable to create session: {why}"


async def test_a_cluster_store_lists_no_keys_of_its_secret(world: World) -> None:
    """Tenants who use it may not read that Secret."""
    auth = {"secretRef": secret_ref("creds", namespace="central")}
    world.put_store("common", kind="ClusterSecretStore", auth=auth)
    world.put_store("own", namespace="central", auth=auth)
    world.cluster.put_secret("central", "creds", key="x", other="x")
    world.cluster.watched.add("creds")
    why = f'unable to create session: {KEY_ID}: cannot find secret data for key: "id"'
    own = await failure(world, namespace="central", store={"name": "own"})
    assert own == f'{why} (it has "key", "other")'
    assert await failure(world, store=CLUSTER) == why


async def test_white_space_at_the_end_of_keys_is_ignored_with_a_warning(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    user = world.put_user()
    world.cluster.put_secret(
        "shop", "aws-creds", id=f"{user.access_key_id}\n", key=f"{user.secret_access_key} \r\n"
    )
    world.aws.cloud.put_secret("db", "x")
    with caplog.at_level(logging.WARNING):
        assert await world.values(data("db")) == {"out": "x"}
    assert "white space at the end of an access key is ignored" in caplog.text
    assert user.secret_access_key not in caplog.text


async def test_new_keys_count_at_the_next_refresh(world: World) -> None:
    world.aws.cloud.put_secret("db", "x")
    await world.fetch(data("db"))
    world.put_user().role.allow = []
    assert "AccessDenied" in await failure(world)


async def test_a_secret_is_read_once_for_all_its_keys(world: World) -> None:
    world.aws.cloud.put_secret("db", "x")
    await world.fetch(data("db"))
    assert world.cluster.reads == [("Secret", "shop", "aws-creds")]


async def test_a_watched_secret_is_not_read_again_until_it_changes(world: World) -> None:
    world.cluster.watched.add("aws-creds")
    world.aws.cloud.put_secret("db", "x")
    await world.fetch(data("db"))
    await world.fetch(data("db"))
    assert len(world.cluster.reads) == 1
    world.put_user().role.allow = []
    world.reads.changed(NamedObject(SECRETS, "shop", "aws-creds"))
    assert "AccessDenied" in await failure(world)


async def test_keys_of_one_secret_are_different_identities(world: World) -> None:
    """Two stores that take other keys of the same Secret must not share values."""
    world.aws.cloud.put_secret("db", "x")
    since = world.asked().freshness.since
    await world.fetch(data("db"), since=since)
    secret = world.cluster.objects["Secret", "shop", "aws-creds"]
    secret["data"]["other"] = "d3Jvbmc="
    auth = secret_ref()
    auth["secretAccessKeySecretRef"]["key"] = "other"
    world.put_store("other", auth={"secretRef": auth})
    assert "InvalidSignatureException" in await failure(world, store={"name": "other"}, since=since)


async def test_the_role_of_a_service_account(world: World) -> None:
    role = world.put_role("app", "shop:app")
    world.cluster.put_account("shop", "app", role_arn=role.arn)
    world.put_store(auth=jwt())
    world.aws.cloud.put_secret("db", "x")
    for _ in range(3):
        assert await world.values(data("db")) == {"out": "x"}
    assert world.cluster.tokens == [("shop", "app", ("sts.amazonaws.com",))]
    assert world.calls() == {"AssumeRoleWithWebIdentity": 1, "GetSecretValue": 3}
    sessions = world.aws.cloud.sessions.values()
    assert [one.name for one in sessions if one.role is role] == ["external-secrets-provider-aws"]


async def test_the_audience_of_the_annotation_and_those_of_the_store(world: World) -> None:
    role = world.put_role("app", "shop:app")
    world.cluster.put_account("shop", "app", role_arn=role.arn, audience="other")
    world.put_store(auth=jwt(audiences=["more"]))
    assert "Incorrect token audience" in await failure(world)
    assert world.cluster.tokens[0] == ("shop", "app", ("other", "more"))


async def test_a_service_account_that_is_not_there(world: World) -> None:
    world.put_store(auth=jwt())
    assert await failure(world) == (
        'unable to create session: ServiceAccount "app" not found in namespace "shop"'
    )


async def test_a_service_account_without_a_role(world: World) -> None:
    world.cluster.put_account("shop", "app")
    world.put_store(auth=jwt())
    why = await failure(world)
    assert why.startswith(
        "unable to create session: an IAM role must be associated with service account app "
        "(namespace: shop): annotate it with eks.amazonaws.com/role-arn."
    )
    assert "EKS Pod Identity work for pods, not for stores" in why


async def test_a_role_that_does_not_trust_the_service_account(world: World) -> None:
    role = world.put_role("app", "shop:other")
    world.cluster.put_account("shop", "app", role_arn=role.arn)
    world.put_store(auth=jwt())
    why = await failure(world)
    assert f"no credentials of role {role.arn} for the service account shop/app" in why
    assert "Not authorized to perform sts:AssumeRoleWithWebIdentity" in why
    assert "trust policy" in why


async def test_a_rejected_token_is_not_used_again(world: World) -> None:
    role = world.put_role("app", "shop:app", issuer="https://elsewhere")
    world.cluster.put_account("shop", "app", role_arn=role.arn, audience="other")
    world.put_store(auth=jwt())
    await failure(world)
    await failure(world)
    assert len(world.cluster.tokens) == 2


async def test_a_recreated_service_account_is_another_identity(world: World) -> None:
    role = world.put_role("app", "shop:app")
    world.cluster.put_account("shop", "app", role_arn=role.arn)
    world.put_store(auth=jwt())
    world.aws.cloud.put_secret("db", "x")
    await world.fetch(data("db"))
    world.cluster.objects["ServiceAccount", "shop", "app"]["metadata"]["uid"] = "new"
    role.trust.clear()
    assert "Not authorized" in await failure(world)


async def test_a_chain_of_roles_with_external_id_and_tags_on_the_last(world: World) -> None:
    first, last = world.put_role("first"), world.put_role("last", external_id="secret-word")
    world.aws.cloud.put_secret("db", "x")
    world.put_store(
        additionalRoles=[first.arn],
        role=last.arn,
        externalID="secret-word",
        sessionTags=[{"key": "team", "value": "a"}],
        transitiveTagKeys=["team"],
    )
    assert await world.values(data("db")) == {"out": "x"}
    assert world.calls()["AssumeRole"] == 2
    (session,) = [one for one in world.aws.cloud.sessions.values() if one.role is last]
    assert session.tags == {"team": "a"}
    world.put_store(additionalRoles=[first.arn], role=last.arn, externalID="wrong")
    why = await failure(world)
    assert f"role {last.arn} cannot be assumed with the credentials of role {first.arn}" in why


LONG = "x" * 20_000


@pytest.mark.parametrize(
    "settings",
    [
        {"auth": jwt(audiences=[LONG])},
        {"auth": jwt("long-role")},
        {"auth": jwt("long-audience")},
        {"role": LONG},
        {"role": "r", "externalID": LONG},
        {"role": "r", "sessionTags": [{"key": "team", "value": LONG}]},
        {"additionalRoles": [LONG[:10_000]] * 2},
    ],
    ids=["audiences", "annotation", "audience", "role", "external id", "tags", "more roles"],
)
async def test_an_identity_that_takes_much_memory_is_refused(world: World, settings: Spec) -> None:
    """Kubernetes issues tokens of a megabyte, and identities stay in caches after a failure."""
    world.cluster.put_account("shop", "app", role_arn="r")
    world.cluster.put_account("shop", "long-role", role_arn=LONG)
    world.cluster.put_account("shop", "long-audience", role_arn="r", audience=LONG)
    world.put_store(**settings)
    why = await failure(world)
    assert "unable to create session: roles, external id, session tags and audiences" in why
    assert (world.cluster.tokens, len(why) < 1000) == ([], True)
    assert not world.calls()


async def test_long_annotations_of_service_accounts_take_no_memory(world: World) -> None:
    tracemalloc.start()
    for number in range(20):
        name = f"app-{number}"
        world.cluster.put_account("shop", name, role_arn="r" * 200_000)
        world.cluster.watched.add(name)
        world.put_store(auth=jwt(name))
        assert "unable to create session" in await failure(world)
        del world.cluster.objects["ServiceAccount", "shop", name]
    gc.collect()
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used < 2_000_000


@pytest.mark.parametrize(
    ("policy", "tags"),
    [
        ("None", {"team": "a"}),
        ("Simple", {}),
        ("Custom", {"cost": "7"}),
    ],
)
async def test_session_tags_by_their_policy(
    world: World, policy: str, tags: dict[str, str]
) -> None:
    role = world.put_role("app")
    world.aws.cloud.put_secret("db", "x")
    world.put_store(
        "common",
        kind="ClusterSecretStore",
        auth={"secretRef": secret_ref(namespace="shop")},
        role=role.arn,
        sessionTags=[{"key": "team", "value": "a"}],
        sessionTagsPolicy=policy,
        customSessionTags={"cost": "7", "empty": ""},
    )
    for namespace in ("one", "two"):
        await world.fetch(data("db"), store=CLUSTER, namespace=namespace)
    assert world.calls()["AssumeRole"] == (1 if policy == "None" else 2)
    store = world.stores["ClusterSecretStore", "", "common"]
    principal = await world.identities.of_store(store, "one", 0.0)
    own = {"esoStoreName": "common", "esoStoreKind": "ClusterSecretStore", "esoNamespace": "one"}
    expected = tags if policy == "None" else {**tags, **own}
    assert dict(principal.identity.chain[-1].session_tags) == expected


async def test_a_store_without_auth_uses_the_identity_of_the_controller(world: World) -> None:
    world.put_store(auth={})
    assert "AWS" in await failure(world)
    user = world.put_user("eso", "own")
    world.environment["AWS_ACCESS_KEY_ID"] = user.access_key_id
    world.environment["AWS_SECRET_ACCESS_KEY"] = user.secret_access_key
    world.aws.cloud.put_secret("db", "x")
    assert await world.values(data("db")) == {"out": "x"}
    assert world.cluster.reads == []


async def test_retry_settings_of_the_store(world: World) -> None:
    store = world.put_store(spec={"retrySettings": {"maxRetries": 7, "retryInterval": "2s"}})
    principal = await world.identities.of_store(store, "shop", 0.0)
    assert principal.retries == Retries(7, 2.0)
    plain = await world.identities.of_store(world.put_store(), "shop", 0.0)
    assert plain.retries is None
    assert plain.identity == principal.identity


async def test_jwt_wins_over_access_keys_in_a_store_and_loses_in_a_generator(world: World) -> None:
    role = world.put_role("app", "shop:app")
    world.cluster.put_account("shop", "app", role_arn=role.arn)
    store = world.put_store(auth={**jwt(), "secretRef": secret_ref()})
    assert store.spec is not None
    assert store.spec.provider.aws is not None
    auth = store.spec.provider.aws.auth
    of_store = await world.identities.of_store(store, "shop", 0.0)
    of_generator = await world.identities.of_generator(auth, "", "us-east-1", "shop", 0.0)
    assert (of_store.identity.kind, of_generator.identity.kind) == ("irsa", "static")
