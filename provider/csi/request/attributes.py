"""Parses the Mount request of the driver: the pod, its tokens and its class.

The driver sends JSON in strings. Users write parts of it (the class, the attributes of the volume),
so it is hostile input. It holds tokens, so no message quotes it and no error keeps a cause that
would.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from provider.csi.request.driver_json import json_object
from provider.csi.request.model import ClassSpec, MountSpec, Pod, Volume
from provider.csi.request.parameters import ClassText, class_text, parse_text
from provider.csi.request.tokens import PREFIX, TOKENS, read_tokens
from provider.manifests.entries import Findings
from provider.manifests.problems import InvalidSpec, Problem, quote

CLASS_NAME = "secretProviderClass"
POD_KEYS = {
    "namespace": f"{PREFIX}pod.namespace",
    "name": f"{PREFIX}pod.name",
    "uid": f"{PREFIX}pod.uid",
    "service_account": f"{PREFIX}serviceAccount.name",
}
"""Keys of the driver's attributes, by the field of `Pod`."""

_KUBERNETES_NAME = re.compile(r"[A-Za-z0-9][-._A-Za-z0-9]{0,252}")
"""Names and UIDs: they become parts of URLs and session names."""
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


def parse_mount(raw: RawRequest, *, default_region: str | None) -> MountSpec:
    """The request that the driver sends; raises `InvalidSpec` with every problem.

    `default_region` is the region of the daemon, None if it has none.
    """
    return parse_decoded(decode_mount(raw, default_region=default_region))


def decode_mount(raw: RawRequest, *, default_region: str | None) -> DecodedRequest:
    """The first half of `parse_mount`: decodes the JSON, which is quick."""
    findings = Findings()
    given = _texts(raw.attributes, findings)
    mode = _mode(raw.permission, findings)
    pod = _pod(given, findings)
    parameters = {
        name: text
        for name, text in given.items()
        if not name.startswith(PREFIX) and name != CLASS_NAME
    }
    return DecodedRequest(
        pod=pod,
        class_name=_usable(given.get(CLASS_NAME, "")),
        target_path=raw.target_path,
        tokens=read_tokens(given.get(TOKENS), raw.secrets, findings),
        text=class_text(parameters, default_mode=mode, default_region=default_region),
        problems=tuple(findings.problems),
    )


def parse_decoded(
    request: DecodedRequest, parse: Callable[[ClassText], ClassSpec] = parse_text
) -> MountSpec:
    """The second half of `parse_mount`: parses the class, which may take long."""
    try:
        klass = parse(request.text)
    except InvalidSpec as invalid:
        raise InvalidSpec([*request.problems, *invalid.problems], invalid.warnings) from None
    if request.problems:
        raise InvalidSpec(request.problems, klass.warnings)
    return MountSpec(
        pod=request.pod,
        class_name=request.class_name,
        target_path=request.target_path,
        tokens=request.tokens,
        klass=klass,
    )


def _texts(attributes: str, findings: Findings) -> dict[str, str]:
    decoded = json_object(attributes, "attributes", findings)
    if decoded is None:
        return _names_in(attributes)
    texts = {}
    for name, value in decoded.items():
        if isinstance(value, str):
            texts[name] = value
        else:
            findings.error("attributes", f"{quote(name)} must be text")
    return texts


def _names_in(attributes: str) -> dict[str, str]:
    """Pod and class in attributes that are too long to decode: they say whose class it is.

    A text of a user cannot look like this: JSON has a backslash before each quote in it.
    """
    found = {key: _member(key).search(attributes) for key in (*POD_KEYS.values(), CLASS_NAME)}
    return {key: match[1] for key, match in found.items() if match}


def _member(key: str) -> re.Pattern[str]:
    return re.compile(rf'[{{,]\s*"{re.escape(key)}"\s*:\s*"([^"\\]*)"')


def _mode(permission: str, findings: Findings) -> int:
    number = _PERMISSION.fullmatch(permission)
    mode = int(number[1]) if number else -1
    if 0 <= mode <= _MOST_MODE:
        return mode
    findings.error(
        "permission",
        f"must be the decimal number of a file mode, {_MOST_MODE} (0777) at most, "
        f"got {quote(permission)}",
    )
    return _DEFAULT_MODE


def _pod(given: Mapping[str, str], findings: Findings) -> Pod:
    for key in POD_KEYS.values():
        text = given.get(key, "")
        if not text:
            findings.error(key, "is missing: the CSIDriver must have podInfoOnMount: true")
        elif not _KUBERNETES_NAME.fullmatch(text):
            findings.error(key, f"is no Kubernetes name, got {quote(text)}")
    return Pod(**{name: _usable(given.get(key, "")) for name, key in POD_KEYS.items()})


def _usable(name: str) -> str:
    """The name if Kubernetes accepts it, else nothing: names become parts of log lines, Events and
    paths. Old drivers do not name the class, and its author may."""
    return name if _KUBERNETES_NAME.fullmatch(name) else ""
