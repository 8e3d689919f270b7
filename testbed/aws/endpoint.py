"""From an HTTP request to an operation and back: protocols, authentication, faults, journal."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4
from xml.sax.saxutils import escape

from testbed.aws import ecr, parameter_lists, secret_lists, secretsmanager, sigv4, ssm, sts
from testbed.aws.caller import Caller
from testbed.aws.cloud import DEFAULT_REGION, Cloud
from testbed.aws.errors import AwsError, SignatureError
from testbed.fake import Asked, Desk
from testbed.http import Reply, Request

Body = dict[str, Any]

_STS = "https://sts.amazonaws.com/doc/2011-06-15/"
_TARGETS = {
    "secretsmanager": "secretsmanager",
    "AmazonSSM": "ssm",
    "AmazonEC2ContainerRegistry_V20150921": "ecr",
    "SpencerFrontendService": "ecr-public",
}
_OPERATIONS: dict[str, dict[str, Callable[[Caller, Body], Any]]] = {
    "secretsmanager": {**secretsmanager.OPERATIONS, **secret_lists.OPERATIONS},
    "ssm": {**ssm.OPERATIONS, **parameter_lists.OPERATIONS},
    "ecr": {**ecr.PRIVATE},
    "ecr-public": {**ecr.PUBLIC},
}
_HOST = re.compile(
    r"(?:sts|secretsmanager|ssm|api\.ecr(?:-public)?)(?:-fips)?\.([a-z]+(?:-[a-z]+)+-\d+)\."
)
_PATH = re.compile(r"/([a-z]+(?:-[a-z]+)+-\d+)/?$")
_STS_NAMES = {
    "UnrecognizedClientException": ("InvalidClientTokenId", 403),
    "InvalidSignatureException": ("SignatureDoesNotMatch", 403),
    "ExpiredTokenException": ("ExpiredToken", 403),
    "MissingAuthenticationTokenException": ("MissingAuthenticationToken", 403),
    "IncompleteSignatureException": ("IncompleteSignature", 400),
}
"""What is wrong with a signature, as services of the query protocol name it."""


@dataclass(slots=True)
class Endpoint:
    """Answers for one region, or, where `region` is empty, for all by what each request says."""

    cloud: Cloud
    desk: Desk[AwsError]
    region: str = ""
    check_signatures: bool = True

    def __call__(self, request: Request) -> Reply:
        """Answer one request."""
        prefix, _, operation = request.headers.get("x-amz-target", "").partition(".")
        region = self.region or _region_of(request)
        if operation:
            body = _body(request)
            asked = Asked(_TARGETS.get(prefix, prefix), operation, region, target=_target(body))
            return self.desk.serve(asked, lambda: self._json(asked, request, body), _json_error)
        form = _form(request)
        asked = Asked("sts", form.get("Action", ""), region, target=form.get("RoleArn", ""))
        return self.desk.serve(asked, lambda: self._sts(asked, request, form), _sts_error)

    def _json(self, asked: Asked, request: Request, body: Body | None) -> Reply:
        operation = _OPERATIONS.get(asked.service, {}).get(asked.operation)
        if operation is None:
            raise AwsError("UnknownOperationException", "")
        caller = self._authenticate(asked, request)
        if body is None:
            raise AwsError("SerializationException", "")
        return _json_reply(200, operation(caller, body))

    def _sts(self, asked: Asked, request: Request, form: dict[str, str]) -> Reply:
        if asked.operation == "AssumeRoleWithWebIdentity":
            asked.identity = form.get("RoleSessionName", "")
            return _sts_reply(asked.operation, sts.assume_role_with_web_identity(self.cloud, form))
        operation = sts.OPERATIONS.get(asked.operation)
        if operation is None:
            raise AwsError("InvalidAction", f"Could not find operation {asked.operation}")
        return _sts_reply(asked.operation, operation(self._authenticate(asked, request), form))

    def _authenticate(self, asked: Asked, request: Request) -> Caller:
        """Who signed the request, once all of it has been checked."""
        header = request.headers.get("authorization")
        if header is None:
            raise SignatureError(
                "MissingAuthenticationTokenException", "Missing Authentication Token"
            )
        scope = sigv4.parse_scope(header)
        session = sigv4.session_of(scope, request, self.cloud.sessions)
        asked.identity = session.arn
        if self.check_signatures:
            _check_scope(scope, asked)
            sigv4.check(scope, request, session)
        return Caller(self.cloud, asked.region, session)


def _check_scope(scope: sigv4.Scope, asked: Asked) -> None:
    for what, said, expected in (
        ("region", scope.region, asked.region),
        ("service", scope.service, asked.service),
    ):
        if said != expected:
            kind = "a valid region, not" if what == "region" else "correct service:"
            value = said if what == "region" else expected
            raise SignatureError(
                "InvalidSignatureException", f"Credential should be scoped to {kind} '{value}'."
            )


def _region_of(request: Request) -> str:
    """The region that the path, the signature or the host name tells, else the default."""
    if in_path := _PATH.match(request.path):
        return in_path[1]
    parts = request.headers.get("authorization", "").split("/", 3)
    if len(parts) == 4:
        return parts[2]
    host = _HOST.match(request.headers.get("host", ""))
    return host[1] if host else DEFAULT_REGION


def _form(request: Request) -> dict[str, str]:
    text = request.body.decode("utf-8", "replace") or request.target.partition("?")[2]
    return dict(parse_qsl(text, keep_blank_values=True))


def _body(request: Request) -> Body | None:
    try:
        body = json.loads(request.body)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _target(body: Body | None) -> str:
    """What a call asks for, for the journal."""
    if body is None:
        return ""
    names = body.get("Names") or body.get("SecretIdList")
    if isinstance(names, list):
        return ",".join(map(str, names))
    return str(body.get("SecretId") or body.get("Path") or body.get("ResourceId") or "")


def _json_reply(status: int, body: Body, error: str = "") -> Reply:
    headers: tuple[tuple[str, str], ...] = (
        ("x-amzn-RequestId", str(uuid4())),
        ("Content-Type", "application/x-amz-json-1.1"),
    )
    if error:
        headers += (("x-amzn-ErrorType", error),)
    return Reply(status, json.dumps(body).encode(), headers)


def _json_error(error: AwsError) -> Reply:
    return _json_reply(error.status, {"__type": error.code, "Message": error.message}, error.code)


def _xml_reply(status: int, text: str) -> Reply:
    headers = (("x-amzn-RequestId", str(uuid4())), ("Content-Type", "text/xml"))
    return Reply(status, text.encode(), headers)


def _sts_reply(operation: str, result: str) -> Reply:
    return _xml_reply(
        200,
        f'<{operation}Response xmlns="{_STS}"><{operation}Result>{result}</{operation}Result>'
        f"<ResponseMetadata><RequestId>{uuid4()}</RequestId></ResponseMetadata>"
        f"</{operation}Response>",
    )


def _sts_error(error: AwsError) -> Reply:
    code, status = error.code, error.status
    if isinstance(error, SignatureError):
        code, status = _STS_NAMES[error.code]
    fault = "Receiver" if status >= 500 else "Sender"
    return _xml_reply(
        status,
        f'<ErrorResponse xmlns="{_STS}"><Error><Type>{fault}</Type><Code>{code}</Code>'
        f"<Message>{escape(error.message)}</Message></Error><RequestId>{uuid4()}</RequestId>"
        "</ErrorResponse>",
    )
