"""When an ExternalSecret is refreshed: policies, intervals, sync windows."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.controller.resources.cron import cron_fault, parse_cron
from provider.controller.resources.external_secret import (
    ExternalSecretSpec,
    RefreshPolicy,
    SyncWindow,
    SyncWindows,
)
from provider.controller.resources.objects import ExternalSecretStatus, read_external_secret
from provider.controller.resources.refresh import should_refresh, windows_allow
from provider.controller.resources.rules import MOST_WINDOWS
from tests.loop_watchdog import loop_watchdog

NOW = 1_800_000_000.0


def at(text: str) -> float:
    """Seconds of a moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def version_of(**annotations: str) -> str:
    document = {"metadata": {"generation": 2, "annotations": annotations}}
    return read_external_secret(document).version_to_sync


def synced(ago: float, version: str | None = None) -> ExternalSecretStatus:
    """The status of an object that was refreshed `ago` seconds before."""
    version = version_of() if version is None else version
    return ExternalSecretStatus(refresh_time=NOW - ago, synced_resource_version=version)


NEVER = ExternalSecretStatus()
CASES: list[tuple[RefreshPolicy, float, ExternalSecretStatus, bool]] = [
    ("Periodic", 3600, NEVER, True),
    ("Periodic", 3600, synced(3599), False),
    ("Periodic", 3600, synced(3600), False),
    ("Periodic", 3600, synced(3601), True),
    ("Periodic", 3600, synced(10, "1-old"), True),
    ("Periodic", 3600, synced(-10), True),
    ("Periodic", 0, NEVER, True),
    ("Periodic", 0, synced(10), False),
    ("Periodic", 0, synced(10, "1-old"), False),
    ("Periodic", -1, synced(10, "1-old"), False),
    ("OnChange", 1, NEVER, True),
    ("OnChange", 1, synced(100), False),
    ("OnChange", 1, synced(100, "1-old"), True),
    ("CreatedOnce", 1, NEVER, True),
    ("CreatedOnce", 1, synced(100, "1-old"), False),
    ("CreatedOnce", 1, ExternalSecretStatus(synced_resource_version="1-old"), True),
]


@pytest.mark.parametrize(("policy", "interval", "status", "expected"), CASES)
def test_refreshes_by_policy(
    policy: RefreshPolicy, interval: float, status: ExternalSecretStatus, expected: bool
) -> None:
    spec = ExternalSecretSpec(refresh_policy=policy, refresh_interval=interval)
    assert should_refresh(spec, status, version_of(), NOW) is expected


def test_an_annotation_forces_a_refresh() -> None:
    spec = ExternalSecretSpec()
    assert should_refresh(spec, synced(1), version_of(**{"force-sync": "1"}), NOW)


NIGHT = SyncWindow(schedule="0 22 * * *", duration=7200.0)
BROKEN = SyncWindow(schedule="every night", duration=7200.0)
WINDOWS = [
    (SyncWindows(kind="allow", windows=(NIGHT,)), "2026-05-04T21:59:59", False),
    (SyncWindows(kind="allow", windows=(NIGHT,)), "2026-05-04T22:00:00", True),
    (SyncWindows(kind="allow", windows=(NIGHT,)), "2026-05-05T00:00:00", True),
    (SyncWindows(kind="allow", windows=(NIGHT,)), "2026-05-05T00:00:01", False),
    (SyncWindows(kind="deny", windows=(NIGHT,)), "2026-05-04T23:00:00", False),
    (SyncWindows(kind="deny", windows=(NIGHT,)), "2026-05-04T12:00:00", True),
    (SyncWindows(kind="deny", windows=(BROKEN,)), "2026-05-04T23:00:00", True),
    (SyncWindows(kind="allow", windows=(BROKEN,)), "2026-05-04T23:00:00", False),
    (SyncWindows(kind="allow", windows=()), "2026-05-04T12:00:00", True),
    (None, "2026-05-04T12:00:00", True),
]


