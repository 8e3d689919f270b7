"""The rows of the table: functions that measure and yield figures.

A row starts its own fakes and daemons, so that each can run alone (`--only`).
"""

from collections.abc import Mapping

from benchmarks.rows import ceiling, cpu, disturbed, growth, hour, memory, mounts, node, start
from benchmarks.stage import Row

ROWS: Mapping[str, Row] = {
    "ceiling": ceiling.row,
    "start": start.row,
    "limited": start.limited,
    "mount": mounts.row,
    "node": node.row,
    "cpu": cpu.row,
    "growth-secrets": growth.secrets,
    "growth-pods": growth.pods,
    "disturbed": disturbed.row,
    "hour-default": hour.default,
    "hour-asked": hour.asked,
    "hour-disturbed": hour.disturbed,
    "memory": memory.row,
}
OF_REFERENCE = frozenset({"start", "mount", "node", "cpu", "memory"})
"""Rows that the reference can be measured by as well."""
