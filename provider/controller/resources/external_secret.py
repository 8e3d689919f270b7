"""The keys of an ExternalSecret's spec."""

from collections.abc import Mapping
from typing import Literal

from provider.controller.resources import texts
from provider.controller.resources.rewrite import Rewrite
from provider.controller.resources.store_ref import (
    DataFromSource,
    DataSource,
    GeneratorRef,
    StoreRef,
)
from provider.controller.resources.table import NAME, SECRET_KEY, Rule, field, table
from provider.controller.resources.template import Template

CreationPolicy = Literal["Owner", "Orphan", "Merge", "None", "CreateOrMerge"]
DeletionPolicy = Literal["Retain", "Delete", "Merge"]
RefreshPolicy = Literal["CreatedOnce", "Periodic", "OnChange"]
MetadataPolicy = Literal["None", "Fetch"]
ConversionStrategy = Literal["Default", "Unicode"]
DecodingStrategy = Literal["None", "Base64", "Base64URL", "Auto"]
NullBytePolicy = Literal["Ignore", "Fail"]

_CONVERSION = (
    "How characters that a Secret's key cannot hold are replaced: Default by '_', Unicode by '_U' "
    "and their number. Not done with rewrite."
)
_DECODING = (
    "Decode values: Base64, Base64URL, Auto (Base64, else Base64URL, else as they are) or None. "
    "Auto also decodes words that happen to be Base64."
)
_NULL_BYTES = "Fail refuses values with a null byte; Ignore takes them."


@table
class RemoteRef:
    """One secret or parameter in AWS."""

    key: str = field(
        "Name or ARN of the secret, or name of the parameter. The store's prefix goes before it."
    )
    property: str = field(
        "A key of a JSON value, such as password or db.password; the whole value if left out.",
        default="",
    )
    version: str = field(
        "Secrets Manager: a stage such as AWSPREVIOUS, or uuid/<version id>; AWSCURRENT if left "
        "out. Parameter Store: a number or label; the newest if left out.",
        default="",
    )
    metadata_policy: MetadataPolicy = field(
        "Fetch reads the tags, as a JSON object, instead of the value.",
        default="None",
        stored={"v1beta1": "None"},
    )
    conversion_strategy: ConversionStrategy = field(
        _CONVERSION, default="Default", stored={"v1beta1": "Default"}
    )
    decoding_strategy: DecodingStrategy = field(
        _DECODING, default="None", stored={"v1beta1": "None"}
    )
    null_byte_policy: NullBytePolicy = field(_NULL_BYTES, default="Ignore", only_v1=True)


@table
class Data:
    """One key of the Secret."""

    secret_key: str = field("The key of the Secret that holds the value.", shape=SECRET_KEY)
    remote_ref: RemoteRef = field("Where the value is.")
    source_ref: DataSource | None = field("Another store than spec.secretStoreRef.", default=None)

    @property
    def store_ref(self) -> StoreRef | None:
        """The store of `source_ref`."""
        return self.source_ref.store_ref if self.source_ref else None


@table
class FindName:
    """Secrets by their name."""

    regexp: str = field(
        "A regular expression (RE2) that the name must contain; anchor it with ^ and $.", default=""
    )


@table
class Find:
    """All secrets that fit."""

    path: str | None = field("Only names that begin with this path.", default=None)
    name: FindName | None = field("Select by name.", default=None)
    tags: Mapping[str, str] | None = field(
        "Tags that the secret must have, with exactly these values.", default=None
    )
    conversion_strategy: ConversionStrategy = field(
        _CONVERSION, default="Default", stored={"v1beta1": "Default"}
    )
    decoding_strategy: DecodingStrategy = field(
        _DECODING, default="None", stored={"v1beta1": "None"}
    )
    null_byte_policy: NullBytePolicy = field(_NULL_BYTES, default="Ignore", only_v1=True)


@table
class DataFrom:
    """Many keys of the Secret at once."""

    extract: RemoteRef | None = field("Every key of one JSON secret.", default=None)
    find: Find | None = field("Every secret that fits, each as one key.", default=None)
    rewrite: tuple[Rewrite, ...] = field(
        "Changes of the keys, in order. Keys are then not converted automatically.", default=()
    )
    source_ref: DataFromSource | None = field(
        "Another store than spec.secretStoreRef, or a generator.", default=None
    )

    @property
    def store_ref(self) -> StoreRef | None:
        """The store of `source_ref`."""
        return self.source_ref.store_ref if self.source_ref else None

    @property
    def generator_ref(self) -> GeneratorRef | None:
        """The generator of `source_ref`."""
        return self.source_ref.generator_ref if self.source_ref else None

    RULES = (
        Rule(
            "(has(self.extract) ? 1 : 0) + (has(self.find) ? 1 : 0) + "
            "(has(self.sourceRef) && has(self.sourceRef.generatorRef) ? 1 : 0) <= 1",
            texts.ONE_SOURCE,
        ),
        Rule("has(self.extract) || has(self.find) || has(self.sourceRef)", texts.NO_SOURCE),
    )


