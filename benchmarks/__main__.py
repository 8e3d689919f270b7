"""`python -m benchmarks`: measure, show, keep, compare."""

import argparse
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import machine, plot, table
from benchmarks.figures import Figure, Run, compare, with_reference
from benchmarks.goals import USUAL_LATENCY
from benchmarks.rows import OF_REFERENCE, ROWS
from benchmarks.stage import Stage, end_after, stage

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
        help="time of every call to AWS, Kubernetes and the agent; goals are for the default, 20",
    )
    parser.add_argument("--thorough", type=float, default=1.0, help="scales the number of repeats")
    parser.add_argument("--speed", type=float, default=120.0, help="of the simulated hours")
    parser.add_argument(
        "--reference",
        type=shlex.split,
        default=[],
        metavar="CMD",
        help="command of AWS's provider, to measure it on the same work in this run (needs root)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw them, as SVG")
    parser.add_argument(
        "--keep", action="store_true", help="write figures and plot where they are committed"
    )
    parser.add_argument(
        "--compare",
        action="store_true",
        help="with the committed figures; exit code 1 if one is worse",
    )
    return parser


def main() -> int:
    """Run the rows. Returns 1 if --compare found a loss."""
    options = _parser().parse_args()
    then = Run.from_json(FIGURES.read_text()) if options.compare else None
    end_after(MOST_SECONDS)
    with stage(options.latency_ms, options.thorough, options.speed) as made:
        names = options.only or list(ROWS)
        figures: Sequence[Figure] = [machine.speed(), *_measured(made, names)]
        if options.reference:
            shared = [name for name in names if name in OF_REFERENCE]
            figures = with_reference(
                figures, _measured(made.of_reference(options.reference), shared)
            )
        run = Run(machine.about(options.latency_ms), figures, made.left_out)
    table.show(run, options.latency_ms == USUAL_LATENCY)
    _keep(run, options)
    losses = table.show_changes(compare(run, then)) if then else []
    return 1 if losses else 0


def _measured(made: Stage, names: list[str]) -> Iterator[Figure]:
    for name in names:
        sys.stderr.write(f"{name} … \r")
        yield from ROWS[name](made)
    sys.stderr.write(" " * 30 + "\r")


def _keep(run: Run, options: argparse.Namespace) -> None:
    for path in {options.json, FIGURES if options.keep else None} - {None}:
        path.write_text(run.to_json())
    for path in {options.plot, PLOT if options.keep else None} - {None}:
        path.write_text(plot.svg(run))


if __name__ == "__main__":
    sys.exit(main())
