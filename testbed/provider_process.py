"""The daemon or the controller as a process of its own, with its log in a file."""

import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.request import urlopen

ROOT = Path(__file__).parents[1]
STOP_SECONDS = 20.0


class NotStarted(Exception):
    """The process does not serve; the text holds the end of its log."""


@dataclass(slots=True)
class ProviderProcess:
    """`python -m provider` with these arguments, stopped by SIGTERM."""

    arguments: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    started: float = field(init=False, default=0.0)
    """When it was started, by `time.perf_counter`."""
    _process: "subprocess.Popen[bytes]" = field(init=False)

    def start(self, **more: str) -> None:
        """Start it, with `more` in its environment."""
        self.started = time.perf_counter()
        with self.log.open("wb") as log:
            # In its own session: Ctrl-C is for its parent, which then stops it.
            self._process = subprocess.Popen(  # noqa: S603 (our own module)
                [sys.executable, "-m", "provider", *self.arguments],
                env={**self.environment, **more},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=ROOT,
                start_new_session=True,
            )

    def stop(self) -> None:
        """Stop it, as when its pod is deleted."""
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def wait_until_logged(self, words: str, most: float) -> float:
        """Wait until its log has these words; seconds since the start.

        Raises `NotStarted` after `most` seconds.
        """
        while words not in self.text:
            self.check()
            if time.perf_counter() > self.started + most:
                raise NotStarted(f"not up after {most:.0f} s:\n{self.tail}")
            time.sleep(0.01)
        return time.perf_counter() - self.started

    def check(self) -> None:
        """Raise `NotStarted` if it has ended."""
        if (code := self._process.poll()) is not None:
            raise NotStarted(f"the process ended with code {code}:\n{self.tail}")

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def text(self) -> str:
        """Its log."""
        return self.log.read_text(errors="replace")

    @property
    def tail(self) -> str:
        """The last lines of its log."""
        return "\n".join(self.text.splitlines()[-15:]) or "(the log is empty)"

    @property
    def web(self) -> str:
        """Base URL of its pages; they are up once it serves."""
        (address, *_) = re.findall(r'"HTTP server is up".*?"address": "(.*?)"', self.text)
        return f"http://{address}"

    def metric(self, start: str) -> float:
        """The sum of the samples whose lines begin so."""
        with urlopen(f"{self.web}/metrics", timeout=5) as page:
            lines: list[str] = page.read().decode().splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(start))
