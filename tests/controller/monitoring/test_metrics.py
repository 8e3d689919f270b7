"""The metrics of External Secrets Operator, under its names."""

from provider.controller.monitoring.metrics import (
    EXTENDED,
    ControllerMetrics,
    ExternalSecretMetrics,
    ObjectMetrics,
    ProviderCalls,
)
from provider.controller.resources.object_meta import Metadata
from provider.controller.watch.object_cache import ObjectKey
from provider.runtime.metrics import Metrics

DB = Metadata(name="db", namespace="shop", labels={}, annotations={})
PLACE = 'name="db",namespace="shop"'


async def lines(metrics: Metrics) -> set[str]:
    return set((await metrics.page()).decode().splitlines())


async def test_an_external_secret_has_the_operators_series() -> None:
    metrics = Metrics()
    found = ExternalSecretMetrics(metrics)
    found.synced(DB, failed=False)
    found.synced(DB, failed=True)
    found.ready(DB, "False")
    found.reconciled(ObjectKey("shop", "db"), 0.5)
    condition = f'externalsecret_status_condition{{condition="Ready",{PLACE}'
    assert {
        f"externalsecret_sync_calls_total{{{PLACE}}} 2.0",
        f"externalsecret_sync_calls_error{{{PLACE}}} 1.0",
        f'{condition},status="False"}} 1.0',
        f'{condition},status="True"}} 0.0',
        f"externalsecret_reconcile_duration{{{PLACE}}} 5e+08",
    } <= await lines(metrics)


async def test_the_series_end_with_the_object() -> None:
    metrics = Metrics()
    found = ExternalSecretMetrics(metrics)
    found.synced(DB, failed=True)
    found.ready(DB, "True")
    found.reconciled(ObjectKey("shop", "db"), 0.5)
    for _ in range(2):
        found.gone(ObjectKey("shop", "db"))
        found.reconciled(ObjectKey("shop", "db"), 0.5)
    assert not [line for line in await lines(metrics) if "shop" in line]


async def test_a_replica_that_no_longer_leads_has_no_series_of_objects() -> None:
    metrics = Metrics()
    found = ControllerMetrics(metrics)
    found.external_secrets.synced(DB, failed=True)
    for one in found.of.values():
        one.ready(DB, "False")
    found.clear()
    assert not [line for line in await lines(metrics) if "shop" in line]


async def test_stores_have_theirs() -> None:
    metrics = Metrics()
    found = ObjectMetrics(metrics, "clustersecretstore")
    found.ready(DB, "True")
    line = f'clustersecretstore_status_condition{{condition="Ready",{PLACE},status="True"}} 1.0'
    assert line in await lines(metrics)


async def test_labels_of_the_object_are_labels_of_its_series_if_they_are_asked_for() -> None:
    metrics = Metrics()
    found = ExternalSecretMetrics(metrics, EXTENDED)
    labels = {"app.kubernetes.io/name": "shop", "app.kubernetes.io/part-of": "x", "team": "y"}
    found.synced(Metadata(name="db", namespace="shop", labels=labels, annotations={}), failed=False)
    found.reconciled(ObjectKey("shop", "db"), 0.5)
    app = "app_kubernetes_io"
    shown = (
        f'{app}_component="",{app}_instance="",{app}_managed_by="",{app}_name="shop",'
        f'{app}_part_of="x",{app}_version="",{PLACE}'
    )
    assert {
        f"externalsecret_sync_calls_total{{{shown}}} 1.0",
        f"externalsecret_reconcile_duration{{{shown}}} 5e+08",
    } <= await lines(metrics)


async def test_calls_to_aws_are_counted_as_the_operator_does() -> None:
    metrics = Metrics()
    calls = ProviderCalls(metrics)
    calls.aws_request("secretsmanager", "GetSecretValue", "eu-west-1", "ok", 0.1)
    calls.aws_request("ssm", "GetParameters", "eu-west-1", "throttled", 0.1)
    head = "externalsecret_provider_api_calls_count{call"
    assert {
        f'{head}="GetSecretValue",provider="AWS/SecretsManager",status="success"}} 1.0',
        f'{head}="GetParameters",provider="AWS/ParameterStore",status="error"}} 1.0',
    } <= await lines(metrics)
