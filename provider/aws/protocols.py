"""AWS's two wire protocols as far as they are needed: JSON 1.1 for the stores, query for STS.

An answer of an unexpected shape is a `Fault` of the kind `garbage`, never a KeyError.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

from provider import __version__
from provider.aws.faults import Fault
from provider.runtime.transport import Reply


def user_agent(eks_addon_version: str | None = None) -> str:
    """The `User-Agent` of requests to AWS."""
    own = f"secrets-provider-aws/{__version__}"
    return f"{own} eks-addon/{eks_addon_version}" if eks_addon_version else own


class XmlAnswer(NamedTuple):
    """An answer of the query protocol, without name spaces, and its `Date` header."""

    root: ET.Element
    date: str


@dataclass(frozen=True, slots=True)
class Payload:
    """A request before it is signed."""

    headers: Mapping[str, str]
    body: bytes = field(repr=False)


def json_payload(target: str, body: Mapping[str, Any]) -> Payload:
    """A call of AWS JSON 1.1; `target` is as in `secretsmanager.GetSecretValue`."""
    headers = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"}
    return Payload(headers, json.dumps(body).encode())


def read_json(reply: Reply) -> dict[str, Any]:
    """The document of an answer; raises `Fault` if it is an error or not a document."""
    try:
        document = json.loads(reply.body.decode()) if reply.body else {}
    except (ValueError, RecursionError):
        document = None
    if reply.status != 200:
        raise _fault(reply, *_json_error(document))
    if not isinstance(document, dict):
        raise unexpected("the answer is not a JSON object", reply.status)
    return document


def query_payload(action: str, version: str, form: Mapping[str, str]) -> Payload:
    """A call of the AWS query protocol."""
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    body = urlencode({"Action": action, "Version": version, **form})
    return Payload(headers, body.encode())


def read_xml(reply: Reply) -> XmlAnswer:
    """An answer of the query protocol; raises `Fault` if it is an error or not XML."""
    root = _parse_xml(reply.body)
    if reply.status != 200:
        error = None if root is None else root.find(".//Error")
        if error is None:
            raise _fault(reply)
        raise _fault(reply, error.findtext("Code", ""), error.findtext("Message", ""))
    if root is None:
        raise unexpected("the answer is not XML", reply.status)
    return XmlAnswer(root, reply.headers.get("date", ""))


def unexpected(what: str, status: int = 200) -> Fault:
    """The fault for an unexpected shape. `what` must not quote the answer: it may hold a secret."""
    return Fault("garbage", "UnexpectedAnswer", what, status=status)


def objects(value: object, name: str) -> Sequence[Mapping[str, Any]]:
    """A list of objects in an answer; raises `Fault` for anything else under this `name`."""
    if isinstance(value, list) and all(isinstance(entry, dict) for entry in value):
        return value
    raise unexpected(f"{name} in the answer is not a list of objects")


def _json_error(document: object) -> tuple[str, str]:
    if not isinstance(document, dict):
        return "", ""
    code = document.get("__type") or document.get("code")
    message = document.get("message", document.get("Message"))
    return _text(code), _text(message)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _fault(reply: Reply, code: str = "", message: str = "") -> Fault:
    # Both "namespace#Code" and "Code:url" occur.
    code = code.rsplit("#", 1)[-1].split(":", 1)[0]
    kind: Fault.Kind = "answer"
    if not (code.isascii() and code.isalnum() and len(code) <= 80):
        code, message = f"HTTP {reply.status}", ""
        kind = "answer" if "x-amzn-requestid" in reply.headers else "foreign"
    return Fault(kind, code, message, status=reply.status, retry_after=_retry_after(reply))


def _retry_after(reply: Reply) -> float | None:
    milliseconds = reply.headers.get("x-amz-retry-after", "")
    return int(milliseconds) / 1000 if milliseconds.isdecimal() and len(milliseconds) < 10 else None


def _parse_xml(body: bytes) -> ET.Element | None:
    """None if it is not plain XML. Without a document type there are no entities to expand."""
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
