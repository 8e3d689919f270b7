"""References to stores and generators."""

from typing import ClassVar, Literal

from provider.controller.resources import texts
from provider.controller.resources.table import NAME, Rule, field, table

StoreKind = Literal["SecretStore", "ClusterSecretStore"]
GENERATORS_VERSION = "generators.external-secrets.io/v1alpha1"


@table
class StoreRef:
    """A store by its kind and name."""

    name: str = field("Name of the store.", default="", shape=NAME)
    kind: StoreKind = field(
        "SecretStore (of the same namespace) or ClusterSecretStore; SecretStore if left out.",
        default="SecretStore",
    )


@table
class GeneratorRef:
    """A generator by its kind and name."""

    api_version: str = field(
        "The apiVersion of the generator.",
        default=GENERATORS_VERSION,
        stored={"v1": GENERATORS_VERSION, "v1beta1": GENERATORS_VERSION},
    )
    kind: str = field(
        "ECRAuthorizationToken, STSSessionToken, Password, UUID or ClusterGenerator; this "
        "controller reports an error for other kinds."
    )
    name: str = field("Name of the generator.", shape=NAME)


@table
class DataSource:
    """Another source of one value."""

    store_ref: StoreRef | None = field("Another store.", default=None)
    generator_ref: GeneratorRef | None = field("Has no effect; use dataFrom.", default=None)

    EXTRA: ClassVar = {"minProperties": 1, "maxProperties": 1}


@table
class DataFromSource:
    """Another source of many values."""

    store_ref: StoreRef | None = field("Another store, for extract or find.", default=None)
    generator_ref: GeneratorRef | None = field(
        "A generator; without extract and find.", default=None
    )

    EXTRA: ClassVar = {"maxProperties": 1}
    RULES = (Rule("has(self.storeRef) || has(self.generatorRef)", texts.EMPTY_SOURCE_REF),)
