"""`make soak ARGS="--minutes 3 --seed 7"`: everything that may go wrong, at random, for a while.

The seed decides what happens and what pods ask for, but not the order in which they run.
"""

import argparse
import secrets
import sys

from tests.soak.run import Report, soak


def main() -> int:
    """Run, report, and return 1 if anything was wrong."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    options = parser.parse_args()
    print(f"soak: seed {options.seed}, {options.minutes:g} minutes", flush=True)
    report = soak(options.seed, options.minutes * 60, tell)
    tell(report)
    print("\n" + "\n".join(f"{number:7} {event}" for event, number in report.events.most_common()))
    print(f"{report.loop}; most threads: {report.most_threads}")
    for complaint in report.complaints:
        print(f"WRONG {complaint}")
    print("soak: " + (f"failed; again: --seed {report.seed}" if report.complaints else "passed"))
    return 1 if report.complaints else 0


def tell(report: Report) -> None:
    """One line of progress, over the last one on a terminal."""
    outcomes = ", ".join(f"{number} {name.lower()}" for name, number in report.outcomes.items())
    now = report.usage
    used = f"{now.memory >> 20} MiB, {now.threads} threads, {now.files} files" if now else ""
    line = f"{report.seconds:5.0f} s  {outcomes}; {report.calls} calls; {used}"
    if report.complaints:
        line += f"; {len(report.complaints)} WRONG"
    print(f"\r{line}\x1b[K" if sys.stdout.isatty() else line, end="", flush=True)
    print(end="" if sys.stdout.isatty() else "\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
