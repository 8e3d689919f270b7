"""`python -m demo`: the steps in their order; exit code 0 only if each showed what was due."""

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from demo.by_hand import explain
from demo.node import ROOT, NotStarted, without_ambient
from demo.screen import Screen
from demo.stage import NotOurs, Stage, put_up
from demo.steps import examples, identities, mistakes, outage, rotation, tools

STEPS: tuple[Callable[[Stage, Screen], None], ...] = (
    examples.theirs,
    examples.ours,
    identities.both_ways,
    outage.primary_cut_off,
    rotation.secret_rotated,
    mistakes.what_people_are_told,
    tools.each_once,
)

LONGEST = 120
"""Seconds after which something must be wrong."""


def main() -> int:
    """Parse the arguments, run, and say how it went."""
    options = _options()
    # Nothing here may reach a real account, or go through somebody's proxy.
    kept = without_ambient(os.environ)
    os.environ.clear()
    os.environ.update(kept)
    for ending in (signal.SIGINT, signal.SIGTERM):  # a shell's background job ignores SIGINT
        signal.signal(ending, signal.default_int_handler)
    screen = Screen(reveal=options.reveal)
    try:
        return _run(screen, options.output.absolute(), keep=options.keep)
    except (NotOurs, NotStarted, TimeoutError) as error:
        screen.say(f"✗ {error}", "red")
        return 1
    except KeyboardInterrupt:
        return 130


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--reveal", action="store_true", help="show values (all are made up)")
    parser.add_argument("--keep", action="store_true", help="stay up, to mount by hand")
    where = ROOT / "demo-output"
    parser.add_argument(
        "--output", type=Path, default=where, metavar="DIR", help="for files; default: demo-output"
    )
    return parser.parse_args()


def _run(screen: Screen, output: Path, *, keep: bool) -> int:
    started = time.monotonic()
    signal.signal(signal.SIGALRM, _give_up)
    signal.alarm(LONGEST)
    with put_up(output, screen) as stage:
        for step in STEPS:
            step(stage, screen)
            if (code := stage.daemon.ended()) is not None:
                raise NotStarted(f"the daemon ended with code {code}:\n{stage.daemon.log_tail}")
        _finish(stage, screen, time.monotonic() - started)
        if keep:
            signal.alarm(0)
            explain(stage, screen)
    return 1 if screen.wrong else 0


def _give_up(*_: object) -> NoReturn:
    raise TimeoutError(f"the demo has not come to an end within {LONGEST} s")


def _finish(stage: Stage, screen: Screen, seconds: float) -> None:
    screen.title("That was all", "What the daemon itself says of it, and what is left to look at.")
    _tell_metrics(stage, screen)
    screen.facts(
        [
            ("files", f"{stage.output}/CLASS/POD/"),
            ("log", f"{stage.output}/daemon.log"),
        ]
    )
    screen.say("")
    if screen.wrong:
        screen.say(f"✗ {len(screen.wrong)} things were not as due:", "bold red")
        for one in screen.wrong:
            screen.say(f"  {one}", "red")
        screen.say(f"The daemon's log ends:\n{stage.daemon.log_tail}", "dim")
    else:
        screen.say(f"✓ all {screen.checked} checks as due, in {seconds:.1f} s", "bold green")


def _tell_metrics(stage: Stage, screen: Screen) -> None:
    count = stage.daemon.metric
    mounts = int(count("secrets_provider_aws_mounts_total"))
    failed = int(count("secrets_provider_aws_mounts_total", outcome="failed"))
    attempts = int(count("secrets_provider_aws_aws_request_duration_seconds_count"))
    memory = count("process_resident_memory_bytes") / 2**20
    screen.facts(
        [
            ("mounts", f"{mounts}, of which {failed} failed, as they should"),
            ("AWS", f"{attempts} calls, retries included"),
            ("memory", f"{memory:.0f} MiB resident"),
        ]
    )
    made = len(stage.mounts) + len(stage.mounts_by_tools)
    told = [] if mounts == made else [f"expected {made} mounts, came {mounts}"]
    screen.check("/metrics tells of every mount that was asked for", told)


if __name__ == "__main__":
    sys.exit(main())