@table
class TargetManifest:
    """A target that is no Secret. Not supported."""

    api_version: str = field("The apiVersion of the target.")
    kind: str = field("The kind of the target.")


@table
class Target:
    """The Secret that is written."""

    name: str = field(
        "Name of the Secret; that of the ExternalSecret if left out.", default="", shape=NAME
    )
    creation_policy: CreationPolicy = field(
        "Owner: create the Secret and own it. Orphan: create it without an owner. Merge: only add "
        "keys to a Secret that exists. CreateOrMerge: add keys, create it if needed. None: read "
        "AWS and write no Secret.",
        default="Owner",
        stored={"v1": "Owner", "v1beta1": "Owner"},
        choices={"v1beta1": ("Owner", "Orphan", "Merge", "None")},
    )
    deletion_policy: DeletionPolicy = field(
        "When secrets are gone from AWS. Retain: an error, the Secret stays. Delete: delete the "
        "Secret when all are gone. Merge: remove their keys.",
        default="Retain",
        stored={"v1": "Retain", "v1beta1": "Retain"},
    )
    immutable: bool = field("Make the Secret immutable: it is never updated.", default=False)
    manifest: TargetManifest | None = field(
        "A target of another kind. This controller writes Secrets only and reports an error.",
        default=None,
        only_v1=True,
    )
    template: Template | None = field("How the Secret is made from the values.", default=None)

    RULES = (
        Rule(
            "!(has(self.deletionPolicy) && self.deletionPolicy == 'Delete' && "
            "has(self.creationPolicy) && "
            "self.creationPolicy in ['Merge', 'None', 'CreateOrMerge'])",
            texts.DELETE_NEEDS_OWNER,
        ),
        Rule(
            "!(has(self.deletionPolicy) && self.deletionPolicy == 'Merge' && "
            "has(self.creationPolicy) && self.creationPolicy == 'None')",
            texts.MERGE_NEEDS_TARGET,
        ),
    )


@table
class SyncWindow:
    """A time that comes again."""

    schedule: str = field("When it begins: a cron expression of five fields, in UTC.")
    duration: float = field("How long it lasts: a Go duration such as 2h.")


@table
class SyncWindows:
    """When periodic refreshes may happen."""

    kind: Literal["allow", "deny"] = field(
        "allow: refresh only within a window; deny: only outside of all."
    )
    windows: tuple[SyncWindow, ...] = field("The windows.", extra={"minItems": 1})


@table
class ExternalSecretSpec:
    """What is read from AWS, and the Secret that is made from it."""

    secret_store_ref: StoreRef = field(
        "The store that values are read through.", default=StoreRef()
    )
    target: Target = field(
        "The Secret to write.",
        default=Target(),
        stored={
            "v1": {"creationPolicy": "Owner", "deletionPolicy": "Retain"},
            "v1beta1": {"creationPolicy": "Owner", "deletionPolicy": "Retain"},
        },
    )
    refresh_policy: RefreshPolicy = field(
        "Periodic: at each refreshInterval. OnChange: when this object changes. CreatedOnce: "
        "once. Periodic if left out.",
        default="Periodic",
    )
    refresh_interval: float = field(
        "Time between refreshes: a Go duration such as 1h or 90s, without days. 0 reads once.",
        default=3600.0,
        stored={"v1": "1h0m0s", "v1beta1": "1h"},
    )
    sync_windows: SyncWindows | None = field(
        "Times when periodic refreshes may or may not happen. First syncs and changes are not "
        "held back.",
        default=None,
        only_v1=True,
    )
    data: tuple[Data, ...] = field(
        "Keys of the Secret, one by one. They win over dataFrom.", default=()
    )
    data_from: tuple[DataFrom, ...] = field(
        "Many keys at once; later entries win.", default=(), extra={"maxItems": 1000}
    )

    RULES = (
        Rule(
            "(has(self.data) && self.data.size() > 0) || "
            "(has(self.dataFrom) && self.dataFrom.size() > 0)",
            texts.NO_DATA,
        ),
    )

    @property
    def is_periodic(self) -> bool:
        """Whether it is refreshed again and again."""
        return self.refresh_policy == "Periodic" and self.refresh_interval > 0
