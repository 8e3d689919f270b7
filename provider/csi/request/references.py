"""Reads which secret an object names: ARNs, selectors, versions, `failoverObject`."""

import re
from typing import cast

from provider.aws.arn import Arn, looks_like_arn
from provider.csi.request.keys import FAILOVER_KEYS
from provider.engine.model import SecretRef, StoreName
from provider.manifests.entries import Entry, read_entry
from provider.manifests.nodes import Fields
from provider.manifests.problems import printable, quote

_PATH = re.compile(r"/[A-Za-z0-9_./-]{0,1010}")
"""Characters of parameter names ("Requirements and constraints for parameter names", AWS Systems
Manager User Guide)."""


def read_ref(entry: Entry, region: str | None = None) -> SecretRef | None:
    """The ref of an object, which is read in `region`; None if it is not valid."""
    store = _store(entry)
    ref = _ref(entry, store) if store else None
    if ref is None:
        return None
    if fault := region_mismatch(ref.name, region):
        entry.error("objectName", fault)
    return ref._replace(optional=entry.is_true("optional"), recursive=entry.is_true("recursive"))


def read_failover(entry: Entry, primary: SecretRef | None, region: str | None) -> SecretRef | None:
    """The ref in the failover region; None if there is no such region or it is not valid."""
    node = entry.values.get("failoverObject")
    if isinstance(node, Fields):
        return _failover_object(entry, node, primary, region)
    if primary is None or region is None:
        return None
    if region_mismatch(primary.name, region):
        message = f"is an ARN, but failoverRegion {region} is asked as well: add a failoverObject"
        entry.error("objectName", message)
    return primary


def region_mismatch(name: str, region: str | None) -> str | None:
    """Why `name` cannot be read in `region`; None: it can, or the region is not known yet."""
    if region is None or not looks_like_arn(name) or (own := Arn.parse(name).region) == region:
        return None
    return f"is an ARN of {printable(own)}, but is asked for in {region}"


def _failover_object(
    entry: Entry, node: Fields, primary: SecretRef | None, region: str | None
) -> SecretRef | None:
    path = entry.path_of("failoverObject")
    if region is None:
        entry.findings.error(path, "needs the parameter failoverRegion", node)
    other = read_entry(node, FAILOVER_KEYS, path, entry.findings)
    ref = _ref(other, primary.store) if other and primary else None
    if other is None or primary is None or ref is None:
        return None
    if fault := region_mismatch(ref.name, region):
        other.error("objectName", fault)
    if ref.version != primary.version:
        wanted = quote(primary.version) if primary.version else "which has none"
        other.error("objectVersion", f"must equal the primary's, {wanted}")
    return primary._replace(name=ref.name, version=ref.version, label=ref.label or primary.label)


def _store(entry: Entry) -> StoreName | None:
    """The store of the object, by its `objectType` and its ARN, which must agree."""
    name, declared = entry["objectName"], cast("StoreName | None", entry["objectType"])
    if name is None or declared == "ssmparameterpath":
        return declared
    if not looks_like_arn(name):
        if declared is None and not entry.is_invalid("objectType"):
            entry.missing("objectType", "is required unless objectName is an ARN")
        return declared
    arn = _arn(entry, name)
    if arn and declared not in {None, arn.store}:
        entry.error("objectType", f"is {declared}, but objectName is an ARN of {arn.store}")
    return arn.store if arn else None


def _arn(entry: Entry, name: str) -> Arn | None:
    try:
        return Arn.parse(name)
    except ValueError as fault:
        entry.error("objectName", f"{fault}, got {quote(name)}")
        return None


def _ref(entry: Entry, store: StoreName) -> SecretRef | None:
    """The ref by the keys that objects and failover objects share; None if it is not valid."""
    name = entry["objectName"]
    if name is None:
        return None
    ref = SecretRef(store, name, entry["objectVersion"], entry["objectVersionLabel"])
    if store == "ssmparameterpath":
        return _path(entry, ref)
    if looks_like_arn(name):
        arn = _arn(entry, name)
        if arn is None:
            return None
        if arn.store != store:
            entry.error("objectName", f"must be of {store}, as the primary is")
            return None
    return _parameter(entry, ref) if store == "ssmparameter" else ref


def _path(entry: Entry, ref: SecretRef) -> SecretRef | None:
    """The ref of a path of parameters, without a slash at its end."""
    for key in ("objectVersion", "objectVersionLabel"):
        if entry[key]:
            entry.error(key, "is for one parameter: a path has no version")
    if not _PATH.fullmatch(ref.name):
        message = f"must be a path of parameters such as /app/prod, got {quote(ref.name)}"
        entry.error("objectName", message)
        return None
    return ref._replace(name=ref.name.rstrip("/") or "/")


def _parameter(entry: Entry, ref: SecretRef) -> SecretRef | None:
    """The ref of a parameter, with the selector of its name as version or label."""
    if ref.version and ref.label:
        message = "cannot be used with objectVersion: a parameter takes one of them"
        entry.error("objectVersionLabel", message)
        return None
    # The five colons of an ARN are not selectors.
    *arn, own = ref.name.split(":", 5) if looks_like_arn(ref.name) else [ref.name]
    plain, colon, selector = own.partition(":")
    if not colon:
        return ref
    if not selector or ":" in selector or not plain:
        message = f"must end in one :version or :label at most, got {quote(ref.name)}"
        entry.error("objectName", message)
        return None
    if ref.version or ref.label:
        key = "objectVersion" if ref.version else "objectVersionLabel"
        message = f"cannot be used with {quote(':' + selector)} at the end of objectName"
        entry.error(key, message)
        return None
    ref = ref._replace(name=":".join([*arn, plain]))
    if selector.isascii() and selector.isdigit():
        return ref._replace(version=selector)
    return ref._replace(label=selector)
