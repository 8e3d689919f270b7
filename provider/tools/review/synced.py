"""Checks of `secretObjects`: Kubernetes Secrets that the driver makes of the files.

What is wrong here lets pods start and their Secrets be missing, with a word of it in the driver's
log alone.
"""

import re
from collections.abc import Collection, Iterator
from difflib import get_close_matches

from provider.tools.review import findings as rules
from provider.tools.review.classes import Reviewed, mappings
from provider.tools.review.delivered import files
from provider.tools.review.findings import Finding
from provider.manifests.nodes import Fields, Node, Scalar
from provider.manifests.problems import quote

SECRET_KEY = re.compile(r"(?!\.\.?$|\.\.)[-._a-zA-Z0-9]{1,253}")
"""Keys that a Secret may have (`IsConfigMapKey` of Kubernetes)."""
_SECRET_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_NEEDED = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}
"""Keys without which the API server refuses a Secret of the type."""


def check_synced(reviewed: Reviewed) -> Iterator[Finding]:
    """Secrets that will not come about, or not as meant."""
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
        message = "is required: the driver makes no Secret without it"
        yield reviewed.found(rules.SYNCED_SECRET, f"{path}.secretName", message, secret)
    elif not _SECRET_NAME.fullmatch(name):
        message = f"{quote(name)} is no Secret's name: small letters, digits, - and ."
        at = secret["secretName"]
        yield reviewed.found(rules.SYNCED_SECRET, f"{path}.secretName", message, at)
    elif name in names:
        message = f"{quote(name)} is made twice: one of them is never written"
        at = secret["secretName"]
        yield reviewed.found(rules.SYNCED_SECRET, f"{path}.secretName", message, at)
    names.add(name)
    if not text(secret["type"]):
        message = "is required: the driver makes no Secret without it"
        hint = "write type: Opaque"
        yield reviewed.found(rules.SYNCED_SECRET, f"{path}.type", message, secret, hint)
    keys = {text(entry["key"]) for _, entry in mappings(secret["data"])}
    if not keys:
        message = "is required: the driver makes no Secret without it"
        yield reviewed.found(rules.SYNCED_SECRET, f"{path}.data", message, secret)
        return
    missing = [key for key in _NEEDED.get(text(secret["type"]), ()) if key not in keys]
    # The driver splits one PEM file into both keys of a TLS secret.
    if missing and not (text(secret["type"]) == "kubernetes.io/tls" and len(missing) < 2):
        message = f"a Secret of this type needs the key {' and '.join(missing)}"
        yield reviewed.found(rules.SYNCED_SECRET, f"{path}.type", message, secret["type"])


def _check_data(reviewed: Reviewed, path: str, secret: Fields) -> Iterator[Finding]:
    known = files(reviewed.spec) if reviewed.spec else None
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
            message, hint = _undelivered(name, [file.path for file in known])
            place, where = entry["objectName"], f"{entry_path}.objectName"
            yield reviewed.found(rules.SYNCED_FILE, where, message, place, hint)


def _key_fault(key: str, keys: Collection[str]) -> str:
    if not key:
        return "is required: it names the value in the Secret"
    if not SECRET_KEY.fullmatch(key):
        return f"{quote(key)} is no key of a Secret: letters, digits, -, _ and ."
    return f"{quote(key)} stands twice: one of the values is lost" if key in keys else ""


def _undelivered(name: str, delivered: Collection[str]) -> tuple[str, str]:
    meant = nearest(name, delivered)
    if meant and meant.lower() == name.lower():
        return f"{quote(name)} differs from the class's file in capitals", f"write {meant}"
    message = f"{quote(name)} is no file of the class: the driver cannot make the Secret"
    if meant:
        return message, f"did you mean {meant}"
    shown = ", ".join(quote(one) for one in sorted(delivered)[:10])
    return message, f"there are {shown}" if len(delivered) <= 10 else ""


def nearest(name: str, delivered: Collection[str]) -> str:
    """The file that was meant, if one resembles the name; translated names come first."""
    by_lower = {file.lower(): file for file in delivered}
    for spelled in (name.lower(), name.lower().replace("/", "_"), name.lower().lstrip("/")):
        if spelled in by_lower:
            return by_lower[spelled]
    close = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[close[0]] if close else ""


def text(node: Node | None) -> str:
    """The text of a node, empty where it has none."""
    return (node.words or "") if isinstance(node, Scalar) else ""
