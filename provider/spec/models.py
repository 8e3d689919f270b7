"""The request as the rest of the program sees it: checked, typed, frozen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from jmespath.parser import ParsedResult

from provider.spec.problems import Problem

StoreName = Literal["secretsmanager", "ssmparameter"]
"""`objectType` of an object."""

IdentityKind = Literal["irsa", "pod-identity"]
AddressType = Literal["auto", "ipv4", "ipv6"]


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """What to ask a store for; equal refs are the same question.

    `name` is a name, ARN or (Secrets Manager) partial ARN, without an SSM selector. `version` is a
    Secrets Manager version id or an SSM version number, `label` a staging label or SSM label.
    """

    store: StoreName
    name: str
    version: str | None = None
    label: str | None = None

    def __str__(self) -> str:
        wanted = [f"version {self.version}"] if self.version else []
        wanted += [f"label {self.label}"] if self.label else []
        return f'"{self.name}"' + (f" ({', '.join(wanted)})" if wanted else "")


@dataclass(frozen=True, slots=True)
class Extraction:
    """One entry of `jmesPath`: a value of the secret's JSON that becomes a file of its own."""

    path: str
    """The expression as written."""
    expression: ParsedResult | str
    """The compiled expression, or a literal top-level key where it does not compile."""
    alias: str
    """`objectAlias` as written, for messages."""
    file: str
    """Path of the file in the volume, translated and checked."""
    mode: int


@dataclass(frozen=True, slots=True)
class SecretObject:
    """One entry of `objects`."""

    index: int
    ref: ObjectRef
    failover: ObjectRef | None
    """What to ask in the failover region; equals `ref` without `failoverObject`, None without a
    failover region."""
    file: str
    """Path of the whole secret's file in the volume, translated and checked."""
    mode: int
    extractions: tuple[Extraction, ...] = ()

    @property
    def path(self) -> str:
        """Place in the class, for messages."""
        return f"objects[{self.index}]"


@dataclass(frozen=True, slots=True)
class ClassSpec:
    """The parameters of a SecretProviderClass."""

    region: str | None
    """None: the node's own region."""
    failover_region: str | None
    identity_kind: IdentityKind
    address_type: AddressType
    objects: tuple[SecretObject, ...]
    warnings: tuple[Problem, ...] = ()
    """What is ignored, such as unknown keys; for the log."""


@dataclass(frozen=True, slots=True)
class Pod:
    """Whose mount it is."""

    namespace: str
    name: str
    uid: str
    service_account: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class MountSpec:
    """One Mount request, parsed."""

    pod: Pod
    class_name: str
    """Name of the SecretProviderClass; empty where the driver does not tell."""
    target_path: str
    tokens: Mapping[str, str] = field(repr=False)
    """Service account tokens by audience."""
    klass: ClassSpec
