"""The keys of generators' specs."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from provider.controller.resources.store import Auth
from provider.controller.resources.table import field, table

Encoding = Literal["raw", "base64", "base64url", "base32", "hex"]
_CONTROLLER = "The controller class that this generator is for."


@table
class EcrAuthorizationTokenSpec:
    """A user name and password for container registries of ECR, valid for 12 hours."""

    region: str = field("The region of the registry.")
    auth: Auth = field("How to sign in; as the controller itself if left out.", default=Auth())
    role: str = field("ARN of a role to assume.", default="")
    scope: Literal["private", "public"] = field(
        "private or public; private if left out.", default="private", choices={"v1alpha1": ()}
    )
    controller: str = field(_CONTROLLER, default="")


@table
class StsRequestParameters:
    """Parameters of GetSessionToken."""

    session_duration: int | None = field(
        "Seconds that the credentials are valid: 900 to 129600.",
        default=None,
        extra={"format": "int64"},
    )
    serial_number: str = field("Serial number or ARN of an MFA device.", default="")
    token_code: str = field("The code that the MFA device shows.", default="")


@table
class StsSessionTokenSpec:
    """Temporary credentials of an IAM user, from GetSessionToken."""

    region: str = field("The region whose STS is asked.")
    auth: Auth = field("How to sign in: by secretRef; jwt is not possible here.", default=Auth())
    role: str = field("ARN of a role to assume.", default="")
    request_parameters: StsRequestParameters | None = field(
        "Parameters of GetSessionToken.", default=None
    )
    controller: str = field(_CONTROLLER, default="")


@table
class PasswordSpec:
    """A random password."""

    length: int = field("Number of characters.", default=24, stored={"v1alpha1": 24})
    digits: int | None = field("Number of digits; a quarter of length if left out.", default=None)
    symbols: int | None = field("Number of symbols; a quarter of length if left out.", default=None)
    symbol_characters: str | None = field("The symbols to take from.", default=None)
    no_upper: bool = field("Without upper-case letters.", default=False, stored={"v1alpha1": False})
    allow_repeat: bool = field(
        "A character may occur twice.", default=False, stored={"v1alpha1": False}
    )
    secret_keys: tuple[str, ...] = field(
        "Keys of the Secret, each with a password of its own; the key password if left out.",
        default=(),
        extra={"items": {"type": "string", "minLength": 1}, "minItems": 1},
    )
    encoding: Encoding = field(
        "How the password is encoded: raw, base64, base64url, base32 or hex.",
        default="raw",
        stored={"v1alpha1": "raw"},
    )
    controller: str = field(_CONTROLLER, default="")


@table
class UuidSpec:
    """A random UUID."""

    controller: str = field(_CONTROLLER, default="")


@table
class WrappedGenerator:
    """The spec of one generator."""

    ecr_authorization_token: EcrAuthorizationTokenSpec | None = field(
        "Spec of an ECRAuthorizationToken.", default=None, name="ecrAuthorizationTokenSpec"
    )
    sts_session_token: StsSessionTokenSpec | None = field(
        "Spec of an STSSessionToken.", default=None, name="stsSessionTokenSpec"
    )
    password: PasswordSpec | None = field("Spec of a Password.", default=None, name="passwordSpec")
    uuid: UuidSpec | None = field("Spec of a UUID.", default=None, name="uuidSpec")

    EXTRA: ClassVar = {
        "minProperties": 1,
        "maxProperties": 1,
        "x-kubernetes-preserve-unknown-fields": True,
    }


@table
class ClusterGeneratorSpec:
    """A generator for all namespaces."""

    kind: str = field(
        "Kind of the generator: ECRAuthorizationToken, STSSessionToken, Password or UUID; this "
        "controller reports an error for other kinds."
    )
    generator: WrappedGenerator = field("The spec of the generator, under the key of its kind.")
    controller: str = field(_CONTROLLER, default="")


GeneratorSpec = EcrAuthorizationTokenSpec | StsSessionTokenSpec | PasswordSpec | UuidSpec
GENERATOR_SPECS: Mapping[str, type[GeneratorSpec]] = {
    "ECRAuthorizationToken": EcrAuthorizationTokenSpec,
    "STSSessionToken": StsSessionTokenSpec,
    "Password": PasswordSpec,
    "UUID": UuidSpec,
}
GENERATOR_KINDS = (*GENERATOR_SPECS, "ClusterGenerator")
