"""Parses the Mount request of the driver: the pod, its tokens and its class.

The driver sends JSON in strings. Users write parts of it (the class, the attributes of the volume),
so it is hostile input. It holds tokens, so no message quotes it and no error keeps a cause that
would.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from provider.csi.request.model import ClassSpec, MountSpec, Pod, Volume
from provider.csi.request.parameters import ClassText, class_text, parse_text
from provider.manifests.entries import Findings
from provider.manifests.problems import InvalidSpec, Problem, quote

PREFIX = "csi.storage.k8s.io/"
TOKENS = f"{PREFIX}serviceAccount.tokens"
CLASS_NAME = "secretProviderClass"
POD_KEYS = {
    "namespace": f"{PREFIX}pod.namespace",
    "name": f"{PREFIX}pod.name",
    "uid": f"{PREFIX}pod.uid",
    "service_account": f"{PREFIX}serviceAccount.name",
}
"""Keys of the driver's attributes, by the field of `Pod`."""

_JSON_CHARACTERS = 512 * 1024
"""Twice the limit of `objects`, because JSON escapes characters. Not more, because decoding holds
all threads: 90,000 parameters of a few characters for 0.1 s."""
_TOKENS_CHARACTERS = 256 * 1024
_TOKEN = re.compile(r"[\x21-\x7e]{1,65536}")
"""Characters that an HTTP header may hold."""
_KUBERNETES_NAME = re.compile(r"[A-Za-z0-9][-._A-Za-z0-9]{0,252}")
"""Names and UIDs: they become parts of URLs and session names."""
_MEMBERS = {
    key: re.compile(rf'"{name}"(?<!\\"{name}")\s*:\s*"([^"\\]*)"')
    for key in (*POD_KEYS.values(), CLASS_NAME)
    for name in [re.escape(key)]
}
"""Key and text in JSON. The quote before the key is checked after it, because a search for a plain
beginning is far faster."""
_PERMISSION = re.compile(r"\s*(0|[1-9][0-9]{0,3})\s*")
_MOST_MODE = 0o777
"""The set-uid, set-gid and sticky bits are refused."""
_DEFAULT_MODE = 0o644
"""Used while the rest of a request with a wrong permission is checked."""


@dataclass(frozen=True, slots=True)
class RawRequest:
    """The strings of the driver's request."""

    attributes: str = field(repr=False)
    secrets: str = field(repr=False)
    permission: str
    target_path: str


@dataclass(frozen=True, slots=True)
class DecodedRequest(Volume):
    """A request whose JSON is decoded and whose class is not parsed yet."""

    tokens: Mapping[str, str] = field(repr=False)
    text: ClassText
    """The class."""
    problems: tuple[Problem, ...]


def namespace_of(attributes: str) -> str:
    """The namespace of the pod, found without decoding the attributes; empty if there is none."""
    return _usable(_find(POD_KEYS["namespace"], attributes))


def _find(key: str, attributes: str) -> str:
    """The text of one of the driver's own keys, found without decoding; empty if it is not there.

    No text of a user is taken for such a key: JSON has a backslash before each quote in it.
    """
    match = _MEMBERS[key].search(attributes)
    return match[1] if match else ""


def decode_mount(raw: RawRequest, *, default_region: str | None) -> DecodedRequest:
    """The request with its JSON decoded, which is quick; it keeps its problems for `parse_decoded`.

    `default_region` is the region of the daemon, None if it has none.
    """
    findings = Findings()
    given = _attributes(raw.attributes, findings)
    mode = _mode(raw.permission, findings)
    pod = _pod(given, findings)
    tokens = _tokens(given.get(TOKENS) or _tokens_in(raw.secrets, findings), findings)
    parameters = {
        name: text
        for name, text in given.items()
        if not name.startswith(PREFIX) and name != CLASS_NAME
    }
    return DecodedRequest(
        pod=pod,
        class_name=_usable(given.get(CLASS_NAME, "")),
        target_path=raw.target_path,
        tokens=tokens,
        text=class_text(parameters, default_mode=mode, default_region=default_region),
        problems=tuple(findings.problems),
    )


