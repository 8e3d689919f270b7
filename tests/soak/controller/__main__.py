"""`make soak-controller ARGS="--minutes 3 --seed 7"`: everything that may go wrong, at random.

The seed decides what happens and what is asked for, but not the order in which processes run.
It needs a real API server: `KUBEBUILDER_ASSETS`.
"""

import argparse
import secrets
import sys

from testbed.cluster import ClusterClient
from testbed.control_plane import control_plane, missing
from tests.soak.controller.run import Report, soak


def main() -> int:
    """Run, report, and return 1 if anything was wrong."""
    parser = argparse.ArgumentParser(prog="make soak-controller", description=__doc__)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    options = parser.parse_args()
    if why := missing():
        parser.exit(2, f"{why}\n")
    print(f"soak: seed {options.seed}, {options.minutes:g} minutes", flush=True)
    with control_plane() as address:
        place = address, ClusterClient(address)
        report = soak(options.seed, options.minutes * 60, place, tell)
    print("\n".join(f"{number:7} {event}" for event, number in report.events.most_common()))
    print("\n".join(report.log))
    for complaint in report.complaints:
        print(f"WRONG {complaint}")
    print("soak: " + (f"failed; again: --seed {report.seed}" if report.complaints else "passed"))
    return 1 if report.complaints else 0


def tell(report: Report) -> None:
    """One line of progress."""
    wrong = f"; {len(report.complaints)} WRONG" if report.complaints else ""
    print(
        f"{report.seconds:5.0f} s  {report.storms} storms, {report.objects} objects, "
        f"{report.calls} calls to AWS, slowest recovery {report.slowest_recovery:.1f} s{wrong}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
