"""Reads a mapping of the YAML tree by a table of keys: checks types, unknown and missing keys."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from provider.manifests.keys import Key, closest
from provider.manifests.nodes import Fields, Items, Node, Scalar, kind_of
from provider.manifests.problems import InvalidSpec, Problem, quote

_INTEGER_PERMISSION = "; YAML reads an unquoted 0644 as the number 420"
_MOST_WARNINGS = 50
_MOST_HINTS = 5


@dataclass(frozen=True, slots=True)
class Findings:
    """All problems and warnings of one manifest or request."""

    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    """At most 50: each becomes a line of the log at each mount."""

    def error(
        self, path: str, message: str, at: Node | None = None, *, hint: str = "", key: str = ""
    ) -> None:
        """Add a problem, at the place of a node if there is one; see `Problem`."""
        self.problems.append(_problem(path, message, at, hint, key))

    def warn(
        self, path: str, message: str, at: Node | None = None, *, hint: str = "", key: str = ""
    ) -> None:
        """Add a warning: something has no effect."""
        if len(self.warnings) < _MOST_WARNINGS:
            self.warnings.append(_problem(path, message, at, hint, key))

    def raise_if_any(self) -> None:
        """Raise `InvalidSpec` if there is a problem."""
        if self.problems:
            raise InvalidSpec(self.problems, self.warnings)


def _problem(path: str, message: str, at: Node | None, hint: str, key: str) -> Problem:
    line, column = (at.line, at.column) if at else (0, 0)
    return Problem(path, message, line, column, hint, key)


def misspelled_as(key: str | None) -> str:
    """A hint at the unknown key that probably stands for a missing one; empty without a key."""
    return f"is it misspelled as {key}" if key else ""


@dataclass(frozen=True, slots=True)
class Entry:
    """The valid part of one mapping: invalid values are in `values` only."""

    findings: Findings = field(repr=False)
    """Where its problems are added."""
    path: str
    node: Fields
    values: dict[str, Node]
    """The value of each key of the table, valid or not."""
    texts: dict[str, Scalar]
    lists: dict[str, Items]
    mappings: dict[str, Fields]
    names: dict[str, tuple[str, ...]]
    """Values of keys of the type `names`."""
    misspelled: Mapping[str, str]
    """Keys of the table that are not there, each with the unknown key that resembles it."""

    def __getitem__(self, key: str) -> str | None:
        scalar = self.texts.get(key)
        return scalar.text if scalar else None

    def is_true(self, key: str) -> bool:
        """Whether the boolean `key` is there and true."""
        return (self[key] or "").lower() == "true"

    def at(self, key: str) -> Node:
        """The node to point at for `key`: its value, else the whole mapping."""
        return self.values.get(key, self.node)

    def path_of(self, key: str) -> str:
        """Path of one key of the mapping."""
        return f"{self.path}.{key}"

    def is_invalid(self, key: str) -> bool:
        """Whether `key` has a value that is not valid text."""
        return key in self.values and key not in self.texts

    def error(self, key: str, message: str, *, hint: str = "") -> None:
        """Add a problem with the value of `key`."""
        self.findings.error(self.path_of(key), message, self.at(key), hint=hint)

    def missing(self, key: str, message: str = "is required") -> None:
        """Add the problem that `key` is missing, with the unknown key that resembles it."""
        other = self.misspelled.get(key, "")
        at = self.node[key] or self.node
        self.findings.error(self.path_of(key), message, at, hint=misspelled_as(other), key=other)


def read_entry(node: Node, keys: tuple[Key, ...], path: str, findings: Findings) -> Entry | None:
    """The mapping `node` read by the table `keys`; None if it is not a mapping."""
    if not isinstance(node, Fields):
        findings.error(path, f"must be a mapping, got {kind_of(node)}", node)
        return None
    values, unknown = _values(node, keys, path, findings)
    given = {name.lower() for name in node.entries}
    names = [key.name for key in keys if key.name.lower() not in given]
    misspelled = _warn_of(unknown, names, path, findings)
    entry = Entry(findings, path, node, values, {}, {}, {}, {}, misspelled)
    for again in node.repeated:
        findings.error(path, f"key {quote(again.text)} occurs twice", again)
    for key in keys:
        value = entry.values.get(key.name)
        if value is not None:
            _read_value(entry, key, value)
        elif key.required:
            entry.missing(key.name)
    return entry


def read_list(node: Items, path: str) -> Iterator[tuple[str, Node]]:
    """Each item of a list with its path."""
    return ((f"{path}[{index}]", item) for index, item in enumerate(node.nodes))


def _values(
    node: Fields, keys: tuple[Key, ...], path: str, findings: Findings
) -> tuple[dict[str, Node], list[Scalar]]:
    """The values by the names of the table, and the keys that are not in it.

    AWS's own provider ignores the case of keys, so `objectalias` has its effect here too.
    """
    values = {key.name: node[key.name] for key in keys if key.name in node.entries}
    by_lower = {key.name.lower(): key.name for key in keys if key.name not in values}
    unknown: list[Scalar] = []
    for name, field_ in node.entries.items():
        if name in values:
            continue
        meant = by_lower.pop(name.lower(), None)
        if meant:
            findings.warn(path, f"key {quote(name)} is read as {meant}", field_.key)
            values[meant] = field_.node
        else:
            unknown.append(field_.key)
    given = {name: value for name, value in values.items() if value and not _is_absent(value)}
    return given, unknown


def _warn_of(
    unknown: list[Scalar], names: Collection[str], path: str, findings: Findings
) -> Mapping[str, str]:
    """Add a warning for each of the first unknown keys, and one for the rest.

    Returns the names that the keys resemble, each with the key.
    """
    misspelled: dict[str, str] = {}
    for key in unknown[:_MOST_HINTS]:
        meant = closest(key.text, names)
        hint = f"did you mean {meant}" if meant else ""
        message = f"key {quote(key.text)} is not known, ignored"
        findings.warn(path, message, key, hint=hint, key=key.text)
        if meant:
            misspelled.setdefault(meant, key.text)
    if more := unknown[_MOST_HINTS:]:
        findings.warn(path, f"{len(more)} more keys are not known, ignored", more[0])
    return misspelled


def _is_absent(value: Node) -> bool:
    """Whether the value counts as left out: null, an empty text or an empty list."""
    if isinstance(value, Scalar):
        return value.kind == "null" or not value.text
    return isinstance(value, Items) and not value.nodes


def _read_value(entry: Entry, key: Key, value: Node) -> None:
    if key.type == "list":
        if isinstance(value, Items):
            entry.lists[key.name] = value
        else:
            entry.error(key.name, f"must be a list, got {kind_of(value)}")
    elif key.type == "mapping":
        only = value.nodes[0] if isinstance(value, Items) and len(value.nodes) == 1 else value
        if isinstance(only, Fields):
            entry.mappings[key.name] = only
        else:
            entry.error(key.name, f"must be one mapping, got {kind_of(only)}")
    elif key.type == "names":
        _read_names(entry, key.name, value)
    else:
        _read_text(entry, key, value)


def _read_names(entry: Entry, key: str, value: Node) -> None:
    if isinstance(value, Scalar) and value.text == "*":
        entry.names[key] = ("*",)
    elif not isinstance(value, Items):
        got = quote(value.text) if isinstance(value, Scalar) else kind_of(value)
        entry.error(key, f'must be "*" or a list of names and globs, got {got}')
    else:
        items = read_list(value, entry.path_of(key))
        read = [_name(at, node, entry.findings) for at, node in items]
        entry.names[key] = tuple(dict.fromkeys(filter(None, read)))


def _name(path: str, node: Node, findings: Findings) -> str | None:
    """One name or glob of a list of names."""
    words = node.words if isinstance(node, Scalar) else None
    if words:
        return words
    got = "an empty one" if words == "" else f"{kind_of(node)}: quote it"
    findings.error(path, f"must be text, got {got}", node)
    return None


def _read_text(entry: Entry, key: Key, value: Node) -> None:
    if not isinstance(value, Scalar):
        entry.error(key.name, f"must be text, got {kind_of(value)}")
    elif key.type == "quoted" and value.kind != "text":
        why = _INTEGER_PERMISSION if value.kind == "integer" else ""
        entry.error(key.name, f"must be {key.expected}, got {kind_of(value)}{why}")
    elif value.words is None and not (key.type == value.kind == "boolean"):
        entry.error(key.name, f"must be text, got {kind_of(value)}: quote it")
    elif fault := key.fault_in(value.text):
        message = f"{fault}, got {quote(value.text)}"
        entry.error(key.name, message, hint=key.hint(value.text))
    else:
        entry.texts[key.name] = value
