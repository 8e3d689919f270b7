"""Prints figures as tables."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

from benchmarks.figures import Change, Figure, Run
from benchmarks.goals import GOALS, NO_GOAL, reference_of

WIDTH = 120
"""Minimum of columns: wrapped lines cannot be compared."""


def show(run: Run, latency_is_usual: bool) -> None:
    """Prints the table; goals and known figures of the reference are for the usual latency."""
    table = new_table("", "measured", "±", "goal", "limit", "AWS's provider")
    for figure in run.figures:
        goal = GOALS.get(figure.name, NO_GOAL) if latency_is_usual else NO_GOAL
        missed = goal.goal is not None and figure.value > goal.goal
        value = shown(figure.value, figure)
        other = reference_of(figure, latency_is_usual=latency_is_usual)
        table.add_row(
            figure.text,
            f"[bold red]{value}[/]" if missed else f"[bold]{value}[/]",
            f"{figure.spread / 2:.0%}" if figure.spread else "",
            f"≤ {shown(goal.goal, figure)}" if goal.goal is not None else "",
            shown(goal.limit, figure) if goal.limit is not None else "",
            shown(other, figure) if other is not None else "",
        )
    show_table(table, run)
    for text, reason in run.left_out.items():
        _console().print(f"not measured: {text}: {reason}", style="yellow")


def show_changes(changes: Iterable[Change]) -> Sequence[Change]:
    """Prints this run beside the earlier one. Returns the figures that got worse."""
    styles = {"same": "dim", "better": "green", "worse": "bold red"}
    table = new_table("", "then", "now", "ratio", "")
    losses = []
    for change in changes:
        if change.verdict == "worse":
            losses.append(change)
        ratio = "" if change.ratio is None else f"{change.ratio:.2f}"
        table.add_row(
            change.now.text,
            shown(change.then.value, change.then),
            shown(change.now.value, change.now),
            ratio,
            "" if change.verdict == "same" else change.verdict,
            style=styles[change.verdict],
        )
    _console().print(table)
    return losses


def shown(value: float, figure: Figure) -> str:
    """Returns a number with as many digits as are significant."""
    if figure.unit in {"calls", "mounts", "threads"}:
        return f"{value:,.0f}"
    if figure.unit == "$":
        return f"${value:,.2f}"
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{digits}f} {figure.unit}"


def show_table(table: Table, run: Run) -> None:
    """Prints the machine of a run, and a table of its figures."""
    about = ", ".join(f"{name} {value}" for name, value in run.machine.items())
    _console().print(about, style="dim")
    _console().print(table)


def _console() -> Console:
    console = Console(highlight=False)
    console.width = max(console.width, WIDTH)
    return console


def new_table(first: str, *columns: str) -> Table:
    """A table of figures, without rows."""
    table = Table(box=None, pad_edge=False)
    table.add_column(first)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table
