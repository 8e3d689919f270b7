"""`python -m demo`: runs the steps in order; exit code 0 only if every check passed."""

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from demo import story, tools
from demo.by_hand import explain
from demo.node import ROOT, NotStarted, without_ambient
from demo.screen import Screen
from demo.stage import NotOurs, Stage, running

Step = Callable[[Stage, Screen], None]
STEPS: Sequence[Step] = (
    story.the_node,
    story.classes,
    story.identities,
    story.outage,
    story.rotation,
    story.mistakes,
    tools.each_once,
)
TIMEOUT = 120
"""Seconds of the whole demo."""


def main() -> int:
    """Run the demo. Returns the exit code."""
    options = _options()
    # Nothing here may reach a real account, or go through a proxy.
    kept = without_ambient(os.environ)
    os.environ.clear()
    os.environ.update(kept)
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell's background job ignores SIGINT
        signal.signal(number, signal.default_int_handler)
    screen = Screen(reveal=options.reveal)
    try:
        return run(STEPS, screen, options.output.absolute(), keep=options.keep)
    except (NotOurs, NotStarted, TimeoutError) as error:
        screen.say(f"✗ {error}", "red")
        return 1
    except KeyboardInterrupt:
        return 130


def run(steps: Sequence[Step], screen: Screen, output: Path, *, keep: bool = False) -> int:
    """Run these steps. Returns 1 if a check failed, else 0."""
    started = time.monotonic()
    signal.signal(signal.SIGALRM, _give_up)
    signal.alarm(TIMEOUT)
    try:
        with running(output, screen) as stage:
            for step in steps:
                step(stage, screen)
                if (code := stage.daemon.ended()) is not None:
                    raise NotStarted(f"the daemon ended with code {code}:\n{stage.daemon.log_tail}")
            _finish(stage, screen, time.monotonic() - started)
            if keep:
                signal.alarm(0)
                explain(stage, screen)
    finally:
        signal.alarm(0)
    return 1 if screen.wrong else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--reveal", action="store_true", help="show values (all are made up)")
    parser.add_argument("--keep", action="store_true", help="stay up, to mount by hand")
    where = ROOT / "demo-output"
    parser.add_argument(
        "--output", type=Path, default=where, metavar="DIR", help="for files; default: demo-output"
    )
    return parser.parse_args()


def _give_up(*_: object) -> NoReturn:
    raise TimeoutError(f"the demo did not end within {TIMEOUT} s")


def _finish(stage: Stage, screen: Screen, seconds: float) -> None:
    screen.title("The end", "What the daemon counted, and what is left to look at.")
    count = stage.daemon.metric
    mounts = int(count("secrets_provider_aws_mounts_total"))
    failed = int(count("secrets_provider_aws_mounts_total", outcome="failed"))
    calls = int(count("secrets_provider_aws_aws_request_duration_seconds_count"))
    screen.facts(
        mounts=f"{mounts}, of which {failed} failed, as they should",
        AWS=f"{calls} calls, retries included",
        memory=f"{count('process_resident_memory_bytes') / 2**20:.0f} MiB resident",
        files=f"{stage.output}/CLASS/POD/",
        log=f"{stage.output}/daemon.log",
    )
    screen.say()
    if screen.wrong:
        screen.say(f"✗ {len(screen.wrong)} checks failed:", "bold red")
        for one in screen.wrong:
            screen.say(f"  {one}", "red")
        screen.say(f"The log of the daemon ends:\n{stage.daemon.log_tail}", "dim")
    else:
        screen.say(f"✓ all {screen.checked} checks passed, in {seconds:.1f} s", "bold green")


if __name__ == "__main__":
    sys.exit(main())
