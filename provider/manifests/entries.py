"""A mapping of the YAML tree read by a table of keys: types, unknown and missing keys."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from provider.csi.request.keys import Key, did_you_mean
from provider.manifests.nodes import Fields, Items, Node, Scalar, kind_of
from provider.manifests.problems import InvalidSpec, Problem, quote

_INTEGER_PERMISSION = "; YAML reads an unquoted 0644 as the number 420"


@dataclass(frozen=True, slots=True)
class Findings:
    """All that is found wrong with one class or request."""

    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def wrong(self, path: str, message: str, at: Node | None = None) -> None:
        """Note a mistake, at the place of a node where there is one."""
        self.problems.append(_problem(path, message, at))

    def ignored(self, path: str, message: str, at: Node | None = None) -> None:
        """Note something without effect."""
        self.warnings.append(_problem(path, message, at))

    def raise_if_any(self) -> None:
        """Raise `InvalidSpec` when a mistake was noted."""
        if self.problems:
            raise InvalidSpec(self.problems, self.warnings)


def _problem(path: str, message: str, at: Node | None) -> Problem:
    return Problem(path, message, at.line, at.column) if at else Problem(path, message)


@dataclass(frozen=True, slots=True)
class Entry:
    """One mapping, as far as it is sound: what is faulty was noted and is left out."""

    path: str
    node: Fields
    values: dict[str, Node]
    """What the mapping holds under each key of the table, sound or not."""
    texts: dict[str, Scalar]
    lists: dict[str, Items]
    mappings: dict[str, Fields]
    names: dict[str, tuple[str, ...]]
    """What keys of the type `names` hold."""

    def __getitem__(self, key: str) -> str | None:
        scalar = self.texts.get(key)
        return scalar.text if scalar else None

    def is_true(self, key: str) -> bool:
        """Whether the boolean `key` is there and true."""
        return (self[key] or "").lower() == "true"

    def at(self, key: str) -> Node:
        """The place to blame for `key`: its own value, else the whole entry."""
        return self.values.get(key, self.node)

    def path_of(self, key: str) -> str:
        """Path of one key of the entry."""
        return f"{self.path}.{key}"

    def is_faulty(self, key: str) -> bool:
        """Whether the text `key` is there, but was found unfit."""
        return key in self.values and key not in self.texts

    def blame(self, findings: Findings, key: str, message: str) -> None:
        """Note a mistake in the value of `key`."""
        findings.wrong(self.path_of(key), message, self.at(key))


def read_entry(node: Node, keys: tuple[Key, ...], path: str, findings: Findings) -> Entry | None:
    """The entry that `node` holds, None when it is no mapping at all."""
    if not isinstance(node, Fields):
        findings.wrong(path, f"must be a mapping, got {kind_of(node)}", node)
        return None
    entry = Entry(path, node, _values(node, keys, path, findings), {}, {}, {}, {})
    for again in node.repeated:
        findings.wrong(path, f"key {quote(again.text)} stands twice", again)
    for key in keys:
        value = entry.values.get(key.name)
        if value is not None:
            _read_value(entry, key, value, findings)
        elif key.required:
            findings.wrong(entry.path_of(key.name), "is required", node[key.name] or node)
    return entry


def read_list(node: Items, path: str) -> Iterator[tuple[str, Node]]:
    """Each item of a list with its path."""
    return ((f"{path}[{index}]", item) for index, item in enumerate(node.nodes))


def _values(node: Fields, keys: tuple[Key, ...], path: str, findings: Findings) -> dict[str, Node]:
    """What is given, by the names of the table.

    AWS's own provider reads keys regardless of capitals, and so `objectalias` has its effect.
    """
    values = {key.name: node[key.name] for key in keys if key.name in node.entries}
    by_lower = {key.name.lower(): key.name for key in keys if key.name not in values}
    for name, field_ in node.entries.items():
        if name in values:
            continue
        meant = by_lower.pop(name.lower(), None)
        if meant:
            findings.ignored(path, f"key {quote(name)} is taken for {meant}", field_.key)
            values[meant] = field_.node
        else:
            hint = did_you_mean(name, by_lower.values())
            findings.ignored(path, f"key {quote(name)} is not known, ignored{hint}", field_.key)
    return {name: value for name, value in values.items() if value and not _is_absent(value)}


def _is_absent(value: Node) -> bool:
    """Whether a key of this value is as good as left out: nothing, an empty text or list."""
    if isinstance(value, Scalar):
        return value.kind == "null" or not value.text
    return isinstance(value, Items) and not value.nodes


def _read_value(entry: Entry, key: Key, value: Node, findings: Findings) -> None:
    path = entry.path_of(key.name)
    if key.type == "list":
        if isinstance(value, Items):
            entry.lists[key.name] = value
        else:
            findings.wrong(path, f"must be a list, got {kind_of(value)}", value)
    elif key.type == "mapping":
        only = value.nodes[0] if isinstance(value, Items) and len(value.nodes) == 1 else value
        if isinstance(only, Fields):
            entry.mappings[key.name] = only
        else:
            findings.wrong(path, f"must be one mapping, got {kind_of(only)}", value)
    elif key.type == "names":
        _read_names(entry, key, value, findings)
    else:
        _read_text(entry, key, value, findings)


def _read_names(entry: Entry, key: Key, value: Node, findings: Findings) -> None:
    path = entry.path_of(key.name)
    if isinstance(value, Scalar) and value.text == "*":
        entry.names[key.name] = ("*",)
    elif not isinstance(value, Items):
        got = quote(value.text) if isinstance(value, Scalar) else kind_of(value)
        findings.wrong(path, f'must be "*" or a list of names and globs, got {got}', value)
    else:
        read = [_name(at, node, findings) for at, node in read_list(value, path)]
        entry.names[key.name] = tuple(dict.fromkeys(filter(None, read)))


def _name(path: str, node: Node, findings: Findings) -> str | None:
    """One name or glob of a list of names."""
    words = node.words if isinstance(node, Scalar) else None
    if words:
        return words
    got = "an empty one" if words == "" else f"{kind_of(node)}: quote it"
    findings.wrong(path, f"must be text, got {got}", node)
    return None


def _read_text(entry: Entry, key: Key, value: Node, findings: Findings) -> None:
    path = entry.path_of(key.name)
    if not isinstance(value, Scalar):
        findings.wrong(path, f"must be text, got {kind_of(value)}", value)
    elif key.type == "quoted" and value.kind != "text":
        why = _INTEGER_PERMISSION if value.kind == "integer" else ""
        findings.wrong(path, f"must be {key.expected}, got {kind_of(value)}{why}", value)
    elif value.words is None and not (key.type == value.kind == "boolean"):
        findings.wrong(path, f"must be text, got {kind_of(value)}: quote it", value)
    elif fault := key.fault_in(value.text):
        findings.wrong(path, f"{fault}, got {quote(value.text)}", value)
    else:
        entry.texts[key.name] = value
