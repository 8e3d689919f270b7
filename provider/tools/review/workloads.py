"""Checks of the pods that lie beside the classes: whether their volumes fit."""

from collections.abc import Iterator, Sequence

from provider.tools.review import findings as rules
from provider.tools.review.classes import mappings
from provider.tools.review.findings import Finding, Rule
from provider.tools.review.sources import Source
from provider.tools.review.synced import nearest, text
from provider.manifests.kubernetes import Manifest
from provider.manifests.nodes import Fields, Node, Scalar
from provider.manifests.problems import quote

_DRIVER = "secrets-store.csi.k8s.io"
_KEY = "volumeAttributes.secretProviderClass"
_TEMPLATES = (
    ("spec",),
    ("spec", "template", "spec"),
    ("spec", "jobTemplate", "spec", "template", "spec"),
)
"""Where kinds have their pod's spec: pods, workloads, cron jobs."""

Names = Sequence[tuple[str, str]]
"""Namespace, empty where a manifest leaves it to kubectl, and name."""


def check_volumes(source: Source, manifest: Manifest, classes: Names) -> Iterator[Finding]:
    """Volumes that the driver refuses, or whose class is not among `classes`."""
    for path, csi in _volumes(manifest.node):
        for rule, key, message, at, hint in _faults(csi, manifest.namespace, classes):
            where = f"{path}.{key}"
            place = (source.name, at.line, at.column)
            yield Finding(rule, *place, manifest.path, where, message, hint)


def _faults(
    csi: Fields, namespace: str, classes: Names
) -> Iterator[tuple[Rule, str, str, Node, str]]:
    """Rule, key, message, place and suggestion."""
    name, at = _class(csi)
    if not name:
        yield rules.VOLUME, _KEY, f"is required by {_DRIVER}", csi, ""
        return
    read_only = csi["readOnly"]
    if not (isinstance(read_only, Scalar) and read_only.text.lower() == "true"):
        message = "must be true: the driver refuses the volume"
        yield rules.MANIFEST, "readOnly", message, read_only or csi, ""
    fault, hint = _fault(name, namespace, classes)
    if fault:
        yield rules.VOLUME, _KEY, fault, at, hint


def _fault(name: str, namespace: str, classes: Names) -> tuple[str, str]:
    known = [space for space, one in classes if one == name]
    if not known:
        meant = nearest(name, [one for _, one in classes])
        hint = f"did you mean {meant}" if meant else ""
        return (f"{quote(name)} is no class of these files", hint) if classes else ("", "")
    if namespace and not any(space in {"", namespace} for space in known):
        spaces = " and ".join(sorted(known))
        return f"{quote(name)} is in {spaces}: a pod's class is of its own namespace", ""
    return "", ""


def _volumes(node: Fields) -> Iterator[tuple[str, Fields]]:
    for path, pod in pods(node):
        for index, volume in mappings(pod["volumes"]):
            csi = volume["csi"]
            if isinstance(csi, Fields) and text(csi["driver"]) == _DRIVER:
                yield f"{path}.volumes[{index}].csi", csi


def pods(node: Fields) -> Iterator[tuple[str, Fields]]:
    """The specs of pods in a manifest, with their paths."""
    for steps in _TEMPLATES:
        found: Node | None = node
        for step in steps:
            found = found[step] if isinstance(found, Fields) else None
        if isinstance(found, Fields):
            yield ".".join(steps), found


def classes_of(pod: Fields) -> Iterator[str]:
    """Names of the classes that a pod mounts."""
    for _, volume in mappings(pod["volumes"]):
        csi = volume["csi"]
        if isinstance(csi, Fields) and text(csi["driver"]) == _DRIVER:
            yield _class(csi)[0]


def _class(csi: Fields) -> tuple[str, Node]:
    attributes = csi["volumeAttributes"]
    node = attributes["secretProviderClass"] if isinstance(attributes, Fields) else None
    return text(node), node or csi
