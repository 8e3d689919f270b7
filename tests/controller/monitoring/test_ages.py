"""How old the values of ExternalSecrets are."""

from typing import Any

from provider.controller.monitoring.ages import Ages, oldest
from provider.controller.resources.objects import ExternalSecret, read_external_secret
from provider.controller.status import timestamp

NOW = 1_800_000_000.0


def external_secret(age: float | None, name: str = "db", **spec: Any) -> ExternalSecret:
    data = [{"secretKey": "a", "remoteRef": {"key": "db"}}]
    whole = {"secretStoreRef": {"name": "aws"}, "data": data, "refreshInterval": "1h"} | spec
    status = {} if age is None else {"refreshTime": timestamp(NOW - age)}
    about = {"name": name, "namespace": "shop"}
    return read_external_secret({"metadata": about, "spec": whole, "status": status})


def ages(*found: ExternalSecret) -> Ages:
    return oldest(found, lambda one: one.metadata.name == "foreign", NOW)


def test_the_oldest_and_the_most_overdue_count() -> None:
    daily = external_secret(7200, refreshInterval="24h")
    late = external_secret(3900)
    assert ages(daily, late, external_secret(10)) == Ages(7200, 300)
    assert ages(late, daily) == Ages(7200, 300)


def test_only_what_is_refreshed_here_counts() -> None:
    others = (
        external_secret(None),
        external_secret(9999, refreshInterval="0"),
        external_secret(9999, refreshPolicy="CreatedOnce"),
        external_secret(9999, data=[]),
        external_secret(9999, "foreign"),
    )
    assert ages(*others) == Ages(0, 0)
    assert ages(*others, external_secret(60)) == Ages(60, 0)
