"""Hashes, labels and names that External Secrets Operator writes too, byte for byte.

An object that the operator has synced is therefore taken over without a write.
"""

import hashlib
from collections.abc import Mapping

MANAGED_LABEL = "reconcile.external-secrets.io/managed"
OWNER_LABEL = "reconcile.external-secrets.io/created-by"
DATA_HASH_ANNOTATION = "reconcile.external-secrets.io/data-hash"
FIELD_MANAGER = "externalsecrets.external-secrets.io/"
_LONGEST_MANAGER = 63
_DECIMALS = tuple(str(number).encode() for number in range(256))
"""The decimal text of each byte: faster than to make it each time."""
_CHUNK = 4096
"""Bytes of a value whose text is in memory at a time, which is four times as long."""


def data_hash(data: Mapping[str, bytes]) -> str:
    """The hash of a Secret's data: of Go's `%+v` of a map of byte slices."""
    digest = hashlib.sha3_224(b"map[")
    for number, key in enumerate(_sorted(data)):
        space, name, value = b" " if number else b"", key.encode(errors="surrogatepass"), data[key]
        digest.update(space + name + b":[")
        for start in range(0, len(value), _CHUNK):
            space = b" " if start else b""
            part = map(_DECIMALS.__getitem__, value[start : start + _CHUNK])
            digest.update(space + b" ".join(part))
        digest.update(b"]")
    digest.update(b"]")
    return digest.hexdigest()


def owner_label(namespace: str, name: str) -> str:
    """The label value by which a Secret names the ExternalSecret that owns it."""
    return _sha3(f"{namespace}/{name}")


def field_manager(name: str) -> str:
    """The field manager of an ExternalSecret's writes; at most 63 characters, else a hash."""
    manager = FIELD_MANAGER + name
    if len(manager.encode(errors="surrogatepass")) <= _LONGEST_MANAGER:
        return manager
    return f"{FIELD_MANAGER}sha3/{_sha3(name)}"


def synced_resource_version(
    generation: int, annotations: Mapping[str, str], labels: Mapping[str, str]
) -> str:
    """What changes with the spec, an annotation or a label of an ExternalSecret."""
    text = f"{{annotations:{_go_map(annotations)} labels:{_go_map(labels)}}}"
    return f"{generation}-{_sha3(text)}"


def _go_map(texts: Mapping[str, str]) -> str:
    """Go's `%+v` of a map of strings."""
    return f"map[{' '.join(f'{key}:{texts[key]}' for key in _sorted(texts))}]"


def _sorted(mapping: Mapping[str, object]) -> list[str]:
    """Keys in Go's order: by their bytes."""
    return sorted(mapping, key=lambda one: one.encode(errors="surrogatepass"))


def _sha3(text: str) -> str:
    return hashlib.sha3_224(text.encode(errors="surrogatepass")).hexdigest()
