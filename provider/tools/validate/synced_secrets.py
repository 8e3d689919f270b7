"""Checks of `secretObjects`: Kubernetes Secrets that the driver creates from the files.

With a mistake here, pods start but their Secrets are missing. Only the log of the driver says why.
"""

import re
from collections.abc import Collection, Iterator
from difflib import get_close_matches
from itertools import islice

from provider.manifests.nodes import Fields
from provider.manifests.problems import quote
from provider.tools.class_files import files
from provider.tools.validate import findings as rules
from provider.tools.validate.classes import Reviewed
from provider.tools.validate.findings import Finding
from provider.tools.workloads import mappings, text

SECRET_KEY = re.compile(r"(?!\.\.?$|\.\.)[-._a-zA-Z0-9]{1,253}")
"""Valid keys of a Secret (`IsConfigMapKey` of Kubernetes)."""
_MOST_COMPARED = 300
"""Names that one is compared with: each takes some 10 µs."""
_SECRET_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_NEEDED = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}
"""The keys that the API server requires for a type of Secret."""


def check_synced(reviewed: Reviewed) -> Iterator[Finding]:
    """Secrets that cannot be created, or lack a value."""
    spec = reviewed.manifest.node["spec"]
    secrets = spec["secretObjects"] if isinstance(spec, Fields) else None
    names: set[str] = set()
    for index, secret in mappings(secrets):
        path = f"spec.secretObjects[{index}]"
        yield from _check_secret(reviewed, path, secret, names)
        yield from _check_data(reviewed, path, secret)


def _check_secret(
    reviewed: Reviewed, path: str, secret: Fields, names: set[str]
) -> Iterator[Finding]:
    name = text(secret["secretName"])
    if not name:
        message = "is required: without it the driver creates no Secret"
        yield reviewed.found(rules.SYNCED_SECRET, f"{path}.secretName", message, secret)
    elif not _SECRET_NAME.fullmatch(name):
        message = f"{quote(name)} is not a valid name of a Secret: use a-z, 0-9, - and ."
        at = secret["secretName"]
        yield reviewed.found(rules.SYNCED_SECRET, f"{path}.secretName", message, at)
    elif name in names:
        message = f"{quote(name)} is used twice: one of the Secrets is never written"
        at = secret["secretName"]
        yield reviewed.found(rules.SYNCED_SECRET, f"{path}.secretName", message, at)
    names.add(name)
    if not text(secret["type"]):
        message = "is required: without it the driver creates no Secret"
        hint = "use type: Opaque"
        yield reviewed.found(rules.SYNCED_SECRET, f"{path}.type", message, secret, hint)
    keys = {text(entry["key"]) for _, entry in mappings(secret["data"])}
    if not keys:
        message = "is required: without it the driver creates no Secret"
        yield reviewed.found(rules.SYNCED_SECRET, f"{path}.data", message, secret)
        return
    missing = [key for key in _NEEDED.get(text(secret["type"]), ()) if key not in keys]
    if missing:  # the driver takes a key or certificate out of a PEM file, but adds no keys
        message = f"a Secret of this type needs the key {' and '.join(missing)}"
        yield reviewed.found(rules.SYNCED_SECRET, f"{path}.type", message, secret["type"])


def _check_data(reviewed: Reviewed, path: str, secret: Fields) -> Iterator[Finding]:
    known = files(reviewed.known) if reviewed.known else None
    keys: set[str] = set()
    for index, entry in mappings(secret["data"]):
        entry_path = f"{path}.data[{index}]"
        key, name = text(entry["key"]), text(entry["objectName"])
        fault = _key_fault(key, keys)
        keys.add(key)
        if fault:
            at = entry["key"] or entry
            yield reviewed.found(rules.SYNCED_SECRET, f"{entry_path}.key", fault, at)
        if known is not None and name and not any(file.may_be(name) for file in known):
            message, hint = _missing_file(name, [file.path for file in known])
            place, where = entry["objectName"], f"{entry_path}.objectName"
            yield reviewed.found(rules.SYNCED_FILE, where, message, place, hint)


def _key_fault(key: str, keys: Collection[str]) -> str:
    if not key:
        return "is required: it names the value in the Secret"
    if not SECRET_KEY.fullmatch(key):
        return f"{quote(key)} is not a valid key of a Secret: use letters, digits, -, _ and ."
    return f"{quote(key)} is used twice: one of the values is lost" if key in keys else ""


def _missing_file(name: str, delivered: Collection[str]) -> tuple[str, str]:
    meant = nearest(name, delivered)
    if meant and meant.lower() == name.lower():
        return f"{quote(name)} differs from the file of the class in capitalization", f"use {meant}"
    message = f"{quote(name)} is not a file of the class: the driver cannot create the Secret"
    if meant:
        return message, f"did you mean {meant}"
    shown = ", ".join(quote(one) for one in sorted(delivered)[:10])
    return message, f"there are {shown}" if len(delivered) <= 10 else ""


def nearest(name: str, delivered: Collection[str]) -> str:
    """The file with the most similar name, if there is one; translated names come first."""
    by_lower = {file.lower(): file for file in islice(delivered, _MOST_COMPARED)}
    for spelled in (name.lower(), name.lower().replace("/", "_"), name.lower().lstrip("/")):
        if spelled in by_lower:
            return by_lower[spelled]
    close = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[close[0]] if close else ""
