"""The keys of a ClusterExternalSecret's spec."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from provider.controller.resources.external_secret import ExternalSecretSpec
from provider.controller.resources.selectors import LabelSelector
from provider.controller.resources.table import NAME, NAMESPACE, Key, no_texts


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalSecretMetadata:
    """Metadata of the ExternalSecrets."""

    annotations: Annotated[Mapping[str, str], Key("Annotations of the ExternalSecrets.")] = field(
        default_factory=no_texts
    )
    labels: Annotated[Mapping[str, str], Key("Labels of the ExternalSecrets.")] = field(
        default_factory=no_texts
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterExternalSecretSpec:
    """One ExternalSecret in each of many namespaces."""

    external_secret_spec: Annotated[ExternalSecretSpec, Key("The spec of the ExternalSecrets.")]
    external_secret_name: Annotated[
        str, Key("Name of the ExternalSecrets; that of this object if left out.", shape=NAME)
    ] = ""
    external_secret_metadata: Annotated[
        ExternalSecretMetadata, Key("Labels and annotations of the ExternalSecrets.")
    ] = field(default=ExternalSecretMetadata())
    namespace_selector: Annotated[
        LabelSelector | None,
        Key("Labels of the namespaces; {} is all. Use namespaceSelectors for several."),
    ] = None
    namespace_selectors: Annotated[
        tuple[LabelSelector, ...], Key("Selectors of namespaces; one must fit.")
    ] = ()
    namespaces: Annotated[
        tuple[str, ...],
        Key("Names of namespaces, besides those that are selected.", items=NAMESPACE),
    ] = ()
    refresh_time: Annotated[
        float | None,
        Key("Time between checks of the namespaces: a Go duration such as 1h; 1h if left out."),
    ] = None
