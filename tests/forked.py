"""Daemons that start in a tenth of the time: forked off a process that has done the imports.

Otherwise they are processes like others: of their own, with their own arguments, environment,
signals and end. Tests of the start itself, and of what runs before it, take `subprocess`.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TextIO

COMMAND = "provider.cli.main:main"
"""`secrets-provider-aws`."""

_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(
    ["provider.controller.app", "tests.e2e.mains", "tests.csi.server.stub"]
)


class Forked:
    """As much of `subprocess.Popen` as the tests use. `main` is `module:function` of arguments.

    What it writes to stdout goes to `stderr` as well.
    """

    def __init__(self, main: str, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        reader, writer = _SERVER.Pipe(duplex=False)
        self._process = _SERVER.Process(
            target=_run, args=(main, list(arguments), dict(environment), writer), daemon=True
        )
        self._process.start()
        writer.close()
        self.stderr: TextIO = os.fdopen(os.dup(reader.fileno()))
        reader.close()

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """The exit code, None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float) -> int:
        """Wait for its end; the exit code."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("daemon", timeout)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """Send it a signal."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


@dataclass(frozen=True)
class Finished:
    """How a process ended and what it wrote."""

    code: int
    out: str
    err: str


def run(
    *arguments: object, main: str = COMMAND, environment: Mapping[str, str] | None = None
) -> Finished:
    """Runs a command to its end, for 30 seconds at most."""
    with tempfile.TemporaryDirectory(prefix="run-") as folder:
        process = _SERVER.Process(
            target=_run_into,
            args=(folder, main, [*map(str, arguments)], dict(environment or os.environ)),
            daemon=True,
        )
        process.start()
        process.join(30)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired(main, 30)
        out, err = ((Path(folder) / name).read_text() for name in ("1", "2"))
        return Finished(process.exitcode, out, err)


def _run_into(folder: str, main: str, arguments: list[str], environment: Mapping[str, str]) -> None:
    for number in (1, 2):
        handle = os.open(f"{folder}/{number}", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        os.dup2(handle, number)
        os.close(handle)
    sys.stdout = os.fdopen(1, "w", closefd=False)
    _call(main, arguments, environment)


def _run(main: str, arguments: list[str], environment: dict[str, str], stderr: Connection) -> None:
    for number in (1, 2):
        os.dup2(stderr.fileno(), number)
    stderr.close()
    sys.stdout = os.fdopen(1, "w", closefd=False)
    _call(main, arguments, environment)


def _call(main: str, arguments: list[str], environment: Mapping[str, str]) -> None:
    sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)  # the old one may think it can seek
    os.environ.clear()
    os.environ.update(environment)
    module, _, function = main.partition(":")
    run: Callable[[list[str]], int] = getattr(import_module(module), function)
    try:
        code = run(arguments)
    finally:
        sys.stdout.flush()
    raise SystemExit(code)
