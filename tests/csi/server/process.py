"""A daemon as a process of its own, with its log."""

import json
import os
from pathlib import Path
from threading import Thread
from typing import Any

from tests.forked import Forked
from tests.waiting import eventually


class Process:
    """The stub daemon on `volume`; its log is read while it runs."""

    def __init__(self, volume: Path, *flags: str) -> None:
        self.volume = volume
        self.socket = volume / "aws.sock"
        self.raw: list[str] = []
        arguments = [f"--provider-volume={volume}", "--metrics-address=127.0.0.1:0", *flags]
        self._process = Forked("tests.csi.server.stub:main", arguments, os.environ)
        self._reader = Thread(target=self._read)
        self._reader.start()

    @property
    def log(self) -> list[dict[str, Any]]:
        """The lines that are JSON."""
        return [json.loads(line) for line in list(self.raw) if line.startswith("{")]

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def said(self, message: str, **about: str) -> dict[str, Any] | None:
        """The first line with this message and these fields."""
        wanted = {"message": message, **about}
        return next((line for line in self.log if wanted.items() <= line.items()), None)

    def until(self, message: str, **about: str) -> dict[str, Any]:
        """Wait for a line."""
        eventually(lambda: self.said(message, **about) or not self._reader.is_alive(), message)
        line = self.said(message, **about)
        assert line is not None, self.raw
        return line

    def serving(self) -> "Process":
        """Wait until it serves."""
        self.until("serving")
        return self

    @property
    def web(self) -> tuple[str, int]:
        """Host and port of its pages."""
        host, _, port = self.until("HTTP server is up")["address"].rpartition(":")
        return host, int(port)

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def ended(self, seconds: float = 20) -> int:
        """Wait for its end; the exit code."""
        code = self._process.wait(seconds)
        self._reader.join(seconds)
        return code

    def close(self) -> None:
        """End it, if it has not ended."""
        if self._process.poll() is None:
            self._process.kill()
        self.ended()
        assert self._process.stderr is not None
        self._process.stderr.close()

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.raw.append(line.rstrip("\n"))
