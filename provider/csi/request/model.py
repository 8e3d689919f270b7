"""The request as the rest of the program sees it: checked, typed, frozen.

What is part of the caches' keys is a `NamedTuple`, which is hashed in C: hashing dataclasses was a
tenth of the engine's work.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from jmespath.parser import ParsedResult

from provider.manifests.problems import Problem

StoreName = Literal["secretsmanager", "ssmparameter", "ssmparameterpath"]
"""`objectType` of an object. A path is one value: a JSON document of what lies below."""

IdentityKind = Literal["irsa", "pod-identity"]
Auth = IdentityKind | Literal["auto"]
"""What a class asks for; `auto` is decided anew for each pod."""
Encoding = Literal["base64", "hex"]
"""`objectEncoding`: what a value is written in where it is kept."""
Format = Literal["dotenv", "properties", "json"]
"""`format`: how the chosen keys stand in one file."""

AddressType = Literal["auto", "ipv4", "ipv6"]


class ObjectRef(NamedTuple):
    """What to ask a store for; equal refs are the same question.

    `name` is a name, ARN or (Secrets Manager) partial ARN, without an SSM selector. `version` is a
    Secrets Manager version id or an SSM version number, `label` a staging label or SSM label. To an
    optional question "there is none" is an answer like any other. A path may be `recursive`.
    """

    store: StoreName
    name: str
    version: str | None = None
    label: str | None = None
    optional: bool = False
    recursive: bool = False

    @property
    def is_pinned(self) -> bool:
        """Whether it names one version, whose content never changes."""
        return self.version is not None and self.label is None

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
    encoding: Encoding | None = None


@dataclass(frozen=True, slots=True)
class KeyPattern:
    """One entry of `jsonKeys`: a name, or a glob where it has any of `*?[`."""

    text: str
    glob: re.Pattern[str] | None = None

    def matches(self, key: str) -> bool:
        """Whether a key of the secret is meant; a key that is spelled like the glob is too."""
        return key == self.text or (self.glob is not None and self.glob.match(key) is not None)


@dataclass(frozen=True, slots=True)
class KeyChoice:
    """`jsonKeys` and what goes with it: the keys that become files of names that only the secret
    tells, or one file. Of a path all parameters are chosen."""

    patterns: tuple[KeyPattern, ...]
    separator: str | None
    """What replaces `/` in names; None makes folders."""
    prefix: str = ""
    format: Format | None = None
    """None: a file for each key. Else the object's own file holds them all."""
    noun: Literal["key", "parameter"] = "key"
    """What is chosen, for messages."""


@dataclass(frozen=True, slots=True)
class SecretObject:
    """One entry of `objects`."""

    index: int
    ref: ObjectRef
    failover: ObjectRef | None
    """What to ask in the failover region; equals `ref` without `failoverObject`, None without a
    failover region."""
    file: str | None
    """Path of the object's own file in the volume, translated and checked: the whole secret, or
    its keys in a `format`. None where there is to be none."""
    mode: int
    extractions: tuple[Extraction, ...] = ()
    encoding: Encoding | None = None
    """Of the whole secret's file."""
    keys: KeyChoice | None = None

    @property
    def path(self) -> str:
        """Place in the class, for messages."""
        return f"objects[{self.index}]"

    @property
    def version_id(self) -> str:
        """What the object's version is told under: its file, or its place where it has none."""
        return self.file or f"{self.path} {self.ref.name}"


class AssumeRole(NamedTuple):
    """A role to assume with the pod's own credentials, and all that AWS is told with it."""

    arn: str
    external_id: str | None = None
    duration: int | None = None
    """Seconds; None: AWS's own default."""
    session_tags: bool = False


@dataclass(frozen=True, slots=True)
class ClassSpec:
    """The parameters of a SecretProviderClass."""

    region: str | None
    """None: the node's own region."""
    failover_region: str | None
    identity_kind: Auth
    address_type: AddressType
    objects: tuple[SecretObject, ...]
    warnings: tuple[Problem, ...] = ()
    """What is ignored, such as unknown keys; for the log."""
    role_arn: str | None = None
    """The role for IRSA; None: that of the service account."""
    assume_role: AssumeRole | None = None


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
