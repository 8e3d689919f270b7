"""What both demos share: how they run and end, and the daemon or controller as a process."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from urllib.request import urlopen

from demo.screen import Screen
from testbed.control_plane import NotAvailable

LATENCY = 0.02
"""Seconds of every call to AWS and Kubernetes."""
ROOT = Path(__file__).parents[1]
OUTPUT = ROOT / "demo-output"
"""Made anew by each demo."""
TIMEOUT = 120
"""Seconds of a whole demo."""
START_SECONDS = 15.0
NODE_KEY = "AKIADEMOOFTHENODE000"
"""Access key of the node itself, in the environment of the process: no call may be signed by it."""


def main(about: str | None, run: Callable[[Screen, bool], None]) -> NoReturn:
    """Run a demo and exit; with 0 only if every check passed. `run` gets whether to stay up."""
    parser = ArgumentParser(description=about)
    parser.add_argument("--reveal", action="store_true", help="show values (all are made up)")
    parser.add_argument("--keep", action="store_true", help="stay up until Ctrl-C")
    options = parser.parse_args()
    # Nothing here may reach a real account, or go through a proxy.
    kept = without_ambient(os.environ)
    os.environ.clear()
    os.environ.update(kept)
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell's background job ignores SIGINT
        signal.signal(number, signal.default_int_handler)
    signal.signal(signal.SIGALRM, _give_up)
    signal.alarm(TIMEOUT)
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir()
    screen = Screen(reveal=options.reveal)
    try:
        run(screen, options.keep)
    except (NotStarted, NotAvailable, TimeoutError) as error:
        screen.say(f"✗ {error}", "red")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(1 if screen.wrong else 0)


def _give_up(*_: object) -> NoReturn:
    raise TimeoutError(f"the demo did not end within {TIMEOUT} s")


def stay_up() -> None:
    """Wait for Ctrl-C."""
    signal.alarm(0)
    with suppress(KeyboardInterrupt):
        signal.pause()


class NotStarted(Exception):
    """The process does not serve; the text holds the end of its log."""


@dataclass(slots=True)
class Process:
    """A daemon or controller that runs, and its log."""

    popen: "subprocess.Popen[bytes]"
    log: Path
    start_seconds: float = 0.0

    @property
    def text(self) -> str:
        """Its log."""
        return self.log.read_text(errors="replace")

    @property
    def log_tail(self) -> str:
        """The last lines of its log."""
        return "\n".join(self.text.splitlines()[-15:]) or "(the log is empty)"

    @property
    def web(self) -> str:
        """Base URL of its pages."""
        (address, *_) = re.findall(r'"web pages are up".*?"address": "(.*?)"', self.text)
        return f"http://{address}"

    def check(self) -> None:
        """Raise `NotStarted` if it has ended."""
        if (code := self.popen.poll()) is not None:
            raise NotStarted(f"the process ended with code {code}:\n{self.log_tail}")

    def metric(self, start: str) -> float:
        """The sum of the samples whose lines begin so."""
        with urlopen(f"{self.web}/metrics", timeout=5) as page:
            lines: list[str] = page.read().decode().splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(start))


@contextmanager
def started(
    arguments: Sequence[str], environment: Mapping[str, str], log: Path, ready: str
) -> Iterator[Process]:
    """`python -m provider`, once its log says `ready`; raises `NotStarted`."""
    began = time.monotonic()
    command = [sys.executable, "-m", "provider", *arguments]
    with (
        log.open("wb") as output,
        # In its own session: Ctrl-C is for the demo, which then stops the process.
        subprocess.Popen(  # noqa: S603 (our own module)
            command, stdout=output, stderr=output, cwd=ROOT, env=environment, start_new_session=True
        ) as popen,
    ):
        process = Process(popen, log)
        try:
            while f'"{ready}"' not in process.text:
                process.check()
                if time.monotonic() > began + START_SECONDS:
                    raise NotStarted(f"not up after {START_SECONDS:.0f} s:\n{process.log_tail}")
                time.sleep(0.01)
            process.start_seconds = time.monotonic() - began
            yield process
        finally:
            popen.terminate()


def environment(endpoint: str, **more: str) -> dict[str, str]:
    """The environment: that of the caller, without AWS and proxies, with the key of the node."""
    return without_ambient(os.environ) | {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": NODE_KEY,
        "AWS_SECRET_ACCESS_KEY": "of-the-node-never-to-be-used",
        "PYTHONUNBUFFERED": "1",
        **more,
    }


def without_ambient(environ: Mapping[str, str]) -> dict[str, str]:
    """Without what leads off this machine, to a real account, or to a real cluster."""
    left_out = ("AWS_", "KUBERNETES_", "NODE_NAME")
    return {
        name: value
        for name, value in environ.items()
        if not name.startswith(left_out) and not name.lower().endswith("_proxy")
    }
