"""Checks of the manifest around the parameters: its version, its provider, its name."""

from collections.abc import Iterable, Iterator

from provider.tools.review import findings as rules
from provider.tools.review.classes import Reviewed
from provider.tools.review.findings import Finding
from provider.manifests.nodes import Fields
from provider.manifests.problems import quote

_API_VERSION = "secrets-store.csi.x-k8s.io/v1"
_OLD = "secrets-store.csi.x-k8s.io/v1alpha1"
OURS = "aws"


def is_ours(provider: str) -> bool:
    """Whether a class of this provider is for us, if misspelled; other providers' are not."""
    return provider.strip().lower() in {OURS, ""}


def check_form(reviewed: Reviewed) -> Iterator[Finding]:
    """What the API server or the driver would stumble over."""
    node, manifest = reviewed.manifest.node, reviewed.manifest
    if manifest.api_version == _OLD:
        message = f"{_OLD} is deprecated"
        yield reviewed.found(
            rules.API_VERSION, "apiVersion", message, node["apiVersion"], f"write {_API_VERSION}"
        )
    elif manifest.api_version != _API_VERSION:
        got = quote(manifest.api_version)
        message = f"must be {_API_VERSION}, got {got}: no cluster knows this as a class"
        yield reviewed.found(rules.MANIFEST, "apiVersion", message, node["apiVersion"])
    if not manifest.name:
        yield reviewed.found(rules.MANIFEST, "metadata.name", "is required", node["metadata"])
    provider = reviewed.klass.provider
    if provider and provider != OURS:
        spec = node["spec"]
        at = spec["provider"] if isinstance(spec, Fields) else None
        message = f"the driver looks for {provider}.sock, and there is {OURS}.sock"
        yield reviewed.found(rules.PROVIDER, "spec.provider", message, at, f"did you mean {OURS}")


def check_names(classes: Iterable[Reviewed]) -> Iterator[Finding]:
    """Classes that are applied over each other."""
    first: dict[tuple[str, str], Reviewed] = {}
    for one in classes:
        if not one.name:
            continue
        holder = first.setdefault((one.klass.namespace, one.name), one)
        if holder is not one:
            at = holder.manifest.node
            message = f"stands in {holder.source.name}:{at.line} too: the last one applied counts"
            metadata = one.manifest.node["metadata"]
            place = metadata["name"] if isinstance(metadata, Fields) else None
            yield one.found(rules.DUPLICATE_CLASS, "metadata.name", message, place)
