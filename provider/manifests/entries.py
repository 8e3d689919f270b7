"""Reads a mapping of the YAML tree by a table of keys: checks types, unknown and missing keys."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from provider.manifests.keys import Key, choice_hint, closest
from provider.manifests.nodes import Fields, Items, Node, Scalar, kind_of
from provider.manifests.problems import InvalidSpec, Problem, printable, quote

_MOST_WARNINGS = 50
_MOST_NAMED = 5
"""Unknown keys of one mapping that have a warning of their own."""
_MOST_HINTED = 50
"""Problems of which the first may get a hint: each takes up to half a millisecond."""


@dataclass(frozen=True, slots=True)
class Findings:
    """All problems and warnings of one manifest or request."""

    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    """At most 50."""

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
    return f"is it misspelled as {printable(key)}" if key else ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One mapping. Values that are not valid are in `values` only."""

    findings: Findings = field(repr=False)
    """Where its problems are added."""
    path: str
    node: Fields
    values: dict[str, Node]
    """The value of each key of the table, valid or not."""
    misspelled: Mapping[str, str]
    """Keys of the table that are not there, each with the unknown key that resembles it."""
    texts: dict[str, str] = field(default_factory=dict)
    names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Values of keys of the type `names`."""

    def __getitem__(self, key: str) -> str | None:
        return self.texts.get(key)

    def is_true(self, key: str) -> bool:
        """Whether the boolean `key` is there and true."""
        return self.texts.get(key, "").lower() == "true"

    def path_of(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def is_invalid(self, key: str) -> bool:
        """Whether `key` has a value that is not valid text."""
        return key in self.values and key not in self.texts

    def error(self, key: str, message: str, *, hint: str = "") -> None:
        """Add a problem with the value of `key`."""
        at = self.values.get(key, self.node)
        self.findings.error(self.path_of(key), message, at, hint=hint)

    def missing(self, key: str, message: str = "is required") -> None:
        """Add the problem that `key` is missing, with the unknown key that resembles it."""
        other = self.misspelled.get(key, "")
        at = self.node[key] or self.node
        self.findings.error(self.path_of(key), message, at, hint=misspelled_as(other), key=other)


def read_entry(node: Node, keys: Sequence[Key], path: str, findings: Findings) -> Entry | None:
    """The mapping `node` read by the table `keys`; None if it is not a mapping."""
    if not isinstance(node, Fields):
        findings.error(path, f"must be a mapping, got {kind_of(node)}", node)
        return None
    known, unknown = _by_name(node, keys, path, findings)
    missing = [key.name for key in keys if key.name not in known]
    misspelled = _warn_of(unknown, missing, path, findings)
    values = {name: value for name, value in known.items() if not _is_absent(value)}
    entry = Entry(findings, path, node, values, misspelled)
    for again in node.repeated:
        findings.error(path, f"key {quote(again.text)} occurs twice", again)
    _read(entry, keys)
    return entry


def read_texts(
    texts: Mapping[str, str], keys: Sequence[Key], findings: Findings, misspelled: Mapping[str, str]
) -> Entry:
    """Texts without a place in a document, read as `read_entry` does; empty ones are left out."""
    values: dict[str, Node] = {
        name: Scalar(one, "text", 0, 0) for name, one in texts.items() if one
    }
    entry = Entry(findings, "", Fields({}, (), 0, 0), values, misspelled)
    _read(entry, keys)
    return entry


def _read(entry: Entry, keys: Sequence[Key]) -> None:
    for key in keys:
        if key.name in entry.values:
            _read_value(entry, key, entry.values[key.name])
        elif key.required:
            entry.missing(key.name)


def read_list(node: Node | None, path: str) -> Iterator[tuple[str, Node]]:
    """Each item of a list with its path; nothing of another node."""
    items = node.nodes if isinstance(node, Items) else ()
    return ((f"{path}[{index}]", item) for index, item in enumerate(items))


def _by_name(
    node: Fields, keys: Sequence[Key], path: str, findings: Findings
) -> tuple[dict[str, Node], list[Scalar]]:
    """The values by the names of the table, and the keys that are not in it.

    AWS's own provider ignores the case of keys, so `objectalias` has its effect here too.
    """
    known = {key.name: value for key in keys if (value := node[key.name])}
    by_lower = {key.name.lower(): key.name for key in keys if key.name not in known}
    unknown: list[Scalar] = []
    for name, given in node.entries.items():
        if name in known:
            continue
        if meant := by_lower.pop(name.lower(), None):
            findings.warn(path, f"key {quote(name)} is read as {meant}", given.key)
            known[meant] = given.node
        else:
            unknown.append(given.key)
    return known, unknown


def _warn_of(
    unknown: list[Scalar], names: Collection[str], path: str, findings: Findings
) -> Mapping[str, str]:
    """Add a warning for each of the first unknown keys, and one for the rest.

    Returns the names that the keys resemble, each with the key.
    """
    misspelled: dict[str, str] = {}
    if len(findings.warnings) >= _MOST_WARNINGS:
        return misspelled  # no more are kept, and hints take up to half a millisecond each
    for key in unknown[:_MOST_NAMED]:
        meant = closest(key.text, names)
        hint = f"did you mean {meant}" if meant else ""
        message = f"key {quote(key.text)} is not known and has no effect"
        findings.warn(path, message, key, hint=hint, key=key.text)
        if meant:
            misspelled.setdefault(meant, key.text)
    if more := unknown[_MOST_NAMED:]:
        findings.warn(path, f"{len(more)} more keys are not known and have no effect", more[0])
    return misspelled


def _is_absent(value: Node) -> bool:
    """Whether the value counts as left out: null, an empty text or an empty list."""
    if isinstance(value, Scalar):
        return value.kind == "null" or not value.text
    return isinstance(value, Items) and not value.nodes


def _read_value(entry: Entry, key: Key, value: Node) -> None:
    """Keep a text or names in the entry; add a problem for a value of another type than the key."""
    name = key.name
    if key.type == "list":
        if not isinstance(value, Items):
            entry.error(name, f"must be a list, got {kind_of(value)}")
    elif key.type == "mapping":
        if isinstance(value, Items) and len(value.nodes) == 1:
            value = entry.values[name] = value.nodes[0]
        if not isinstance(value, Fields):
            entry.error(name, f"must be one mapping, got {kind_of(value)}")
    elif key.type == "names":
        _read_names(entry, name, value)
    elif isinstance(value, Scalar) and (fault := _wrong_type(key, value)):
        entry.error(name, f"must be {fault}")
    elif not isinstance(value, Scalar):
        entry.error(name, f"must be text, got {kind_of(value)}")
    elif fault := key.fault_in(value.text):
        may_hint = len(entry.findings.problems) < _MOST_HINTED
        hint = choice_hint(value.text, key.choices) if may_hint else ""
        entry.error(name, f"{fault}, got {quote(value.text)}", hint=hint)
    else:
        entry.texts[name] = value.text


def _wrong_type(key: Key, value: Scalar) -> str | None:
    """What a text must be, and what it is, if YAML gives it another type than the author meant."""
    if key.type == "quoted" and value.kind != "text":
        why = "; YAML reads an unquoted 0644 as the number 420" if value.kind == "integer" else ""
        return f"{key.expected}, got {kind_of(value)}{why}"
    if value.words is None and not (key.type == value.kind == "boolean"):
        return f"text, got {kind_of(value)}: quote it"
    return None


def _read_names(entry: Entry, key: str, value: Node) -> None:
    if isinstance(value, Scalar) and value.text == "*":
        entry.names[key] = ("*",)
    elif isinstance(value, Items):
        read = [
            _name(path, node, entry.findings) for path, node in read_list(value, entry.path_of(key))
        ]
        entry.names[key] = tuple(dict.fromkeys(filter(None, read)))
    else:
        got = quote(value.text) if isinstance(value, Scalar) else kind_of(value)
        entry.error(key, f'must be "*" or a list of names and globs, got {got}')


def _name(path: str, node: Node, findings: Findings) -> str | None:
    """One name or glob of a list of names."""
    words = node.words if isinstance(node, Scalar) else None
    if not words:
        got = "an empty one" if words == "" else f"{kind_of(node)}: quote it"
        findings.error(path, f"must be text, got {got}", node)
    return words