def parse_decoded(
    request: DecodedRequest, parse: Callable[[ClassText], ClassSpec] = parse_text
) -> MountSpec:
    """The request with its class parsed, which may take long.

    Raises `InvalidSpec` with every problem of request and class.
    """
    try:
        klass = parse(request.text)
    except InvalidSpec as invalid:
        raise InvalidSpec([*request.problems, *invalid.problems], invalid.warnings) from None
    if request.problems:
        raise InvalidSpec(request.problems, klass.warnings)
    return MountSpec(request.pod, request.class_name, request.target_path, request.tokens, klass)


def _attributes(text: str, findings: Findings) -> dict[str, str]:
    decoded = _json_object(text, "attributes", findings, _JSON_CHARACTERS)
    for name, value in decoded.items():
        if not isinstance(value, str):
            findings.error("attributes", f"{quote(name)} must be text")
    texts = {name: value for name, value in decoded.items() if isinstance(value, str)}
    # Attributes that are too long to decode still name their pod and class.
    return texts or {key: _find(key, text) for key in _MEMBERS}


def _mode(permission: str, findings: Findings) -> int:
    number = _PERMISSION.fullmatch(permission)
    if number and int(number[1]) <= _MOST_MODE:
        return int(number[1])
    findings.error(
        "permission",
        f"must be the decimal number of a file mode, {_MOST_MODE} (0777) at most, "
        f"got {quote(permission)}",
    )
    return _DEFAULT_MODE


def _pod(given: Mapping[str, str], findings: Findings) -> Pod:
    names = {}
    for part, key in POD_KEYS.items():
        text = given.get(key, "")
        names[part] = _usable(text)
        if not text:
            findings.error(key, "is missing: the CSIDriver must have podInfoOnMount: true")
        elif not names[part]:
            findings.error(key, f"is no Kubernetes name, got {quote(text)}")
    return Pod(**names)


def _usable(name: str) -> str:
    """The name if Kubernetes accepts it, else nothing: names become parts of log lines, Events and
    paths. Where an old driver does not send the name of the class, its author can set any text."""
    return name if _KUBERNETES_NAME.fullmatch(name) else ""


def _tokens(text: str, findings: Findings) -> dict[str, str]:
    """Tokens by audience; there may be none."""
    by_audience = _json_object(text, TOKENS, findings, _TOKENS_CHARACTERS) if text else {}
    tokens = {}
    for audience, entry in by_audience.items():
        token = entry.get("token") if isinstance(entry, dict) else None
        if isinstance(token, str) and _TOKEN.fullmatch(token):
            tokens[audience] = token
        else:
            findings.error(TOKENS, f"holds no usable token for the audience {quote(audience)}")
    return tokens


def _tokens_in(secrets: str, findings: Findings) -> str:
    if TOKENS.removeprefix(PREFIX) not in secrets:  # no need to parse; "/" may be escaped in JSON
        return ""
    text = _json_object(secrets, "secrets", findings, _JSON_CHARACTERS).get(TOKENS, "")
    if isinstance(text, str):
        return text
    findings.error(f"secrets[{TOKENS}]", "must be text")
    return ""


class _RepeatedKeyError(ValueError):
    """A JSON object has a key twice."""


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keyed = dict(pairs)
    if len(keyed) != len(pairs):
        raise _RepeatedKeyError
    return keyed


def _json_object(text: str, path: str, findings: Findings, limit: int) -> dict[str, Any]:
    """The JSON object in `text`; empty, and a problem that does not quote it, if there is none."""
    fault = "must be a JSON object"
    if len(text) > limit:
        fault = f"is too long: {len(text)} characters, {limit} are the limit"
    else:
        try:
            value = json.loads(text, object_pairs_hook=_without_repeats)
            if isinstance(value, dict):
                return value
        except _RepeatedKeyError:
            fault = "has a key twice"
        except (ValueError, RecursionError):
            fault = "is not JSON"
    findings.error(path, fault)
    return {}
