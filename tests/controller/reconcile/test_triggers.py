"""What is known of ExternalSecrets, and which objects are looked at when another one changes."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from provider.controller.config import Config
from provider.controller.reconcile.backlog import Backlog
from provider.controller.reconcile.known import KnownExternalSecrets
from provider.controller.reconcile.triggers import Triggers
from provider.controller.resources.hashes import (
    DATA_HASH_ANNOTATION,
    MANAGED_LABEL,
    data_hash,
    synced_resource_version,
)
from provider.controller.scheduling.paced_changes import SLICE, PacedChanges
from provider.controller.scheduling.schedule import Item
from provider.controller.scheduling.trigger_limits import BURST, REFILL
from provider.controller.watch.index import Index
from provider.controller.watch.informers import Informers
from provider.controller.watch.object_cache import ObjectKey
from provider.controller.watch.watched import readable
from provider.kube.kinds import Document
from provider.runtime.options import configure

DB = Item("ExternalSecret", "shop", "db")
STORE = Item("SecretStore", "shop", "aws")
CLUSTER_STORE = Item("ClusterSecretStore", "", "all")
CES = Item("ClusterExternalSecret", "", "ces")
AWS = {"service": "SecretsManager", "region": "eu-west-1"}


class World:
    """Informers that are fed by hand, and the items that were added since the last look."""

    def __init__(self, **options: str) -> None:
        config = configure(Config, options, {})
        self.informers = Informers(None, config, None)  # type: ignore[arg-type]  # nothing runs
        self.known = KnownExternalSecrets(
            self.informers, controller_class=config.controller_class, flood_gate=True
        )
        self.backlog = Backlog()
        self.added: list[tuple[Item, float]] = []
        self.versions = 0
        self.specs: dict[tuple[str, str, str], list[Any]] = {}
        self.now, self.took = 0.0, 0.0
        self.timers: list[partial[object]] = []
        paced = partial(
            PacedChanges,
            clock=lambda: self.now,
            later=lambda _seconds, call, namespace: self.timers.append(partial(call, namespace)),
        )
        self.triggers = Triggers(self.add, self.informers, self.known, self.backlog, paced=paced)
        self.triggers.attach(lambda _store: 300.0)

    def add(self, item: Item, seconds: float) -> None:
        """What the queue would do; it takes `took` seconds."""
        self.added.append((item, seconds))
        self.now += self.took

    def put(self, kind: str, name: str, namespace: str = "shop", **document: Any) -> None:
        """An object is there, or has changed."""
        self.versions += 1
        about = {"name": name, "uid": f"uid-{name}", "resourceVersion": str(self.versions)}
        place = (
            {} if kind.startswith("Cluster") or kind == "Namespace" else {"namespace": namespace}
        )
        changes = self.specs.setdefault((kind, namespace, name), [])
        if document.get("spec") not in changes:
            changes.append(document.get("spec"))
        generation = changes.index(document.get("spec")) + 1
        metadata = {"generation": generation, **about, **place, **document.pop("metadata", {})}
        self._informer(kind).put({"metadata": metadata, **document})

    def wait(self) -> None:
        """Let the pauses of this moment end."""
        timers, self.timers = self.timers, []
        for end in timers:
            end()

    def remove(self, kind: str, name: str, namespace: str = "shop") -> None:
        self.versions += 1
        place = "" if kind.startswith("Cluster") else namespace
        self._informer(kind).remove(ObjectKey(place, name), str(self.versions))

    def _informer(self, kind: str) -> Any:
        every = {one.selection.kind.name: one for one in self.informers.all()}
        return every[kind]

    def seen(self) -> set[Item]:
        """What was added at once, since the last call, and in the pauses of now."""
        self.wait()
        added, self.added = self.added, []
        return {item for item, seconds in added if not seconds}

    def skip_reason(self) -> str:
        found = self.known.get(ObjectKey("shop", "db"))
        assert found is not None
        return self.known.skip_reason(found)


def spec(**more: Any) -> Document:
    data = [{"secretKey": "a", "remoteRef": {"key": "x"}}]
    return {"secretStoreRef": {"name": "aws"}, "data": data, **more}


def ready(status: str, reason: str = "") -> Document:
    return {"conditions": [{"type": "Ready", "status": status, "reason": reason}]}


def store(**aws: Any) -> Document:
    return {"provider": {"aws": {**AWS, **aws}}}


def keys(name: str = "keys", **more: str) -> Document:
    ref = {"name": name, "key": "k", **more}
    return {"secretRef": {"accessKeyIDSecretRef": ref, "secretAccessKeySecretRef": ref}}


def synced(**more: Any) -> Document:
    version = synced_resource_version(1, {}, {})
    return {
        "refreshTime": "2100-01-01T00:00:00Z",
        "syncedResourceVersion": version,
        **ready("True"),
        **more,
    }


@pytest.fixture
def world() -> World:
    return World()


def test_those_who_wait_for_a_store_have_their_turns_in_the_order_of_the_backlog(
    world: World,
) -> None:
    for number in range(20):
        world.put("ExternalSecret", f"es-{number}", spec=spec())
    world.added.clear()
    world.put("SecretStore", "aws", spec=store(), status=ready("True"))
    waiting = [key.name for key in world.backlog.waiting_in("shop")]
    assert [one.name for one, _ in world.added if one.kind == "ExternalSecret"] == waiting


def test_an_index_forgets_what_is_no_longer_referred_to() -> None:
    index: Index[str, int] = Index()
    index.put(1, ["a", "b"])
    index.put(2, ["b"])
    index.put(1, ["c"])
    assert [sorted(index.of(ref)) for ref in "abc"] == [[], [2], [1]]
    index.put(2, ())
    index.put(1, ())
    assert [index.of(ref) for ref in "abc"] == [(), (), ()]


def test_a_new_external_secret_is_due_and_its_status_is_no_news(world: World) -> None:
    world.put("ExternalSecret", "db", spec=spec())
    assert world.seen() == {DB}
    assert world.backlog.take(ObjectKey("shop", "db")) is not None
    world.put("ExternalSecret", "db", spec=spec(), status=ready("False"))
    assert world.seen() == set()
    world.put("ExternalSecret", "db", spec=spec(), metadata={"annotations": {"force": "1"}})
    assert world.seen() == {DB}
    world.remove("ExternalSecret", "db")
    assert world.seen() == {DB}
    assert world.known.others_in("shop") == ()


@pytest.mark.parametrize(("uid", "woken"), [("uid-ces", {DB, CES}), ("forged", {DB})])
def test_the_owner_of_an_external_secret_is_looked_at(
    world: World, uid: str, woken: set[Item]
) -> None:
    world.put("ClusterExternalSecret", "ces", spec={"externalSecretSpec": spec()})
    world.seen()
    owner = {"apiVersion": "external-secrets.io/v1", "kind": "ClusterExternalSecret"}
    owners = [{**owner, "name": "ces", "uid": uid, "controller": True}]
    world.put("ExternalSecret", "db", spec=spec(), metadata={"ownerReferences": owners})
    assert world.seen() == woken


def test_a_store_that_opens_or_closes_wakes_its_users(world: World) -> None:
    world.put("ExternalSecret", "db", spec=spec())
    world.put("ExternalSecret", "other", spec=spec(secretStoreRef={"name": "other"}))
    world.seen()
    world.put("SecretStore", "aws", spec=store())
    assert world.seen() == {STORE, DB}
    world.put("SecretStore", "aws", spec=store(), status=ready("True"))
    assert world.seen() == {DB}
    world.put("SecretStore", "aws", spec=store(), status=ready("True", "other words"))
    assert world.seen() == set()
    world.remove("SecretStore", "aws")
    assert world.seen() == {STORE, DB}


def test_a_store_that_is_known_to_be_good_is_checked_later(world: World) -> None:
    managed = [{"subresource": "status", "time": "2030-01-01T00:00:00Z"}]
    about = {"managedFields": managed}
    world.put("SecretStore", "aws", spec=store(), status=ready("True"), metadata=about)
    assert world.added == [(STORE, 300.0)]


def test_a_generator_wakes_its_users(world: World) -> None:
    ref = {"kind": "Password", "name": "gen"}
    world.put("ExternalSecret", "db", spec={"dataFrom": [{"sourceRef": {"generatorRef": ref}}]})
    world.seen()
    world.put("Password", "gen", spec={"length": 8})
    assert world.seen() == {DB}


@pytest.mark.parametrize(
    ("kind", "name", "document"),
    [
        ("SecretStore", "aws", store()),
        ("Password", "gen", {"length": 8}),
    ],
)
def test_what_is_for_another_controller_class_is_left_alone(
    world: World, kind: str, name: str, document: Document
) -> None:
    ref = {"kind": "Password", "name": "gen"}
    entry = {"sourceRef": {"generatorRef": ref}}
    world.put("ExternalSecret", "db", spec=spec(dataFrom=[entry]))
    world.put("SecretStore", "aws", spec=store(), status=ready("True"))
    assert world.skip_reason() == ""
    world.put(kind, name, spec={**document, "controller": "other"}, status=ready("True"))
    assert world.skip_reason() == "foreign"
    world.put(kind, name, spec={**document, "controller": "default"}, status=ready("True"))
    assert world.skip_reason() == ""


def test_a_store_that_is_not_checked_yet_and_a_namespace_that_ends_are_waited_for(
    world: World,
) -> None:
    world.put("ExternalSecret", "db", spec=spec())
    assert world.skip_reason() == "", "the fetch says that there is no store"
    world.put("SecretStore", "aws", spec=store())
    assert world.skip_reason() == "unchecked"
    world.put("SecretStore", "aws", spec=store(), status=ready("False"))
    assert world.skip_reason() == ""
    world.seen()
    world.put("Namespace", "shop", metadata={"deletionTimestamp": "2030-01-01T00:00:00Z"})
    assert world.skip_reason() == "foreign"
    assert DB in world.seen()


def test_without_cluster_stores_their_users_are_left_alone() -> None:
    world = World(namespace="shop")
    ref = {"name": "all", "kind": "ClusterSecretStore"}
    world.put("ExternalSecret", "db", spec=spec(secretStoreRef=ref))
    assert world.skip_reason() == "foreign"
    assert world.informers.namespace_labels("shop") == {"kubernetes.io/metadata.name": "shop"}


def test_without_secret_stores_their_users_are_left_alone() -> None:
    world = World(enable_secret_store_reconciler="false")
    world.put("ExternalSecret", "db", spec=spec())
    assert world.skip_reason() == "foreign"
    ref = {"name": "all", "kind": "ClusterSecretStore"}
    world.put("ExternalSecret", "db", spec=spec(secretStoreRef=ref))
    assert world.skip_reason() == ""
    assert [one.selection.kind.name for one in world.informers.stores.values()] == [ref["kind"]]


def test_kinds_that_are_switched_off_are_not_read() -> None:
    off = ("enable_cluster_generators", "enable_push_secret_reconciler")
    informers = World(**dict.fromkeys(off, "false")).informers
    assert "ClusterGenerator" not in informers.generators
    assert "Password" in informers.generators
    assert set(informers.push_secrets) == {"ClusterPushSecret"}
    informers = World(enable_cluster_push_secret_reconciler="false").informers
    assert set(informers.push_secrets) == {"PushSecret"}
    assert "ClusterGenerator" in informers.generators


def test_a_secret_that_is_edited_or_gone_wakes_its_external_secret(world: World) -> None:
    world.put("ExternalSecret", "db", spec=spec(target={"name": "target"}))
    world.seen()
    about = {
        "labels": {MANAGED_LABEL: "true"},
        "annotations": {DATA_HASH_ANNOTATION: data_hash({"a": b"1"})},
    }
    world.put("Secret", "target", data={"a": "MQ=="}, metadata=about)
    assert world.seen() == set()
    world.put("Secret", "target", data={"a": "Mg=="}, metadata=about)
    assert world.seen() == {DB}
    world.put("Secret", "target", data={"a": "MQ=="}, metadata=about)
    assert world.seen() == set()
    world.remove("Secret", "target")
    assert world.seen() == {DB}


def test_repaired_credentials_wake_the_store_and_its_failing_users_anywhere(world: World) -> None:
    auth = keys(namespace="ops")
    world.put("ClusterSecretStore", "all", spec=store(auth=auth), status=ready("True"))
    ref = {"name": "all", "kind": "ClusterSecretStore"}
    world.put("ExternalSecret", "db", spec=spec(secretStoreRef=ref), status=ready("False"))
    world.put("ExternalSecret", "well", spec=spec(secretStoreRef=ref), status=ready("True"))
    world.put("ExternalSecret", "other", spec=spec(), status=ready("False"))
    world.seen()
    world.triggers.named_object_changed("Secret", "ops", "keys")
    assert world.seen() == {CLUSTER_STORE, DB}


def test_repaired_credentials_of_a_referent_store_wake_who_failed_in_their_namespace(
    world: World,
) -> None:
    world.put("ClusterSecretStore", "all", spec=store(auth=keys()), status=ready("True"))
    ref = {"name": "all", "kind": "ClusterSecretStore"}
    for name, namespace in (("db", "shop"), ("db", "other")):
        document = spec(secretStoreRef=ref)
        world.put("ExternalSecret", name, namespace, spec=document, status=ready("False"))
    world.seen()
    world.triggers.named_object_changed("Secret", "shop", "keys")
    assert world.seen() == {DB}


def test_a_changed_template_is_rendered_though_nothing_is_due(world: World) -> None:
    source = {"configMap": {"name": "t", "items": [{"key": "k"}]}}
    template = {"template": {"templateFrom": [source]}}
    world.put("ExternalSecret", "db", spec=spec(target=template), status=synced())
    world.put("ExternalSecret", "other", spec=spec(), status=synced())
    world.seen()
    for key in ("db", "other"):
        world.backlog.take(ObjectKey("shop", key))
    world.triggers.named_object_changed("ConfigMap", "shop", "t")
    assert world.seen() == {DB}
    assert world.backlog.take(ObjectKey("shop", "db")) is not None


def test_changes_without_end_have_an_object_looked_at_once_a_second(world: World) -> None:
    source = {"configMap": {"name": "t", "items": [{"key": "k"}]}}
    template = {"template": {"templateFrom": [source]}}
    world.put("ExternalSecret", "db", spec=spec(target=template), status=synced())
    world.added.clear()
    for _ in range(50):
        world.triggers.named_object_changed("ConfigMap", "shop", "t")
        world.wait()
    late = [seconds for _, seconds in world.added if seconds]
    assert len(world.added) - len(late) <= BURST
    assert late[-1] <= REFILL


def test_a_secret_to_merge_into_that_comes_is_noticed(world: World) -> None:
    target = {"name": "target", "creationPolicy": "Merge"}
    status = synced(**ready("True", "SecretMissing"))
    world.put("ExternalSecret", "db", spec=spec(target=target), status=status)
    world.backlog.take(ObjectKey("shop", "db"))
    world.seen()
    world.triggers.named_object_changed("Secret", "shop", "target")
    assert world.seen() == {DB}
    assert world.backlog.take(ObjectKey("shop", "db")) is not None


def test_namespaces_and_free_names_wake_cluster_external_secrets(world: World) -> None:
    world.put("ClusterExternalSecret", "ces", spec={"externalSecretSpec": spec()})
    assert world.seen() == {CES}
    world.put("Namespace", "shop", metadata={"labels": {"team": "x"}})
    assert world.seen() == {CES}
    world.put("Namespace", "shop", metadata={"labels": {"team": "x"}, "annotations": {"n": "1"}})
    assert world.seen() == set()
    for name, woken in {"ces": {CES}, "db": set[Item]()}.items():
        world.put("ExternalSecret", name, spec=spec())
        world.seen()
        world.remove("ExternalSecret", name)
        assert world.seen() == {DB._replace(name=name), *woken}
    named = {"externalSecretSpec": spec(), "externalSecretName": "db"}
    world.put("ClusterExternalSecret", "ces", spec=named)
    world.put("ExternalSecret", "db", spec=spec())
    world.seen()
    world.remove("ExternalSecret", "db")
    assert world.seen() == {DB, CES}


CHANGES: dict[str, Callable[[World], object]] = {
    "store": lambda world: world.put("SecretStore", "aws", spec=store(), status=ready("True")),
    "target": lambda world: world.put("Secret", "aws", data={}),
    "generator": lambda world: world.put("Password", "aws", spec={"length": 8}),
    "namespace": lambda world: world.put("Namespace", "shop", metadata={"labels": {"a": "b"}}),
    "credential": lambda world: world.triggers.named_object_changed("Secret", "shop", "x"),
    "template": lambda world: world.triggers.named_object_changed("ConfigMap", "shop", "aws"),
    "policy": lambda world: world.triggers.policy_changed(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_those_who_use_what_has_changed_are_woken_a_slice_at_a_time(
    world: World, change: Callable[[World], object]
) -> None:
    """To wake ten thousand takes a third of a second, in which nobody else is worked on."""
    generator = {"generatorRef": {"kind": "Password", "name": "aws"}}
    template = {"templateFrom": [{"configMap": {"name": "aws", "items": [{"key": "k"}]}}]}
    target = {"name": "aws", "template": template}
    more = {"dataFrom": [{"sourceRef": generator}], "target": target}
    every = [f"es-{number}" for number in range(4)]
    for name in every:
        world.put("ExternalSecret", name, spec=spec(**more), status=ready("False"))
    world.seen()
    world.took = 2 * SLICE
    woken: list[list[str]] = []
    change(world)
    while world.added or world.timers:
        woken.append([one.name for one, _ in world.added if one.kind == DB.kind])
        world.added.clear()
        world.wait()
    assert [names for names in woken if names][:4] == [[name] for name in every]


def test_stores_that_name_a_changed_secret_are_woken_a_slice_at_a_time(world: World) -> None:
    for number in range(3):
        world.put("SecretStore", f"store-{number}", spec=store(auth=keys()))
    world.seen()
    world.took = 2 * SLICE
    world.triggers.named_object_changed("Secret", "shop", "keys")
    assert len(world.added) == 1
    assert len(world.seen()) == 2, "the next slice"


def test_a_changed_policy_wakes_those_who_failed_in_all_namespaces_a_slice_at_a_time(
    world: World,
) -> None:
    for namespace in ("a", "b"):
        world.put("ExternalSecret", "db", namespace, spec=spec(), status=ready("False"))
    world.seen()
    world.took = 2 * SLICE
    world.triggers.policy_changed()
    assert len(world.added) == 1
    assert {one.namespace for one in world.seen()} == {"a", "b"}


def names(informers: Iterator[Any]) -> set[str]:
    return {one.selection.kind.name for one in informers}


def test_there_is_an_informer_for_what_the_settings_ask_for() -> None:
    everything = World().informers
    assert names(everything.required()) == {
        "ExternalSecret", "Secret", "SecretStore", "ClusterSecretStore", "Namespace",
    }  # fmt: skip
    assert {"ClusterExternalSecret", "Password", "ClusterGenerator"} <= names(everything.all())
    scoped = World(namespace="shop").informers
    assert names(scoped.required()) == {"ExternalSecret", "Secret", "SecretStore"}
    assert not {one for one in names(scoped.all()) if one.startswith("Cluster")}
    assert {one.selection.namespace for one in scoped.all()} == {"shop"}


def test_a_kind_without_a_definition_delays_nothing(world: World) -> None:
    for one in world.informers.required():
        one.synced.set()
    assert world.informers.missing()
    for one in world.informers.all():
        one.failure = "not found"
    assert not world.informers.missing()
    assert readable(world.informers.external_secrets.get(ObjectKey("shop", "db"))) is None


def test_what_failed_is_looked_at_again_when_the_policy_changes(world: World) -> None:
    world.put("SecretStore", "aws", spec=store(), status=ready("True", "Valid"))
    world.put("SecretStore", "bad", spec=store(), status=ready("False"))
    world.put("ExternalSecret", "db", spec=spec(), status=synced())
    world.put("ExternalSecret", "refused", spec=spec(), status=ready("False"))
    world.seen()
    world.triggers.policy_changed()
    found = world.seen()
    assert {Item("SecretStore", "shop", "bad"), Item("ExternalSecret", "shop", "refused")} <= found
    assert DB not in found
