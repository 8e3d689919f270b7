"""The request as the rest of `csi` uses it: checked, typed, frozen."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from provider.engine.content.encodings import Encoding
from provider.engine.content.expressions import Expression
from provider.engine.content.formats import Format
from provider.engine.model import AssumeRole, SecretRef
from provider.manifests.problems import Problem

Auth = Literal["irsa", "pod-identity", "auto"]
"""The credentials that a class asks for; `auto` is decided for each pod."""
AddressType = Literal["auto", "ipv4", "ipv6"]


@dataclass(frozen=True, slots=True)
class Extraction:
    """One entry of `jmesPath`: a value of the secret's JSON that becomes a file of its own."""

    expression: Expression
    alias: str
    """`objectAlias` as written, for messages."""
    file: str
    """Path of the file in the volume, translated and checked."""
    mode: int
    encoding: Encoding | None = None
    """`objectEncoding` of the value."""

    @property
    def path(self) -> str:
        """The expression as written."""
        return self.expression.text


def is_glob(text: str) -> bool:
    """Whether an entry of `jsonKeys` is a glob and not a name."""
    return not set("*?[").isdisjoint(text)


@dataclass(frozen=True, slots=True)
class KeyChoice:
    """`jsonKeys` and its options: the keys of a secret that become files, or one file of a format.

    The names of these files come from the secret. Of a path all parameters are chosen.
    """

    patterns: tuple[str, ...]
    """The entries of `jsonKeys`: names and globs."""
    globs: tuple[re.Pattern[str], ...]
    """The globs of `patterns`."""
    separator: str | None
    """What replaces `/` in names; None makes folders."""
    prefix: str = ""
    format: Format | None = None
    """None: a file for each key. Else the object's own file holds them all."""
    noun: Literal["key", "parameter"] = "key"
    """What is chosen, as messages call it."""


@dataclass(frozen=True, slots=True)
class SecretObject:
    """One entry of `objects`."""

    index: int
    ref: SecretRef
    failover: SecretRef | None
    """The ref in the failover region; equals `ref` without `failoverObject`, None without a
    failover region."""
    file: str | None
    """Path of the object's own file in the volume, translated and checked: the whole secret, or
    its keys in a `format`. None: the object has no file of its own."""
    mode: int
    extractions: tuple[Extraction, ...] = ()
    encoding: Encoding | None = None
    """`objectEncoding` of the object's own file."""
    keys: KeyChoice | None = None

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
    identity_kind: Auth
    address_type: AddressType
    objects: tuple[SecretObject, ...]
    warnings: tuple[Problem, ...] = ()
    """Keys that are ignored; for the log."""
    role_arn: str | None = None
    """The role for IRSA; None: that of the service account."""
    assume_role: AssumeRole | None = None
    """The role to assume with the pod's own credentials, without session tags."""
    session_tags: bool = False
    """Whether the session of `assume_role` gets tags that name the service account."""


@dataclass(frozen=True, slots=True)
class Pod:
    """The pod that the volume is for."""

    namespace: str
    name: str
    uid: str
    service_account: str

    @property
    def is_known(self) -> bool:
        """Whether the request names a pod; a malformed one may not."""
        return bool(self.namespace and self.name)

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Volume:
    """Which volume a request is for; known even if its class is invalid."""

    pod: Pod
    class_name: str
    """Name of the SecretProviderClass; empty where the driver does not send it."""
    target_path: str
    """The volume's folder on the node."""


@dataclass(frozen=True, slots=True)
class MountSpec(Volume):
    """One Mount request, parsed."""

    tokens: Mapping[str, str] = field(repr=False)
    """Service account tokens by audience."""
    klass: ClassSpec
