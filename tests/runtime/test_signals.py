"""SIGTERM and SIGINT, in a process of their own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PROGRAM = """
import asyncio, os, sys, uvloop
from provider.runtime import signals

async def main():
    print("holding", flush=True)
    sys.stdin.readline()
    requested = signals.handle(lambda: os._exit(3))
    print("installed", flush=True)
    await requested.wait()
    print("requested", flush=True)
    await asyncio.sleep(20)

signals.hold()
uvloop.run(main())
"""


@contextmanager
def program() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def expect(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdout
    assert process.stdout.readline() == f"{line}\n"


def go_on(process: subprocess.Popen[str]) -> None:
    assert process.stdin
    process.stdin.write("\n")
    process.stdin.flush()


@pytest.mark.parametrize(
    ("number", "when"),
    [(signal.SIGTERM, "holding"), (signal.SIGINT, "installed")],
    ids=["during the start", "later"],
)
def test_the_first_signal_asks_to_stop_and_the_second_stops_at_once(
    number: signal.Signals, when: str
) -> None:
    with program() as process:
        expect(process, "holding")
        if when == "holding":
            process.send_signal(number)
        go_on(process)
        expect(process, "installed")
        if when == "installed":
            process.send_signal(number)
        expect(process, "requested")
        process.send_signal(number)
        assert process.wait(20) == 3
