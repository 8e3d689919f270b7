"""The keys of an ExternalSecret's `target.template`."""

from collections.abc import Mapping
from typing import Literal

from provider.controller.resources import texts
from provider.controller.resources.table import NAME, NO_TEXTS, SECRET_KEY, Rule, field, table

TemplateTarget = Literal["Data", "Annotations", "Labels"]
TemplateAs = Literal["Values", "KeysAndValues"]
BOOTSTRAP_TYPE = "bootstrap.kubernetes.io/token"
TOKEN_TYPE = "kubernetes.io/service-account-token"  # noqa: S105 (a type's name)
HELM_TYPE = "helm.sh/release.v1"
MAKERS: Mapping[str, str] = {TOKEN_TYPE: "Kubernetes", BOOTSTRAP_TYPE: "kubeadm", HELM_TYPE: "Helm"}
"""Types of Secrets that give rights to their writer, and who makes them; none is written."""
ACCOUNT_ANNOTATION = "kubernetes.io/service-account.name"
ValuesDecoding = Literal["None", "Base64", "Base64URL", "Auto"]


@table
class TemplateMetadata:
    """Labels and annotations of the Secret."""

    annotations: Mapping[str, str] = field(
        "Annotations; their values are templates.", default=NO_TEXTS
    )
    labels: Mapping[str, str] = field("Labels; their values are templates.", default=NO_TEXTS)
    finalizers: tuple[str, ...] = field(
        "Finalizers that are added to the Secret.", default=(), only_v1=True
    )


@table
class TemplateItem:
    """One key of a ConfigMap or Secret that holds a template."""

    key: str = field("The key.", shape=SECRET_KEY)
    template_as: TemplateAs = field(
        "Values: the result is one value, under the same key. KeysAndValues: the result is YAML "
        "of keys and values.",
        default="Values",
        stored={"v1": "Values", "v1beta1": "Values"},
    )


@table
class TemplateSource:
    """A ConfigMap or Secret, in the same namespace, that holds templates."""

    name: str = field("Its name.", shape=NAME)
    items: tuple[TemplateItem, ...] = field("Its keys that are templates.")


@table
class TemplateFrom:
    """Templates from elsewhere."""

    config_map: TemplateSource | None = field("A ConfigMap with templates.", default=None)
    secret: TemplateSource | None = field("A Secret with templates.", default=None)
    target: TemplateTarget = field(
        "What the results become: Data, Labels or Annotations of the Secret.",
        default="Data",
        stored={"v1": "Data", "v1beta1": "Data"},
        choices={"v1": ()},
        any_case=True,
        refusal=texts.TEMPLATE_TARGET,
    )
    values_decoding_strategy: ValuesDecoding = field(
        "Decode the rendered values: None, Base64, Base64URL or Auto.", default="None", only_v1=True
    )
    literal: str | None = field("A template whose result is YAML of keys and values.", default=None)


@table
class Template:
    """How the Secret is made from the values."""

    type: str = field(
        "Type of the Secret; Opaque if left out. It cannot be changed later.", default=""
    )
    engine_version: Literal["v2"] = field(
        "The template engine; v2 is the only one.",
        default="v2",
        stored={"v1": "v2", "v1beta1": "v2"},
    )
    metadata: TemplateMetadata = field(
        "Labels and annotations of the Secret.", default=TemplateMetadata()
    )
    merge_policy: Literal["Replace", "Merge"] = field(
        "Replace: the Secret holds only what templates make. Merge: the values that were read too.",
        default="Replace",
        stored={"v1": "Replace", "v1beta1": "Replace"},
    )
    data: Mapping[str, str] = field("Keys of the Secret and their templates.", default=NO_TEXTS)
    template_from: tuple[TemplateFrom, ...] = field(
        "Templates from ConfigMaps, Secrets and literals; data wins over them.", default=()
    )

    RULES = (
        Rule(f"!has(self.type) || self.type != '{BOOTSTRAP_TYPE}'", texts.NO_BOOTSTRAP),
        Rule(
            f"!has(self.type) || self.type != '{TOKEN_TYPE}' || !has(self.metadata) || "
            "!has(self.metadata.annotations) || "
            f"!('{ACCOUNT_ANNOTATION}' in self.metadata.annotations)",
            texts.NO_ACCOUNT_ANNOTATION,
        ),
    )
