"""The keys of an ExternalSecret's spec."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from provider.controller.resources import texts
from provider.controller.resources.rewrite import Rewrite
from provider.controller.resources.store_ref import (
    DataFromSource,
    DataSource,
    StoreRef,
)
from provider.controller.resources.table import NAME, SECRET_KEY, Key, Rule
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


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteRef:
    """One secret or parameter in AWS."""

    key: Annotated[
        str,
        Key(
            "Name or ARN of the secret, or name of the parameter. The store's prefix goes before "
            "it."
        ),
    ]
    property: Annotated[
        str,
        Key("A key of a JSON value, such as password or db.password; the whole value if left out."),
    ] = ""
    version: Annotated[
        str,
        Key(
            "Secrets Manager: a stage such as AWSPREVIOUS, or uuid/<version id>; AWSCURRENT if "
            "left out. Parameter Store: a number or label; the newest if left out."
        ),
    ] = ""
    metadata_policy: Annotated[
        MetadataPolicy,
        Key(
            "Fetch reads the tags, as a JSON object, instead of the value.",
            stored={"v1beta1": "None"},
        ),
    ] = "None"
    conversion_strategy: Annotated[
        ConversionStrategy, Key(_CONVERSION, stored={"v1beta1": "Default"})
    ] = "Default"
    decoding_strategy: Annotated[DecodingStrategy, Key(_DECODING, stored={"v1beta1": "None"})] = (
        "None"
    )
    null_byte_policy: Annotated[NullBytePolicy, Key(_NULL_BYTES, only_v1=True)] = "Ignore"


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """One key of the Secret."""

    secret_key: Annotated[str, Key("The key of the Secret that holds the value.", shape=SECRET_KEY)]
    remote_ref: Annotated[RemoteRef, Key("Where the value is.")]
    source_ref: Annotated[DataSource | None, Key("Another store than spec.secretStoreRef.")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindName:
    """Secrets by their name."""

    regexp: Annotated[
        str, Key("A regular expression (RE2) that the name must contain; anchor it with ^ and $.")
    ] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Find:
    """All secrets that fit."""

    path: Annotated[str | None, Key("Only names that begin with this path.")] = None
    name: Annotated[FindName | None, Key("Select by name.")] = None
    tags: Annotated[
        Mapping[str, str] | None,
        Key("Tags that the secret must have, with exactly these values."),
    ] = None
    conversion_strategy: Annotated[
        ConversionStrategy, Key(_CONVERSION, stored={"v1beta1": "Default"})
    ] = "Default"
    decoding_strategy: Annotated[DecodingStrategy, Key(_DECODING, stored={"v1beta1": "None"})] = (
        "None"
    )
    null_byte_policy: Annotated[NullBytePolicy, Key(_NULL_BYTES, only_v1=True)] = "Ignore"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFrom:
    """Many keys of the Secret at once."""

    extract: Annotated[RemoteRef | None, Key("Every key of one JSON secret.")] = None
    find: Annotated[Find | None, Key("Every secret that fits, each as one key.")] = None
    rewrite: Annotated[
        tuple[Rewrite, ...],
        Key("Changes of the keys, in order. Keys are then not converted automatically."),
    ] = ()
    source_ref: Annotated[
        DataFromSource | None, Key("Another store than spec.secretStoreRef, or a generator.")
    ] = None

    RULES = (
        Rule(
            "(has(self.extract) ? 1 : 0) + (has(self.find) ? 1 : 0) + "
            "(has(self.sourceRef) && has(self.sourceRef.generatorRef) ? 1 : 0) <= 1",
            texts.ONE_SOURCE,
        ),
        Rule("has(self.extract) || has(self.find) || has(self.sourceRef)", texts.NO_SOURCE),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetManifest:
    """A target that is no Secret. Not supported."""

    api_version: Annotated[str, Key("The apiVersion of the target.")]
    kind: Annotated[str, Key("The kind of the target.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The Secret that is written."""

    name: Annotated[
        str, Key("Name of the Secret; that of the ExternalSecret if left out.", shape=NAME)
    ] = ""
    creation_policy: Annotated[
        CreationPolicy,
        Key(
            "Owner: create the Secret and own it. Orphan: create it without an owner. Merge: only"
            " add keys to a Secret that exists. CreateOrMerge: add keys, create it if needed. "
            "None: read AWS and write no Secret.",
            stored={"v1": "Owner", "v1beta1": "Owner"},
            choices={"v1beta1": ("Owner", "Orphan", "Merge", "None")},
        ),
    ] = "Owner"
    deletion_policy: Annotated[
        DeletionPolicy,
        Key(
            "When secrets are gone from AWS. Retain: an error, the Secret stays. Delete: delete "
            "the Secret when all are gone. Merge: remove their keys.",
            stored={"v1": "Retain", "v1beta1": "Retain"},
        ),
    ] = "Retain"
    immutable: Annotated[bool, Key("Make the Secret immutable: it is never updated.")] = False
    manifest: Annotated[
        TargetManifest | None,
        Key(
            "A target of another kind. This controller writes Secrets only and reports an error.",
            only_v1=True,
        ),
    ] = None
    template: Annotated[Template | None, Key("How the Secret is made from the values.")] = None

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


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncWindow:
    """A time that comes again."""

    schedule: Annotated[str, Key("When it begins: a cron expression of five fields, in UTC.")]
    duration: Annotated[float, Key("How long it lasts: a Go duration such as 2h.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncWindows:
    """When periodic refreshes may happen."""

    kind: Annotated[
        Literal["allow", "deny"],
        Key("allow: refresh only within a window; deny: only outside of all."),
    ]
    windows: Annotated[tuple[SyncWindow, ...], Key("The windows.", extra={"minItems": 1})]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalSecretSpec:
    """What is read from AWS, and the Secret that is made from it."""

    secret_store_ref: Annotated[StoreRef, Key("The store that values are read through.")] = field(
        default=StoreRef()
    )
    target: Annotated[
        Target,
        Key(
            "The Secret to write.",
            stored={
                "v1": {"creationPolicy": "Owner", "deletionPolicy": "Retain"},
                "v1beta1": {"creationPolicy": "Owner", "deletionPolicy": "Retain"},
            },
        ),
    ] = field(default=Target())
    refresh_policy: Annotated[
        RefreshPolicy,
        Key(
            "Periodic: at each refreshInterval. OnChange: when this object changes. CreatedOnce: "
            "once. Periodic if left out."
        ),
    ] = "Periodic"
    refresh_interval: Annotated[
        float,
        Key(
            "Time between refreshes: a Go duration such as 1h or 90s, without days. 0 reads once.",
            stored={"v1": "1h0m0s", "v1beta1": "1h"},
        ),
    ] = 3600.0
    sync_windows: Annotated[
        SyncWindows | None,
        Key(
            "Times when periodic refreshes may or may not happen. First syncs and changes are not"
            " held back.",
            only_v1=True,
        ),
    ] = None
    data: Annotated[
        tuple[Data, ...], Key("Keys of the Secret, one by one. They win over dataFrom.")
    ] = ()
    data_from: Annotated[
        tuple[DataFrom, ...], Key("Many keys at once; later entries win.", extra={"maxItems": 1000})
    ] = ()

    RULES = (
        Rule(
            "(has(self.data) && self.data.size() > 0) || "
            "(has(self.dataFrom) && self.dataFrom.size() > 0)",
            texts.NO_DATA,
        ),
    )
