"""What a conversion gives: documents, and remarks on what they lack, at lines of the files."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from provider.tools.convert.commented_yaml import commented, dump
from provider.tools.resources.documents import key_at
from provider.tools.resources.parsed import Resource
from provider.tools.sources import Source
from provider.tools.terminal import printable
from provider.tools.validate.findings import LocatedManifest
from provider.tools.validate.review import review


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

    def comment(self, *, with_line: bool) -> str:
        """The remark for somebody who knows the manifest."""
        line = f"line {self.line}" if with_line else ""
        return ": ".join(filter(None, (" ".join(filter(None, (line, self.path))), self.text)))


@dataclass(slots=True)
class Remarks:
    """`lost`: what cannot be converted. `notes`: what users should know."""

    lost: list[Remark] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, others: "Remarks") -> None:
        """Add the other remarks, each once."""
        self.lost += [one for one in others.lost if one not in self.lost]
        self.notes += [one for one in others.notes if one not in self.notes]


@dataclass(frozen=True, slots=True)
class Converted:
    """What one object becomes: documents, none if nothing is left of it, and remarks."""

    owner: str
    """Kind and name of the object."""
    source: LocatedManifest
    documents: Sequence[Mapping[str, Any]]
    remarks: Remarks
    with_lines: bool = True
    """Whether remarks have lines of their own."""

    def as_yaml(self) -> str:
        """The documents, with remarks as comments above the first."""
        title = f"From {self.owner} ({self.source.place})."
        comments: list[tuple[str, Sequence[str]]] = [(title, self.remarks.notes)]
        if self.remarks.lost:
            lost = [one.comment(with_line=self.with_lines) for one in self.remarks.lost]
            comments.append(("Not converted:", lost))
        first, *others = self.documents
        return "---\n".join([commented(first, comments), *map(dump, others)])


def findings(text: str) -> Iterator[str]:
    """What `validate` reports for documents as they are written, apart from notes."""
    for finding in review([Source("class", text)]).findings:
        if finding.level != "note":
            yield finding.text


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
