"""The figures as a picture (SVG): bars beside the reference on the same work, and growth."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from benchmarks.figures import Figure, Run
from benchmarks.goals import USUAL_LATENCY, reference_of
from benchmarks.table import shown

BARS = (
    "mount.first.1",
    "mount.first.5",
    "mount.first.20",
    "mount.next.1",
    "mount.next.5",
    "mount.next.20",
    "node.start",
    "node.again.asked",
    "node.again.memory",
)
OURS, THEIRS, INK, PALE = "#1b6ca8", "#c9ced6", "#24292f", "#8b949e"
WIDTH, LABELS, ROW = 860, 330, 38
LONGEST = 650.0
"""Milliseconds at the right end of the bars; longer bars are cut, their numbers are not."""


@dataclass(frozen=True, slots=True)
class Growth:
    """A small chart: figures by the amount of work."""

    title: str
    prefix: str
    steps: Sequence[int]


GROWTHS = (
    Growth("ms of a mount, by its secrets", "growth.secrets", (1, 5, 20, 50, 100)),
    Growth("ms until all are served, by pods at once", "growth.pods", (10, 110, 500)),
)


def svg(run: Run) -> str:
    """Returns the picture; figures that were not measured are left out."""
    figures = {figure.name: figure for figure in run.figures}
    bars = [figures[name] for name in BARS if name in figures]
    usual = run.machine.get("latency") == f"{USUAL_LATENCY:g} ms"
    below = 60 + ROW * len(bars)
    height = below + 250
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif">'
    )
    lines = [head, f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>', *_legend(run)]
    for at, bar in enumerate(bars):
        lines += _bar(bar, 50 + ROW * at, usual=usual)
    for at, growth in enumerate(GROWTHS):
        lines += _chart(growth, figures, 40 + at * 420, below + 30)
    return "\n".join([*lines, "</svg>\n"])


def _legend(run: Run) -> Iterator[str]:
    latency = run.machine.get("latency", "")
    yield _text(20, 28, f"Time of mounts; every call takes {latency}", size=16)
    yield _rect(LABELS + 180, 17, 12, 12, OURS) + _text(LABELS + 198, 28, "this provider")
    yield _rect(LABELS + 300, 17, 12, 12, THEIRS) + _text(LABELS + 318, 28, "AWS's provider")


def _bar(figure: Figure, top: float, *, usual: bool) -> Iterator[str]:
    yield _text(LABELS - 10, top + 21, figure.text, anchor="end")
    reference = reference_of(figure, latency_is_usual=usual)
    for value, offset, colour in ((figure.value, 3, OURS), (reference, 18, THEIRS)):
        if value is not None:
            length = _length(value)
            yield _rect(LABELS, top + offset, length, 13, colour)
            yield _text(LABELS + length + 6, top + offset + 11, shown(value, figure), size=11)


def _length(milliseconds: float) -> float:
    return (WIDTH - LABELS - 80) * min(milliseconds, LONGEST) / LONGEST


def _chart(growth: Growth, figures: dict[str, Figure], left: float, top: float) -> Iterator[str]:
    points = [
        (step, figures[f"{growth.prefix}.{step}"].value)
        for step in growth.steps
        if f"{growth.prefix}.{step}" in figures
    ]
    if not points:
        return
    width, height = 330, 150
    most, highest = max(step for step, _ in points), max(value for _, value in points)
    yield _text(left, top, growth.title, size=14)
    base = top + 30 + height
    yield f'<path d="M{left} {base}h{width}" stroke="{PALE}"/>'
    spots = [
        (left + width * step / most, base - height * value / highest) for step, value in points
    ]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
    yield f'<polyline points="{path}" fill="none" stroke="{OURS}" stroke-width="2"/>'
    for (x, y), (step, value) in zip(spots, points, strict=True):
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{OURS}"/>'
        yield _text(x, y - 9, f"{value:.0f}", size=11, anchor="middle")
        yield _text(x, base + 16, str(step), size=11, anchor="middle")


def _rect(x: float, y: float, width: float, height: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height}" fill="{colour}"/>'


def _text(x: float, y: float, text: str, *, size: int = 13, anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" '
        f'fill="{INK}">{escape(text)}</text>'
    )
