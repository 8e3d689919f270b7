"""AWS's two wire protocols as far as they are needed: query for STS, JSON 1.1 for all others.

An answer of an unexpected shape is a `Fault` of the kind `garbage`, never a KeyError.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

from provider import __version__
from provider.aws.endpoints import Service
from provider.aws.faults import Fault
from provider.runtime.transport import Reply

_STS_VERSION = "2011-06-15"
_TARGETS: Mapping[Service, str] = {
    "secretsmanager": "secretsmanager",
    "ssm": "AmazonSSM",
    "ecr": "AmazonEC2ContainerRegistry_V20150921",
    "ecr-public": "SpencerFrontendService",
}


def user_agent(eks_addon_version: str | None = None) -> str:
    own = f"secrets-provider-aws/{__version__}"
    return f"{own} eks-addon/{eks_addon_version}" if eks_addon_version else own


def encode(
    service: Service, operation: str, parameters: Mapping[str, Any]
) -> tuple[dict[str, str], bytes]:
    if service == "sts":
        form = {"Action": operation, "Version": _STS_VERSION, **parameters}
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        return headers, urlencode(form).encode()
    target = f"{_TARGETS[service]}.{operation}"
    headers = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"}
    return headers, json.dumps(parameters).encode()


def decode(service: Service, reply: Reply) -> dict[str, Any]:
    """The document of an answer; of STS the text of each element, and as `SentAt` its `sent_at`.

    Raises `Fault` if it is an error or not a document.
    """
    document = _xml(reply.body) if service == "sts" else _json(reply.body)
    if reply.status != 200:
        raise _fault(reply, document or {})
    if document is None:
        raise unexpected("the answer is not the document that was expected")
    if service == "sts":
        document["SentAt"] = reply.sent_at
    return document


def unexpected(what: str) -> Fault:
    """The fault for an unexpected shape. `what` must not quote the answer: it may hold a secret."""
    return Fault("garbage", "UnexpectedAnswer", what, status=200)


def objects(value: object, name: str) -> Sequence[Mapping[str, Any]]:
    """A list of objects in an answer; raises `Fault` for anything else under this `name`."""
    if isinstance(value, list) and all(isinstance(entry, dict) for entry in value):
        return value
    raise unexpected(f"{name} in the answer is not a list of objects")


def _json(body: bytes) -> dict[str, Any] | None:
    """None if it is not a JSON object."""
    try:
        document = json.loads(body.decode()) if body else {}
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _xml(body: bytes) -> dict[str, Any] | None:
    """None if it is not plain XML. Without a document type there are no entities to expand."""
    try:
        text = body.decode()  # strictly UTF-8: another encoding could hide a document type
        if "<!DOCTYPE" in text:
            return None
        root = ET.fromstring(text)  # noqa: S314 - no document type gets this far
    except (ET.ParseError, ValueError):
        return None
    return {str(one.tag).rsplit("}", 1)[-1]: one.text or "" for one in root.iter()}


def _fault(reply: Reply, document: Mapping[str, Any]) -> Fault:
    # Both "namespace#Code" and "Code:url" occur.
    code = _text(document, "__type", "code", "Code").rsplit("#", 1)[-1].split(":", 1)[0]
    message = _text(document, "message", "Message")
    kind: Fault.Kind = "answer"
    if not (code.isascii() and code.isalnum() and len(code) <= 80):
        code, message = f"HTTP {reply.status}", ""
        kind = "answer" if "x-amzn-requestid" in reply.headers else "foreign"
    return Fault(kind, code, message, status=reply.status, retry_after=_retry_after(reply))


def _text(document: Mapping[str, Any], *names: str) -> str:
    texts = (document.get(name) for name in names)
    return next((text for text in texts if text and isinstance(text, str)), "")


def _retry_after(reply: Reply) -> float | None:
    milliseconds = reply.headers.get("x-amz-retry-after", "")
    return int(milliseconds) / 1000 if milliseconds.isdecimal() and len(milliseconds) < 10 else None
