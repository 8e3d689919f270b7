"""A daemon or controller as a separate process, stopped by SIGTERM."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

ROOT = Path(__file__).parents[1]
START_SECONDS = 15.0
STOP_SECONDS = 10.0
NODE_KEY = "AKIADEMOOFTHENODE000"
"""Access key of the node itself, in the environment of the process: no call may be signed by it."""


class NotStarted(Exception):
    """The process does not serve; the text holds the end of its log."""


class Process:
    """`python -m provider` with its log in a file, which says `ready` when it serves."""

    def __init__(
        self, arguments: Sequence[str], environment: Mapping[str, str], log: Path, ready: str
    ) -> None:
        self._command = [sys.executable, "-m", "provider", *arguments]
        self._environment = environment
        self._log = log
        self._ready = ready
        self.start_seconds = 0.0

    def __enter__(self) -> Self:
        started = time.monotonic()
        with self._log.open("wb") as log:
            # In its own session: Ctrl-C is for the demo, which then stops the process.
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
            while not self._logged(self._ready):
                self.check()
                if time.monotonic() > started + START_SECONDS:
                    raise NotStarted(f"not up after {START_SECONDS:.0f} s:\n{self.log_tail}")
                time.sleep(0.01)
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
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def log_tail(self) -> str:
        """The last lines of its log."""
        lines = self._log.read_text(errors="replace").splitlines()
        return "\n".join(lines[-15:]) or "(the log is empty)"

    @property
    def web(self) -> str:
        """Base URL of its pages."""
        return f"http://{self._logged('web pages are up')[0]['address']}"

    def check(self) -> None:
        """Raise `NotStarted` if it has ended."""
        if (code := self._process.poll()) is not None:
            raise NotStarted(f"the process ended with code {code}:\n{self.log_tail}")

    def metric(self, name: str, **labels: str) -> float:
        """The sum of the samples of a metric that have these labels."""
        with urlopen(f"{self.web}/metrics", timeout=5) as page:
            families = text_string_to_metric_families(page.read().decode())
        samples = [one for family in families for one in family.samples if one.name == name]
        return sum(one.value for one in samples if labels.items() <= one.labels.items())

    def _logged(self, message: str) -> list[dict[str, str]]:
        return [line for line in self._lines() if line["message"] == message]

    def _lines(self) -> Iterator[dict[str, str]]:
        for line in self._log.read_text(errors="replace").splitlines():
            if line.startswith("{") and line.endswith("}"):
                yield json.loads(line)


def environment(endpoint: str, **more: str) -> dict[str, str]:
    """The environment: that of the caller, without AWS and proxies, with the key of the node."""
    return {
        **without_ambient(os.environ),
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": NODE_KEY,
        "AWS_SECRET_ACCESS_KEY": "of-the-node-never-to-be-used",
        "PYTHONUNBUFFERED": "1",
        **more,
    }


def without_ambient(environ: Mapping[str, str]) -> dict[str, str]:
    """Without what leads off this machine, to a real account, or to a real cluster."""
    return {
        name: value
        for name, value in environ.items()
        if not name.startswith(("AWS_", "KUBERNETES_"))
        and not name.lower().endswith("_proxy")
        and name != "NODE_NAME"
    }
