"""What a process takes up, from /proc."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.waiting import eventually

MEMORY = 24 * 2**20
"""Bytes by which a process may have grown: caches fill, and allocators keep what they got."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Threads, open files, bytes of memory, and seconds of CPU time so far."""

    threads: int
    files: int
    memory: int
    cpu: float


def usage(pid: int) -> Usage:
    """As of now."""
    process = Path(f"/proc/{pid}")
    status = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines())
    times = (process / "stat").read_text().rpartition(")")[2].split()
    return Usage(
        threads=int(status["Threads"]),
        files=len(list((process / "fd").iterdir())),
        memory=int(status["VmRSS"].split()[0]) * 1024,
        cpu=(int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK"),
    )


@contextmanager
def back_to_normal(
    pid: int, *, threads: int = 0, files: int = 6, memory: int = MEMORY
) -> Iterator[None]:
    """Nothing piles up in the block: so many threads, files and bytes more at its end, no more."""
    before = usage(pid)
    yield
    eventually(lambda: usage(pid).threads <= before.threads + threads, "no thread is left")
    eventually(lambda: usage(pid).files <= before.files + files, "no file is left open")
    eventually(lambda: usage(pid).memory <= before.memory + memory, "its memory is as before")
