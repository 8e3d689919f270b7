"""The keys of generators' specs."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from provider.controller.resources.store import Auth
from provider.controller.resources.table import Key

GeneratorKind = Literal["ECRAuthorizationToken", "STSSessionToken", "Password", "UUID"]
Encoding = Literal["raw", "base64", "base64url", "base32", "hex"]
_CLASS = Key("The controller class that this generator is for.")


@dataclass(frozen=True, slots=True, kw_only=True)
class EcrAuthorizationTokenSpec:
    """A user name and password for container registries of ECR, valid for 12 hours."""

    region: Annotated[str, Key("The region of the registry.")]
    auth: Annotated[Auth, Key("How to sign in; as the controller itself if left out.")] = field(
        default=Auth()
    )
    role: Annotated[str, Key("ARN of a role to assume.")] = ""
    scope: Annotated[
        Literal["private", "public"],
        Key("private or public; private if left out.", choices={"v1alpha1": ()}),
    ] = "private"
    controller: Annotated[str, _CLASS] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StsRequestParameters:
    """Parameters of GetSessionToken."""

    session_duration: Annotated[
        int | None,
        Key("Seconds that the credentials are valid: 900 to 129600.", extra={"format": "int64"}),
    ] = None
    serial_number: Annotated[str, Key("Serial number or ARN of an MFA device.")] = ""
    token_code: Annotated[str, Key("The code that the MFA device shows.")] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StsSessionTokenSpec:
    """Temporary credentials of an IAM user, from GetSessionToken."""

    region: Annotated[str, Key("The region whose STS is asked.")]
    auth: Annotated[Auth, Key("How to sign in: by secretRef; jwt is not possible here.")] = field(
        default=Auth()
    )
    role: Annotated[str, Key("ARN of a role to assume.")] = ""
    request_parameters: Annotated[
        StsRequestParameters | None, Key("Parameters of GetSessionToken.")
    ] = None
    controller: Annotated[str, _CLASS] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordSpec:
    """A random password."""

    length: Annotated[int, Key("Number of characters.", stored={"v1alpha1": 24})] = 24
    digits: Annotated[int | None, Key("Number of digits; a quarter of length if left out.")] = None
    symbols: Annotated[int | None, Key("Number of symbols; a quarter of length if left out.")] = (
        None
    )
    symbol_characters: Annotated[str | None, Key("The symbols to take from.")] = None
    no_upper: Annotated[bool, Key("Without upper-case letters.", stored={"v1alpha1": False})] = (
        False
    )
    allow_repeat: Annotated[
        bool, Key("A character may occur twice.", stored={"v1alpha1": False})
    ] = False
    secret_keys: Annotated[
        tuple[str, ...],
        Key(
            "Keys of the Secret, each with a password of its own; the key password if left out.",
            extra={"items": {"type": "string", "minLength": 1}, "minItems": 1},
        ),
    ] = ()
    encoding: Annotated[
        Encoding,
        Key(
            "How the password is encoded: raw, base64, base64url, base32 or hex.",
            stored={"v1alpha1": "raw"},
        ),
    ] = "raw"
    controller: Annotated[str, _CLASS] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UuidSpec:
    """A random UUID."""

    controller: Annotated[str, _CLASS] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrappedGenerator:
    """The spec of one generator."""

    ecr_authorization_token: Annotated[
        EcrAuthorizationTokenSpec | None,
        Key("Spec of an ECRAuthorizationToken.", name="ecrAuthorizationTokenSpec"),
    ] = None
    sts_session_token: Annotated[
        StsSessionTokenSpec | None, Key("Spec of an STSSessionToken.", name="stsSessionTokenSpec")
    ] = None
    password: Annotated[PasswordSpec | None, Key("Spec of a Password.", name="passwordSpec")] = None
    uuid: Annotated[UuidSpec | None, Key("Spec of a UUID.", name="uuidSpec")] = None

    EXTRA = {  # noqa: RUF012
        "minProperties": 1,
        "maxProperties": 1,
        "x-kubernetes-preserve-unknown-fields": True,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterGeneratorSpec:
    """A generator for all namespaces."""

    kind: Annotated[
        str,
        Key(
            "Kind of the generator: ECRAuthorizationToken, STSSessionToken, Password or UUID; "
            "this controller reports an error for other kinds."
        ),
    ]
    generator: Annotated[
        WrappedGenerator, Key("The spec of the generator, under the key of its kind.")
    ]
    controller: Annotated[str, _CLASS] = ""


GeneratorSpec = EcrAuthorizationTokenSpec | StsSessionTokenSpec | PasswordSpec | UuidSpec
