"""The parameters of a SecretProviderClass, and what they say about its objects.

Every remount of every pod brings the same text again, about once a minute: a class is parsed once
and remembered by its text.
"""

from collections.abc import Mapping
from functools import lru_cache

from provider.manifests.entries import Findings
from provider.csi.request.identities import read_assume_role, read_auth
from provider.csi.request.keys import PARAMETER_KEYS, Key, did_you_mean
from provider.csi.request.model import AddressType, ClassSpec
from provider.manifests.problems import Problem, quote
from provider.csi.request.objects import Terms, read_objects
from provider.csi.request.references import region_fault

_KNOWN = {key.name: key for key in PARAMETER_KEYS}
_REMEMBERED_CLASSES = 256
_REMEMBERED_CHARACTERS = 16 * 1024
"""Longer classes are parsed each time, so that what is remembered stays a few MiB at worst."""


def parse_class(
    parameters: Mapping[str, str], *, default_mode: int, default_region: str | None
) -> ClassSpec:
    """The class that the parameters describe; raises `InvalidSpec` with every mistake.

    `default_mode` is the mode of files without one of their own; `default_region` the daemon's
    region, where it knows one.
    """
    known = tuple(parameters.get(name, "") for name in _KNOWN)
    unknown = tuple(sorted(parameters.keys() - _KNOWN.keys()))
    size = sum(map(len, known)) + sum(map(len, unknown))
    parse = _parse_once if size <= _REMEMBERED_CHARACTERS else _parse
    return parse(known, unknown, default_mode, default_region)


def region_problems(klass: ClassSpec, region: str) -> list[Problem]:
    """What is wrong with a class once its region, which it does not name, turns out to be this."""
    problems = []
    if klass.failover_region == region:
        problems.append(Problem("failoverRegion", _same_region(region)))
    for obj in klass.objects:
        fault = region_fault(obj.ref.name, region)
        if fault:
            problems.append(Problem(f"{obj.path}.objectName", fault))
    return problems


def _parse(
    known: tuple[str, ...], unknown: tuple[str, ...], default_mode: int, default_region: str | None
) -> ClassSpec:
    findings = Findings()
    for name in unknown:
        hint = did_you_mean(name, _KNOWN)
        findings.ignored("parameters", f"key {quote(name)} is not known, ignored{hint}")
    given = dict(zip(_KNOWN, known, strict=True))
    sound = {
        name: given[name] for name, key in _KNOWN.items() if _is_sound(key, given[name], findings)
    }
    region, failover_region = sound.get("region", default_region), sound.get("failoverRegion")
    if failover_region and failover_region == region:
        findings.wrong("failoverRegion", _same_region(region))
    terms = Terms(region, failover_region, _separator(sound.get("pathTranslation")), default_mode)
    objects = read_objects(sound["objects"], terms, findings) if "objects" in sound else ()
    identity_kind = read_auth(sound, findings)
    assume_role = read_assume_role(given, sound, findings)
    findings.raise_if_any()
    return ClassSpec(
        region=region,
        failover_region=failover_region,
        identity_kind=identity_kind,
        address_type=_address_type(sound.get("preferredAddressType")),
        objects=objects,
        warnings=tuple(findings.warnings),
        role_arn=sound.get("roleArn"),
        assume_role=assume_role,
    )


_parse_once = lru_cache(_REMEMBERED_CLASSES)(_parse)


def _is_sound(key: Key, text: str, findings: Findings) -> bool:
    """Whether a parameter is given and fit for use; an empty one is as good as left out."""
    if not text:
        if key.required:
            findings.wrong(key.name, "is required")
        return False
    fault = key.fault_in(text)
    if fault:
        findings.wrong(key.name, f"{fault}, got {quote(text)}")
    return not fault


def _separator(translation: str | None) -> str | None:
    if translation is None:
        return "_"
    return translation if len(translation) == 1 else None


def _address_type(text: str | None) -> AddressType:
    kinds: dict[str | None, AddressType] = {"ipv4": "ipv4", "ipv6": "ipv6"}
    return kinds.get(text.lower() if text else None, "auto")


def _same_region(region: str | None) -> str:
    return f"must differ from the first region, {region}"
