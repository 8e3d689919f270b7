"""What a sync leaves behind: lines of log and audit log, and who shares which calls."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from provider.controller.monitoring.metrics import ExternalSecretMetrics
from provider.controller.monitoring.sync_observer import SyncObserver
from provider.controller.monitoring.sync_registry import MOST_READS, SyncRegistry, shared_reads
from provider.controller.resources.external_secret import ExternalSecretSpec
from provider.controller.resources.object_meta import Metadata
from provider.controller.resources.objects import read_external_secret
from provider.controller.status import Ready
from provider.controller.values.sync_record import Session, SyncRecord, Written
from provider.controller.watch.object_cache import ObjectKey
from provider.engine.model import AssumeRole, SecretValue
from provider.runtime import audit
from provider.runtime.metrics import Metrics
from tests.fakes.engine import REGION, identity, secret

ARN = f"arn:aws:secretsmanager:{REGION}:111122223333:secret:db-AbCdEf"
READY = Ready(is_ready=True, reason="SecretSynced", message="secret synced")
FAILED = Ready(is_ready=False, reason="x", message="access denied")
KEY = ObjectKey("shop", "db")


@pytest.fixture
def lines() -> Iterator[Any]:
    """The audit lines so far."""
    stream = io.StringIO()
    audit.set_up(stream)
    yield lambda: [json.loads(one) for one in stream.getvalue().splitlines()]
    audit.logger.handlers[:] = []
    audit.logger.setLevel(logging.NOTSET)


def job(
    written: Written = "created", version: str = "v1", names: tuple[str, ...] = ("db",)
) -> tuple[Metadata, ExternalSecretSpec, SyncRecord]:
    """A sync that has read these secrets by one call."""
    about = {"name": "db", "namespace": "shop", "uid": "uid-db"}
    data = [{"secretKey": "a", "remoteRef": {"key": "db"}}]
    document = {"metadata": about, "spec": {"secretStoreRef": {"name": "aws"}, "data": data}}
    found = read_external_secret(document)
    assert found.spec is not None
    record = SyncRecord()
    record.trace.calls = 1
    record.written = written
    session = Session(identity()._replace(chain=(AssumeRole("arn:aws:iam::1:role/r"),)), REGION)
    value = SecretValue(b"hidden", version, arn=ARN)
    record.read(session, [(secret(name), value) for name in names])
    return found.metadata, found.spec, record


def observer(saved: list[float] | None = None, *, audit_log: bool = True) -> SyncObserver:
    counted = [] if saved is None else saved
    return SyncObserver(
        ExternalSecretMetrics(Metrics()), SyncRegistry(), counted.append, audit_log=audit_log
    )


def test_an_audit_line_names_object_secret_and_roles(lines: Any) -> None:
    observer().synced(*job(), ready=READY, seconds=0.1)
    (line,) = lines()
    assert line.pop("time").endswith("Z")
    assert line == {
        "event": "SecretSynced",
        "namespace": "shop",
        "externalSecret": "db",
        "externalSecretUid": "uid-db",
        "secret": "db",
        "written": "created",
        "secrets": [
            {
                "type": "secretsmanager",
                "name": "db",
                "arn": ARN,
                "version": "v1",
                "region": REGION,
                "authentication": "irsa",
                "subject": "shop/web",
                "roles": [identity().role, "arn:aws:iam::1:role/r"],
            }
        ],
    }


def test_a_refresh_without_news_makes_no_line(lines: Any) -> None:
    watching = observer()
    for written, version in (("created", "v1"), ("unchanged", "v1"), ("unchanged", "v2")):
        watching.synced(*job(written, version), ready=READY, seconds=0.1)  # type: ignore[arg-type]  # literals
    watching.synced(*job(""), ready=READY, seconds=0.1)  # there is no Secret to write
    assert [one["secrets"][0]["version"] for one in lines()] == ["v1", "v2"]


def test_without_the_option_there_is_no_line(lines: Any) -> None:
    observer(audit_log=False).synced(*job(), ready=READY, seconds=0.1)
    assert lines() == []


def test_a_failure_is_logged_and_is_no_delivery(
    lines: Any, caplog: pytest.LogCaptureFixture
) -> None:
    watching = observer()
    watching.synced(*job(), ready=FAILED, seconds=0.1)
    assert lines() == []
    [record] = caplog.records
    assert record.getMessage() == "a sync failed"
    assert watching.registry.get(KEY) is None


def test_calls_saved_are_those_that_one_for_each_value_would_have_made() -> None:
    saved: list[float] = []
    watching = observer(saved)
    watching.synced(*job(names=("a", "b", "c")), ready=READY, seconds=0.1)
    watching.synced(*job(names=()), ready=READY, seconds=0.1)
    assert saved == [2, 0]


def test_what_an_object_has_read_is_bounded_and_ends_with_it() -> None:
    watching = observer()
    watching.synced(*job(names=tuple(f"s-{n}" for n in range(60))), ready=READY, seconds=0.1)
    found = watching.registry.get(KEY)
    assert found is not None
    assert (len(found.reads), found.total, found.calls) == (MOST_READS, 60, 1)
    names = tuple(f"{n}{'x' * 1000}" for n in range(60))
    watching.synced(*job(names=names), ready=READY, seconds=0.1)
    found = watching.registry.get(KEY)
    assert found is not None
    assert (len(found.reads), found.total) == (4, 60)
    watching.gone(KEY)
    assert watching.registry.all() == {}


def test_readers_of_one_secret_share_its_calls_whatever_version_they_have() -> None:
    registry = SyncRegistry()
    for name, version in (("a", "v1"), ("b", "v2")):
        registry.note(ObjectKey("shop", name), job(version=version)[2])
    registry.note(ObjectKey("shop", "c"), job(names=("other",))[2])
    (entry,) = shared_reads(registry.all(), 10)
    assert (entry["name"], entry["externalSecrets"]) == ("db", ["shop/a", "shop/b"])
    assert entry["identity"].startswith("role arn:aws:iam::1:role/r assumed by role ")
    assert shared_reads(registry.all(), 0) == []
