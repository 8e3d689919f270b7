"""Checks of parameters that are taken, but do not do what one may expect."""

import re
from collections.abc import Iterator

from provider.tools.review import findings as rules
from provider.tools.review.classes import Reviewed
from provider.tools.review.findings import Finding
from provider.manifests.problems import quote

_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}")
_ZONE = re.compile(rf"(?P<region>{_REGION.pattern})[a-z]")
_WITHOUT_DASH = re.compile(r"(?P<head>[a-z]{2,4}(-[a-z]+)+)(?P<number>[0-9]{1,2})")


def check_regions(reviewed: Reviewed) -> Iterator[Finding]:
    """Regions that have the form of none."""
    for key in ("region", "failoverRegion"):
        given = reviewed.klass.values.get(key)
        if given and given.text and not _REGION.fullmatch(given.text):
            message = f"{quote(given.text)} looks like no AWS region"
            hint = _meant(given.text)
            yield reviewed.found(rules.REGION, f"spec.parameters.{key}", message, given, hint)


def _meant(text: str) -> str:
    zone = _ZONE.fullmatch(text)
    if zone:
        return f"it is a zone of {zone['region']}"
    short = _WITHOUT_DASH.fullmatch(text)
    return f"did you mean {short['head']}-{short['number']}" if short else ""


def check_effects(reviewed: Reviewed) -> Iterator[Finding]:
    """Parameters without effect beside the others."""
    spec, given = reviewed.spec, reviewed.klass.values.get("preferredAddressType")
    if spec and given and given.text and spec.identity_kind == "irsa":
        message = "has an effect with EKS Pod Identity only, and the class uses IRSA"
        path = "spec.parameters.preferredAddressType"
        hint = 'set usePodIdentity: "true", or leave it out'
        yield reviewed.found(rules.NO_EFFECT, path, message, given, hint)


def check_failover(reviewed: Reviewed) -> Iterator[Finding]:
    """What a failover region will hardly have."""
    spec = reviewed.spec
    if spec is None or spec.failover_region is None:
        return
    if spec.region is None:
        region = spec.failover_region
        message = f"stands without region: no node of {region} itself can mount the class"
        yield reviewed.found(
            rules.FAILOVER,
            "spec.parameters.failoverRegion",
            message,
            reviewed.klass.values["failoverRegion"],
            "name the region",
        )
    for obj in spec.objects:
        if obj.ref.version is None or obj.failover != obj.ref:
            continue
        kind = (
            "only a replica has the version ids of its primary"
            if obj.ref.store == "secretsmanager"
            else "a parameter's version numbers are each region's own"
        )
        message = f"version {obj.ref.version} is asked for in {spec.failover_region} too: {kind}"
        yield reviewed.found_inside(
            rules.FAILOVER,
            obj.path,
            message,
            reviewed.objects[obj.index],
            "use objectVersionLabel, which both regions can have",
        )
