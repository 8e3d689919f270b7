"""Remarks on what cannot be converted, at their lines of the files."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from provider.tools.resources.documents import key_at
from provider.tools.resources.parsed import Resource
from provider.tools.terminal import printable


@dataclass(frozen=True, slots=True, order=True)
class Remark:
    """A remark about a line of a file."""

    file: str
    line: int
    path: str
    """Path in the manifest, such as `spec.data[0].remoteRef`; empty for the whole."""
    text: str
    owner: str = ""
    """Kind and name of the manifest."""

    def __str__(self) -> str:
        where = " ".join(filter(None, (self.owner, self.path)))
        return f"{self.file}:{self.line}: {where}: {self.text}"


@dataclass(slots=True)
class Remarks:
    """`lost`: what cannot be converted. `notes`: what users should know."""

    lost: list[Remark] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, others: "Remarks") -> None:
        """Add the other remarks, each once."""
        self.lost += [one for one in others.lost if one not in self.lost]
        self.notes += [one for one in others.notes if one not in self.notes]


def report(lost: Iterable[Remark]) -> int:
    """Write on stderr what is lost, each once; the exit code."""
    once = sorted(set(lost))
    sys.stderr.write("".join(f"{printable(str(one))}\n" for one in once))
    return 1 if once else 0


def remark(resource: Resource, path: str, text: str) -> Remark:
    """A remark about the value at a path; an empty one is the whole resource."""
    root = resource.manifest.node
    line = key_at(root, path).line if path else root.line
    return Remark(resource.source.name, line, path, text, resource.manifest.path)


def problem_remarks(resource: Resource) -> Iterator[Remark]:
    """What the controller would refuse: the first problem of each line."""
    lines: dict[int, Remark] = {}
    for one in resource.problems:
        found = remark(resource, one.path, one.message)
        lines.setdefault(found.line, found)
    return iter(lines.values())


def unknown_keys(resource: Resource) -> Iterator[Remark]:
    """The keys that the controller does not know."""
    warnings = (one for one in resource.parsed.warnings if one.key)
    return (remark(resource, one.path, one.message) for one in warnings)
