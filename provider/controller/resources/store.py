"""The keys of a SecretStore's and a ClusterSecretStore's spec, which are the same."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from provider.controller.resources import texts
from provider.controller.resources.selectors import LabelSelector
from provider.controller.resources.table import (
    NAME,
    NAMESPACE,
    NO_TEXTS,
    SECRET_KEY,
    Rule,
    field,
    table,
)

Service = Literal["SecretsManager", "ParameterStore", "CertificateManager"]
SessionTagsPolicy = Literal["None", "Simple", "Custom"]
RESERVED_TAGS = ("esoNamespace", "esoStoreName", "esoStoreKind")


@table
class SecretKeyRef:
    """A key of a Kubernetes Secret."""

    name: str = field("Name of the Secret.", default="", shape=NAME)
    namespace: str = field(
        "Namespace of the Secret. Only for cluster-wide objects; if left out, that of the "
        "ExternalSecret.",
        default="",
        shape=NAMESPACE,
    )
    key: str = field("Key within the Secret.", default="", shape=SECRET_KEY)


@table
class ServiceAccountRef:
    """A ServiceAccount with an IAM role."""

    name: str = field("Name of the ServiceAccount.", shape=NAME)
    namespace: str = field(
        "Namespace of the ServiceAccount. Only for cluster-wide objects; if left out, that of the "
        "ExternalSecret.",
        default="",
        shape=NAMESPACE,
    )
    audiences: tuple[str, ...] = field(
        "Audiences of the token besides sts.amazonaws.com.", default=()
    )


@table
class SecretRefAuth:
    """An access key in Kubernetes Secrets."""

    access_key_id: SecretKeyRef = field(
        "Where the access key id is.", default=SecretKeyRef(), name="accessKeyIDSecretRef"
    )
    secret_access_key: SecretKeyRef = field(
        "Where the secret access key is.", default=SecretKeyRef(), name="secretAccessKeySecretRef"
    )
    session_token: SecretKeyRef | None = field(
        "Where the session token of temporary credentials is.",
        default=None,
        name="sessionTokenSecretRef",
    )

    @property
    def keys(self) -> tuple[SecretKeyRef, ...]:
        """Those that are named."""
        every = (self.access_key_id, self.secret_access_key, self.session_token)
        return tuple(filter(None, every))


@table
class JwtAuth:
    """The role of a ServiceAccount (IRSA)."""

    service_account_ref: ServiceAccountRef | None = field(
        "The ServiceAccount; its annotation eks.amazonaws.com/role-arn names the role.",
        default=None,
    )


@table
class Auth:
    """How to sign in to AWS; as the controller itself if left out."""

    secret_ref: SecretRefAuth | None = field("An access key in Kubernetes Secrets.", default=None)
    jwt: JwtAuth | None = field("The role of a ServiceAccount (IRSA).", default=None)

    @property
    def service_account(self) -> ServiceAccountRef | None:
        """The ServiceAccount whose role it is."""
        return self.jwt.service_account_ref if self.jwt else None


@table
class Tag:
    """A session tag."""

    key: str = field("Key of the tag.")
    value: str = field("Value of the tag.")


@table
class SecretsManagerOptions:
    """How PushSecret deletes secrets. This controller does not push."""

    force_delete_without_recovery: bool = field(
        "For PushSecret; has no effect here.", default=False
    )
    recovery_window_in_days: int = field(
        "For PushSecret; has no effect here.", default=0, extra={"format": "int64"}
    )

    RULES = (
        Rule(
            "!has(self.recoveryWindowInDays) || self.recoveryWindowInDays == 0 || "
            "(has(self.forceDeleteWithoutRecovery) && self.forceDeleteWithoutRecovery) || "
            "(self.recoveryWindowInDays >= 7 && self.recoveryWindowInDays <= 30)",
            texts.RECOVERY_WINDOW,
        ),
        Rule(
            "!(has(self.forceDeleteWithoutRecovery) && self.forceDeleteWithoutRecovery && "
            "has(self.recoveryWindowInDays) && self.recoveryWindowInDays != 0)",
            texts.RECOVERY_AND_FORCE,
        ),
    )


@table
class AwsProvider:
    """Secrets Manager or Parameter Store of one region."""

    service: Service = field(
        "SecretsManager or ParameterStore. CertificateManager is not supported.",
        choices={"v1beta1": ("SecretsManager", "ParameterStore")},
    )
    region: str = field(
        "The region, such as eu-west-1.",
        rules=(
            Rule(
                r"self.matches('^[a-zA-Z0-9._/-]*$')",
                "region not found",
                f"'{texts.REGION_NOT_FOUND}' + self",
            ),
        ),
        extra={"maxLength": 1024},
    )
    auth: Auth = field("How to sign in; as the controller itself if left out.", default=Auth())
    role: str = field("ARN of a role to assume for reading, after additionalRoles.", default="")
    additional_roles: tuple[str, ...] = field(
        "ARNs of roles to assume one after the other, before role.", default=()
    )
    external_id: str = field("The external id when role is assumed.", default="", name="externalID")
    session_tags: tuple[Tag, ...] = field("Session tags when role is assumed.", default=())
    transitive_tag_keys: tuple[str, ...] = field(
        "Keys of session tags that stay for further roles.", default=()
    )
    session_tags_policy: SessionTagsPolicy = field(
        "Simple: session tags esoNamespace, esoStoreName and esoStoreKind when role is assumed. "
        "Custom: these and customSessionTags. None: sessionTags only.",
        default="None",
        stored={"v1": "None"},
        only_v1=True,
    )
    custom_session_tags: Mapping[str, str] = field(
        "More session tags, with sessionTagsPolicy Custom.", default=NO_TEXTS, only_v1=True
    )
    prefix: str = field("Goes before every remoteRef.key.", default="")
    secrets_manager: SecretsManagerOptions | None = field(
        "Options of PushSecret, which is not supported.", default=None
    )


@table
class Provider:
    """Where the secrets are. AWS is the only one that this controller reads."""

    aws: AwsProvider | None = field(
        "AWS Secrets Manager or Systems Manager Parameter Store.", default=None
    )

    EXTRA: ClassVar = {
        "minProperties": 1,
        "maxProperties": 1,
        "x-kubernetes-preserve-unknown-fields": True,
    }


@table
class RetrySettings:
    """Retries of calls to AWS."""

    max_retries: int | None = field(
        "Attempts of one call; 3 if left out.", default=None, extra={"format": "int32"}
    )
    retry_interval: float | None = field(
        "Time between attempts: a Go duration such as 5s.", default=None
    )


@table
class NamespaceCondition:
    """Namespaces that may use a ClusterSecretStore; one of its entries must fit."""

    namespace_selector: LabelSelector | None = field("Labels of the namespace.", default=None)
    namespaces: tuple[str, ...] = field("Names of namespaces.", default=(), items=NAMESPACE)
    namespace_regexes: tuple[str, ...] = field(
        "Regular expressions (RE2) that the namespace's name must contain; anchor them with ^ and "
        "$.",
        default=(),
    )


@table
class StoreSpec:
    """A place in AWS, and how to sign in."""

    controller: str = field("The controller class that this store is for.", default="")
    provider: Provider = field("Where the secrets are; exactly one.")
    retry_settings: RetrySettings | None = field("Retries of calls to AWS.", default=None)
    refresh_interval: float = field(
        "Time between checks of the store: seconds, or from v1 on a duration. 0: as the "
        "controller is set.",
        default=0.0,
        number_too=True,
    )
    conditions: tuple[NamespaceCondition, ...] = field(
        "Namespaces that may use a ClusterSecretStore: one entry must fit. All if left out.",
        default=(),
    )
