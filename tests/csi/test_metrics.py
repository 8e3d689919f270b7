"""Metrics of mounts, and the series that alert rules read."""

import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from provider.csi.metrics import MountMetrics
from provider.runtime.metrics import PREFIX, Metrics

ALERTS = Path(__file__).parents[2] / "deploy" / "alerts" / "secrets-provider-aws.yaml"
REASONS = ("InternalFault", "SecretNotFound")


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
    mounts = MountMetrics(metrics, REASONS)
    mounts.mounted("delivered", "", 0.02)
    mounts.mounted("failed", "SecretNotFound", 0.3)
    mounts.mounted("failed", "SecretNotFound", 0.3)
    found = await samples(metrics)
    assert found["mounts_total", "delivered", ""] == 1
    assert found["mounts_total", "failed", "SecretNotFound"] == 2
    assert found["mount_duration_seconds_count", "failed", ""] == 2
    assert found["mount_duration_seconds_sum", "failed", ""] == 0.6


async def test_the_first_fault_is_an_increase_that_prometheus_sees() -> None:
    metrics = Metrics()
    MountMetrics(metrics, REASONS)
    found = await samples(metrics)
    assert found["mounts_total", "failed", "InternalFault"] == 0
    assert found["mounts_total", "delivered", ""] == 0
    assert found["mounts_total", "unchanged", ""] == 0
    assert found["mount_duration_seconds_count", "failed", ""] == 0


async def test_every_series_of_mounts_that_an_alert_selects_exists_from_the_start() -> None:
    metrics = Metrics()
    MountMetrics(metrics, REASONS)
    found = await samples(metrics)
    selected = re.findall(rf'{PREFIX}(mounts_total)\{{(outcome|reason)="(\w+)"', ALERTS.read_text())
    assert selected
    for name, label, wanted in selected:
        assert any(
            name == its_name and wanted == {"outcome": outcome, "reason": reason}[label]
            for its_name, outcome, reason in found
        ), (name, label, wanted)
