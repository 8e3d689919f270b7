"""The keys of an ExternalSecret's `target.template`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from provider.controller.resources import texts
from provider.controller.resources.table import NAME, SECRET_KEY, Key, Rule, no_texts

TemplateTarget = Literal["Data", "Annotations", "Labels"]
TemplateAs = Literal["Values", "KeysAndValues"]
BOOTSTRAP_TYPE = "bootstrap.kubernetes.io/token"
TOKEN_TYPE = "kubernetes.io/service-account-token"  # noqa: S105 (a type's name)
HELM_TYPE = "helm.sh/release.v1"
MAKERS: Mapping[str, str] = {
    TOKEN_TYPE: "Kubernetes",
    BOOTSTRAP_TYPE: "kubeadm",
    HELM_TYPE: "Helm",
}
"""Types of Secrets that give rights to their writer, and who makes them; none is written."""
ACCOUNT_ANNOTATION = "kubernetes.io/service-account.name"
ValuesDecoding = Literal["None", "Base64", "Base64URL", "Auto"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateMetadata:
    """Labels and annotations of the Secret."""

    annotations: Annotated[Mapping[str, str], Key("Annotations; their values are templates.")] = (
        field(default_factory=no_texts)
    )
    labels: Annotated[Mapping[str, str], Key("Labels; their values are templates.")] = field(
        default_factory=no_texts
    )
    finalizers: Annotated[
        tuple[str, ...], Key("Finalizers that are added to the Secret.", only_v1=True)
    ] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateItem:
    """One key of a ConfigMap or Secret that holds a template."""

    key: Annotated[str, Key("The key.", shape=SECRET_KEY)]
    template_as: Annotated[
        TemplateAs,
        Key(
            "Values: the result is one value, under the same key. KeysAndValues: the result is "
            "YAML of keys and values.",
            stored={"v1": "Values", "v1beta1": "Values"},
        ),
    ] = "Values"


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateSource:
    """A ConfigMap or Secret, in the same namespace, that holds templates."""

    name: Annotated[str, Key("Its name.", shape=NAME)]
    items: Annotated[tuple[TemplateItem, ...], Key("Its keys that are templates.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateFrom:
    """Templates from elsewhere."""

    config_map: Annotated[TemplateSource | None, Key("A ConfigMap with templates.")] = None
    secret: Annotated[TemplateSource | None, Key("A Secret with templates.")] = None
    target: Annotated[
        TemplateTarget,
        Key(
            "What the results become: Data, Labels or Annotations of the Secret.",
            stored={"v1": "Data", "v1beta1": "Data"},
            choices={"v1": ()},
            any_case=True,
            refusal=texts.TEMPLATE_TARGET,
        ),
    ] = "Data"
    values_decoding_strategy: Annotated[
        ValuesDecoding,
        Key("Decode the rendered values: None, Base64, Base64URL or Auto.", only_v1=True),
    ] = "None"
    literal: Annotated[str | None, Key("A template whose result is YAML of keys and values.")] = (
        None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """How the Secret is made from the values."""

    type: Annotated[
        str, Key("Type of the Secret; Opaque if left out. It cannot be changed later.")
    ] = ""
    engine_version: Annotated[
        Literal["v2"],
        Key("The template engine; v2 is the only one.", stored={"v1": "v2", "v1beta1": "v2"}),
    ] = "v2"
    metadata: Annotated[TemplateMetadata, Key("Labels and annotations of the Secret.")] = field(
        default=TemplateMetadata()
    )
    merge_policy: Annotated[
        Literal["Replace", "Merge"],
        Key(
            "Replace: the Secret holds only what templates make. Merge: the values that were read"
            " too.",
            stored={"v1": "Replace", "v1beta1": "Replace"},
        ),
    ] = "Replace"
    data: Annotated[Mapping[str, str], Key("Keys of the Secret and their templates.")] = field(
        default_factory=no_texts
    )
    template_from: Annotated[
        tuple[TemplateFrom, ...],
        Key("Templates from ConfigMaps, Secrets and literals; data wins over them."),
    ] = ()

    RULES = (
        Rule(f"!has(self.type) || self.type != '{BOOTSTRAP_TYPE}'", texts.NO_BOOTSTRAP),
        Rule(
            f"!has(self.type) || self.type != '{TOKEN_TYPE}' || !has(self.metadata) || "
            "!has(self.metadata.annotations) || "
            f"!('{ACCOUNT_ANNOTATION}' in self.metadata.annotations)",
            texts.NO_ACCOUNT_ANNOTATION,
        ),
    )
