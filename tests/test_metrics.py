"""The page that Prometheus reads."""

import subprocess
import sys
import threading

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from provider.runtime.metrics import MAX_LABEL_SETS, PREFIX, Metrics


def page(metrics: Metrics) -> dict[str, Metric]:
    return {one.name: one for one in text_string_to_metric_families(metrics.page().decode())}


def value(metrics: Metrics, sample: str, **labels: str) -> float:
    for family in page(metrics).values():
        for one in family.samples:
            if one.name == PREFIX + sample and one.labels == labels:
                return one.value
    raise KeyError(sample)


def test_mounts_are_counted_by_outcome_and_reason() -> None:
    metrics = Metrics()
    metrics.mounted("delivered", "", 0.02)
    metrics.mounted("failed", "SecretNotFound", 0.3)
    metrics.mounted("failed", "SecretNotFound", 0.3)
    assert value(metrics, "mounts_total", outcome="delivered", reason="") == 1
    assert value(metrics, "mounts_total", outcome="failed", reason="SecretNotFound") == 2
    assert value(metrics, "mount_duration_seconds_count", outcome="failed") == 2
    assert value(metrics, "mount_duration_seconds_sum", outcome="failed") == pytest.approx(0.6)


def test_histograms_are_cumulative_and_bounds_belong_to_their_bucket() -> None:
    metrics = Metrics()
    for seconds in (0.0005, 0.001, 0.002, 500):
        metrics.mounted("delivered", "", seconds)
    buckets = [
        (one.labels["le"], one.value)
        for one in page(metrics)[PREFIX + "mount_duration_seconds"].samples
        if one.name.endswith("_bucket")
    ]
    assert buckets[:2] == [("0.001", 2), ("0.0025", 3)]
    assert buckets[-2:] == [("120.0", 3), ("+Inf", 4)]


def test_aws_requests_by_all_that_an_operator_asks_for() -> None:
    metrics = Metrics()
    metrics.aws_request("secretsmanager", "GetSecretValue", "eu-west-1", "ok", 0.02)
    assert (
        value(
            metrics,
            "aws_request_duration_seconds_count",
            service="secretsmanager",
            operation="GetSecretValue",
            region="eu-west-1",
            outcome="ok",
        )
        == 1
    )


def test_made_up_regions_cannot_fill_the_memory() -> None:
    metrics = Metrics()
    for number in range(MAX_LABEL_SETS + 100):
        metrics.aws_request("ssm", "GetParameters", f"xx-{number}", "failed", 1)
    metrics.aws_request("ssm", "GetParameters", "xx-1", "failed", 1)
    others = dict.fromkeys(("service", "operation", "region", "outcome"), "other")
    assert value(metrics, "aws_request_duration_seconds_count", **others) == 100


def test_gauges_are_read_when_the_page_is() -> None:
    metrics = Metrics()
    numbers = iter([3, 5])
    metrics.watch("credentials_cached", "Credentials in memory.", lambda: next(numbers))
    assert value(metrics, "credentials_cached") == 3
    assert value(metrics, "credentials_cached") == 5


def test_names_follow_the_conventions() -> None:
    metrics = Metrics()
    metrics.mounted("delivered", "", 1)
    metrics.cache_event("memory", "hit")
    metrics.watch("mounts_waiting", "Mounts that wait.", lambda: 0)
    families = page(metrics)
    assert PREFIX + "build_info" in families
    assert "process_resident_memory_bytes" in families
    for name, family in families.items():
        assert family.documentation.endswith(".")
        assert not name.endswith(("_total", "_count", "_bucket"))
        assert family.type != "unknown"


def test_counting_from_many_threads_loses_nothing() -> None:
    metrics = Metrics()

    def count() -> None:
        for _ in range(500):
            metrics.cache_event("memory", "hit")

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert value(metrics, "cache_events_total", cache="memory", event="hit") == 4000


def test_counting_does_not_load_prometheus_client() -> None:
    code = (
        "import sys; from provider.runtime.metrics import Metrics; Metrics().mounted('failed', 'X', 1);"
        "print('prometheus_client' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout == "False\n"
