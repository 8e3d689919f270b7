"""References to stores and generators."""

from dataclasses import dataclass
from typing import Annotated, Literal

from provider.controller.resources import texts
from provider.controller.resources.table import NAME, Key, Rule

StoreKind = Literal["SecretStore", "ClusterSecretStore"]
GENERATORS = "generators.external-secrets.io/v1alpha1"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreRef:
    """A store by its kind and name."""

    name: Annotated[str, Key("Name of the store.", shape=NAME)] = ""
    kind: Annotated[
        StoreKind,
        Key("SecretStore (of the same namespace) or ClusterSecretStore; SecretStore if left out."),
    ] = "SecretStore"


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorRef:
    """A generator by its kind and name."""

    api_version: Annotated[
        str,
        Key("The apiVersion of the generator.", stored={"v1": GENERATORS, "v1beta1": GENERATORS}),
    ] = GENERATORS
    kind: Annotated[
        str,
        Key(
            "ECRAuthorizationToken, STSSessionToken, Password, UUID or ClusterGenerator; this "
            "controller reports an error for other kinds."
        ),
    ]
    name: Annotated[str, Key("Name of the generator.", shape=NAME)]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSource:
    """Another source of one value."""

    store_ref: Annotated[StoreRef | None, Key("Another store.")] = None
    generator_ref: Annotated[GeneratorRef | None, Key("Has no effect; use dataFrom.")] = None

    EXTRA = {"minProperties": 1, "maxProperties": 1}  # noqa: RUF012


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFromSource:
    """Another source of many values."""

    store_ref: Annotated[StoreRef | None, Key("Another store, for extract or find.")] = None
    generator_ref: Annotated[GeneratorRef | None, Key("A generator; without extract and find.")] = (
        None
    )

    EXTRA = {"maxProperties": 1}  # noqa: RUF012
    RULES = (Rule("has(self.storeRef) || has(self.generatorRef)", texts.EMPTY_SOURCE_REF),)
