"""The driver's Mount request: whose mount it is, the pod's tokens, and the class.

The driver sends JSON in strings. Users write parts of it (the class, the volume's attributes), so
it is read as hostile; and it carries tokens, so no message quotes it and no cause is kept that
would.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from provider.manifests.entries import Findings
from provider.csi.request.model import ClassSpec, MountSpec, Pod
from provider.csi.request.parameters import parse_class
from provider.manifests.problems import InvalidSpec, quote

PREFIX = "csi.storage.k8s.io/"
TOKENS = f"{PREFIX}serviceAccount.tokens"
CLASS_NAME = "secretProviderClass"
POD_KEYS = {
    "namespace": f"{PREFIX}pod.namespace",
    "name": f"{PREFIX}pod.name",
    "uid": f"{PREFIX}pod.uid",
    "service_account": f"{PREFIX}serviceAccount.name",
}
"""Keys of the driver's attributes by the field of `Pod` that they fill."""

_CHARACTERS = 2 * 1024 * 1024
_KUBERNETES_NAME = re.compile(r"[A-Za-z0-9][-._A-Za-z0-9]{0,252}")
"""Names and UIDs: they become parts of URLs and session names."""
_TOKEN = re.compile(r"[\x21-\x7e]{1,65536}")
"""What may stand in an HTTP header."""
_PERMISSION = re.compile(r"\s*(0|[1-9][0-9]{0,3})\s*")
_DEFAULT_MODE = 0o644
"""Stands in for a faulty permission while the rest of the request is checked."""


def parse_mount(
    *, attributes: str, secrets: str, permission: str, target_path: str, default_region: str | None
) -> MountSpec:
    """The request that the driver's strings describe; raises `InvalidSpec` with every mistake."""
    findings = Findings()
    given = _texts(attributes, findings)
    mode = _mode(permission, findings)
    pod = _pod(given, findings)
    tokens = _tokens(given.get(TOKENS), secrets, findings)
    klass = _class(given, mode, default_region, findings)
    findings.raise_if_any()
    assert klass is not None  # noqa: S101 - a class without problems is one
    return MountSpec(
        pod=pod,
        class_name=given.get(CLASS_NAME, ""),
        target_path=target_path,
        tokens=tokens,
        klass=klass,
    )


def _class(
    given: Mapping[str, str], mode: int, default_region: str | None, findings: Findings
) -> ClassSpec | None:
    parameters = {
        name: text
        for name, text in given.items()
        if not name.startswith(PREFIX) and name != CLASS_NAME
    }
    try:
        return parse_class(parameters, default_mode=mode, default_region=default_region)
    except InvalidSpec as invalid:
        findings.problems.extend(invalid.problems)
        findings.warnings.extend(invalid.warnings)
        return None


class _RepeatedKeyError(ValueError):
    """A JSON object has a key twice."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keyed = dict(pairs)
    if len(keyed) != len(pairs):
        raise _RepeatedKeyError
    return keyed


_DECODER = json.JSONDecoder(object_pairs_hook=_object)


def _json_object(text: str, path: str, findings: Findings) -> dict[str, Any] | None:
    """The JSON object that `text` is; None when it is none, which is noted without its text."""
    if len(text) > _CHARACTERS:
        findings.wrong(path, f"is too long: {len(text)} characters, {_CHARACTERS} are the limit")
        return None
    try:
        value = _DECODER.decode(text)
    except _RepeatedKeyError:
        findings.wrong(path, "has a key twice")
        return None
    except (ValueError, RecursionError):
        findings.wrong(path, "is not JSON")
        return None
    if not isinstance(value, dict):
        findings.wrong(path, "must be a JSON object")
        return None
    return value


def _texts(attributes: str, findings: Findings) -> dict[str, str]:
    texts = {}
    for name, value in (_json_object(attributes, "attributes", findings) or {}).items():
        if isinstance(value, str):
            texts[name] = value
        else:
            findings.wrong("attributes", f"{quote(name)} must be text")
    return texts


def _mode(permission: str, findings: Findings) -> int:
    number = _PERMISSION.fullmatch(permission)
    mode = int(number[1]) if number else -1
    if 0 <= mode <= 0o7777:
        return mode
    findings.wrong(
        "permission", f"must be the decimal number of a file mode, got {quote(permission)}"
    )
    return _DEFAULT_MODE


def _pod(given: Mapping[str, str], findings: Findings) -> Pod:
    for key in POD_KEYS.values():
        text = given.get(key, "")
        if not text:
            findings.wrong(key, "is missing: the CSIDriver must have podInfoOnMount: true")
        elif not _KUBERNETES_NAME.fullmatch(text):
            findings.wrong(key, f"is no Kubernetes name, got {quote(text)}")
    return Pod(**{name: given.get(key, "") for name, key in POD_KEYS.items()})


def _tokens(own: str | None, secrets: str, findings: Findings) -> dict[str, str]:
    """Tokens by audience, from the attributes, else from the secrets; none is no mistake yet."""
    text = own or _tokens_in(secrets, findings)
    by_audience = _json_object(text, TOKENS, findings) if text else None
    tokens = {}
    for audience, entry in (by_audience or {}).items():
        token = entry.get("token") if isinstance(entry, dict) else None
        if isinstance(token, str) and _TOKEN.fullmatch(token):
            tokens[audience] = token
        else:
            findings.wrong(TOKENS, f"holds no usable token for the audience {quote(audience)}")
    return tokens


def _tokens_in(secrets: str, findings: Findings) -> str:
    if TOKENS.rpartition("/")[2] not in secrets:  # spares parsing: "/" may be escaped in JSON
        return ""
    text = (_json_object(secrets, "secrets", findings) or {}).get(TOKENS, "")
    if isinstance(text, str):
        return text
    findings.wrong(f"secrets[{TOKENS}]", "must be text")
    return ""
