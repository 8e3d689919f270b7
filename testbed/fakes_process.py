"""The other end of `python -m testbed.aws`."""

import json
import subprocess
import sys
from typing import Any, Self


class FakesProcess:
    """The fakes in a process of their own; arguments as `python -m testbed.aws --help` tells."""

    def __init__(self, *arguments: str) -> None:
        self._command = [sys.executable, "-m", "testbed.aws", *arguments]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(  # noqa: S603 (our own module)
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        addresses = self._hear()
        self.aws: str = addresses["aws"]
        self.agent: str = addresses["agent"]
        self.kubernetes: str = addresses["kubernetes"]
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.communicate()

    @property
    def pid(self) -> int:
        """Its process id, to leave its CPU time out of a measurement."""
        return self._process.pid

    def calls(self) -> dict[str, int]:
        """How often each `service operation` was called since the start or `clear`."""
        return self._ask("calls")

    def clear(self) -> None:
        """Count from nought."""
        self._ask("clear")

    def rotate(self, service_account: int | None = None) -> int:
        """Give every value, or those of one service account, a new version; its generation.

        Each value begins with its name and `#<generation>.`.
        """
        only = "" if service_account is None else f" {service_account}"
        generation: int = self._ask(f"rotate{only}")["generation"]
        return generation

    def disturb(self, share: float) -> None:
        """Throttle half of this share of the calls to AWS from now on, and drop the other half."""
        self._ask(f"disturb {share}")

    def _ask(self, command: str) -> dict[str, Any]:
        assert self._process.stdin is not None  # noqa: S101 (a pipe was asked for)
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()
        return self._hear()

    def _hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None  # noqa: S101 (a pipe was asked for)
        line = self._process.stdout.readline()
        if not line:
            self._process.communicate()
            raise RuntimeError(f"the fakes ended with code {self._process.returncode}")
        answer: dict[str, Any] = json.loads(line)
        return answer
