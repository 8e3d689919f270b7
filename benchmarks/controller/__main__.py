"""`python -m benchmarks.controller`: measure the controller and print a table with goals."""

import argparse
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks import machine
from benchmarks.controller import ceiling
from benchmarks.controller.aws import AwsProcess
from benchmarks.controller.cluster import cluster
from benchmarks.controller.goals import GOALS, LARGE_GOALS, LATENCY_MS, Goal
from benchmarks.controller.large import measured_large
from benchmarks.controller.rows import MOST_NEW, Bench, measured
from benchmarks.controller.shape import LARGE, USUAL, Shape
from benchmarks.figures import Figure, Run
from benchmarks.stage import end_after
from benchmarks.table import new_table, show_table, shown
from testbed.control_plane import missing

MOST_SECONDS = 900
MOST_SECONDS_OF_LARGE = 2400


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.controller", description=__doc__)
    parser.add_argument(
        "--large", action="store_true", help="measure 5000 ExternalSecrets and a busy namespace"
    )
    parser.add_argument("--objects", type=int, help="ExternalSecrets [500; with --large 5000]")
    parser.add_argument("--namespaces", type=int, help="[50; with --large 200]")
    parser.add_argument("--latency-ms", type=float, default=LATENCY_MS, help="of AWS [20]")
    parser.add_argument(
        "--minute", type=float, default=60.0, help="seconds that stand for a minute [60]"
    )
    parser.add_argument("--verbose", action="store_true", help="print calls and requests by kind")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    return parser


def main() -> int:
    """Measure. Returns 1 if no control plane can be started here."""
    options = _parser().parse_args()
    if why := missing():
        sys.stderr.write(f"{why}\n")
        return 1
    end_after(MOST_SECONDS_OF_LARGE if options.large else MOST_SECONDS)
    shape = _shape(options)
    figures = [machine.speed(), *_figures(options, shape)]
    about = {**machine.about(options.latency_ms), "load": f"{os.getloadavg()[0]:.1f}"}
    run = Run(about, figures, {})
    goals = {USUAL: GOALS, LARGE: LARGE_GOALS}.get(shape, {})
    _show(run, goals if options.latency_ms == LATENCY_MS else {})
    if options.json:
        options.json.write_text(run.to_json())
    return 0


def _shape(options: argparse.Namespace) -> Shape:
    """Stores and the hot namespace grow and shrink with the rest."""
    usual = LARGE if options.large else USUAL
    size, namespaces = options.objects or usual.size, options.namespaces or usual.namespaces
    return Shape(
        size=size,
        namespaces=namespaces,
        stores=usual.stores * namespaces // usual.namespaces,
        hot=usual.hot * size // usual.size,
    )


def _figures(options: argparse.Namespace, shape: Shape) -> Sequence[Figure]:
    latency = options.latency_ms / 1000
    with (
        tempfile.TemporaryDirectory(prefix="bench-controller-") as folder,
        cluster(shape) as made,
        AwsProcess(latency, shape.names, shape.size + MOST_NEW) as aws,
    ):
        bench = Bench(made, aws, Path(folder), options.minute, options.verbose)
        made.install()
        empty = bench.controller().compile()
        made.fill(aws.account)
        made.audit.write_text("")
        aws.clear()
        rows = measured_large(bench, empty) if options.large else measured(bench)
        return [*ceiling.row(made, min(shape.size, USUAL.size)), *rows]


def _show(run: Run, goals: Mapping[str, Goal]) -> None:
    table = new_table("", "measured", "goal", "floor", "ESO 2.9")
    for figure in run.figures:
        goal = goals.get(figure.name, Goal())
        missed = goal.goal is not None and round(figure.value, 3) > goal.goal
        value = shown(figure.value, figure)
        table.add_row(
            figure.text,
            f"[bold red]{value}[/]" if missed else f"[bold]{value}[/]",
            "" if goal.goal is None else f"≤ {shown(goal.goal, figure)}",
            goal.floor,
            goal.operator,
        )
    show_table(table, run)


if __name__ == "__main__":
    sys.exit(main())
