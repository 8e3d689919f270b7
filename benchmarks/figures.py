"""Figures of a run, as JSON, and the comparison of two runs by ratio. Pure functions."""

import json
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

Unit = Literal["ms", "s", "MiB", "KiB", "calls", "mounts", "threads", "$", "1/s", "%"]

TOLERANCE: Mapping[Unit, float] = {
    "ms": 0.25,
    "s": 0.25,
    "1/s": 0.25,
    "MiB": 0.05,
    "KiB": 0.05,
    "calls": 0.05,
    "mounts": 0.0,
    "threads": 0.0,
    "$": 0.05,
    "%": 0.25,
}
"""By how much two runs of the same code may differ on a machine that has other work too."""

GRAIN: Mapping[Unit, float] = {"MiB": 1.0, "threads": 2.0}
"""Smaller differences count as none, however large their ratio."""

MORE_IS_BETTER: frozenset[Unit] = frozenset({"1/s"})


@dataclass(frozen=True, slots=True)
class Figure:
    """One number. `spread` is the middle half of its repeats as a share of their median;
    `reference` is the same number of the reference, where this run measured it."""

    name: str
    text: str
    value: float
    unit: Unit
    spread: float = 0.0
    reference: float | None = None

    @classmethod
    def of(cls, name: str, text: str, values: Sequence[float], unit: Unit) -> "Figure":
        """The median of repeats."""
        median = statistics.median(values)
        if len(values) < 4 or not median:
            return cls(name, text, median, unit)
        low, _, high = statistics.quantiles(values, n=4)
        return cls(name, text, median, unit, (high - low) / median)


@dataclass(frozen=True, slots=True)
class Run:
    """All figures of a run, the machine they were measured on, and what could not be measured."""

    machine: Mapping[str, str]
    figures: Sequence[Figure]
    left_out: Mapping[str, str]

    def to_json(self) -> str:
        """As text; the figures by name."""
        figures = {figure.name: _short(asdict(figure)) for figure in self.figures}
        document = {
            "machine": dict(self.machine),
            "left_out": dict(self.left_out),
            "figures": figures,
        }
        return json.dumps(document, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Run":
        """What `to_json` wrote."""
        document = json.loads(text)
        figures = tuple(Figure(name=name, **one) for name, one in document["figures"].items())
        return cls(document["machine"], figures, document["left_out"])


def _short(figure: dict[str, Any]) -> dict[str, Any]:
    """Without the name, which is its key, and with no more digits than were measured."""
    rest = {key: value for key, value in figure.items() if key != "name" and value is not None}
    digits: dict[str, Any] = {
        key: float(f"{rest[key]:.4g}") for key in ("value", "reference") if key in rest
    }
    return {**rest, **digits, "spread": round(rest["spread"], 3)}


@dataclass(frozen=True, slots=True)
class Change:
    """A figure beside that of an earlier run; `ratio` is now / then, `None` where then was 0."""

    now: Figure
    then: Figure
    ratio: float | None
    verdict: Literal["same", "better", "worse"]


def with_reference(figures: Iterable[Figure], reference: Iterable[Figure]) -> Sequence[Figure]:
    """The figures, each with that of the reference of the same name."""
    values = {figure.name: figure.value for figure in reference}
    return [replace(figure, reference=values.get(figure.name)) for figure in figures]


def compare(now: Run, then: Run) -> Iterator[Change]:
    """Yields every figure that both runs have; differences within tolerance and spread are none."""
    known = {figure.name: figure for figure in then.figures}
    for figure in now.figures:
        if figure.name in known:
            yield _change(figure, known[figure.name])


def _change(now: Figure, then: Figure) -> Change:
    if now.value == then.value or not then.value:
        better = now.value == then.value
        return Change(now, then, 1.0 if better else None, "same" if better else "worse")
    ratio = now.value / then.value
    if abs(now.value - then.value) < GRAIN.get(now.unit, 0.0):
        return Change(now, then, ratio, "same")
    noise = TOLERANCE[now.unit] + max(now.spread, then.spread)
    gain = 1 / ratio if now.unit not in MORE_IS_BETTER and ratio else ratio
    if gain > 1 + noise or not now.value:
        return Change(now, then, ratio, "better")
    return Change(now, then, ratio, "worse" if gain < 1 / (1 + noise) else "same")
