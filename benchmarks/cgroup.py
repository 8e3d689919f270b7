"""A control group of our own, to start the daemon with as little CPU as a container may have."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

PERIOD = 100_000
"""Microseconds, the kubelet's."""

HIERARCHIES = (
    (Path("/sys/fs/cgroup"), "cpu.max"),
    (Path("/sys/fs/cgroup/cpu"), "cpu.cfs_quota_us"),
)
"""Version 2's, and version 1's of the CPU controller."""


class NoCgroup(Exception):
    """This machine gives us none; the text says why."""


@contextmanager
def limited_to(cores: float) -> Iterator[Sequence[str]]:
    """A command that runs its arguments within so much CPU."""
    group = _make()
    try:
        quota = round(cores * PERIOD)
        if (group / "cpu.max").exists():
            (group / "cpu.max").write_text(f"{quota} {PERIOD}")
        else:
            (group / "cpu.cfs_period_us").write_text(str(PERIOD))
            (group / "cpu.cfs_quota_us").write_text(str(quota))
        join = 'echo $$ > "$0" && exec "$@"'
        yield ["/bin/sh", "-c", join, str(group / "cgroup.procs")]
    except OSError as error:
        raise NoCgroup(f"its limit cannot be set: {error.strerror}") from error
    finally:
        group.rmdir()


def _make() -> Path:
    reason = "there is no CPU controller to be had"
    for root, limit in HIERARCHIES:
        group = root / f"bench-{os.getpid()}"
        try:
            group.mkdir()
        except OSError as error:
            reason = error.strerror or str(error)
            continue
        if (group / limit).exists():
            return group
        group.rmdir()
    raise NoCgroup(f"no control group can be made: {reason}")
