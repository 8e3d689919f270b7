"""Metrics of mounts, and the series that alert rules read."""

import re
from pathlib import Path
from time import monotonic

from prometheus_client.parser import text_string_to_metric_families

from provider.csi.metrics import MAX_NAMESPACES, MountMetrics, NamespaceLabel, watch_registry
from provider.csi.mount_registry import Mount, MountRegistry
from provider.runtime.metrics import PREFIX, Metrics
from tests.csi.test_mount_registry import delivery, fail, spec

ALERTS = Path(__file__).parents[2] / "deploy" / "alerts" / "secrets-provider-aws.yaml"
NO_LABEL = NamespaceLabel(None)


async def samples(metrics: Metrics) -> dict[tuple[str, str, str], float]:
    """Values by name without prefix, outcome and reason."""
    return {
        (
            one.name.removeprefix(PREFIX),
            one.labels.get("outcome", ""),
            one.labels.get("reason", ""),
        ): one.value
        for family in text_string_to_metric_families((await metrics.page()).decode())
        for one in family.samples
    }


async def test_mounts_are_counted_by_outcome_and_reason() -> None:
    metrics = Metrics()
    mounts = MountMetrics(metrics, NO_LABEL)
    mounts.mounted("delivered", "", "shop", 0.02)
    mounts.mounted("failed", "SecretNotFound", "shop", 0.3)
    mounts.mounted("failed", "SecretNotFound", "shop", 0.3)
    found = await samples(metrics)
    assert found["mounts_total", "delivered", ""] == 1
    assert found["mounts_total", "failed", "SecretNotFound"] == 2
    assert found["mount_duration_seconds_count", "failed", ""] == 2
    assert found["mount_duration_seconds_sum", "failed", ""] == 0.6


async def test_the_first_fault_is_an_increase_that_prometheus_sees() -> None:
    metrics = Metrics()
    MountMetrics(metrics, NO_LABEL)
    found = await samples(metrics)
    assert found["mounts_total", "failed", "InternalFault"] == 0
    assert found["mounts_total", "delivered", ""] == 0
    assert found["mounts_total", "unchanged", ""] == 0
    assert found["mount_duration_seconds_count", "failed", ""] == 0


async def test_every_series_of_mounts_that_an_alert_selects_exists_from_the_start() -> None:
    metrics = Metrics()
    MountMetrics(metrics, NO_LABEL)
    found = await samples(metrics)
    selected = re.findall(rf'{PREFIX}(mounts_total)\{{(outcome|reason)="(\w+)"', ALERTS.read_text())
    assert selected
    for name, label, wanted in selected:
        assert any(
            name == its_name and wanted == {"outcome": outcome, "reason": reason}[label]
            for its_name, outcome, reason in found
        ), (name, label, wanted)


async def test_every_reason_of_a_failed_mount_exists_from_the_start() -> None:
    metrics = Metrics()
    MountMetrics(metrics, NO_LABEL)
    found = await samples(metrics)
    for reason in ("AccessDenied", "InvalidSpec", "TooCostly", "WriteFailed"):
        assert found["mounts_total", "failed", reason] == 0


async def test_a_scrape_looks_at_the_volumes_once() -> None:
    class Spy(MountRegistry):
        looks = 0

        def live(self) -> list[Mount]:
            self.looks += 1
            return super().live()

    metrics, registry = Metrics(), Spy(Path("/nowhere"))
    watch_registry(metrics, registry, NO_LABEL)
    assert (await samples(metrics))["mounts_live", "", ""] == 0
    registry.succeeded(spec(), delivery(spec()), monotonic() - 100)
    fail(registry, spec())
    found = await samples(metrics)
    assert found["mounts_live", "", ""] == found["mounts_failing", "", ""] == 1
    assert found["stalest_mount_age_seconds", "", ""] >= 90
    assert registry.looks == 2


async def test_there_is_no_label_for_namespaces_unless_asked_for() -> None:
    metrics = Metrics()
    MountMetrics(metrics, NO_LABEL).mounted("delivered", "", "shop", 0.1)
    watch_registry(metrics, MountRegistry(Path("/nowhere")), NO_LABEL)
    assert b"namespace=" not in await metrics.page()


async def test_chosen_namespaces_have_a_label_and_all_others_share_one() -> None:
    metrics, registry = Metrics(), MountRegistry(Path("/nowhere"))
    namespaces = NamespaceLabel(("team-*", "shop"))
    mounts = MountMetrics(metrics, namespaces)
    watch_registry(metrics, registry, namespaces)
    for namespace in ("team-a", "shop", "kube-system", ""):
        mounts.mounted("failed", "InternalFault", namespace, 0.1)
    fail(registry, spec())  # of namespace shop
    page = (await metrics.page()).decode()
    counted = {
        one.labels["namespace"]: one.value
        for family in text_string_to_metric_families(page)
        for one in family.samples
        if one.name == f"{PREFIX}mounts_total" and one.labels["reason"] == "InternalFault"
    }
    assert counted == {"team-a": 1, "shop": 1, "other": 2}
    assert f'{PREFIX}mounts_failing{{namespace="shop"}} 1.0' in page
    assert f'{PREFIX}mounts_failing{{namespace="other"}} 0.0' in page
    first = f'{PREFIX}mounts_total{{namespace="team-a",outcome="failed",reason="AccessDenied"}} 0.0'
    assert first in page, "its first denial is an increase"


async def test_a_named_namespace_has_its_series_before_its_first_mount() -> None:
    metrics = Metrics()
    MountMetrics(metrics, NamespaceLabel(("shop",)))
    page = (await metrics.page()).decode()
    assert (
        f'{PREFIX}mounts_total{{namespace="shop",outcome="failed",reason="InternalFault"}} 0.0'
        in page
    )


async def test_a_request_without_a_namespace_is_counted_with_the_others() -> None:
    metrics = Metrics()
    MountMetrics(metrics, NamespaceLabel(("*",))).mounted("failed", "InvalidSpec", "", 0.1)
    counted = f'{PREFIX}mounts_total{{namespace="other",outcome="failed",reason="InvalidSpec"}} 1.0'
    assert counted in (await metrics.page()).decode()


def test_the_number_of_namespaces_is_bounded() -> None:
    label = NamespaceLabel(("*",))
    found = {label(f"team-{number}") for number in range(10 * MAX_NAMESPACES)}
    assert len(found) == MAX_NAMESPACES + 1
    assert "other" in found
