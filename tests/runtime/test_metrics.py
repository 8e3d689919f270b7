"""The page that Prometheus scrapes."""

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from provider.runtime.metrics import MAX_REGIONS, PREFIX, BoundedLabel, Metrics
from tests.runtime.promlint import problems

REQUESTS = "aws_request_duration_seconds"
SECRETS = {"service": "secretsmanager", "operation": "GetSecretValue"}


async def page(metrics: Metrics) -> dict[str, Metric]:
    return {
        one.name: one for one in text_string_to_metric_families((await metrics.page()).decode())
    }


async def value(metrics: Metrics, sample: str, **labels: str) -> float:
    for family in (await page(metrics)).values():
        for one in family.samples:
            if one.name == PREFIX + sample and one.labels == labels:
                return one.value
    raise KeyError(sample)


def ask(metrics: Metrics, region: str, seconds: float = 0.02) -> None:
    metrics.aws_request("secretsmanager", "GetSecretValue", region, "ok", seconds)


async def test_requests_to_aws_by_service_operation_region_and_outcome() -> None:
    metrics = Metrics()
    ask(metrics, "eu-west-1", 0.3)
    ask(metrics, "eu-west-1", 0.3)
    labels = {**SECRETS, "region": "eu-west-1", "outcome": "ok"}
    assert await value(metrics, f"{REQUESTS}_count", **labels) == 2
    assert await value(metrics, f"{REQUESTS}_sum", **labels) == pytest.approx(0.6)


async def test_histograms_are_cumulative_and_bounds_belong_to_their_bucket() -> None:
    metrics = Metrics()
    for seconds in (0.0005, 0.001, 0.002, 500):
        ask(metrics, "eu-west-1", seconds)
    buckets = [
        (one.labels["le"], one.value)
        for one in (await page(metrics))[PREFIX + REQUESTS].samples
        if one.name.endswith("_bucket")
    ]
    assert buckets[:2] == [("0.001", 2), ("0.0025", 3)]
    assert buckets[-2:] == [("120.0", 3), ("+Inf", 4)]
    assert len(buckets) == 16


async def test_regions_that_do_not_exist_share_one_series() -> None:
    metrics = Metrics()
    for number in range(MAX_REGIONS + 100):
        ask(metrics, f"xx-{number}")
    ask(metrics, "xx-1")
    assert await value(metrics, f"{REQUESTS}_count", **SECRETS, region="other", outcome="ok") == 100
    assert await value(metrics, f"{REQUESTS}_count", **SECRETS, region="xx-1", outcome="ok") == 2


async def test_a_bounded_label_keeps_the_first_values() -> None:
    label = BoundedLabel(2)
    assert [label(value) for value in ("a", "b", "c", "a")] == ["a", "b", "other", "a"]


async def test_events_of_caches_are_counted() -> None:
    metrics = Metrics()
    metrics.cache_event("values", "memory")
    metrics.cache_event("values", "memory")
    assert await value(metrics, "cache_events_total", cache="values", event="memory") == 2


async def test_gauges_are_read_at_every_scrape() -> None:
    metrics = Metrics()
    numbers = iter([3, 5])
    metrics.watch("credentials_cached", "Credentials in memory.", lambda: next(numbers))
    assert await value(metrics, "credentials_cached") == 3
    assert await value(metrics, "credentials_cached") == 5


async def test_registries_are_independent() -> None:
    Metrics().cache_event("values", "memory")
    with pytest.raises(KeyError):
        await value(Metrics(), "cache_events_total", cache="values", event="memory")


async def test_names_follow_the_conventions() -> None:
    metrics = Metrics()
    metrics.cache_event("values", "memory")
    ask(metrics, "eu-west-1")
    metrics.counter("mounts", "Mounts.").inc()
    metrics.watch("mounts_waiting", "Mounts that wait.", lambda: 0)
    families = await page(metrics)
    assert PREFIX + "build_info" in families
    assert "process_resident_memory_bytes" in families
    assert problems(families.values()) == []
    assert not [name for name in families if name.endswith("_created")]
