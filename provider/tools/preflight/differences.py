"""What `preflight` reports: the differences of objects, as text and JSON."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from provider.tools.terminal import Colour, Paint, counted, printable

Level = Literal["stops", "differs", "note"]
"""`stops`: it does not work under this controller. `differs`: it works in another way. `note`: it
is as before, and worth knowing."""

LEVELS: tuple[Level, ...] = ("stops", "differs", "note")
Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True, order=True)
class Difference:
    """One difference, and what to do about it."""

    level: Level
    kind: str
    namespace: str
    name: str
    message: str
    remedy: str = ""

    @property
    def object(self) -> str:
        place = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind} {place}{self.name}"


def difference(document: Document, level: Level, message: str, remedy: str = "") -> Difference:
    return Difference(level, *named(document), message, remedy)


def named(document: Document) -> tuple[str, str, str]:
    """Kind, namespace and name of an object; an empty text for what it lacks."""
    about = inner(document, "metadata")
    return (
        str(document.get("kind")),
        str(about.get("namespace") or ""),
        str(about.get("name") or ""),
    )


def inner(document: Document, *path: str) -> Document:
    """The mapping below a path of keys; empty for anything else."""
    for key in path:
        found = document.get(key)
        document = found if isinstance(found, dict) else {}
    return document


def items_of(value: object) -> list[Mapping[str, Any]]:
    """The mappings of a list; empty for anything else."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def texts_of(value: object) -> list[str]:
    """The texts of a list; empty for anything else."""
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def in_order(found: Iterable[Difference]) -> list[Difference]:
    """Each once, the worst first."""
    once = dict.fromkeys(found)
    return sorted(once, key=lambda one: (LEVELS.index(one.level), one))


_COLOURS: Mapping[Level, Colour] = {"stops": "red", "differs": "yellow", "note": "dim"}
EVERYWHERE = (
    "Messages of failed conditions begin as before, and go on with the cause.",
    "Finalizers stay only on ExternalSecrets with deletionPolicy Delete.",
    "ExternalSecrets of one identity share their calls to AWS.",
)
"""What differs for all objects."""
NOT_READ = (
    "what is not read may differ: add it to the files, get the right to list it, or let somebody "
    "run this who has it"
)


@dataclass(frozen=True, slots=True)
class Result:
    """What was read, and what differs."""

    objects: int
    passed_over: int
    """Stores of other controller classes, and what uses them."""
    differences: Sequence[Difference]
    unread: Sequence[str] = ()
    leftovers: int = 0
    """Objects of the operator that differ, which are no resources."""

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
    lines += [f"          {paint('green', 'hint')}: {NOT_READ}"] if result.unread else []
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
    others = counted(result.leftovers, "object")
    more = f", and {others} of the operator" if result.leftovers else ""
    read = f"{counted(result.objects, 'resource')}{passed}{more}"
    well = "what was read works as before" if result.unread else "everything works as before"
    rest = f"; {len(result.unread)} not read" if result.unread else ""
    return f"{read}: {', '.join(found) or well}{rest}"


def as_json(result: Result) -> str:
    """For programs. Fields may be added, but none will change."""
    counts = result.counts
    document = {
        "resources": result.objects,
        "passedOver": result.passed_over,
        "count": {level: counts[level] for level in LEVELS},
        "differences": [asdict(one) for one in result.differences],
        "unread": list(result.unread),
        "everywhere": list(EVERYWHERE),
    }
    return json.dumps(document, indent=2) + "\n"