@pytest.mark.parametrize(("windows", "moment", "expected"), WINDOWS)
def test_windows_hold_periodic_refreshes_back(
    windows: SyncWindows | None, moment: str, expected: bool
) -> None:
    assert windows_allow(windows, at(moment)) is expected


def test_a_change_is_not_held_back_by_a_window() -> None:
    closed = SyncWindows(kind="deny", windows=(SyncWindow(schedule="* * * * *", duration=60.0),))
    spec = ExternalSecretSpec(refresh_interval=60.0, sync_windows=closed)
    assert not should_refresh(spec, synced(1000), version_of(), NOW)
    assert should_refresh(spec, synced(1000, "1-old"), version_of(), NOW)


FIRED = [
    ("*/15 * * * *", "2026-05-04T10:44:59", "2026-05-04T10:30:00"),
    ("5/20 9-10 * * *", "2026-05-04T12:00:00", "2026-05-04T10:45:00"),
    ("0 0 31 2 0-6", "2026-05-04T12:00:00", "2026-02-28T00:00:00"),
    ("0 0 29 2 *", "2026-05-04T12:00:00", "2024-02-29T00:00:00"),
    ("0 12 * jan,DEC mon-fri", "2026-05-04T12:00:00", "2026-01-30T12:00:00"),
    ("0 0 1 * sun", "2026-05-05T00:00:00", "2026-05-03T00:00:00"),
    ("0 0 1 * *", "2026-05-05T00:00:00", "2026-05-01T00:00:00"),
    ("0 0 */2 * sun", "2026-05-05T00:00:00", "2026-05-05T00:00:00"),
    ("0 0 1-7 * ?", "2026-05-09T00:00:00", "2026-05-07T00:00:00"),
    ("@daily", "2026-05-04T10:00:00", "2026-05-04T00:00:00"),
    ("@weekly", "2026-05-04T10:00:00", "2026-05-03T00:00:00"),
]


@pytest.mark.parametrize(("schedule", "moment", "expected"), FIRED)
def test_cron_finds_the_last_time(schedule: str, moment: str, expected: str) -> None:
    assert parse_cron(schedule).last_before(at(moment)) == at(expected)


def test_a_time_that_is_too_long_ago_does_not_count() -> None:
    daily = parse_cron("0 0 * * *")
    noon, midnight = at("2026-05-04T12:00:00"), at("2026-05-04T00:00:00")
    assert daily.last_before(noon, noon - midnight) == midnight
    assert daily.last_before(noon, noon - midnight - 1) is None
    assert daily.last_before(noon, -1.0) is None


async def test_windows_that_never_open_do_not_hold_the_loop() -> None:
    years = 10 * 366 * 86_400.0
    windows = [
        SyncWindow(schedule=f"{number} 0 31 2,4,6,9,11 *", duration=years)
        for number in range(MOST_WINDOWS)
    ]
    async with loop_watchdog(0.02):
        assert not windows_allow(SyncWindows(kind="allow", windows=tuple(windows)), NOW)


def test_what_never_fires_has_no_last_time() -> None:
    assert parse_cron("0 0 31 2 *").last_before(NOW) is None
    assert parse_cron("0 0 31 2,4,6,9,11 *").last_before(NOW) is None


@pytest.mark.parametrize(
    "schedule",
    [
        "",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 7",
        "5-1 * * * *",
        "*/0 * * * *",
        "x * * * *",
        "1,, * * * *",
        "-1 * * * *",
    ],
)
def test_what_is_no_cron_expression_is_refused(schedule: str) -> None:
    assert cron_fault(schedule) is not None


@given(st.text(alphabet="0123456789*/,-? @sunjan\n") | st.text())
def test_cron_raises_nothing(schedule: str) -> None:
    if cron_fault(schedule) is None:
        parse_cron(schedule).last_before(NOW)
