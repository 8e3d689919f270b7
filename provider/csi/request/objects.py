"""Parses the `objects` of a class: each entry by itself, then their file names together."""

from dataclasses import dataclass, field
from typing import cast

from provider.csi.request.keys import EXTRACTION_KEYS, OBJECT_KEYS
from provider.csi.request.model import Extraction, SecretObject, is_glob
from provider.csi.request.paths import clashes, fault_in, translate
from provider.csi.request.references import read_failover, read_ref
from provider.csi.request.selection import check_combinations, has_whole, read_keys
from provider.engine.content.encodings import Encoding
from provider.engine.content.expressions import BadExpression, Expression, compile_expression
from provider.manifests.entries import Entry, Findings, read_entry, read_list
from provider.manifests.nodes import Items, Node, kind_of
from provider.manifests.problems import InvalidSpec, quote
from provider.manifests.yaml_tree import read_document

_MOST_NODES = 5_000
"""Nodes of the syntax trees of all JMESPath expressions of a class together."""
_NODES_PER_GLOB = 10
"""Compiling a glob of `jsonKeys` takes as long as so many nodes, or as nodes for each character."""


@dataclass(slots=True)
class ObjectReader:
    """Reads the objects of one class, by the parameters that apply to all of them."""

    region: str | None
    failover_region: str | None
    separator: str | None
    """What replaces `/` in file names; None makes folders."""
    mode: int
    findings: Findings
    """Where problems are added."""
    _files: list[tuple[str, Entry, str]] = field(default_factory=list)
    """Each file with the entry and the key that name it."""
    _nodes: int = 0
    """Of the syntax trees that were compiled so far."""

    def read(self, text: str) -> tuple[SecretObject, ...]:
        """The valid objects of the `objects` text.

        Raises `InvalidSpec` at once for a class that would take too long to check.
        """
        listed = enumerate(read_list(self._document(text), "objects"))
        objects = [self._object(index, path, node) for index, (path, node) in listed]
        for index, why in clashes([(file, entry.path) for file, entry, _ in self._files]):
            _, entry, key = self._files[index]
            entry.error(key, why)
        return tuple(filter(None, objects))

    def _document(self, text: str) -> Node | None:
        try:
            node = read_document(text, "objects")
        except InvalidSpec as invalid:
            self.findings.problems.extend(invalid.problems)
            return None
        if not isinstance(node, Items) or not node.nodes:
            got = "an empty one" if isinstance(node, Items) else kind_of(node)
            self.findings.error("objects", f"must be a YAML list of objects, got {got}", node)
        return node

    def _object(self, index: int, path: str, node: Node) -> SecretObject | None:
        """One object; None if too little of it is valid."""
        entry = read_entry(node, OBJECT_KEYS, path, self.findings)
        if entry is None:
            return None
        mode = _mode(entry, self.mode)
        has_file = has_whole(entry)
        name_key = "objectAlias" if entry["objectAlias"] else "objectName"
        file = self._file(entry, name_key) if has_file else None
        extractions = self._extractions(entry, mode)
        for glob in filter(is_glob, entry.names.get("jsonKeys", ())):
            self._count(max(_NODES_PER_GLOB, len(glob)), entry, "jsonKeys")
        keys = read_keys(entry, self.separator)
        check_combinations(entry)
        ref = read_ref(entry, self.region)
        failover = read_failover(entry, ref, self.failover_region)
        if ref is None or (has_file and file is None):
            return None
        return SecretObject(index, ref, failover, file, mode, extractions, _encoding(entry), keys)

    def _extractions(self, entry: Entry, mode: int) -> tuple[Extraction, ...]:
        listed = read_list(entry.values.get("jmesPath"), entry.path_of("jmesPath"))
        return tuple(filter(None, (self._extraction(path, node, mode) for path, node in listed)))

    def _extraction(self, path: str, node: Node, mode: int) -> Extraction | None:
        entry = read_entry(node, EXTRACTION_KEYS, path, self.findings)
        if entry is None:
            return None
        alias, file = entry["objectAlias"], self._file(entry, "objectAlias")
        expression = self._expression(entry)
        if expression is None or alias is None or file is None:
            return None
        return Extraction(expression, alias, file, _mode(entry, mode), _encoding(entry))

    def _expression(self, entry: Entry) -> Expression | None:
        text = entry["path"]
        if text is None:
            return None
        try:
            expression = compile_expression(text)
        except BadExpression as fault:
            entry.error("path", f"{fault}, got {quote(text)}")
            self._count(len(text), entry, "path")  # about what compiling it took
            return None
        self._count(expression.nodes, entry, "path")
        return expression

    def _count(self, nodes: int, entry: Entry, key: str) -> None:
        """Count what was compiled; raises `InvalidSpec` once a class has too much of it."""
        self._nodes += nodes
        if self._nodes > _MOST_NODES:
            message = "makes this class too large: its expressions and globs take too long to check"
            entry.error(key, message)
            self.findings.raise_if_any()

    def _file(self, entry: Entry, key: str) -> str | None:
        """The file that the value of `key` names; None if it is not valid."""
        name = entry[key]
        if name is None:
            return None
        file = translate(name, self.separator)
        if fault := fault_in(file):
            entry.error(key, f"{fault}, got {quote(name)}")
            return None
        self._files.append((file, entry, key))
        return file


def _mode(entry: Entry, default: int) -> int:
    text = entry["filePermission"]
    return int(text, 8) if text else default


def _encoding(entry: Entry) -> Encoding | None:
    return cast("Encoding | None", entry["objectEncoding"])
