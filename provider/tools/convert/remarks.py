"""Parts of a manifest with their places, and remarks about them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from provider.manifests.nodes import Fields, Items, Node, Scalar


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


@dataclass(frozen=True, slots=True)
class Part:
    """A mapping of a manifest. A missing one is empty."""

    node: Fields
    path: str
    file: str
    owner: str

    def __contains__(self, key: str) -> bool:
        node = self.node[key]
        return node is not None and not (isinstance(node, Scalar) and node.kind == "null")

    def text(self, key: str, default: str = "") -> str:
        """The text of the scalar under `key`."""
        node = self.node[key]
        return node.text if isinstance(node, Scalar) and node.text else default

    def is_true(self, key: str) -> bool:
        """Whether the boolean under `key` is there and true."""
        return self.text(key) == "true"

    def part(self, key: str) -> "Part":
        """The mapping under `key`."""
        node = self.node[key]
        place = self.node.entries[key].key if key in self.node.entries else self.node
        return self._inner(node if isinstance(node, Fields) else _empty_at(place), key)

    def parts(self, key: str) -> Iterator["Part"]:
        """The items of the list under `key`. An item that is not a mapping counts as empty."""
        node = self.node[key]
        for index, item in enumerate(node.nodes if isinstance(node, Items) else ()):
            mapping = item if isinstance(item, Fields) else _empty_at(item)
            yield self._inner(mapping, f"{key}[{index}]")

    def texts(self) -> Iterator[tuple[str, str]]:
        """The keys with scalar values."""
        for key, one in self.node.entries.items():
            if isinstance(one.node, Scalar):
                yield key, one.node.text

    def remark(self, text: str, key: str = "") -> Remark:
        """A remark about the value under `key`, or about the whole part."""
        place: Node = self.node.entries[key].key if key in self.node.entries else self.node
        path = ".".join(filter(None, (self.path, key)))
        return Remark(self.file, place.line, path, text, self.owner)

    def unknown(self, known: Iterable[str]) -> Iterator[Remark]:
        """A remark for each key that is not in `known`."""
        for key in self.node.entries.keys() - set(known):
            yield self.remark("is unknown and ignored", key)

    def _inner(self, node: Fields, step: str) -> "Part":
        path = f"{self.path}.{step}" if self.path else step
        return Part(node, path, self.file, self.owner)


def _empty_at(place: Node) -> Fields:
    return Fields({}, (), place.line, place.column, 1, 1)
