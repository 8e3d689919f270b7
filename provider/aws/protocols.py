"""AWS's two wire protocols as far as they are needed: JSON 1.1 for the stores, query for STS.

Answers are hostile until read: whatever does not have the right shape is a `Fault` of the kind
`garbage`, never a KeyError.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

from provider import __version__
from provider.aws.faults import Fault
from provider.http.response import Reply

USER_AGENT = f"secrets-provider-aws/{__version__}"


@dataclass(frozen=True, slots=True)
class Payload:
    """A request before it is signed."""

    headers: Mapping[str, str]
    body: bytes = field(repr=False)


def json_payload(target: str, body: Mapping[str, Any]) -> Payload:
    """A call of AWS JSON 1.1; `target` is as in `secretsmanager.GetSecretValue`."""
    headers = {
        "User-Agent": USER_AGENT,
        "X-Amz-Target": target,
        "Content-Type": "application/x-amz-json-1.1",
    }
    return Payload(headers, json.dumps(body).encode())


def read_json(reply: Reply) -> dict[str, Any]:
    """The answer's document; raises `Fault` for an error or for no document."""
    try:
        document = json.loads(reply.body) if reply.body else {}
    except (ValueError, RecursionError):
        document = None
    if reply.status != 200:
        raise _fault(reply, *_json_error(document))
    if not isinstance(document, dict):
        raise unexpected("the answer is not a JSON object", reply.status)
    return document


def query_payload(action: str, version: str, form: Mapping[str, str]) -> Payload:
    """A call of the AWS query protocol."""
    headers = {
        "User-Agent": USER_AGENT,
        "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
    }
    body = urlencode({"Action": action, "Version": version, **form})
    return Payload(headers, body.encode())


def read_xml(reply: Reply) -> ET.Element:
    """The answer's root, without name spaces; raises `Fault` for an error or for no ET."""
    root = _parse_xml(reply.body)
    if reply.status != 200:
        error = None if root is None else root.find(".//Error")
        if error is None:
            raise _fault(reply)
        raise _fault(reply, error.findtext("Code", ""), error.findtext("Message", ""))
    if root is None:
        raise unexpected("the answer is not XML", reply.status)
    return root


def unexpected(what: str, status: int = 200) -> Fault:
    """An answer that makes no sense. `what` is in our words: the answer may hold a secret."""
    return Fault("garbage", "UnexpectedAnswer", what, status=status)


def _json_error(document: object) -> tuple[str, str]:
    if not isinstance(document, dict):
        return "", ""
    code = document.get("__type") or document.get("code")
    message = document.get("message", document.get("Message"))
    return _text(code), _text(message)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _fault(reply: Reply, code: str = "", message: str = "") -> Fault:
    # "namespace#Code" and "Code:url" are both on record.
    code = code.rsplit("#", 1)[-1].split(":", 1)[0]
    if not (code.isascii() and code.isalnum() and len(code) <= 80):
        code, message = f"HTTP {reply.status}", ""
    return Fault("answer", code, message, status=reply.status, retry_after=_retry_after(reply))


def _retry_after(reply: Reply) -> float | None:
    milliseconds = reply.headers.get("x-amz-retry-after", "")
    return int(milliseconds) / 1000 if milliseconds.isdecimal() else None


def _parse_xml(body: bytes) -> ET.Element | None:
    """None where it is not plain ET. Without a document type there are no entities to expand."""
    try:
        text = body.decode()  # strictly UTF-8: another encoding could hide a document type
        if "<!DOCTYPE" in text:
            return None
        root = ET.fromstring(text)  # noqa: S314 - no document type gets this far
    except (ET.ParseError, ValueError):
        return None
    for element in root.iter():
        element.tag = str(element.tag).rsplit("}", 1)[-1]
    return root
