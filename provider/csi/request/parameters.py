"""Parses the parameters of a SecretProviderClass."""

from collections.abc import Mapping
from typing import NamedTuple, cast

from provider.csi.request.keys import PARAMETER_KEYS
from provider.csi.request.model import AddressType, Auth, ClassSpec
from provider.csi.request.objects import ObjectReader
from provider.csi.request.references import region_mismatch
from provider.engine.model import AssumeRole
from provider.manifests.entries import Entry, Findings, read_texts
from provider.manifests.keys import closest, did_you_mean
from provider.manifests.problems import Problem, printable, quote

_KNOWN = [key.name for key in PARAMETER_KEYS]
_SHOWN = 5
"""Unknown parameters that a warning names."""
_AUTH: Mapping[str, Auth] = {"irsa": "irsa", "podIdentity": "pod-identity", "auto": "auto"}


class ClassText(NamedTuple):
    """Everything that a class is parsed from; a key of the cache."""

    known: tuple[str, ...]
    """The values of the known parameters, in the order of the table."""
    unknown: tuple[str, ...]
    """Names of the first unknown parameters."""
    unknown_count: int
    default_mode: int
    default_region: str | None

    @property
    def characters(self) -> int:
        """Length of all texts together."""
        return sum(map(len, self.known)) + sum(map(len, self.unknown))


def class_text(
    parameters: Mapping[str, str], *, default_mode: int, default_region: str | None
) -> ClassText:
    """The texts of a class. See `parse_class`."""
    unknown = sorted(parameters.keys() - _KNOWN)
    return ClassText(
        tuple(parameters.get(name, "") for name in _KNOWN),
        tuple(unknown[:_SHOWN]),
        len(unknown),
        default_mode,
        default_region,
    )


def parse_class(
    parameters: Mapping[str, str], *, default_mode: int, default_region: str | None
) -> ClassSpec:
    """The class that the parameters describe; raises `InvalidSpec` with every problem.

    `default_mode` is the mode of files without a mode of their own; `default_region` the region of
    the daemon, None if it has none.
    """
    return parse_text(
        class_text(parameters, default_mode=default_mode, default_region=default_region)
    )


def region_problems(klass: ClassSpec, region: str) -> list[Problem]:
    """The problems of a class without a region in `region`, the region of its node."""
    problems = [
        Problem(f"{obj.path}.objectName", fault)
        for obj in klass.objects
        if (fault := region_mismatch(obj.ref.name, region))
    ]
    if klass.failover_region == region:
        problems.insert(0, Problem("failoverRegion", _same_region(region)))
    return problems


def parse_text(text: ClassText) -> ClassSpec:
    """As `parse_class`."""
    findings = Findings()
    _warn_of_unknown(text, findings)
    texts = dict(zip(_KNOWN, text.known, strict=True))
    other = closest("objects", text.unknown)
    given = read_texts(texts, PARAMETER_KEYS, findings, {"objects": other} if other else {})
    region, failover_region = given["region"] or text.default_region, given["failoverRegion"]
    if failover_region and failover_region == region:
        findings.error("failoverRegion", _same_region(region))
    translation = given["pathTranslation"] or "_"
    separator = translation if len(translation) == 1 else None
    reader = ObjectReader(region, failover_region, separator, text.default_mode, findings)
    objects = reader.read(given["objects"]) if given["objects"] else ()
    auth, assume_role = _auth(given), _assume_role(given)
    findings.raise_if_any()
    return ClassSpec(
        region=region,
        failover_region=failover_region,
        identity_kind=auth,
        address_type=cast("AddressType", (given["preferredAddressType"] or "auto").lower()),
        objects=objects,
        warnings=tuple(findings.warnings),
        role_arn=given["roleArn"],
        assume_role=assume_role,
        session_tags=given.is_true("assumeRoleSessionTags"),
    )


def _warn_of_unknown(text: ClassText, findings: Findings) -> None:
    """One warning for all unknown parameters: a class may have thousands."""
    if not text.unknown:
        return
    names = [quote(name) for name in text.unknown]
    if text.unknown_count == 1:
        (name,) = text.unknown
        hint = did_you_mean(name, _KNOWN)
        findings.warn(
            "parameters", f"key {names[0]} is not known and has no effect", hint=hint, key=name
        )
        return
    if more := text.unknown_count - len(names):
        names.append(f"and {more} more")
    message = f"{text.unknown_count} keys are not known and have no effect: {', '.join(names)}"
    similar = {name: closest(name, _KNOWN) for name in text.unknown}
    pairs = [f"{known} by {printable(name)}" for name, known in similar.items() if known]
    hint = f"did you mean {' and '.join(pairs)}" if pairs else ""
    findings.warn("parameters", message, hint=hint)


def _auth(given: Entry) -> Auth:
    """The kind of credentials; adds a problem for each key that contradicts it."""
    use_pod_identity = (given["usePodIdentity"] or "").lower() in {"1", "t", "true"}
    kind: Auth = "pod-identity" if use_pod_identity else "irsa"
    if auth := given["auth"]:
        if given["usePodIdentity"] and _AUTH[auth] != kind:
            said = "true" if use_pod_identity else "false"
            given.error("auth", f"is {auth}, but usePodIdentity is {said}")
        kind = _AUTH[auth]
    if given["roleArn"] and kind == "pod-identity":
        given.error(
            "roleArn",
            "is a role for IRSA, but EKS Pod Identity gives the role of its association; see "
            "assumeRoleArn",
        )
    return kind


def _assume_role(given: Entry) -> AssumeRole | None:
    """The role to assume with the pod's own credentials; None: there is none."""
    if "assumeRoleArn" not in given.values:
        for key in given.texts:
            if key.startswith("assumeRole"):
                given.error(key, "needs assumeRoleArn")
    arn = given["assumeRoleArn"]
    duration = int(given["assumeRoleDurationSeconds"] or 0) or None
    return AssumeRole(arn, given["assumeRoleExternalId"], duration) if arn else None


def _same_region(region: str | None) -> str:
    return f"must differ from the first region, {region}"
