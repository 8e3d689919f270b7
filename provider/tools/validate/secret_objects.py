"""Makes the `secretObjects` block that matches the files of a class."""

import re
from collections.abc import Iterator

from provider.manifests.nodes import Fields
from provider.tools.class_files import files
from provider.tools.validate.classes import Reviewed
from provider.tools.validate.synced_secrets import SECRET_KEY
from provider.tools.workloads import mappings, text

_UNFIT = re.compile(r"[^-._a-zA-Z0-9]")
_KEY_CHARACTERS = 253


def matching_block(reviewed: Reviewed) -> str:
    """YAML with one Secret that has every file of the class.

    The name, the type and the valid keys of an existing block are kept.
    """
    import yaml  # noqa: PLC0415 - only this option writes YAML

    secret = _existing(reviewed)
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


def _existing(reviewed: Reviewed) -> Fields | None:
    spec = reviewed.manifest.node["spec"]
    found = mappings(spec["secretObjects"] if isinstance(spec, Fields) else None)
    return next((secret for _, secret in found), None)


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
