"""The result of `preflight` as text and JSON."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from provider.tools.preflight.differences import LEVELS, Difference, Level
from provider.tools.preflight.leftovers import LEFTOVERS
from provider.tools.terminal import Colour, Paint, printable

_COLOURS: Mapping[Level, Colour] = {"stops": "red", "differs": "yellow", "note": "dim"}
EVERYWHERE = (
    "Messages of failed conditions begin as before, and go on with the cause.",
    "Finalizers stay only on ExternalSecrets with deletionPolicy Delete.",
    "ExternalSecrets of one identity share their calls to AWS.",
)
"""What differs for all objects."""


@dataclass(frozen=True, slots=True)
class Result:
    """What was read, and what differs."""

    objects: int
    passed_over: int
    differences: Sequence[Difference]
    unread: Sequence[str]

    @property
    def counts(self) -> Counter[Level]:
        """Objects by their worst level."""
        worst: dict[str, Level] = {}
        for one in self.differences:
            worst.setdefault(one.object, one.level)
        return Counter(worst.values())


def as_text(result: Result, paint: Paint) -> str:
    """For people: each difference with its remedy, the worst first, and a summary."""
    lines = [line for one in result.differences for line in _lines(one, paint)]
    lines += [f"{paint('yellow', 'not read')}  {printable(one)}" for one in result.unread]
    lines += ["", "For all objects:", *(f"  {one}" for one in EVERYWHERE)] if result.objects else []
    return "\n".join([*lines, "", _summary(result), ""]).lstrip("\n")


def _lines(one: Difference, paint: Paint) -> Iterator[str]:
    level = paint(_COLOURS[one.level], f"{one.level:8}")
    yield f"{level}  {printable(one.object)}: {printable(one.message)}"
    if one.remedy:
        yield f"          {paint('green', 'hint')}: {printable(one.remedy)}"


def _summary(result: Result) -> str:
    counts = result.counts
    notes = "has a note" if counts["note"] == 1 else "have a note"
    words = {"stops": "would stop working", "differs": "would differ", "note": notes}
    found = [f"{counts[level]} {words[level]}" for level in LEVELS if counts[level]]
    passed = f", {result.passed_over} of other controller classes" if result.passed_over else ""
    others = {one.object for one in result.differences if one.kind in LEFTOVERS}
    more = f", and {_counted(len(others), 'object')} of the operator" if others else ""
    read = f"{_counted(result.objects, 'resource')}{passed}{more}"
    return f"{read}: {', '.join(found) or 'everything works as before'}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def as_json(result: Result) -> str:
    """For programs. Fields may be added, but none will change."""
    counts = result.counts
    document = {
        "resources": result.objects,
        "passedOver": result.passed_over,
        "count": {level: counts[level] for level in LEVELS},
        "differences": [
            {
                "level": one.level,
                "kind": one.kind,
                "namespace": one.namespace,
                "name": one.name,
                "message": one.message,
                "remedy": one.remedy,
            }
            for one in result.differences
        ],
        "unread": list(result.unread),
        "everywhere": list(EVERYWHERE),
    }
    return json.dumps(document, indent=2) + "\n"
