"""The daemon as a process of its own, started as in the DaemonSet, and stopped by SIGTERM."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self
from urllib.request import urlopen

ROOT = Path(__file__).parents[1]
START_SECONDS = 15.0
STOP_SECONDS = 10.0
BAIT = "AKIADEMOOFTHENODE000"
"""Access key of the node itself, in the daemon's environment: no pod's call may be signed by it."""

_METRIC = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)")


class NotStarted(Exception):
    """The daemon does not serve; the text says what it said."""


class DaemonProcess:
    """`python -m provider` with its log in a file."""

    def __init__(self, flags: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self._command = [sys.executable, "-m", "provider", *flags]
        self._environment = environment
        self._log = log
        self.start_seconds = 0.0

    def __enter__(self) -> Self:
        started = time.monotonic()
        with self._log.open("wb") as log:
            # A session of its own: Ctrl-C is for the demo, which then stops the daemon.
            self._process = subprocess.Popen(  # noqa: S603 (our own module)
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=ROOT,
                env=self._environment,
                start_new_session=True,
            )
        try:
            self._wait_until_it_serves(started + START_SECONDS)
        except BaseException:
            self.__exit__()
            raise
        self.start_seconds = time.monotonic() - started
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def command(self) -> str:
        """As one would type it."""
        return " ".join(["python", *self._command[1:]])

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def log_tail(self) -> str:
        """The last lines of its log."""
        lines = self._log.read_text(errors="replace").splitlines()
        return "\n".join(lines[-15:]) or "(it said nothing)"

    @property
    def web(self) -> str:
        """Base URL of its pages."""
        said = self._said("web pages are up")
        return f"http://{said['address']}" if said else ""

    def ended(self) -> int | None:
        """Its exit code, if it has ended."""
        return self._process.poll()

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's values that have these labels."""
        with urlopen(f"{self.web}/metrics", timeout=5) as page:
            lines = page.read().decode().splitlines()
        wanted = {f'{label}="{value}"' for label, value in labels.items()}
        return sum(
            float(found[3])
            for found in map(_METRIC.fullmatch, lines)
            if found and found[1] == name and wanted <= set((found[2] or "").split(","))
        )

    def _wait_until_it_serves(self, until: float) -> None:
        while not self._said("serving"):
            if (code := self._process.poll()) is not None:
                raise NotStarted(f"the daemon ended with code {code}:\n{self.log_tail}")
            if time.monotonic() > until:
                raise NotStarted(f"no daemon after {START_SECONDS:.0f} s:\n{self.log_tail}")
            time.sleep(0.01)

    def _said(self, message: str) -> dict[str, str] | None:
        return next((line for line in self._lines() if line["message"] == message), None)

    def _lines(self) -> Iterator[dict[str, str]]:
        for line in self._log.read_text(errors="replace").splitlines():
            if line.startswith("{") and line.endswith("}"):
                yield json.loads(line)


def environment(endpoint: str, node: str) -> dict[str, str]:
    """The daemon's: the caller's without AWS and proxies, and with a bait."""
    return {
        **without_ambient(os.environ),
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": BAIT,
        "AWS_SECRET_ACCESS_KEY": "of-the-node-never-to-be-used",
        "NODE_NAME": node,
        "PYTHONUNBUFFERED": "1",
    }


def without_ambient(environ: Mapping[str, str]) -> dict[str, str]:
    """Nothing that leads off this machine, to a real account, or to a real cluster."""
    return {
        name: value
        for name, value in environ.items()
        if not name.startswith(("AWS_", "KUBERNETES_", "MOTO_"))
        and not name.lower().endswith("_proxy")
        and name != "NODE_NAME"
    }
