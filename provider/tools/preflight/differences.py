"""What `preflight` reports about one object."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

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
        """Kind, namespace and name."""
        place = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind} {place}{self.name}"


def of(document: Document, level: Level, message: str, remedy: str = "") -> Difference:
    """A difference of an object."""
    about = metadata_of(document)
    named = str(document.get("kind")), str(about.get("namespace") or ""), str(about.get("name"))
    return Difference(level, *named, message, remedy)


def metadata_of(document: Document) -> Mapping[str, Any]:
    """The metadata; empty where it is no mapping."""
    return inner(document, "metadata")


def spec_of(document: Document) -> Mapping[str, Any]:
    """The spec; empty where it is no mapping."""
    return inner(document, "spec")


def inner(document: Document, key: str) -> Document:
    """The mapping below a key; empty for anything else."""
    found = document.get(key)
    return found if isinstance(found, dict) else {}


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
