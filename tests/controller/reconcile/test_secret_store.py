"""When stores are checked, and what their condition says."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from provider.controller.events import Events
from provider.controller.kinds import SECRET_STORES
from provider.controller.monitoring.metrics import ObjectMetrics
from provider.controller.reconcile.secret_store import FINALIZER, StoreReconciler
from provider.controller.resources.objects import Store
from provider.controller.watch.object_cache import ObjectKey
from provider.controller.watch.watched import parse_store
from provider.errors import KubernetesUnavailable, LookupForbidden, ProviderError, RoleMissing
from provider.kube.events import Event
from provider.kube.kinds import Document, Kind
from provider.runtime.metrics import Metrics

KEY = ObjectKey("shop", "aws")


@dataclass
class World:
    """One store, and everything that its reconciler talks to."""

    document: Document
    error: ProviderError | None = None
    refusal: ProviderError | None = None
    checks: int = 0
    patches: list[Any] = field(default_factory=list)
    events: list[tuple[str, str, str]] = field(default_factory=list)
    is_gone: bool = False

    def __post_init__(self) -> None:
        self.metrics = Metrics()
        fake: Any = self
        self.reconciler = StoreReconciler(
            kind="SecretStore",
            api=fake,
            known=fake,
            check=self.check,
            events=Events(SECRET_STORES, self.record),
            counts=ObjectMetrics(self.metrics, "secretstore"),
            controller_class="default",
            interval=300.0,
        )

    async def reconcile(self) -> float | None:
        return await self.reconciler.reconcile(KEY)

    async def check(self, store: Store, deadline: float) -> None:
        self.checks += 1
        if self.error is not None:
            raise self.error

    def get(self, key: Any, *_of_api: str) -> Any:
        return None if self.is_gone else parse_store(self.document, "SecretStore")

    def learn(self, document: Document) -> None:
        pass

    async def merge_patch(
        self, kind: Kind, namespace: str, name: str, change: Document
    ) -> Document:
        self.document["metadata"]["finalizers"] = change["metadata"]["finalizers"]
        return self.document

    async def patch_status(
        self, kind: Kind, namespace: str, name: str, status: Document, *, version: str = ""
    ) -> Document:
        if self.refusal is not None:
            raise self.refusal
        self.patches.append(status)
        self.document["status"] = {**self.document.get("status", {}), **status}
        return self.document

    def record(self, event: Event) -> None:
        self.events.append((event.type, event.reason, event.message))

    def is_ready(self, status: str) -> float | None:
        """The metric of the condition."""
        place = {"name": "aws", "namespace": "shop", "condition": "Ready", "status": status}
        return self.metrics.registry.get_sample_value("secretstore_status_condition", place)

    @property
    def ready(self) -> tuple[str, str, str]:
        [one] = self.document["status"]["conditions"]
        return one["status"], one["reason"], one["message"]


def world(**spec: Any) -> World:
    aws = {"service": "SecretsManager", "region": "eu-west-1"}
    about = {"name": "aws", "namespace": "shop", "uid": "u"}
    return World({"metadata": about, "spec": {"provider": {"aws": aws}} | spec})


async def test_a_valid_store_is_ready_and_checked_again() -> None:
    found = world()
    due = await found.reconcile()
    assert due is not None
    assert 300 <= due <= 330
    assert found.ready == ("True", "Valid", "store validated")
    assert found.document["status"]["capabilities"] == "ReadWrite"
    assert found.events == [("Normal", "Valid", "store validated")]


async def test_a_check_that_finds_the_same_writes_nothing() -> None:
    found = world()
    await found.reconcile()
    await found.reconcile()
    assert (found.checks, len(found.patches), len(found.events)) == (2, 1, 1)


async def test_its_own_interval_counts() -> None:
    due = await world(refreshInterval=60).reconcile()
    assert due is not None
    assert 60 <= due <= 66


async def test_a_store_without_credentials_is_not_ready_and_is_tried_again() -> None:
    found = world()
    found.error = RoleMissing("unable to create client: no role")
    for _ in range(2):
        with pytest.raises(RoleMissing):
            await found.reconcile()
    assert found.ready == ("False", "InvalidProviderConfig", "unable to create client: no role")
    assert "capabilities" not in found.document["status"]
    assert len(found.patches) == 1
    found.error = None
    await found.reconcile()
    assert found.ready[0] == "True"


async def test_an_invalid_store_waits_for_a_change() -> None:
    found = world(provider={"vault": {}})
    found.error = RoleMissing("unable to create client: no provider")
    assert await found.reconcile() is None
    assert found.ready[0] == "False"


async def test_kubernetes_that_is_away_says_nothing_of_the_store() -> None:
    found = world()
    found.error = KubernetesUnavailable("no answer")
    with pytest.raises(KubernetesUnavailable):
        await found.reconcile()
    assert found.patches == []


async def test_a_store_of_another_class_is_left_alone() -> None:
    found = world()
    await found.reconcile()
    assert found.is_ready("True") == 1
    found.document["spec"]["controller"] = "other"
    assert await found.reconcile() is None
    assert (found.checks, len(found.patches)) == (1, 1)
    assert found.is_ready("True") is None


@pytest.mark.parametrize(("controller", "is_ready"), [("", 1), ("other", None)])
def test_a_good_store_has_its_metric_before_its_next_check(
    controller: str, is_ready: float | None
) -> None:
    found = world(controller=controller, refreshInterval=3600)
    assert found.reconciler.resume(found.get(KEY).object) >= 3600
    assert found.is_ready("True") == is_ready


@pytest.mark.parametrize(
    ("deleting", "controller", "left"),
    [(False, "", ["k/eep"]), (True, "", ["k/eep"]), (True, "other", [FINALIZER, "k/eep"])],
)
async def test_the_finalizer_of_the_operator_is_removed(
    deleting: bool, controller: str, left: list[str]
) -> None:
    found = world(controller=controller)
    found.document["metadata"]["finalizers"] = [FINALIZER, "k/eep"]
    if deleting:
        found.document["metadata"]["deletionTimestamp"] = "2030-01-01T00:00:00Z"
    await found.reconcile()
    assert found.document["metadata"]["finalizers"] == left
    assert found.checks == (not deleting)


async def test_a_status_that_may_not_be_written_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    found = world()
    found.refusal = LookupForbidden("cannot patch SecretStore: allow it by RBAC")
    with pytest.raises(LookupForbidden):
        await found.reconcile()
    [record] = caplog.records
    assert record.getMessage() == "cannot write the status of a SecretStore"
    assert "allow it by RBAC" in str(vars(record))


async def test_a_bug_is_said_on_the_store() -> None:
    found = world()
    await found.reconciler.explain(KEY, KeyError("canary"))
    assert found.ready[:2] == ("False", "InvalidProviderConfig")
    assert "unexpected KeyError: this is a bug" in found.ready[2]
    assert "canary" not in found.ready[2]


async def test_a_store_that_is_gone_is_no_fault() -> None:
    found = world()
    found.is_gone = True
    assert await found.reconcile() is None


@pytest.mark.parametrize(
    ("status", "spec", "checked"),
    [("2026-01-02", "2026-01-01", True), ("2026-01-01", "2026-01-02", False), ("", "x", False)],
)
def test_whether_a_store_was_checked_since_it_was_changed(
    status: str, spec: str, checked: bool
) -> None:
    fields = [{"manager": "kubectl", "time": spec}]
    fields += [{"manager": "us", "time": status, "subresource": "status"}] if status else []
    document = {"metadata": {"name": "aws", "managedFields": fields}}
    assert parse_store(document, "SecretStore").is_checked == checked
