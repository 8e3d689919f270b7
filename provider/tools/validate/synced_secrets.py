"""Checks and repairs `secretObjects`: Kubernetes Secrets that the driver creates from the files.

With a mistake here, pods start but their Secrets are missing. Only the log of the driver says why.
"""

import re
from collections.abc import Collection, Iterator

from provider.controller.resources.reading import fits
from provider.controller.resources.table import NAME
from provider.manifests.nodes import Fields
from provider.manifests.problems import quote
from provider.tools.class_files import files
from provider.tools.validate import findings as rules
from provider.tools.validate.classes import Reviewed
from provider.tools.validate.findings import Finding
from provider.tools.validate.missing import nearest
from provider.tools.workloads import at, mappings, text

SECRET_KEY = re.compile(r"(?!\.\.?$|\.\.)[-._a-zA-Z0-9]{1,253}")
"""Valid keys of a Secret (`IsConfigMapKey` of Kubernetes)."""
_REQUIRED = "is required: without it the driver creates no Secret"
NEEDED = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}
"""The keys that the API server requires for a type of Secret."""


def check_synced(reviewed: Reviewed) -> Iterator[Finding]:
    """Secrets that cannot be created, or lack a value."""
    names: set[str] = set()
    for index, secret in mappings(at(reviewed.manifest.node, "spec", "secretObjects")):
        path = f"spec.secretObjects[{index}]"
        for key, message, hint in _faults(secret, names):
            yield reviewed.found(rules.SYNCED_SECRET, f"{path}.{key}", message, hint)
        names.add(text(secret["secretName"]))
        yield from _check_data(reviewed, path, secret)


def _faults(secret: Fields, names: set[str]) -> Iterator[tuple[str, str, str]]:
    """Key, message and suggestion."""
    name, kind = text(secret["secretName"]), text(secret["type"])
    if not name:
        yield "secretName", _REQUIRED, ""
    elif not fits(name, NAME):
        message = f"{quote(name)} is not a valid name of a Secret: use a-z, 0-9, - and ."
        yield "secretName", message, ""
    elif name in names:
        message = f"{quote(name)} is used twice: one of the Secrets is never written"
        yield "secretName", message, ""
    if not kind:
        yield "type", _REQUIRED, "use type: Opaque"
    keys = {text(entry["key"]) for _, entry in mappings(secret["data"])}
    if not keys:
        yield "data", _REQUIRED, ""
    elif missing := [key for key in NEEDED.get(kind, ()) if key not in keys]:
        # The driver takes a key or certificate out of a PEM file, but adds no keys.
        yield "type", f"a Secret of this type needs the key {' and '.join(missing)}", ""


def _check_data(reviewed: Reviewed, path: str, secret: Fields) -> Iterator[Finding]:
    known = files(reviewed.known) if reviewed.known else None
    keys: set[str] = set()
    for index, entry in mappings(secret["data"]):
        entry_path = f"{path}.data[{index}]"
        key, name = text(entry["key"]), text(entry["objectName"])
        fault = _key_fault(key, keys)
        keys.add(key)
        if fault:
            yield reviewed.found(rules.SYNCED_SECRET, f"{entry_path}.key", fault)
        if known is not None and name and not any(file.may_be(name) for file in known):
            message, hint = _missing_file(name, [file.path for file in known])
            yield reviewed.found(rules.SYNCED_FILE, f"{entry_path}.objectName", message, hint)


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


_UNFIT = re.compile(r"[^-._a-zA-Z0-9]")
_KEY_CHARACTERS = 253


def matching_block(reviewed: Reviewed) -> str:
    """YAML with one Secret that has every file of the class.

    The name, the type and the valid keys of an existing block are kept.
    """
    import yaml  # noqa: PLC0415 - only this option writes YAML

    existing = mappings(at(reviewed.manifest.node, "spec", "secretObjects"))
    secret = next((one for _, one in existing), None)
    named = (text(secret["secretName"]), text(secret["type"])) if secret else ("", "")
    block = {
        "secretName": named[0] or reviewed.name,
        "type": named[1] or "Opaque",
        "data": [{"objectName": file, "key": key} for file, key in _keys(reviewed, secret)],
    }
    written = yaml.safe_dump({"secretObjects": [block]}, sort_keys=False, allow_unicode=True)
    return "".join(_remarks(reviewed)) + written


def _remarks(reviewed: Reviewed) -> Iterator[str]:
    """Comments about files that must be added by hand."""
    for file in files(reviewed.spec) if reviewed.spec else ():
        if file.several:
            yield f"# {file.object}: the names of {file.path} depend on the secret; add some\n"


def _keys(reviewed: Reviewed, secret: Fields | None) -> Iterator[tuple[str, str]]:
    """The path of each file, and its key in the Secret."""
    known = {
        text(entry["objectName"]): text(entry["key"])
        for _, entry in mappings(secret["data"] if secret else None)
        if SECRET_KEY.fullmatch(text(entry["key"]))
    }
    made = files(reviewed.spec) if reviewed.spec else ()
    paths = [file.path for file in made if not file.several]
    taken = {known[path] for path in paths if path in known}
    for path in paths:
        key = known.get(path) or _free(_valid(path), taken)
        taken.add(key)
        yield path, key


def _valid(path: str) -> str:
    key = _UNFIT.sub("_", path)[:_KEY_CHARACTERS]
    return key if SECRET_KEY.fullmatch(key) else f"_{key.lstrip('.')}"[:_KEY_CHARACTERS]


def _free(key: str, taken: set[str]) -> str:
    number = 2
    free = key
    while free in taken:
        free = f"{key[: _KEY_CHARACTERS - 8]}-{number}"
        number += 1
    return free
