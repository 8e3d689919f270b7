"""What both demos share: options, a folder for files, a time limit, and the exit code."""

import contextlib
import os
import shutil
import signal
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import NoReturn

from demo.process import ROOT, NotStarted, without_ambient
from demo.screen import Screen
from testbed.control_plane import NotAvailable

LATENCY = 0.02
"""Seconds of every call to AWS and Kubernetes."""
OUTPUT = ROOT / "demo-output"
"""Made anew by each demo."""
TIMEOUT = 120
"""Seconds of a whole demo."""


def main(program: str, about: str | None, run: Callable[[Screen, Namespace], None]) -> NoReturn:
    """Run a demo and exit; with 0 only if every check passed."""
    parser = ArgumentParser(prog=program, description=about)
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
    screen = Screen(reveal=options.reveal)
    try:
        run(screen, options)
    except (NotStarted, NotAvailable, TimeoutError) as error:
        screen.say(f"✗ {error}", "red")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(1 if screen.wrong else 0)


def stay_up() -> None:
    """Wait for Ctrl-C."""
    signal.alarm(0)
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            signal.pause()


def _give_up(*_: object) -> NoReturn:
    raise TimeoutError(f"the demo did not end within {TIMEOUT} s")
