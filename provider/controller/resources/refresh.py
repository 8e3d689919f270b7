"""When an ExternalSecret is to be refreshed."""

from provider.controller.resources.cron import parse_cron
from provider.controller.resources.external_secret import (
    ExternalSecretSpec,
    SyncWindow,
    SyncWindows,
)
from provider.controller.resources.objects import ExternalSecret, ExternalSecretStatus

JUST_AFTER = 0.05
"""Seconds after the time at which a refresh is due."""
CHECK_WINDOWS = 60.0
"""Seconds until the next check of a refresh that a sync window forbids."""


def should_refresh(
    spec: ExternalSecretSpec, status: ExternalSecretStatus, version: str, now: float
) -> bool:
    """Whether the values are to be read now; `now` is in seconds since 1970.

    `version` is the `version_to_sync` of the object.
    """
    never = not status.synced_resource_version or status.refresh_time is None
    if spec.refresh_policy == "CreatedOnce":
        return never
    changed = status.synced_resource_version != version
    if spec.refresh_policy == "OnChange":
        return never or changed
    if spec.refresh_interval <= 0 and status.synced_resource_version:
        return False
    if changed or status.refresh_time is None or status.refresh_time > now:
        return True
    if now <= status.refresh_time + spec.refresh_interval:
        return False
    return windows_allow(spec.sync_windows, now)


def due_in(found: ExternalSecret, spec: ExternalSecretSpec, now: float) -> float | None:
    """Seconds until the next periodic refresh; None if there is none."""
    refreshed = found.status.refresh_time
    if not spec.is_periodic or refreshed is None:
        return None
    left = refreshed + spec.refresh_interval - now
    return left + JUST_AFTER if left > 0 else min(spec.refresh_interval, CHECK_WINDOWS)


def windows_allow(windows: SyncWindows | None, now: float) -> bool:
    """Whether sync windows allow a periodic refresh; without any, they do."""
    if windows is None or not windows.windows:
        return True
    active = any(_is_active(one, now) for one in windows.windows)
    return active if windows.kind == "allow" else not active


def _is_active(window: SyncWindow, now: float) -> bool:
    """Whether `now` is within the window, its ends included; never for an invalid schedule."""
    try:
        return parse_cron(window.schedule).last_before(now, window.duration) is not None
    except ValueError:
        return False
