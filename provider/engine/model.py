"""What the engine takes and returns. All of it is frozen."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from provider.manifests.problems import printable

StoreName = Literal[
    "secretsmanager",
    "ssmparameter",
    "ssmparameterpath",
    "secretsmanagertags",
    "ssmparametertags",
]
"""Where a secret is kept. A path is one value: a JSON document of all parameters below it. So are
the tags of a secret or parameter: a JSON document of keys and values."""

IdentityKind = Literal["irsa", "pod-identity", "static", "ambient"]


class SecretRef(NamedTuple):
    """What to read from a store. Equal refs are the same question.

    `name` is a name, an ARN or (Secrets Manager) a partial ARN, without an SSM selector. `version`
    is a Secrets Manager version id or an SSM version number, `label` a staging label or SSM label.
    Of an `optional` ref "there is none" is a value like any other. A path may be `recursive`.
    """

    store: StoreName
    name: str
    version: str | None = None
    label: str | None = None
    optional: bool = False
    recursive: bool = False

    @property
    def is_immutable(self) -> bool:
        """Whether the content can never change: one version of a Secrets Manager secret.

        The version number of a parameter is used again when it is deleted and created anew.
        """
        return self.store == "secretsmanager" and self.version is not None and self.label is None

    def __str__(self) -> str:
        wanted = [f"version {self.version}"] if self.version else []
        wanted += [f"label {self.label}"] if self.label else []
        return printable(f'"{self.name}"' + (f" ({', '.join(wanted)})" if wanted else ""))


@dataclass(frozen=True, slots=True)
class SecretValue:
    """What a store holds under a ref. Without `found` there is none, and `content` is empty."""

    content: bytes = field(repr=False)
    version: str
    found: bool = True
    arn: str = field(default="", compare=False)
    """The ARN of a secret or parameter, for audits; empty where the store does not tell."""


MISSING = SecretValue(b"", "missing", found=False)
"""The value of an optional ref that does not exist."""


class AssumeRole(NamedTuple):
    """A role to assume with existing credentials, and the parameters of the request to STS."""

    arn: str
    external_id: str | None = None
    duration: int | None = None
    """Seconds; None: the default of AWS."""
    session_tags: tuple[tuple[str, str], ...] = ()
    """Key and value of each."""
    transitive_tag_keys: tuple[str, ...] = ()


class Identity(NamedTuple):
    """Everything that decides what AWS lets somebody read; a part of every cache key.

    `subject` is who asks, as `namespace/name` of a service account or of whatever holds static
    keys. `session` tells sessions of one subject apart that must not be shared, such as the UID of
    a pod for EKS Pod Identity or the resource version of static keys. `role` is the role of the
    session where it is known; of an ambient identity the ARN of the caller. `chain` are the roles
    that are assumed from there, one after the other.
    """

    kind: IdentityKind
    subject: str
    partition: str
    role: str = ""
    session: str = ""
    chain: tuple[AssumeRole, ...] = ()

    def __str__(self) -> str:
        own: dict[IdentityKind, str] = {
            "irsa": f"role {self.role} of service account {self.subject}",
            "pod-identity": f"EKS Pod Identity of service account {self.subject}",
            "static": f"access keys of {self.subject}",
            "ambient": self.role or self.subject,
        }
        assumed = (f"role {role.arn} assumed by " for role in reversed(self.chain))
        return "".join(assumed) + own[self.kind]

    @property
    def namespace(self) -> str:
        return self.subject.partition("/")[0]

    @property
    def roles(self) -> list[str]:
        """ARNs of the roles that somebody chose: that of IRSA, then those that are assumed from it.

        The last one reads. The role of EKS Pod Identity is known to the agent only.
        """
        own = [self.role] if self.kind == "irsa" and self.role else []
        return [*own, *(one.arn for one in self.chain)]


@dataclass(frozen=True, slots=True)
class Credentials:
    """The keys of one session.

    `lifetime` is how long they are valid from the moment they were received, in seconds, by the
    clock of their issuer; the local wall clock may be wrong. None: until they are rejected.
    """

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(repr=False, default=None)
    lifetime: float | None = None


class Retries(NamedTuple):
    """How often, and after how long, a call that fails for a transient reason is tried again."""

    max_attempts: int
    """0: without a limit, as long as somebody waits for the call."""
    delay: float | None = None
    """Seconds between two attempts; None: exponential, with jitter."""


@dataclass(frozen=True, slots=True)
class Access:
    """Where and as whom a service is called. Without `retries` the client's own count.

    `tenant` is the namespace that asks: several may use one identity.
    """

    region: str
    identity: Identity
    credentials: Credentials | None = field(repr=False)
    """None: the request is not signed."""
    retries: Retries | None = None
    tenant: str = ""
