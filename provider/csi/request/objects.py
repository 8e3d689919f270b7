"""The `objects` of a class: each entry read alone, then their files held against each other."""

from dataclasses import dataclass, field

from provider.manifests.entries import Entry, Findings, read_entry, read_list
from provider.engine.content.expressions import BadExpression, compile_expression
from provider.csi.request.keys import EXTRACTION_KEYS, OBJECT_KEYS
from provider.csi.request.model import Extraction, SecretObject
from provider.manifests.nodes import Items, Node, kind_of
from provider.csi.request.paths import Claim, clashes, fault_in, translate
from provider.manifests.problems import Problem, quote
from provider.csi.request.references import check_region, read_failover, read_ref
from provider.csi.request.selection import check_company, has_whole, read_encoding, read_keys
from provider.manifests.yaml_tree import NotReadable, read_document


@dataclass(frozen=True, slots=True)
class Terms:
    """What the parameters of a class say about all of its objects."""

    region: str | None
    failover_region: str | None
    separator: str | None
    """What replaces `/` in file names; None makes folders."""
    mode: int


def read_objects(text: str, terms: Terms, findings: Findings) -> tuple[SecretObject, ...]:
    """All sound objects of the `objects` text; what is wrong goes into `findings`."""
    items = _read_items(text, findings)
    if items is None:
        return ()
    reader = _Reader(terms, findings)
    objects = [
        reader.read(index, path, node)
        for index, (path, node) in enumerate(read_list(items, "objects"))
    ]
    for claim, why in clashes(reader.claims):
        findings.problems.append(Problem(claim.place, why, claim.line, claim.column))
    return tuple(filter(None, objects))


def _read_items(text: str, findings: Findings) -> Items | None:
    try:
        node = read_document(text)
    except NotReadable as error:
        findings.problems.append(Problem("objects", error.message, error.line, error.column))
        return None
    if isinstance(node, Items) and node.nodes:
        return node
    got = kind_of(node) if node else "nothing"
    if isinstance(node, Items):
        got = "an empty one"
    findings.wrong("objects", f"must be a YAML list of objects, got {got}", node)
    return None


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads one entry after the other, and keeps the files that they want."""

    terms: Terms
    findings: Findings
    claims: list[Claim] = field(default_factory=list)

    def read(self, index: int, path: str, node: Node) -> SecretObject | None:
        """One object; None where too little of it is sound."""
        entry = read_entry(node, OBJECT_KEYS, path, self.findings)
        if entry is None:
            return None
        mode = _mode(entry, self.terms.mode)
        has_file = has_whole(entry)
        file = self._own_file(entry, path) if has_file else None
        extractions = self._extractions(entry, mode)
        keys = read_keys(entry, self.terms.separator, self.findings)
        check_company(entry, self.findings)
        ref = read_ref(entry, self.findings)
        if ref is not None:
            check_region(entry, ref, self.terms.region, self.findings)
        failover = read_failover(entry, ref, self.terms.failover_region, self.findings)
        if ref is None or (has_file and file is None):
            return None
        optional, recursive = entry.is_true("optional"), entry.is_true("recursive")
        if optional or recursive:
            ref = ref._replace(optional=optional, recursive=recursive)
            failover = failover and failover._replace(optional=optional, recursive=recursive)
        encoding = read_encoding(entry)
        return SecretObject(index, ref, failover, file, mode, extractions, encoding, keys)

    def _own_file(self, entry: Entry, path: str) -> str | None:
        return self._file(entry, "objectAlias" if entry["objectAlias"] else "objectName", path)

    def _extractions(self, entry: Entry, mode: int) -> tuple[Extraction, ...]:
        items = entry.lists.get("jmesPath")
        if items is None:
            return ()
        read = [
            self._extraction(path, node, mode)
            for path, node in read_list(items, entry.path_of("jmesPath"))
        ]
        return tuple(filter(None, read))

    def _extraction(self, path: str, node: Node, mode: int) -> Extraction | None:
        entry = read_entry(node, EXTRACTION_KEYS, path, self.findings)
        if entry is None:
            return None
        text, alias = entry["path"], entry["objectAlias"]
        file = self._file(entry, "objectAlias", path)
        if text is None:
            return None
        try:
            expression = compile_expression(text)
        except BadExpression as fault:
            entry.blame(self.findings, "path", f"{fault}, got {quote(text)}")
            return None
        if alias is None or file is None:
            return None
        encoding = read_encoding(entry)
        return Extraction(text, expression, alias, file, _mode(entry, mode), encoding)

    def _file(self, entry: Entry, key: str, owner: str) -> str | None:
        """The file that the name under `key` makes, claimed for `owner`."""
        name = entry[key]
        if name is None:
            return None
        file = translate(name, self.terms.separator)
        fault = fault_in(file)
        if fault:
            entry.blame(self.findings, key, f"{fault}, got {quote(name)}")
            return None
        at = entry.at(key)
        self.claims.append(Claim(file, entry.path_of(key), owner, at.line, at.column))
        return file


def _mode(entry: Entry, default: int) -> int:
    text = entry["filePermission"]
    return int(text, 8) if text else default
