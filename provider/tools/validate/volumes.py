"""Checks of the volumes of pods in the same manifests."""

from collections.abc import Iterator, Sequence

from provider.manifests.nodes import Fields, Node, Scalar
from provider.manifests.problems import quote
from provider.tools.validate import findings as rules
from provider.tools.validate.findings import Finding, Held, Rule
from provider.tools.validate.synced_secrets import nearest
from provider.tools.workloads import DRIVER, class_of, pods, text, volumes

_KEY = "volumeAttributes.secretProviderClass"

Names = Sequence[tuple[str, str]]
"""Namespace, empty if the manifest has none, and name."""


def check_volumes(held: Held, classes: Names) -> Iterator[Finding]:
    """Volumes that the driver refuses, or whose class is not among `classes`."""
    for path, pod in pods(held.manifest.node):
        for index, csi in volumes(pod):
            for rule, key, message, at, hint in _faults(csi, held.manifest.namespace, classes):
                where = f"{path}.volumes[{index}].csi.{key}"
                yield held.found(rule, where, message, at, hint)


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
    fault, hint = _fault(name, namespace, classes)
    if fault:
        yield rules.VOLUME if classes else rules.ELSEWHERE, _KEY, fault, at, hint


def _fault(name: str, namespace: str, classes: Names) -> tuple[str, str]:
    """Message and suggestion; empty if the class exists."""
    known = [space for space, one in classes if one == name]
    if not known:
        meant = nearest(name, [one for _, one in classes])
        hint = f"did you mean {meant}" if meant else ""
        return f"{quote(name)} is not a class of these files", hint
    if namespace and not any(space in {"", namespace} for space in known):
        spaces = " and ".join(sorted(known))
        return f"{quote(name)} is in {spaces}: pod and class must have the same namespace", ""
    return "", ""
