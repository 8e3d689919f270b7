"""Checks of the manifest apart from its parameters: version, provider and name."""

import re
from collections.abc import Iterable, Iterator

from provider.manifests.nodes import Fields, Node
from provider.manifests.problems import quote
from provider.tools.validate import findings as rules
from provider.tools.validate.classes import Reviewed
from provider.tools.validate.findings import Finding
from provider.tools.workloads import text

_API_VERSION = "secrets-store.csi.x-k8s.io/v1"
_OLD = "secrets-store.csi.x-k8s.io/v1alpha1"
OURS = "aws"
_NAMES = (
    (
        "name",
        re.compile(r"(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"),
        "a-z, 0-9, - and .",
    ),
    ("namespace", re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"), "a-z, 0-9 and -, 63 at most"),
)
"""Keys of the metadata, with the rule of the API server in two forms."""
_UNFIT = {"name": re.compile("[^-.a-z0-9]+"), "namespace": re.compile("[^-a-z0-9]+")}


def is_ours(provider: str) -> bool:
    """Whether a class with this provider is for `aws`, perhaps misspelled."""
    return provider.strip().lower() in {OURS, ""}


def check_manifest(reviewed: Reviewed) -> Iterator[Finding]:
    """What the API server or the driver would reject."""
    node, manifest = reviewed.manifest.node, reviewed.manifest
    if manifest.api_version == _OLD:
        message = f"{_OLD} is deprecated"
        yield reviewed.found(
            rules.API_VERSION, "apiVersion", message, node["apiVersion"], f"write {_API_VERSION}"
        )
    elif manifest.api_version != _API_VERSION:
        got = quote(manifest.api_version)
        message = f"must be {_API_VERSION}, got {got}: it does not exist"
        yield reviewed.found(rules.MANIFEST, "apiVersion", message, node["apiVersion"])
    yield from _check_metadata(reviewed)
    provider = reviewed.klass.provider
    if provider and provider != OURS:
        spec = node["spec"]
        at = spec["provider"] if isinstance(spec, Fields) else None
        message = f"the driver looks for {provider}.sock, but the socket is {OURS}.sock"
        yield reviewed.found(rules.PROVIDER, "spec.provider", message, at, f"did you mean {OURS}")


def _check_metadata(reviewed: Reviewed) -> Iterator[Finding]:
    metadata = reviewed.manifest.node["metadata"]
    fields = metadata if isinstance(metadata, Fields) else None
    for key, message, hint in name_faults(metadata):
        at = (fields[key] if fields else None) or metadata
        yield reviewed.found(rules.MANIFEST, f"metadata.{key}", message, at, hint)


def name_faults(metadata: Node | None) -> Iterator[tuple[str, str, str]]:
    """Key, message and suggestion for names that Kubernetes refuses."""
    fields = metadata if isinstance(metadata, Fields) else None
    for key, rule, allowed in _NAMES:
        name = text(fields[key] if fields else None)
        if not name and key == "name":
            yield key, "is required", ""
        elif name and not rule.fullmatch(name):
            meant = _UNFIT[key].sub("-", name.lower()).strip("-.")
            hint = f"did you mean {meant}" if rule.fullmatch(meant) else ""
            yield key, f"{quote(name)} is not a valid {key}: use {allowed}", hint


def check_names(classes: Iterable[Reviewed]) -> Iterator[Finding]:
    """Classes that overwrite each other."""
    first: dict[tuple[str, str], Reviewed] = {}
    for one in classes:
        if not one.name:
            continue
        holder = first.setdefault((one.klass.namespace, one.name), one)
        if holder is not one:
            at = holder.manifest.node
            message = (
                f"is also in {holder.source.name}:{at.line}: the one that is applied last wins"
            )
            metadata = one.manifest.node["metadata"]
            place = metadata["name"] if isinstance(metadata, Fields) else None
            yield one.found(rules.DUPLICATE_CLASS, "metadata.name", message, place)
