"""The keys of a SecretStore's and a ClusterSecretStore's spec, which are the same."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from provider.controller.resources import texts
from provider.controller.resources.selectors import LabelSelector
from provider.controller.resources.table import NAME, NAMESPACE, SECRET_KEY, Key, Rule, no_texts

Service = Literal["SecretsManager", "ParameterStore", "CertificateManager"]
SessionTagsPolicy = Literal["None", "Simple", "Custom"]
RESERVED_TAGS = ("esoNamespace", "esoStoreName", "esoStoreKind")


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretKeyRef:
    """A key of a Kubernetes Secret."""

    name: Annotated[str, Key("Name of the Secret.", shape=NAME)] = ""
    namespace: Annotated[
        str,
        Key(
            "Namespace of the Secret. Only for cluster-wide objects; if left out, that of the "
            "ExternalSecret.",
            shape=NAMESPACE,
        ),
    ] = ""
    key: Annotated[str, Key("Key within the Secret.", shape=SECRET_KEY)] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccountRef:
    """A ServiceAccount with an IAM role."""

    name: Annotated[str, Key("Name of the ServiceAccount.", shape=NAME)]
    namespace: Annotated[
        str,
        Key(
            "Namespace of the ServiceAccount. Only for cluster-wide objects; if left out, that of"
            " the ExternalSecret.",
            shape=NAMESPACE,
        ),
    ] = ""
    audiences: Annotated[
        tuple[str, ...], Key("Audiences of the token besides sts.amazonaws.com.")
    ] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretRefAuth:
    """An access key in Kubernetes Secrets."""

    access_key_id: Annotated[
        SecretKeyRef, Key("Where the access key id is.", name="accessKeyIDSecretRef")
    ] = field(default=SecretKeyRef())
    secret_access_key: Annotated[
        SecretKeyRef, Key("Where the secret access key is.", name="secretAccessKeySecretRef")
    ] = field(default=SecretKeyRef())
    session_token: Annotated[
        SecretKeyRef | None,
        Key("Where the session token of temporary credentials is.", name="sessionTokenSecretRef"),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JwtAuth:
    """The role of a ServiceAccount (IRSA)."""

    service_account_ref: Annotated[
        ServiceAccountRef | None,
        Key("The ServiceAccount; its annotation eks.amazonaws.com/role-arn names the role."),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    """How to sign in to AWS; as the controller itself if left out."""

    secret_ref: Annotated[SecretRefAuth | None, Key("An access key in Kubernetes Secrets.")] = None
    jwt: Annotated[JwtAuth | None, Key("The role of a ServiceAccount (IRSA).")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """A session tag."""

    key: Annotated[str, Key("Key of the tag.")]
    value: Annotated[str, Key("Value of the tag.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretsManagerOptions:
    """How PushSecret deletes secrets. This controller does not push."""

    force_delete_without_recovery: Annotated[bool, Key("For PushSecret; has no effect here.")] = (
        False
    )
    recovery_window_in_days: Annotated[
        int, Key("For PushSecret; has no effect here.", extra={"format": "int64"})
    ] = 0

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


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsProvider:
    """Secrets Manager or Parameter Store of one region."""

    service: Annotated[
        Service,
        Key(
            "SecretsManager or ParameterStore. CertificateManager is not supported.",
            choices={"v1beta1": ("SecretsManager", "ParameterStore")},
        ),
    ]
    region: Annotated[
        str,
        Key(
            "The region, such as eu-west-1.",
            rules=(
                Rule(
                    r"self.matches('^[a-zA-Z0-9._/-]*$')",
                    "region not found",
                    f"'{texts.REGION_NOT_FOUND}' + self",
                ),
            ),
            extra={"maxLength": 1024},
        ),
    ]
    auth: Annotated[Auth, Key("How to sign in; as the controller itself if left out.")] = field(
        default=Auth()
    )
    role: Annotated[str, Key("ARN of a role to assume for reading, after additionalRoles.")] = ""
    additional_roles: Annotated[
        tuple[str, ...], Key("ARNs of roles to assume one after the other, before role.")
    ] = ()
    external_id: Annotated[str, Key("The external id when role is assumed.", name="externalID")] = (
        ""
    )
    session_tags: Annotated[tuple[Tag, ...], Key("Session tags when role is assumed.")] = ()
    transitive_tag_keys: Annotated[
        tuple[str, ...], Key("Keys of session tags that stay for further roles.")
    ] = ()
    session_tags_policy: Annotated[
        SessionTagsPolicy,
        Key(
            "Simple: session tags esoNamespace, esoStoreName and esoStoreKind when role is "
            "assumed. Custom: these and customSessionTags. None: sessionTags only.",
            stored={"v1": "None"},
            only_v1=True,
        ),
    ] = "None"
    custom_session_tags: Annotated[
        Mapping[str, str], Key("More session tags, with sessionTagsPolicy Custom.", only_v1=True)
    ] = field(default_factory=no_texts)
    prefix: Annotated[str, Key("Goes before every remoteRef.key.")] = ""
    secrets_manager: Annotated[
        SecretsManagerOptions | None, Key("Options of PushSecret, which is not supported.")
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Where the secrets are. AWS is the only one that this controller reads."""

    aws: Annotated[
        AwsProvider | None, Key("AWS Secrets Manager or Systems Manager Parameter Store.")
    ] = None

    EXTRA = {  # noqa: RUF012
        "minProperties": 1,
        "maxProperties": 1,
        "x-kubernetes-preserve-unknown-fields": True,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrySettings:
    """Retries of calls to AWS."""

    max_retries: Annotated[
        int | None, Key("Attempts of one call; 3 if left out.", extra={"format": "int32"})
    ] = None
    retry_interval: Annotated[
        float | None, Key("Time between attempts: a Go duration such as 5s.")
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NamespaceCondition:
    """Namespaces that may use a ClusterSecretStore; one of its entries must fit."""

    namespace_selector: Annotated[LabelSelector | None, Key("Labels of the namespace.")] = None
    namespaces: Annotated[tuple[str, ...], Key("Names of namespaces.", items=NAMESPACE)] = ()
    namespace_regexes: Annotated[
        tuple[str, ...],
        Key(
            "Regular expressions (RE2) that the namespace's name must contain; anchor them with ^"
            " and $."
        ),
    ] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSpec:
    """A place in AWS, and how to sign in."""

    controller: Annotated[str, Key("The controller class that this store is for.")] = ""
    provider: Annotated[Provider, Key("Where the secrets are; exactly one.")]
    retry_settings: Annotated[RetrySettings | None, Key("Retries of calls to AWS.")] = None
    refresh_interval: Annotated[
        float,
        Key(
            "Time between checks of the store: seconds, or from v1 on a duration. 0: as the "
            "controller is set.",
            number_too=True,
        ),
    ] = 0.0
    conditions: Annotated[
        tuple[NamespaceCondition, ...],
        Key("Namespaces that may use a ClusterSecretStore: one entry must fit. All if left out."),
    ] = ()
