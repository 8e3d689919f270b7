"""`python -m benchmarks.controller`: measure the controller and print a table with goals."""

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from rich.console import Console
from rich.table import Table

from benchmarks import machine
from benchmarks.controller import ceiling
from benchmarks.controller.aws import AwsProcess
from benchmarks.controller.cluster import cluster
from benchmarks.controller.goals import GOALS, LATENCY_MS, NAMESPACES, SIZE, Goal
from benchmarks.controller.rows import NEW, Bench, measured
from benchmarks.figures import Figure, Run
from benchmarks.table import WIDTH, shown
from testbed.control_plane import missing

MOST_SECONDS = 900


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.controller", description=__doc__)
    parser.add_argument("--size", type=int, default=SIZE, help="ExternalSecrets [500]")
    parser.add_argument("--namespaces", type=int, default=NAMESPACES, help="with a store each [50]")
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
    for number in (signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, _end)
    signal.alarm(MOST_SECONDS)
    figures = [machine.speed(), *_figures(options)]
    about = {**machine.about(options.latency_ms), "load": f"{os.getloadavg()[0]:.1f}"}
    run = Run(about, figures, {})
    is_usual = (options.size, options.namespaces, options.latency_ms) == (
        SIZE,
        NAMESPACES,
        LATENCY_MS,
    )
    _show(run, GOALS if is_usual else {})
    if options.json:
        options.json.write_text(run.to_json())
    return 0


def _figures(options: argparse.Namespace) -> Sequence[Figure]:
    namespaces = [f"team-{number}" for number in range(options.namespaces)]
    latency = options.latency_ms / 1000
    with (
        tempfile.TemporaryDirectory(prefix="bench-controller-") as folder,
        cluster(namespaces) as made,
        AwsProcess(latency, namespaces, options.size + NEW + 1) as aws,
    ):
        bench = Bench(made, aws, Path(folder), options.size, options.minute, options.verbose)
        made.install()
        bench.controller().compile()
        made.fill(aws.account, options.size)
        made.audit.write_text("")
        aws.clear()
        return [*ceiling.row(made, options.size), *measured(bench)]


def _show(run: Run, goals: Mapping[str, Goal]) -> None:
    console = Console(highlight=False)
    console.width = max(console.width, WIDTH)
    console.print(", ".join(f"{name} {value}" for name, value in run.machine.items()), style="dim")
    table = Table(box=None, pad_edge=False)
    table.add_column()
    for column in ("measured", "goal", "floor", "ESO 2.9"):
        table.add_column(column, justify="right", no_wrap=True)
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
    console.print(table)


def _end(number: int, _frame: object) -> NoReturn:
    """Exit through every `with`, so that all processes are stopped."""
    raise SystemExit(f"ended by {signal.Signals(number).name}")


if __name__ == "__main__":
    sys.exit(main())
