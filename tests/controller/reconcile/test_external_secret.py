"""When an ExternalSecret is read and written, over fakes that hold state."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from provider.controller.events import Events
from provider.controller.kinds import EXTERNAL_SECRETS
from provider.controller.monitoring.metrics import ExternalSecretMetrics
from provider.controller.monitoring.sync_observer import SyncObserver
from provider.controller.monitoring.sync_registry import SyncRegistry
from provider.controller.reconcile.backlog import Backlog
from provider.controller.reconcile.external_secret import FINALIZER, ExternalSecrets
from provider.controller.reconcile.reporter import Reporter
from provider.controller.reconcile.sync import Syncer
from provider.controller.resources.external_secret import ExternalSecretSpec
from provider.controller.resources.object_meta import Metadata
from provider.controller.resources.objects import ExternalSecret, read_external_secret
from provider.controller.scheduling.call_pace import BURST, DEBT, RATE, CallPace
from provider.controller.scheduling.queue import PutOff
from provider.controller.target.plan import TargetNotWritable, Wanted, target_name
from provider.controller.target.target_secrets import Written
from provider.controller.target.templates import without_template
from provider.controller.values.entries import Fetched
from provider.controller.values.secret_reads import FetchRequest
from provider.controller.watch.object_cache import ObjectKey
from provider.controller.watch.secret_state import Owner, SecretState
from provider.errors import (
    KubernetesUnavailable,
    LookupForbidden,
    ObjectConflict,
    ObjectRefused,
    ProviderError,
    SecretNotFound,
)
from provider.kube.events import Event
from provider.kube.kinds import Document, Kind
from provider.runtime.metrics import Metrics

KEY = ObjectKey("shop", "db")
HOUR = 3600.0
NOT_OWNER = "unable to delete secret target: creationPolicy=Orphan is not Owner"
START = 1_800_000_000.0


@dataclass
class World:
    """Everything that the reconciler talks to, with a clock that tests move."""

    now: float = START
    documents: dict[ObjectKey, Document] = field(default_factory=dict)
    values: dict[str, bytes] = field(default_factory=lambda: {"a": b"1"})
    missing: tuple[str, ...] = ()
    calls: int = 0
    fetch_error: ProviderError | None = None
    patch_error: ProviderError | None = None
    write_error: ProviderError | None = None
    status_error: ProviderError | None = None
    hindered: Literal["", "foreign", "unchecked"] = ""
    deleted_during: Literal["", "fetch", "render"] = ""
    asked: list[FetchRequest] = field(default_factory=list)
    also: list[list[str]] = field(default_factory=list)
    patches: list[Document] = field(default_factory=list)
    secrets: dict[ObjectKey, dict[str, bytes]] = field(default_factory=dict)
    broken: set[ObjectKey] = field(default_factory=set)
    events: list[tuple[str, str]] = field(default_factory=list)
    saved: list[float] = field(default_factory=list)
    at_rest: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        events = Events(EXTERNAL_SECRETS, self.record)
        self.backlog = Backlog()
        self.metrics = Metrics()
        self.counts = ExternalSecretMetrics(self.metrics)
        fake: Any = self
        self.reconciler = ExternalSecrets(
            api=fake,
            known=fake,
            syncer=Syncer(fetcher=fake, templates=fake, secrets=self, events=events),
            backlog=self.backlog,
            reporter=Reporter(fake, self.learn, events, self.counts, lambda: self.now),
            observer=SyncObserver(self.counts, SyncRegistry(), self.saved.append, audit_log=True),
            # This clock goes on where a test sets the wall clock back.
            pace=CallPace(clock=lambda: abs(self.now - START)),
            watch_used=lambda found, _spec: self.at_rest.append(found.metadata.name),
            clock=lambda: self.now - START,
            wall_clock=lambda: self.now,
        )

    def put(self, name: str = "db", *, finalizers: list[str] | None = None, **spec: Any) -> None:
        """Create or change an ExternalSecret."""
        key = ObjectKey("shop", name)
        old = self.documents.get(key, {"metadata": {"generation": 0}})
        generation = old["metadata"]["generation"] + 1
        about = {"name": name, "namespace": "shop", "uid": f"uid-{name}"}
        data = [{"secretKey": "a", "remoteRef": {"key": name}}]
        whole = {"secretStoreRef": {"name": "aws"}, "data": data, "refreshInterval": "1h"} | spec
        self.documents[key] = {
            "metadata": about | {"generation": generation, "finalizers": finalizers or []},
            "spec": whole,
            "status": old.get("status", {}),
        }

    async def reconcile(self, name: str = "db") -> float | None:
        return await self.reconciler.reconcile(ObjectKey("shop", name))

    def ready(self, name: str = "db") -> tuple[str, str, str]:
        [one] = self.documents[ObjectKey("shop", name)]["status"]["conditions"]
        return one["status"], one["reason"], one["message"]

    def metric(self, name: str, **labels: str) -> float | None:
        """The value of a metric of the ExternalSecret `db`."""
        place = {"name": "db", "namespace": "shop", **labels}
        return self.metrics.registry.get_sample_value(f"externalsecret_{name}", place)

    # ---- the Kubernetes API

    async def merge_patch(
        self, kind: Kind, namespace: str, name: str, change: Document
    ) -> Document:
        if self.patch_error is not None:
            raise self.patch_error
        self.patches.append(change)
        document = self.documents[ObjectKey(namespace, name)]
        document["metadata"]["finalizers"] = change["metadata"]["finalizers"]
        return document

    async def patch_status(
        self, kind: Kind, namespace: str, name: str, status: Document, *, version: str = ""
    ) -> Document:
        if self.status_error is not None:
            raise self.status_error
        self.patches.append(status)
        document = self.documents[ObjectKey(namespace, name)]
        document["status"] = {**document["status"], **status}
        return document

    # ---- what is known

    def get(self, key: Any, *_of_api: str) -> Any:
        document = self.documents.get(key)
        return None if document is None else read_external_secret(document)

    def others_in(self, namespace: str) -> tuple[ObjectKey, ...]:
        return tuple(self.documents)

    def skip_reason(self, external_secret: ExternalSecret) -> Literal["", "foreign", "unchecked"]:
        return self.hindered

    def is_of_another_class(self, spec: ExternalSecretSpec, namespace: str) -> bool:
        return self.hindered == "foreign"

    def learn(self, document: Document) -> None:
        pass

    # ---- values and Secrets

    async def fetch(
        self, spec: ExternalSecretSpec, asked: FetchRequest, also: Iterable[ExternalSecretSpec] = ()
    ) -> Fetched:
        self.asked.append(asked)
        self.delete_during("fetch")
        asked.record.trace.calls += self.calls
        self.also.append([one.data[0].remote_ref.key for one in also])
        if self.fetch_error is not None:
            raise self.fetch_error
        return Fetched(self.values, self.missing)

    async def render(
        self,
        metadata: Metadata,
        spec: ExternalSecretSpec,
        values: Mapping[str, bytes],
        since: float,
    ) -> Wanted:
        self.delete_during("render")
        return without_template(metadata, values)

    def delete_during(self, step: str) -> None:
        if self.deleted_during == step:
            self.documents[KEY]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"

    def state(self, key: ObjectKey) -> SecretState | None:
        if key not in self.secrets:
            return None
        return SecretState(
            name=key.name,
            uid="s",
            version="1",
            is_intact=key not in self.broken,
            created_by="",
            owner=Owner("external-secrets.io", "ExternalSecret", "db", "uid-db"),
        )

    async def write(self, metadata: Metadata, spec: ExternalSecretSpec, wanted: Wanted) -> Written:
        if self.write_error is not None:
            raise self.write_error
        key = ObjectKey(metadata.namespace, target_name(metadata, spec))
        if key not in self.secrets and spec.target.creation_policy == "Merge":
            return "missing"
        before = self.secrets.get(key)
        self.secrets[key] = dict(wanted.data)
        if before is None:
            return "created"
        was_broken = key in self.broken
        self.broken.discard(key)
        return "updated" if was_broken or before != wanted.data else "unchanged"

    async def delete(self, namespace: str, state: SecretState) -> bool:
        del self.secrets[ObjectKey(namespace, state.name)]
        return True

    def orphans(self, metadata: Metadata, spec: ExternalSecretSpec) -> list[SecretState]:
        wanted = target_name(metadata, spec)
        states = [self.state(key) for key in self.secrets if key.name != wanted]
        return [one for one in states if one is not None]

    # ---- what is told

    def record(self, event: Event) -> None:
        self.events.append((event.reason, event.message))


@pytest.fixture
def world() -> World:
    found = World()
    found.put()
    return found


async def test_a_new_one_is_read_and_written_and_comes_again_after_its_interval(
    world: World,
) -> None:
    due = await world.reconcile()
    assert due is not None
    assert HOUR < due < HOUR + 0.1
    assert world.secrets == {KEY: {"a": b"1"}}
    assert world.ready() == ("True", "SecretSynced", "secret synced")
    assert world.documents[KEY]["status"]["binding"] == {"name": "db"}
    assert world.events == [("Created", "secret created")]


async def test_nothing_is_read_or_written_before_it_is_due(world: World) -> None:
    await world.reconcile()
    world.patches.clear()
    world.now += 600
    assert world.at_rest == []
    assert await world.reconcile() == pytest.approx(HOUR - 600, abs=0.1)
    assert (len(world.asked), world.patches, world.at_rest) == (1, [], ["db"])


@pytest.mark.parametrize(
    "error", [None, SecretNotFound("gone"), KubernetesUnavailable("no answer")], ids=type
)
async def test_a_refresh_waits_for_the_calls_of_its_namespace_and_a_change_does_not(
    world: World, error: ProviderError | None
) -> None:
    world.put(refreshInterval="1s")
    await world.reconcile()
    world.calls = int(BURST + 60 * RATE)
    world.fetch_error = error
    world.now += 2
    with suppress(ProviderError):
        await world.reconcile()
    world.backlog.take(KEY)
    world.now += 2
    with pytest.raises(PutOff) as put_off:
        await world.reconcile()
    assert put_off.value.seconds == pytest.approx(29, abs=0.1)
    assert len(world.asked) == 2
    world.put(refreshInterval="2s")
    with suppress(ProviderError):
        await world.reconcile()
    assert len(world.asked) == 3


@pytest.mark.parametrize(("seconds", "events"), [(60, 2), (20, 0)])
async def test_each_long_wait_for_the_calls_of_the_namespace_is_one_event(
    world: World, seconds: int, events: int
) -> None:
    world.put(refreshInterval="1s")
    await world.reconcile()
    world.events.clear()
    for _ in range(2):
        world.reconciler.pace.spend("shop", int(BURST + 2 * seconds * RATE))
        for _ in range(3):
            world.now += 2
            with pytest.raises(PutOff):
                await world.reconcile()
        world.now += HOUR
        await world.reconcile()
    assert [reason for reason, _ in world.events] == ["SyncPutOff"] * events
    assert all("refreshInterval" in message for _, message in world.events)
    assert len(world.patches) == 3, "no status is written by those who wait"


async def test_a_short_wait_that_becomes_long_is_an_event_too(world: World) -> None:
    world.put(refreshInterval="1s")
    await world.reconcile()
    world.events.clear()
    for seconds, events in ((20, []), (60, ["SyncPutOff"])):
        world.reconciler.pace.spend("shop", int(BURST + 2 * seconds * RATE))
        world.now += 20
        with pytest.raises(PutOff):
            await world.reconcile()
        assert [reason for reason, _ in world.events] == events


async def test_who_changes_what_is_read_again_and_again_waits_too(world: World) -> None:
    world.calls = int(BURST + DEBT)
    await world.reconcile()
    world.put(refreshInterval="2h")
    world.backlog.put(KEY, 7.0)
    with pytest.raises(PutOff):
        await world.reconcile()
    world.now += 1
    await world.reconcile()
    assert [one.freshness.since for one in world.asked] == [0.0, 7.0]


async def _is_deleted(world: World) -> None:
    del world.documents[KEY]


async def _is_at_rest(world: World) -> None:
    world.documents[KEY]["spec"]["refreshInterval"] = "1h"


async def _is_refused(world: World) -> None:
    world.documents[KEY]["spec"]["refreshInterval"] = "1d"


@pytest.mark.parametrize("ends", [_is_deleted, _is_at_rest, _is_refused])
async def test_one_that_is_not_to_be_synced_any_more_does_not_wait(
    world: World, ends: Callable[[World], Awaitable[None]]
) -> None:
    world.put(refreshInterval="1s")
    await world.reconcile()
    before = world.documents[KEY]
    before["spec"] = dict(before["spec"])
    world.reconciler.pace.spend("shop", int(BURST + 60 * RATE))
    world.now += 2
    with pytest.raises(PutOff) as first:
        await world.reconcile()
    await ends(world)
    await world.reconcile()
    world.documents[KEY] = {**before, "spec": before["spec"] | {"refreshInterval": "1s"}}
    world.now += 10
    with pytest.raises(PutOff) as second:
        await world.reconcile()
    assert second.value.seconds == pytest.approx(first.value.seconds - 5, abs=0.1)


@pytest.mark.parametrize("failing", ["fetch_error", "write_error"])
@pytest.mark.parametrize(
    "error",
    [SecretNotFound("gone"), ObjectConflict("modified"), KubernetesUnavailable("no answer")],
    ids=type,
)
async def test_a_change_before_the_interval_is_over_is_retried_until_it_is_written(
    world: World, failing: str, error: ProviderError
) -> None:
    await world.reconcile()
    world.now += 60
    world.backlog.put(KEY, 60.0)
    setattr(world, failing, error)
    for _ in range(2):
        with suppress(ProviderError):
            await world.reconcile()
        world.now += 1
    setattr(world, failing, None)
    world.values = {"a": b"2"}
    await world.reconcile()
    assert world.secrets == {KEY: {"a": b"2"}}
    assert world.ready()[0] == "True"
    await world.reconcile()
    assert len(world.asked) == 4


@pytest.mark.parametrize(
    "error", [KubernetesUnavailable("no answer"), LookupForbidden("denied")], ids=type
)
async def test_a_change_is_retried_also_where_its_failure_could_not_be_written(
    world: World, error: ProviderError
) -> None:
    await world.reconcile()
    world.now += 60
    world.backlog.put(KEY, 50.0)
    world.fetch_error = SecretNotFound("gone")
    world.status_error = error
    with pytest.raises(type(error)):
        await world.reconcile()
    world.fetch_error = world.status_error = None
    world.values = {"a": b"2"}
    await world.reconcile()
    assert world.secrets == {KEY: {"a": b"2"}}


async def test_a_refresh_that_failed_is_not_retried_while_a_window_forbids_it(world: World) -> None:
    await world.reconcile()
    world.now += HOUR + 1
    world.fetch_error = SecretNotFound("gone")
    with suppress(ProviderError):
        await world.reconcile()
    always = {"kind": "deny", "windows": [{"schedule": "* * * * *", "duration": "2m"}]}
    world.put(syncWindows=always)
    document = world.documents[KEY]
    document["metadata"]["generation"] -= 1
    await world.reconcile()
    assert (len(world.asked), world.ready()[0]) == (2, "False")


async def test_a_refresh_that_finds_no_change_is_one_patch_of_the_time(world: World) -> None:
    await world.reconcile()
    before = world.documents[KEY]["status"]["conditions"]
    world.now += HOUR + 1
    await world.reconcile()
    assert len(world.asked) == 2
    assert len(world.patches) == 2
    assert world.documents[KEY]["status"]["conditions"] == before
    assert world.events == [("Created", "secret created")]


async def test_a_first_sync_takes_what_was_asked_since_the_change_was_seen(world: World) -> None:
    world.backlog.put(KEY, -5.0)
    await world.reconcile()
    assert world.asked[-1].freshness.since == -5.0


async def test_a_change_that_was_not_seen_asks_anew(world: World) -> None:
    await world.reconcile()
    world.now += 100
    world.put(refreshInterval="2h")
    await world.reconcile()
    assert world.asked[-1].freshness.since == 100.0


@pytest.mark.parametrize(("interval", "window"), [("1h", 60.0), ("100s", 10.0)])
async def test_a_periodic_refresh_takes_what_others_asked_for_lately(
    world: World, interval: str, window: float
) -> None:
    world.put(refreshInterval=interval)
    await world.reconcile()
    world.now += 7200
    await world.reconcile()
    assert world.asked[-1].freshness.since == 7200 - window


async def test_a_label_or_annotation_forces_a_sync(world: World) -> None:
    await world.reconcile()
    world.documents[KEY]["metadata"]["annotations"] = {"force-sync": "1"}
    await world.reconcile()
    assert len(world.asked) == 2


async def test_those_that_are_due_as_well_fill_up_the_calls(world: World) -> None:
    world.put("other")
    world.put("never", refreshPolicy="CreatedOnce")
    await world.reconcile("never")
    await world.reconcile()
    assert world.also[-1] == ["other"]


async def test_windows_of_those_that_may_be_due_as_well_are_not_looked_at(world: World) -> None:
    always = {"kind": "allow", "windows": [{"schedule": "* * * * *", "duration": "2m"}]}
    world.put("other", syncWindows=always)
    await world.reconcile()
    assert world.also[-1] == ["other"], "the first sync waits for no window"
    await world.reconcile("other")
    world.now += 2 * HOUR
    await world.reconcile()
    assert world.also[-1] == []
    await world.reconcile("other")
    assert len(world.asked) == 4


async def test_created_once_is_synced_once(world: World) -> None:
    world.put(refreshPolicy="CreatedOnce")
    assert await world.reconcile() is None
    world.now += 10 * HOUR
    world.put(refreshPolicy="CreatedOnce", refreshInterval="5m")
    assert await world.reconcile() is None
    assert len(world.asked) == 1


async def test_an_interval_of_zero_is_synced_once(world: World) -> None:
    world.put(refreshInterval="0")
    assert await world.reconcile() is None
    world.put(refreshInterval="0", target={"name": "db"})
    assert await world.reconcile() is None
    assert len(world.asked) == 1


@pytest.mark.parametrize("spec", [{"refreshInterval": "0"}, {"refreshPolicy": "CreatedOnce"}])
async def test_one_that_is_synced_once_is_ready_again_when_its_mistake_is_mended(
    world: World, spec: dict[str, Any]
) -> None:
    world.put(**spec)
    await world.reconcile()
    world.put(**spec, target={"creationPolicy": "none"})
    await world.reconcile()
    assert world.ready()[0] == "False"
    world.put(**spec)
    for _ in range(2):
        await world.reconcile()
    assert world.ready() == ("True", "SecretSynced", "secret synced")
    assert world.metric("status_condition", condition="Ready", status="True") == 1
    assert (len(world.asked), len(world.patches)) == (1, 3), "nothing is read or generated anew"


async def test_one_whose_secret_is_another_ones_is_not_ready(world: World) -> None:
    world.put("web", refreshInterval="0", target={"name": "db"})
    await world.reconcile("web")
    key = ObjectKey("shop", "web")
    failed = [{"type": "Ready", "status": "False", "reason": "SecretSyncedError", "message": "x"}]
    world.documents[key]["status"]["conditions"] = failed
    await world.reconcile("web")
    assert world.ready("web")[0] == "False"


async def test_a_secret_that_is_gone_or_edited_is_written_again(world: World) -> None:
    await world.reconcile()
    world.secrets.clear()
    await world.reconcile()
    assert world.secrets == {KEY: {"a": b"1"}}
    world.broken.add(KEY)
    await world.reconcile()
    assert [reason for reason, _ in world.events] == ["Created", "Created", "Updated"]


@pytest.mark.parametrize("policy", ["None", "Orphan"])
async def test_without_an_owned_secret_nothing_is_repaired(world: World, policy: str) -> None:
    world.put(target={"creationPolicy": policy})
    await world.reconcile()
    world.secrets.clear()
    await world.reconcile()
    assert len(world.asked) == 1
    assert world.ready() == ("True", "SecretSynced", "secret synced")


async def test_merge_without_a_secret_is_not_asked_again_before_its_interval(world: World) -> None:
    world.put(target={"creationPolicy": "Merge"})
    await world.reconcile()
    assert world.ready()[1:] == (
        "SecretMissing",
        "secret will not be created due to CreationPolicy=Merge",
    )
    await world.reconcile()
    assert len(world.asked) == 1


async def test_one_that_merges_once_is_retried_until_its_values_are_there(world: World) -> None:
    world.put(refreshPolicy="CreatedOnce", target={"creationPolicy": "Merge"})
    await world.reconcile()
    world.secrets[KEY] = {"b": b"another one has merged this"}
    world.backlog.put(KEY, 50.0)
    world.fetch_error = SecretNotFound("gone")
    for _ in range(2):
        with pytest.raises(SecretNotFound):
            await world.reconcile()
    assert world.ready()[0] == "False"
    world.fetch_error = None
    for _ in range(2):
        await world.reconcile()
    assert world.secrets == {KEY: {"a": b"1"}}
    assert (world.ready()[0], len(world.asked)) == ("True", 4)


async def test_a_failure_names_its_cause_once(world: World) -> None:
    world.fetch_error = SecretNotFound("error processing spec.data[0] (key: db), err:\nnone")
    for _ in range(2):
        with pytest.raises(SecretNotFound):
            await world.reconcile()
    text = "could not get secret data from provider: error processing spec.data[0] (key: db), err: "
    assert world.ready() == ("False", "SecretSyncedError", f"{text}none")
    assert len(world.patches) == 1
    assert "refreshTime" not in world.documents[KEY]["status"]
    assert world.metric("sync_calls_error") == 2
    assert world.metric("status_condition", condition="Ready", status="False") == 1


async def test_an_error_without_end_is_cut(world: World) -> None:
    world.fetch_error = SecretNotFound("x" * 100_000)
    with pytest.raises(SecretNotFound):
        await world.reconcile()
    assert len(world.ready()[2]) == 1000


async def test_no_name_in_a_condition_adds_a_line_or_controls_a_terminal(world: World) -> None:
    world.fetch_error = SecretNotFound("key x\nforged\x1b[2J\x9b\u202e\ud800")
    with pytest.raises(SecretNotFound):
        await world.reconcile()
    assert "forged" in world.ready()[2]
    assert world.ready()[2].isprintable()


@pytest.mark.parametrize(
    "error",
    [ObjectRefused("quota"), LookupForbidden("denied"), KubernetesUnavailable("failed webhook")],
    ids=repr,
)
async def test_a_refused_write_is_explained_and_tried_again(
    world: World, error: ProviderError
) -> None:
    world.write_error = error
    with pytest.raises(type(error)):
        await world.reconcile()
    assert world.ready()[2] == f"could not update secret: {error}"


async def test_what_cannot_get_better_by_itself_is_not_tried_again(world: World) -> None:
    world.write_error = TargetNotWritable("owned by x", "target is owned by another ExternalSecret")
    assert await world.reconcile() is None
    assert world.ready()[2] == "target is owned by another ExternalSecret: owned by x"


async def test_a_conflict_is_no_failure(world: World) -> None:
    world.write_error = ObjectConflict("changed")
    with pytest.raises(ObjectConflict):
        await world.reconcile()
    assert world.patches == []


async def test_kubernetes_that_is_away_is_no_failure_and_values_are_not_read_again(
    world: World,
) -> None:
    world.backlog.put(KEY, -5.0)
    world.write_error = KubernetesUnavailable("no answer")
    assert await world.reconcile() is not None
    assert world.patches == []
    world.write_error = None
    world.now += 30
    await world.reconcile()
    assert [one.freshness.since for one in world.asked] == [-5.0, -5.0]


@pytest.mark.parametrize(
    ("target", "secrets", "ready"),
    [
        (
            {},
            {"old": b"1"},
            ("True", "SecretSynced", "secret retained due to DeletionPolicy=Retain"),
        ),
        (
            {"deletionPolicy": "Delete"},
            None,
            ("True", "SecretDeleted", "secret deleted due to DeletionPolicy=Delete"),
        ),
        ({"deletionPolicy": "Merge"}, {}, ("True", "SecretSynced", "secret synced")),
        (
            {"deletionPolicy": "Delete", "creationPolicy": "Orphan"},
            {"old": b"1"},
            (
                "False",
                "SecretSyncedError",
                f"could not delete secret: {NOT_OWNER}",
            ),
        ),
    ],
    ids=str,
)
async def test_when_all_secrets_are_gone(
    world: World, target: Any, secrets: Any, ready: tuple[str, str, str]
) -> None:
    world.put(target=target)
    world.secrets[KEY] = {"old": b"1"}
    world.values, world.missing = {}, ("secret does not exist at provider",)
    await world.reconcile()
    assert world.secrets.get(KEY) == secrets
    assert world.ready() == ready
    assert ("MissingProviderSecret", "secret does not exist at provider") in world.events


@pytest.mark.parametrize("step", ["fetch", "render"])
@pytest.mark.parametrize("values", [{"a": b"2"}, {}], ids=["changed", "gone"])
async def test_nothing_is_written_or_deleted_by_a_sync_that_the_deletion_overtakes(
    world: World, step: Literal["fetch", "render"], values: dict[str, bytes]
) -> None:
    world.put(target={"deletionPolicy": "Delete" if step == "fetch" else "Merge"})
    world.put(finalizers=["orphan"], **world.documents[KEY]["spec"])
    world.secrets[KEY] = {"a": b"1"}
    world.values, world.deleted_during = values, step
    with suppress(ObjectConflict):
        await world.reconcile()
    await world.reconcile()
    assert (world.secrets, len(world.asked)) == ({KEY: {"a": b"1"}}, 1)


async def test_the_finalizer_is_there_for_deletion_policy_delete_alone(world: World) -> None:
    def finalizers() -> list[str]:
        found: list[str] = world.documents[KEY]["metadata"]["finalizers"]
        return found

    world.put(finalizers=[FINALIZER, "x/y"])
    await world.reconcile()
    assert finalizers() == ["x/y"]
    world.put(finalizers=["x/y"], target={"deletionPolicy": "Delete"})
    await world.reconcile()
    assert finalizers() == ["x/y", FINALIZER]


@pytest.mark.parametrize("others", [[], ["orphan"]], ids=["default", "--cascade=orphan"])
async def test_a_deleted_one_deletes_its_secret_if_it_says_so_and_is_let_go(
    world: World, others: list[str]
) -> None:
    world.put(finalizers=[FINALIZER, *others], target={"deletionPolicy": "Delete"})
    world.secrets[KEY] = {"a": b"1"}
    world.documents[KEY]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert await world.reconcile() is None
    assert (world.secrets == {}) == (not others)
    assert world.documents[KEY]["metadata"]["finalizers"] == others
    assert world.asked == []


async def test_a_deleted_one_that_is_invalid_is_let_go_too(world: World) -> None:
    world.put(finalizers=[FINALIZER], refreshInterval="1d")
    world.documents[KEY]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    await world.reconcile()
    assert world.documents[KEY]["metadata"]["finalizers"] == []


async def test_an_invalid_spec_is_explained_once(world: World) -> None:
    world.put(refreshInterval="1d")
    for _ in range(2):
        assert await world.reconcile() is None
    text = 'could not get secret data from provider: spec.refreshInterval: time: unknown unit "d"'
    assert world.ready()[2].startswith(text)
    assert (len(world.patches), world.asked) == (1, [])
    assert world.events[0][0] == "UpdateFailed"


@pytest.mark.parametrize("why", ["foreign", "unchecked"])
async def test_what_is_for_others_or_waits_for_its_store_is_left_alone(
    world: World, why: Literal["foreign", "unchecked"]
) -> None:
    world.put(finalizers=[FINALIZER])
    world.hindered = why
    due = await world.reconcile()
    assert (due is None) == (why == "foreign")
    assert (world.asked, world.patches) == ([], [])


async def test_what_waits_for_its_store_waits_behind_the_others_of_its_namespace(
    world: World,
) -> None:
    world.hindered = "unchecked"
    for name in ("db", "web"):
        world.backlog.put(ObjectKey("shop", name), 1.0)
    await world.reconcile()
    assert [key.name for key in world.backlog.waiting_in("shop")] == ["web", "db"]


async def test_a_former_secret_is_deleted_when_the_name_changes(world: World) -> None:
    await world.reconcile()
    world.put(target={"name": "new"})
    await world.reconcile()
    assert list(world.secrets) == [ObjectKey("shop", "new")]
    assert ("Deleted", "secret deleted because it was orphaned") in world.events


async def test_a_former_secret_is_deleted_when_all_values_are_gone_as_well(world: World) -> None:
    world.put(target={"deletionPolicy": "Delete"})
    await world.reconcile()
    world.values = {}
    world.put(target={"name": "new", "deletionPolicy": "Delete"})
    await world.reconcile()
    assert world.secrets == {}
    assert world.ready()[1] == "SecretDeleted"


async def test_after_a_restart_the_metric_is_what_the_condition_says(world: World) -> None:
    await world.reconcile()
    world.counts.clear()
    await world.reconcile()
    assert world.metric("status_condition", condition="Ready", status="True") == 1
    assert len(world.asked) == 1


async def test_one_that_is_another_controllers_now_has_no_series(world: World) -> None:
    """Else an alert on what has failed would never end."""
    await world.reconcile()
    world.hindered = "foreign"
    assert await world.reconcile() is None
    assert world.metric("status_condition", condition="Ready", status="True") is None


async def test_sync_windows_hold_back_periodic_refreshes_alone(world: World) -> None:
    windows = {"kind": "deny", "windows": [{"schedule": "* * * * *", "duration": "1h"}]}
    world.put(syncWindows=windows)
    await world.reconcile()
    assert len(world.asked) == 1
    world.now += 2 * HOUR
    assert await world.reconcile() == 60.0
    assert len(world.asked) == 1


async def test_a_time_in_the_future_counts_as_none(world: World) -> None:
    await world.reconcile()
    world.now -= 10 * HOUR
    await world.reconcile()
    assert len(world.asked) == 2


async def test_one_that_is_gone_is_forgotten(world: World) -> None:
    world.backlog.put(KEY, 1.0)
    world.documents.clear()
    assert await world.reconcile() is None
    assert list(world.backlog.waiting_in("shop")) == []


async def test_a_bug_is_said_without_the_text_of_its_error(world: World) -> None:
    await world.reconciler.explain(KEY, ValueError("canary"))
    status, reason, message = world.ready()
    assert (status, reason) == ("False", "SecretSyncedError")
    assert message.startswith("could not update secret: unexpected ValueError: this is a bug")
    assert world.events == [("UpdateFailed", message.removeprefix("could not update secret: "))]
    assert "canary" not in message


async def test_a_finalizer_that_a_leftover_webhook_refuses_is_explained(world: World) -> None:
    world.put(target={"deletionPolicy": "Delete"})
    webhook = 'failed calling webhook "validate.externalsecret.external-secrets.io"'
    world.patch_error = KubernetesUnavailable(f"Kubernetes answered 500 ({webhook})")
    with pytest.raises(KubernetesUnavailable):
        await world.reconcile()
    _, _, message = world.ready()
    assert message.startswith("could not update secret: Kubernetes answered 500")
    remedy = "kubectl delete validatingwebhookconfiguration externalsecret-validate"
    assert message.endswith(remedy)


async def test_an_api_server_that_is_away_is_no_fault_of_the_object(world: World) -> None:
    world.put(target={"deletionPolicy": "Delete"})
    world.patch_error = KubernetesUnavailable("connection refused")
    with pytest.raises(KubernetesUnavailable):
        await world.reconcile()
    assert world.events == []


async def test_one_of_another_controller_keeps_its_finalizer(world: World) -> None:
    world.put(finalizers=[FINALIZER], target={"deletionPolicy": "Delete"})
    world.documents[KEY]["metadata"]["deletionTimestamp"] = "2030-01-01T00:00:00Z"
    world.hindered = "foreign"
    assert await world.reconcile() is None
    assert world.patches == []
    world.hindered = ""
    await world.reconcile()
    assert world.documents[KEY]["metadata"]["finalizers"] == []
