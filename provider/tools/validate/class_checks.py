"""Checks of classes: version, provider and name, and values that do not work as intended.

The default mode of the driver, 0644, lets every user of the pod read, and files belong to root. An
explicit mode that does the same is only a note.
"""

import re
from collections.abc import Iterable, Iterator

from provider.aws.known_regions import KNOWN_REGIONS, closest_region
from provider.aws.regions import is_region
from provider.controller.resources.reading import fits
from provider.controller.resources.table import NAME, NAMESPACE
from provider.manifests.nodes import Node, Scalar
from provider.manifests.problems import quote
from provider.tools.validate import findings as rules
from provider.tools.validate.classes import Reviewed, value
from provider.tools.validate.findings import Finding, LocatedManifest, Rule
from provider.tools.workloads import at, mappings, text

_API_VERSION = "secrets-store.csi.x-k8s.io/v1"
_OLD = "secrets-store.csi.x-k8s.io/v1alpha1"
OURS = "aws"
_NAMES = (
    ("name", NAME, "a-z, 0-9, - and ."),
    ("namespace", NAMESPACE, "a-z, 0-9 and -, 63 at most"),
)
"""Keys of the metadata, with the rule of the API server in two forms."""
_UNFIT = {"name": re.compile("[^-.a-z0-9]+"), "namespace": re.compile("[^-a-z0-9]+")}


def is_ours(provider: str) -> bool:
    """Whether a class with this provider is for `aws`, perhaps misspelled."""
    return provider.strip().lower() in {OURS, ""}


def check_manifest(reviewed: Reviewed) -> Iterator[Finding]:
    """What the API server or the driver would reject."""
    version, provider = reviewed.manifest.api_version, reviewed.klass.provider
    if version == _OLD:
        hint = f"write {_API_VERSION}"
        yield reviewed.found(rules.API_VERSION, "apiVersion", f"{_OLD} is deprecated", hint)
    elif version != _API_VERSION:
        message = f"must be {_API_VERSION}, got {quote(version)}: it does not exist"
        yield reviewed.found(rules.MANIFEST, "apiVersion", message)
    yield from check_names(reviewed)
    if provider and provider != OURS:
        message = f"the driver looks for {provider}.sock, but the socket is {OURS}.sock"
        yield reviewed.found(rules.PROVIDER, "spec.provider", message, f"did you mean {OURS}")


def check_names(located: LocatedManifest) -> Iterator[Finding]:
    """Names that Kubernetes refuses."""
    for key, rule, allowed in _NAMES:
        path, name = f"metadata.{key}", text(at(located.manifest.node, "metadata", key))
        if not name and key == "name":
            yield located.found(rules.MANIFEST, path, "is required")
        elif name and not fits(name, rule):
            meant = _UNFIT[key].sub("-", name.lower()).strip("-.")
            hint = f"did you mean {meant}" if fits(meant, rule) else ""
            message = f"{quote(name)} is not a valid {key}: use {allowed}"
            yield located.found(rules.MANIFEST, path, message, hint)


def check_unique(classes: Iterable[Reviewed]) -> Iterator[Finding]:
    """Classes that overwrite each other."""
    first: dict[tuple[str, str], Reviewed] = {}
    for one in classes:
        if not one.name:
            continue
        holder = first.setdefault((one.klass.namespace, one.name), one)
        if holder is not one:
            message = f"is also in {holder.place}: the one that is applied last wins"
            yield one.found(rules.DUPLICATE_CLASS, "metadata.name", message)


_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}")
_ZONE = re.compile(rf"(?P<region>{_REGION.pattern})[a-z]")


def check_regions(reviewed: Reviewed) -> Iterator[Finding]:
    """Regions that do not look like a region of AWS, or are not known."""
    for key in ("region", "failoverRegion"):
        given = reviewed.klass.values.get(key)
        if given and (doubt := region_doubt(given.text)):
            message, hint = doubt
            yield reviewed.found(rules.REGION, f"spec.parameters.{key}", message, hint)


def region_doubt(text: str) -> tuple[str, str] | None:
    """Message and suggestion for a region that can exist, but is not known; None for others."""
    if not text or text in KNOWN_REGIONS or not is_region(text):
        return None
    is_formed = _REGION.fullmatch(text)
    why = "is not a known AWS region" if is_formed else "does not look like an AWS region"
    return f"{quote(text)} {why}", _meant(text)


def _meant(text: str) -> str:
    zone = _ZONE.fullmatch(text)
    if zone:
        return f"it is an availability zone of {zone['region']}"
    meant = closest_region(text)
    return f"did you mean {meant}" if meant else ""


def check_effects(reviewed: Reviewed) -> Iterator[Finding]:
    """Parameters that have no effect together with others."""
    spec, given = reviewed.spec, reviewed.klass.values.get("preferredAddressType")
    if spec and given and given.text and spec.identity_kind == "irsa":
        message = "only has an effect with EKS Pod Identity, but the class uses IRSA"
        path = "spec.parameters.preferredAddressType"
        hint = 'set usePodIdentity: "true", or leave it out'
        yield reviewed.found(rules.NO_EFFECT, path, message, hint)


def check_failover(reviewed: Reviewed) -> Iterator[Finding]:
    """What a failover region probably does not have."""
    spec = reviewed.known
    if spec is None or spec.failover_region is None:
        return
    if spec.region is None and "region" not in reviewed.klass.values:
        message = f"without region, nodes in {spec.failover_region} cannot mount the class"
        path = "spec.parameters.failoverRegion"
        yield reviewed.found(rules.FAILOVER, path, message, "set region")
    for obj in spec.objects:
        if obj.ref.version is None or obj.failover != obj.ref:
            continue
        kind = (
            "only a replica has the same version ids"
            if obj.ref.store == "secretsmanager"
            else "each region numbers the versions of a parameter itself"
        )
        message = f"version {obj.ref.version} is also read in {spec.failover_region}: {kind}"
        yield reviewed.found_inside(
            rules.FAILOVER,
            obj.path,
            message,
            reviewed.objects[obj.index],
            "use objectVersionLabel, which can exist in both regions",
        )


_MODE = re.compile("0[0-7]{3}")
_READABLE = (
    "lets every user of the pod read, like the default; files belong to root, so pods that run as "
    "another user need it"
)


def check_modes(reviewed: Reviewed) -> Iterator[Finding]:
    """Explicit modes that give more or fewer permissions than the file of a secret needs."""
    for path, node in _modes(reviewed):
        if not isinstance(node, Scalar) or not _MODE.fullmatch(node.text):
            continue  # the parser reports it
        remark = _remark(int(node.text, 8))
        if remark:
            rule, message = remark
            yield reviewed.found_inside(rule, path, f"{quote(node.text)} {message}", node)


def _modes(reviewed: Reviewed) -> Iterator[tuple[str, Node | None]]:
    for index, obj in enumerate(reviewed.objects):
        path = f"objects[{index}]"
        yield f"{path}.filePermission", value(obj, "filePermission")
        for number, entry in mappings(value(obj, "jmesPath")):
            yield f"{path}.jmesPath[{number}].filePermission", value(entry, "filePermission")


def _remark(mode: int) -> tuple[Rule, str] | None:
    if mode & 0o002:
        return rules.FILE_MODE, "lets every user of the pod write"
    if mode & 0o111:
        return rules.FILE_MODE, "makes the file executable"
    if not mode & 0o444:
        return rules.FILE_MODE, "lets only root read"
    return (rules.WORLD_READABLE, _READABLE) if mode & 0o004 else None
