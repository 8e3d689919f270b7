"""What a review finds: rules that can be broken, and where they are."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Level = Literal["error", "warning", "note"]
"""`error`: a pod will not start. `warning`: it will, and it hurts. `note`: worth knowing."""

LEVELS: tuple[Level, ...] = ("error", "warning", "note")


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of finding, by the name that machines know it by."""

    name: str
    level: Level
    meaning: str


NOT_YAML = Rule("not-yaml", "error", "The file can be read as YAML")
MANIFEST = Rule("manifest", "error", "The manifest has the form of its kind")
PROVIDER = Rule("provider", "error", "The provider's name is that of its socket: aws")
PARAMETER = Rule("parameter", "error", "Each parameter of a class holds what it may hold")
OBJECT = Rule("object", "error", "Each object of a class is sound, alone and beside the others")
HELM_TEMPLATE = Rule("helm-template", "warning", "Helm templates are rendered before validation")
API_VERSION = Rule("api-version", "warning", "The class is of secrets-store.csi.x-k8s.io/v1")
DUPLICATE_CLASS = Rule("duplicate-class", "warning", "A class's name is its own in its namespace")
UNKNOWN_KEY = Rule("unknown-key", "warning", "Every key is known, and spelled as documented")
NO_EFFECT = Rule("no-effect", "warning", "What is set has an effect")
REGION = Rule("region", "warning", "Regions are spelled as AWS spells them")
FAILOVER = Rule("failover", "warning", "What the failover region is asked for can be there")
AWS_NAME = Rule("aws-name", "warning", "Names, versions and labels are such as AWS allows")
FILE_MODE = Rule("file-mode", "warning", "A file's mode opens it to nobody by mistake")
WORLD_READABLE = Rule("world-readable", "note", "Who may read a file was thought about")
SYNCED_FILE = Rule("synced-file", "warning", "secretObjects names files that the class delivers")
SYNCED_SECRET = Rule("synced-secret", "warning", "secretObjects makes Secrets that can exist")
VOLUME = Rule("volume", "warning", "A pod's volume names a class that is there")

RULES = (
    NOT_YAML,
    MANIFEST,
    PROVIDER,
    PARAMETER,
    OBJECT,
    HELM_TEMPLATE,
    API_VERSION,
    DUPLICATE_CLASS,
    UNKNOWN_KEY,
    NO_EFFECT,
    REGION,
    FAILOVER,
    AWS_NAME,
    FILE_MODE,
    WORLD_READABLE,
    SYNCED_FILE,
    SYNCED_SECRET,
    VOLUME,
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One place where a rule is broken. Lines and columns count from 1."""

    rule: Rule
    file: str
    line: int
    column: int
    owner: str
    """Kind and name of the manifest, as in `SecretProviderClass "shop"`; may be empty."""
    path: str
    """Place in the manifest, as in `spec.parameters.objects[0].objectAlias`; may be empty."""
    message: str
    suggestion: str = ""
    exact: bool = True
    """Whether line and column are those of the mistake, not only of the text that holds it."""

    @property
    def level(self) -> Level:
        """How bad it is."""
        return self.rule.level

    @property
    def text(self) -> str:
        """Place, reason and suggestion in one sentence."""
        where = f"{self.path}: " if self.path else ""
        return f"{where}{self.message}" + (f"; {self.suggestion}" if self.suggestion else "")


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """As one reads the files, in the order in which they are given; each finding once.

    What holds a mistake is judged no further: it will be written anew.
    """
    once = list(dict.fromkeys(findings))
    mistakes = {_place(finding) for finding in once if finding.level == "error"}
    files: dict[str, list[Finding]] = {}
    for finding in once:
        if finding.level != "error" and finding.path and _place(finding) in mistakes:
            continue
        files.setdefault(finding.file, []).append(finding)
    return [
        finding
        for found in files.values()
        for finding in sorted(found, key=lambda one: (one.line, one.column))
    ]


def _place(finding: Finding) -> tuple[str, int, int, str]:
    # The path as well: a key that is missing is told of where the first key of its object stands.
    return finding.file, finding.line, finding.column, finding.path
