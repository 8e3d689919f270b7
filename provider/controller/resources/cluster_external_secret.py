"""The keys of a ClusterExternalSecret's spec."""

from collections.abc import Mapping

from provider.controller.resources.external_secret import ExternalSecretSpec
from provider.controller.resources.selectors import LabelSelector
from provider.controller.resources.table import NAME, NAMESPACE, NO_TEXTS, field, table


@table
class ExternalSecretMetadata:
    """Metadata of the ExternalSecrets."""

    annotations: Mapping[str, str] = field("Annotations of the ExternalSecrets.", default=NO_TEXTS)
    labels: Mapping[str, str] = field("Labels of the ExternalSecrets.", default=NO_TEXTS)


@table
class ClusterExternalSecretSpec:
    """One ExternalSecret in each of many namespaces."""

    external_secret_spec: ExternalSecretSpec = field("The spec of the ExternalSecrets.")
    external_secret_name: str = field(
        "Name of the ExternalSecrets; that of this object if left out.", default="", shape=NAME
    )
    external_secret_metadata: ExternalSecretMetadata = field(
        "Labels and annotations of the ExternalSecrets.", default=ExternalSecretMetadata()
    )
    namespace_selector: LabelSelector | None = field(
        "Labels of the namespaces; {} is all. Use namespaceSelectors for several.", default=None
    )
    namespace_selectors: tuple[LabelSelector, ...] = field(
        "Selectors of namespaces; one must fit.", default=()
    )
    namespaces: tuple[str, ...] = field(
        "Names of namespaces, besides those that are selected.", default=(), items=NAMESPACE
    )
    refresh_time: float | None = field(
        "Time between checks of the namespaces: a Go duration such as 1h; 1h if left out.",
        default=None,
    )
