"""Which stores may be used from where. Nothing is read before that is decided."""

import pytest

from provider import errors
from provider.controller.identity.stores import Stores, is_managed
from provider.controller.resources.store_ref import StoreRef
from tests.controller.values.world import Spec, World, data

COMMON = StoreRef(name="common", kind="ClusterSecretStore")
DENIED = (
    'using cluster store "common" is not allowed from namespace "shop": denied by spec.condition'
)


def usable(world: World, ref: StoreRef, *, flood_gate: bool = True, own: str = "default") -> str:
    """The name of the store, or why it may not be used."""
    stores = Stores(
        lambda kind, namespace, name: world.stores.get((kind, namespace, name)),
        world.labels.get,
        controller_class=own,
        flood_gate=flood_gate,
    )
    try:
        return stores.usable(ref, "shop").metadata.name
    except errors.ProviderError as error:
        return str(error)


def test_a_secret_store_is_one_of_the_same_namespace(world: World) -> None:
    world.put_store("theirs", "other")
    assert usable(world, StoreRef(name="store")) == "store"
    assert usable(world, StoreRef(name="theirs")) == (
        'could not get SecretStore "theirs", SecretStore.external-secrets.io "theirs" not found'
    )


def test_stores_of_two_kinds_may_have_one_name(world: World) -> None:
    world.put_store("store", kind="ClusterSecretStore", spec={"controller": "other"})
    assert usable(world, StoreRef(name="store")) == "store"
    assert usable(world, StoreRef(name="store", kind="ClusterSecretStore")).startswith(
        'can not reference unmanaged store: ClusterSecretStore "store" is for the controller class'
    )


@pytest.mark.parametrize(
    ("controller", "own", "managed"),
    [("", "default", True), ("default", "default", True), ("x", "default", False), ("", "x", True)],
)
def test_controller_classes(controller: str, own: str, managed: bool) -> None:
    assert is_managed(controller, own) is managed


@pytest.mark.parametrize(
    ("condition", "allowed"),
    [
        ({"namespaces": ["shop"]}, True),
        ({"namespaces": ["other"]}, False),
        ({"namespaceRegexes": ["sh"]}, True),
        ({"namespaceRegexes": ["^ho"]}, False),
        ({"namespaceSelector": {"matchLabels": {"team": "a"}}}, True),
        ({"namespaceSelector": {"matchLabels": {"team": "b"}}}, False),
        ({"namespaceSelector": {}}, True),
        ({"namespaces": ["other"], "namespaceRegexes": ["shop"]}, True),
        ({}, False),
    ],
)
def test_conditions_of_a_cluster_store(world: World, condition: Spec, allowed: bool) -> None:
    world.labels["shop"] = {"team": "a", "kubernetes.io/metadata.name": "shop"}
    world.put_store("common", kind="ClusterSecretStore", spec={"conditions": [condition]})
    assert usable(world, COMMON) == ("common" if allowed else DENIED)


async def test_a_denied_namespace_causes_no_read_at_all(world: World) -> None:
    world.labels["shop"] = {}
    spec = {"conditions": [{"namespaces": ["other"]}]}
    world.put_store("common", kind="ClusterSecretStore", spec=spec)
    ref = {"name": "common", "kind": "ClusterSecretStore"}
    with pytest.raises(errors.PolicyViolation) as raised:
        await world.fetch(data("db"), store=ref)
    assert str(raised.value) == f"error processing spec.data[0] (key: db), err: {DENIED}"
    assert world.cluster.reads == []
    assert world.calls() == {}


def test_the_condition_is_checked_before_readiness(world: World) -> None:
    world.labels["shop"] = {}
    spec = {"conditions": [{"namespaces": ["other"]}]}
    world.put_store("common", kind="ClusterSecretStore", spec=spec, status={})
    assert usable(world, COMMON) == DENIED


def test_a_namespace_that_is_not_known_uses_no_store_with_conditions(world: World) -> None:
    spec = {"conditions": [{"namespaceRegexes": [".*"]}]}
    world.put_store("common", kind="ClusterSecretStore", spec=spec)
    assert usable(world, COMMON) == (
        'failed to get a namespace "shop": namespaces "shop" not found'
    )


@pytest.mark.parametrize("status", [{}, {"conditions": [{"type": "Ready", "status": "False"}]}])
def test_the_flood_gate(world: World, status: Spec) -> None:
    world.put_store(status=status)
    assert usable(world, StoreRef(name="store")).startswith('SecretStore "store" is not ready')
    assert usable(world, StoreRef(name="store"), flood_gate=False) == "store"


def test_the_flood_gate_says_why_a_store_is_not_ready(world: World) -> None:
    ready = {"type": "Ready", "status": "False", "message": "unable to create client: no role"}
    world.put_store(status={"conditions": [ready]})
    assert usable(world, StoreRef(name="store")) == (
        'SecretStore "store" is not ready: unable to create client: no role'
    )


def test_a_store_with_mistakes_says_which(world: World) -> None:
    world.put_store(region="not a region")
    assert usable(world, StoreRef(name="store")).startswith(
        'SecretStore "store" is invalid: spec.provider.aws.region: region not found: not a region'
    )
