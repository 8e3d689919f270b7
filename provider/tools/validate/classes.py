"""A class that is checked: the parsed class, and the places of its parts in the file."""

from dataclasses import dataclass

from provider.csi.request.model import ClassSpec
from provider.csi.request.parameters import parse_class
from provider.manifests.entries import Findings
from provider.manifests.kubernetes import ClassManifest, read_class
from provider.manifests.nodes import Fields, Items, Node
from provider.manifests.problems import InvalidSpec, Problem, quote
from provider.manifests.yaml_tree import read_document
from provider.tools.sources import Place, Source
from provider.tools.validate import findings as rules
from provider.tools.validate.findings import Finding, LocatedManifest, Rule
from provider.tools.validate.places import Embedded
from provider.tools.workloads import at

DRIVER_MODE = 0o644
_PARAMETERS = "spec.parameters"


@dataclass(frozen=True, slots=True)
class Reviewed(LocatedManifest):
    """One SecretProviderClass. `spec` is None if it has mistakes."""

    klass: ClassManifest
    spec: ClassSpec | None
    known: ClassSpec | None
    """The class without its faulty parameters; None if one of its objects has mistakes."""
    objects: tuple[Node, ...]
    """The nodes of the `objects` text, by index."""
    embedded: Embedded | None
    """The places of that text in the file."""

    @property
    def name(self) -> str:
        return self.klass.name

    def found_inside(
        self, rule: Rule, path: str, message: str, at: Node, suggestion: str = ""
    ) -> Finding:
        """A finding at a node of the `objects` text."""
        place = self._inside(at.line, at.column)
        return self.found(rule, f"{_PARAMETERS}.{path}", message, suggestion, at=place)

    def from_parser(self, rule: Rule, problem: Problem) -> Finding:
        """A finding for a problem of the parser."""
        hint = problem.hint or self._hint(problem)
        is_inside = problem.line > 0
        at = self._inside(problem.line, problem.column) if is_inside else self._parameter(problem)
        path = f"{_PARAMETERS}.{problem.path}".replace(f"{_PARAMETERS}.parameters", _PARAMETERS)
        return self.found(rule, path, problem.message, hint, at=at)

    def _hint(self, problem: Problem) -> str:
        text = self.klass.values.get("objects")
        if text is None or problem.path != "objects":
            return ""
        is_folded = self.source.lines[text.line][text.column - 1 :].startswith(">")
        return "> joins lines: use objects: |" if is_folded else ""

    def _inside(self, line: int, column: int) -> Place:
        if self.embedded is None:
            return Place(self.manifest.node.line, self.manifest.node.column, exact=False)
        return self.embedded.place(line, column)

    def _parameter(self, problem: Problem) -> Node:
        """The node to point at for a problem without a place."""
        spec = self.manifest.node["spec"]
        parameters = spec["parameters"] if isinstance(spec, Fields) else None
        if not isinstance(parameters, Fields):
            return spec or self.manifest.node
        for name, field in parameters.entries.items():
            if name == problem.path:
                return field.node
            if name == problem.key or f"key {quote(name)} " in problem.message:
                return field.key
        return parameters


def review_class(
    located: LocatedManifest, default_region: str | None
) -> tuple[Reviewed, list[Finding]]:
    """The class, and a finding for everything that the daemon would refuse or ignore."""
    source, manifest = located.source, located.manifest
    form = Findings()
    klass = read_class(manifest, form)
    parse = Findings()
    parsed = _parsed(klass.parameters, default_region, parse)
    faulty = {problem.path for problem in parse.problems}
    sound = {name: text for name, text in klass.parameters.items() if name not in faulty}
    known = parsed or _parsed(sound, default_region, Findings())
    text = klass.values.get("objects")
    embedded = Embedded(source.lines, text) if text else None
    spec = None if form.problems else parsed
    reviewed = Reviewed(source, manifest, klass, spec, known, _nodes(klass), embedded)
    unread = {problem.path.rpartition(f"{_PARAMETERS}.")[2] for problem in form.problems}
    # Without a mapping of parameters, no parameter is missing in it.
    has_none = not isinstance(at(manifest.node, "spec", "parameters"), Fields)
    found = [
        *(at_place(rules.MANIFEST, source, problem, manifest.path) for problem in form.problems),
        *(
            reviewed.from_parser(rules.OBJECT if problem.line else rules.PARAMETER, problem)
            for problem in parse.problems
            if not (problem.path in unread or (has_none and form.problems))
        ),
        *(reviewed.from_parser(rules.UNKNOWN_KEY, problem) for problem in parse.warnings),
    ]
    return reviewed, found


def at_place(rule: Rule, source: Source, problem: Problem, owner: str = "") -> Finding:
    """A finding for a problem of the manifest reader, whose places are those of the file."""
    path = problem.path.removeprefix(f"{owner}: ")
    place = Place(max(problem.line, 1), max(problem.column, 1))
    return Finding(rule, source.name, place, owner, path, problem.message, problem.hint)


def _parsed(
    parameters: dict[str, str], default_region: str | None, noted: Findings
) -> ClassSpec | None:
    try:
        spec = parse_class(parameters, default_mode=DRIVER_MODE, default_region=default_region)
    except InvalidSpec as invalid:
        noted.problems.extend(invalid.problems)
        noted.warnings.extend(invalid.warnings)
        return None
    noted.warnings.extend(spec.warnings)
    return spec


def _nodes(klass: ClassManifest) -> tuple[Node, ...]:
    text = klass.values.get("objects")
    try:
        node = read_document(text.text, "objects") if text else None
    except InvalidSpec:
        return ()
    return node.nodes if isinstance(node, Items) else ()


def value(node: Node | None, key: str) -> Node | None:
    """The value under a key of a mapping. As in the parser, capitalization does not matter."""
    if not isinstance(node, Fields):
        return None
    if key in node.entries:
        return node[key]
    found = (field.node for name, field in node.entries.items() if name.lower() == key.lower())
    return next(found, None)
