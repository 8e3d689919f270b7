"""Checks of the volumes of pods in the same manifests."""

from collections.abc import Iterator

from provider.manifests.nodes import Fields, Node, Scalar
from provider.tools.validate import findings as rules
from provider.tools.validate.findings import Finding, LocatedManifest, Rule
from provider.tools.validate.missing import Names, missing
from provider.tools.workloads import DRIVER, class_of, pods, text, volumes

_KEY = "volumeAttributes.secretProviderClass"


def check_volumes(located: LocatedManifest, classes: Names) -> Iterator[Finding]:
    """Volumes that the driver refuses, or whose class is not among `classes`."""
    for path, pod in pods(located.manifest.node):
        for index, csi in volumes(pod):
            for rule, key, message, at, hint in _faults(csi, located.manifest.namespace, classes):
                where = f"{path}.volumes[{index}].csi.{key}"
                yield located.found(rule, where, message, at, hint)


def _faults(
    csi: Fields, namespace: str, classes: Names
) -> Iterator[tuple[Rule, str, str, Node, str]]:
    """Rule, key, message, place and suggestion."""
    at = class_of(csi)
    name = text(at)
    if at is None or not name:
        yield rules.VOLUME, _KEY, f"is required by {DRIVER}", csi, ""
        return
    read_only = csi["readOnly"]
    if not (isinstance(read_only, Scalar) and read_only.text.lower() == "true"):
        message = "must be true: the driver refuses the volume"
        yield rules.MANIFEST, "readOnly", message, read_only or csi, ""
    why = "pod and class must have the same namespace"
    if fault := missing(name, namespace, classes, kind="class", elsewhere=why):
        message, hint = fault
        yield rules.VOLUME if classes else rules.ELSEWHERE, _KEY, message, at, hint
