"""`python -m benchmarks`: measure, show, keep, compare."""

import argparse
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

# Before grpc is imported: processes are started while it runs, and none of them uses it after fork.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"

from benchmarks import machine, plot, table
from benchmarks.figures import Figure, Run, compare
from benchmarks.rows import ROWS
from benchmarks.stage import Stage, stage

USUAL_LATENCY = 20.0
FIGURES = Path(__file__).parent / "figures.json"
PLOT = Path(__file__).parent.parent / "docs" / "performance.svg"
MOST_SECONDS = 900


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--only",
        action="append",
        metavar="ROW",
        choices=list(ROWS),
        default=[],
        help=f"this row, or these: {', '.join(ROWS)}",
    )
    parser.add_argument(
        "--latency-ms",
        type=float,
        default=USUAL_LATENCY,
        help="what a call to AWS takes; goals are for the default, 20",
    )
    parser.add_argument(
        "--thorough", type=float, default=1.0, help="scales how often all is repeated"
    )
    parser.add_argument("--speed", type=float, default=120.0, help="of the simulated hours")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw them, as SVG")
    parser.add_argument(
        "--keep", action="store_true", help="write figures and plot where they are committed"
    )
    parser.add_argument(
        "--compare",
        action="store_true",
        help="with the committed figures; exit code 1 where something was lost",
    )
    return parser


def main() -> int:
    """Run the rows."""
    options = _parser().parse_args()
    then = Run.from_json(FIGURES.read_text()) if options.compare else None
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGALRM, _end)
    signal.alarm(MOST_SECONDS)
    with stage(options.latency_ms, options.thorough, options.speed) as made:
        figures = list(_measured(made, options.only or list(ROWS)))
        run = Run(machine.about(options.latency_ms), figures, made.left_out)
    table.show(run, options.latency_ms == USUAL_LATENCY)
    _keep(run, options)
    losses = table.show_changes(compare(run, then)) if then else []
    return 1 if losses else 0


def _measured(made: Stage, names: list[str]) -> Iterator[Figure]:
    yield machine.speed()
    for name in names:
        sys.stderr.write(f"{name} … \r")
        yield from ROWS[name](made)
    sys.stderr.write(" " * 30 + "\r")


def _keep(run: Run, options: argparse.Namespace) -> None:
    for path in {options.json, FIGURES if options.keep else None} - {None}:
        path.write_text(run.to_json())
    for path in {options.plot, PLOT if options.keep else None} - {None}:
        path.write_text(plot.svg(run))


def _end(number: int, _frame: object) -> NoReturn:
    """Leave through every `with`, which ends what was started."""
    raise SystemExit(f"ended by {signal.Signals(number).name}")


if __name__ == "__main__":
    sys.exit(main())
