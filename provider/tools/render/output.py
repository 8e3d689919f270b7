"""The rendered Secret as text, with its values masked or shown."""

import json
from base64 import b64decode
from collections.abc import Mapping
from typing import Any, Literal

from provider.controller.resources.external_secret import ExternalSecretSpec
from provider.controller.resources.hashes import DATA_HASH_ANNOTATION
from provider.kube.kinds import Document
from provider.tools.convert.commented_yaml import dump

MASK = "*****"
_OWN = "reconcile.external-secrets.io/"
_UID = "<uid of the ExternalSecret>"


def as_text(
    document: Document, spec: ExternalSecretSpec, output: Literal["yaml", "json"], *, reveal: bool
) -> str:
    """The Secret; text is shown as `stringData`, which Kubernetes takes for `data`."""
    shown = _readable(document) if reveal else _masked(document, spec)
    if output == "json":
        return json.dumps(shown, indent=2, ensure_ascii=False) + "\n"
    return dump(shown)


def _readable(document: Document) -> Document:
    whole = _with_owner(document)
    binary, texts = dict[str, str](), dict[str, str]()
    for key, value in (whole.pop("data", None) or {}).items():
        text = _text(value)
        if text is None:
            binary[key] = value
        else:
            texts[key] = text
    return {**whole, **({"data": binary} if binary else {}), "stringData": texts}


def _masked(document: Document, spec: ExternalSecretSpec) -> Document:
    """Values are masked, and labels and annotations that templates make of them."""
    whole = _with_owner(document)
    data = whole.pop("data", None) or {}
    metadata = {**whole["metadata"]}
    for kind in ("labels", "annotations"):
        if found := metadata.get(kind):
            shown = _literals(spec, kind)
            metadata[kind] = {
                key: text if _may_show(key, shown) else MASK for key, text in found.items()
            }
    masked = {key: MASK if value else "" for key, value in data.items()}
    return {**whole, "metadata": metadata, "stringData": masked}


def _may_show(key: str, shown: Mapping[str, str] | None) -> bool:
    if key == DATA_HASH_ANNOTATION:
        return False  # of a short value, the hash tells the value
    return shown is None or key.startswith(_OWN) or key in shown


def _literals(spec: ExternalSecretSpec, kind: str) -> Mapping[str, str] | None:
    """The labels or annotations that hold no value; None: all of them."""
    template = spec.target.template
    if template is None:
        return None
    about = template.metadata
    texts = about.labels if kind == "labels" else about.annotations
    return {key: text for key, text in texts.items() if "{{" not in text}


def _with_owner(document: Document) -> dict[str, Any]:
    """The document; the uid of its owner is not known before the owner exists."""
    metadata = {**document["metadata"]}
    metadata.pop("resourceVersion", None)
    owners = [
        {**one, "uid": one.get("uid") or _UID}
        for one in metadata.pop("ownerReferences", None) or ()
    ]
    empty = {key for key, value in metadata.items() if value in ({}, [], None, "")}
    kept = {key: value for key, value in metadata.items() if key not in empty}
    return {**document, "metadata": {**kept, **({"ownerReferences": owners} if owners else {})}}


def _text(value: str) -> str | None:
    try:
        return b64decode(value).decode()
    except ValueError:
        return None
