"""`python -m demo.controller`: exit code 0 only if every check passed."""

import argparse
import os
import signal
import sys
import time
from pathlib import Path
from typing import NoReturn

from demo.controller import story
from demo.controller.stage import running
from demo.node import ROOT, NotStarted, without_ambient
from demo.screen import Screen
from demo.stage import NotOurs
from testbed.control_plane import NotAvailable

STEPS = (story.appear, story.rotate, story.breaks, story.heal)
TIMEOUT = 120
"""Seconds of the whole demo."""


def main() -> int:
    """Run the demo. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m demo.controller", description=__doc__)
    parser.add_argument("--reveal", action="store_true", help="show values (all are made up)")
    parser.add_argument("--output", type=Path, default=ROOT / "demo-output", metavar="DIR")
    options = parser.parse_args()
    # Nothing here may reach a real account, or go through a proxy.
    kept = without_ambient(os.environ)
    os.environ.clear()
    os.environ.update(kept)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    signal.signal(signal.SIGALRM, _give_up)
    signal.alarm(TIMEOUT)
    screen = Screen(reveal=options.reveal)
    try:
        return run(screen, options.output.absolute())
    except (NotOurs, NotStarted, NotAvailable, TimeoutError) as error:
        screen.say(f"✗ {error}", "red")
        return 1
    except KeyboardInterrupt:
        return 130


def run(screen: Screen, output: Path) -> int:
    """Run the steps. Returns 1 if a check failed, else 0."""
    started = time.monotonic()
    screen.title("A cluster on loopback", "The controller is the real one, as a process.")
    with running(output, screen) as stage:
        for step in STEPS:
            step(stage, screen)
        screen.say()
        if screen.wrong:
            screen.say(f"✗ {len(screen.wrong)} checks failed; the log ends:", "bold red")
            screen.say(stage.controller.log_tail, "dim")
    if screen.wrong:
        return 1
    seconds = time.monotonic() - started
    screen.say(f"✓ all {screen.checked} checks passed, in {seconds:.1f} s", "bold green")
    return 0


def _give_up(*_: object) -> NoReturn:
    raise TimeoutError(f"the demo did not end within {TIMEOUT} s")


if __name__ == "__main__":
    sys.exit(main())
