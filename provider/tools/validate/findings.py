"""The rules of `validate`, and the findings that they produce."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from provider.manifests.kubernetes import Manifest
from provider.manifests.nodes import Node
from provider.tools.resources.documents import node_at
from provider.tools.sources import Place, Source

Level = Literal["error", "warning", "note"]
"""`error`: pods do not start, Secrets are not written. `warning`: they are, but there is a problem.
`note`: a remark."""

LEVELS: tuple[Level, ...] = ("error", "warning", "note")


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of finding. `name` is stable."""

    name: str
    level: Level
    meaning: str


NOT_YAML = Rule("not-yaml", "error", "The file is valid YAML")
MANIFEST = Rule("manifest", "error", "The manifest is valid for its kind")
PROVIDER = Rule("provider", "error", "The provider is aws, like the name of the socket")
PARAMETER = Rule("parameter", "error", "Each parameter of a class is valid")
OBJECT = Rule("object", "error", "Each object of a class is valid, alone and with the others")
NOTHING = Rule("nothing-to-check", "warning", "A named file holds something to check")
HELM_TEMPLATE = Rule("helm-template", "warning", "Helm templates are rendered before validation")
API_VERSION = Rule("api-version", "warning", "The apiVersion is secrets-store.csi.x-k8s.io/v1")
DUPLICATE_CLASS = Rule(
    "duplicate-class", "warning", "The name of a class is unique in its namespace"
)
UNKNOWN_KEY = Rule("unknown-key", "warning", "Every key is known and spelled as documented")
NO_EFFECT = Rule("no-effect", "warning", "Every parameter has an effect")
REGION = Rule("region", "warning", "Regions look like those of AWS")
FAILOVER = Rule("failover", "warning", "The failover region can have what it is asked for")
AWS_NAME = Rule("aws-name", "warning", "AWS allows the names, versions and labels")
FILE_MODE = Rule("file-mode", "warning", "The mode of a file gives no unneeded permission")
WORLD_READABLE = Rule("world-readable", "note", "Not every user of the pod can read a file")
SYNCED_FILE = Rule("synced-file", "warning", "secretObjects names files that the class delivers")
SYNCED_SECRET = Rule("synced-secret", "warning", "Kubernetes accepts the Secrets of secretObjects")
VOLUME = Rule("volume", "warning", "The volume of a pod names an existing class")
SERVICE_ACCOUNT = Rule(
    "service-account", "warning", "The service account of a pod exists, and its role is an ARN"
)
RESOURCE = Rule("resource", "error", "The controller takes each External Secrets resource")
TEMPLATE = Rule("template", "error", "Each template compiles")
TEMPLATE_VALUE = Rule("template-value", "warning", "Templates use values that are read")
PROPERTY = Rule("property", "error", "Each property is a gjson path")
FOREIGN_PATH = Rule("foreign-path", "warning", "No property is a path of another language")
SECRET_KEY = Rule("secret-key", "warning", "Each key of a Secret comes from one place")
TARGET = Rule("target", "warning", "Only one ExternalSecret writes a Secret")
STORE = Rule("store", "warning", "Stores and generators exist and can be used as they are named")
DUPLICATE = Rule("duplicate", "warning", "The name of a resource is unique in its namespace")
NOT_SUPPORTED = Rule("not-supported", "warning", "The controller has the kind")
OLD_VERSION = Rule("old-version", "note", "The version is that of current releases")
ELSEWHERE = Rule("elsewhere", "note", "The files hold what they name: classes, stores, accounts")

RULES = tuple(one for one in vars().values() if isinstance(one, Rule))
"""All rules, in the order of this module."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A violation of a rule."""

    rule: Rule
    file: str
    place: Place
    """That of the mistake, or if it is not exact, of the text around it."""
    owner: str
    """Kind and name of the manifest, such as `SecretProviderClass "shop"`; may be empty."""
    path: str
    """Path in the manifest, such as `spec.parameters.objects[0].objectAlias`; may be empty."""
    message: str
    suggestion: str = ""

    @property
    def level(self) -> Level:
        return self.rule.level

    @property
    def hint(self) -> str:
        """The suggestion for people: a question ends in its mark."""
        is_question = self.suggestion.startswith("did you mean")
        return f"{self.suggestion}?" if is_question else self.suggestion

    @property
    def text(self) -> str:
        """Path, message and hint in one line."""
        where = f"{self.path}: " if self.path else ""
        return f"{where}{self.message}" + (f"; {self.hint}" if self.hint else "")


@dataclass(frozen=True, slots=True)
class LocatedManifest:
    """A manifest, and the file that holds it."""

    source: Source
    manifest: Manifest

    @property
    def place(self) -> str:
        """File and line, for messages."""
        return f"{self.source.name}:{self.manifest.node.line}"

    def found(
        self, rule: Rule, path: str, message: str, hint: str = "", *, at: Node | Place | None = None
    ) -> Finding:
        """A finding at `at`; without it, at the value under `path`, or what is nearest to it."""
        place = at or node_at(self.manifest.node, path)[0]
        if not isinstance(place, Place):
            place = Place(place.line, place.column)
        return Finding(rule, self.source.name, place, self.manifest.path, path, message, hint)


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """The findings by file and line, without duplicates.

    Where there is an error, warnings about the same place are left out.
    """
    once = list(dict.fromkeys(findings))
    mistakes = {_place(finding) for finding in once if finding.level == "error"}
    files: dict[str, list[Finding]] = {}
    for finding in once:
        if finding.level != "error" and finding.path and _place(finding) in mistakes:
            continue
        files.setdefault(finding.file, []).append(finding)
    return [finding for found in files.values() for finding in sorted(found, key=_line_and_column)]


def _line_and_column(finding: Finding) -> tuple[int, int]:
    return finding.place.line, finding.place.column


def _place(finding: Finding) -> tuple[str, int, int, str]:
    # With the path: a missing key is reported at the first key of its object.
    return finding.file, *_line_and_column(finding), finding.path
