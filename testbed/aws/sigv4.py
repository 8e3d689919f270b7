"""AWS Signature Version 4 as the receiving side checks it.

After "Create a signed AWS API request" of the IAM User Guide; written without looking at the
daemon's signer, so that one mistake is not made twice.
"""

import calendar
import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qsl, quote

from testbed.aws.errors import AwsError, SignatureError, expired_token
from testbed.aws.iam import Session
from testbed.http import Request

_ALGORITHM = "AWS4-HMAC-SHA256"
_STAMP = "%Y%m%dT%H%M%SZ"
_SKEW = 300.0
"""Seconds that a signature's date may be off."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What an Authorization header says before anything is checked."""

    access_key_id: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str


def parse_scope(header: str) -> Scope:
    """Take an Authorization header apart."""
    algorithm, _, rest = header.partition(" ")
    fields = dict(part.strip().partition("=")[::2] for part in rest.split(",") if "=" in part)
    try:
        key, date, region, service, end = fields["Credential"].split("/")
        signed = tuple(fields["SignedHeaders"].split(";"))
        signature = fields["Signature"]
    except (KeyError, ValueError) as error:
        raise _incomplete() from error
    if algorithm != _ALGORITHM or end != "aws4_request":
        raise _incomplete()
    return Scope(key, date, region, service, signed, signature)


def _incomplete() -> AwsError:
    return SignatureError(
        "IncompleteSignatureException",
        "Authorization header requires 'Credential' parameter. Authorization header requires "
        "'Signature' parameter. Authorization header requires 'SignedHeaders' parameter.",
    )


def session_of(scope: Scope, request: Request, sessions: Mapping[str, Session]) -> Session:
    """The session that the request says it is of: known, with its token, not expired."""
    session = sessions.get(scope.access_key_id)
    if session is None or request.headers.get("x-amz-security-token", "") != session.token:
        raise SignatureError(
            "UnrecognizedClientException", "The security token included in the request is invalid."
        )
    if session.expires_at <= time.time():
        raise expired_token()
    return session


def check(scope: Scope, request: Request, session: Session) -> None:
    """Compute the signature anew and compare."""
    stamp = request.headers.get("x-amz-date", "")
    _check_headers(scope, request)
    _check_date(scope, stamp)
    canonical = "\n".join(
        (
            request.method,
            _canonical_path(request.path),
            _canonical_query(request.target.partition("?")[2]),
            *(f"{name}:{' '.join(request.headers[name].split())}" for name in scope.signed_headers),
            "",
            ";".join(scope.signed_headers),
            hashlib.sha256(request.body).hexdigest(),
        )
    )
    place = f"{scope.date}/{scope.region}/{scope.service}/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"{_ALGORITHM}\n{stamp}\n{place}\n{digest}"
    key = _key(session.secret_access_key, scope.date, scope.region, scope.service)
    if not hmac.compare_digest(hmac.digest(key, text.encode(), "sha256").hex(), scope.signature):
        raise SignatureError(
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided. "
            "Check your AWS Secret Access Key and signing method. "
            "Consult the service documentation for details.",
        )


def _check_headers(scope: Scope, request: Request) -> None:
    """Host and every x-amz- header that was sent must be signed, and what is signed, sent."""
    needed = {"host", *(name for name in request.headers if name.startswith("x-amz-"))}
    signed = set(scope.signed_headers)
    if not needed <= signed <= request.headers.keys() or list(scope.signed_headers) != sorted(
        signed
    ):
        raise SignatureError(
            "InvalidSignatureException",
            "'Host' or ':authority' and every 'X-Amz-' header must be a 'SignedHeader' "
            "in the AWS Authorization.",
        )


def _check_date(scope: Scope, stamp: str) -> None:
    try:
        at = _seconds(stamp)
    except ValueError as error:
        raise _incomplete() from error
    now = time.time()
    if not stamp.startswith(scope.date):
        raise SignatureError(
            "InvalidSignatureException",
            f"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date "
            f"from HTTP: '{scope.date}' != '{stamp[:8]}', from '{stamp}'.",
        )
    if at < now - _SKEW:
        raise SignatureError(
            "InvalidSignatureException",
            f"Signature expired: {stamp} is now earlier than {_stamp(now - _SKEW)} "
            f"({_stamp(now)} - 5 min.)",
        )
    if at > now + _SKEW:
        raise SignatureError(
            "InvalidSignatureException",
            f"Signature not yet current: {stamp} is still later than {_stamp(now + _SKEW)} "
            f"({_stamp(now)} + 5 min.)",
        )


def _stamp(seconds: float) -> str:
    return time.strftime(_STAMP, time.gmtime(seconds))


@lru_cache(maxsize=64)
def _seconds(stamp: str) -> int:
    return calendar.timegm(time.strptime(stamp, _STAMP))


@lru_cache(maxsize=4096)
def _key(secret: str, date: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _canonical_path(path: str) -> str:
    """The path as sent, without empty and dot segments, encoded once more."""
    if path == "/":
        return path
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in {"", "."}:
            kept.append(segment)
    slash = "/" if kept and path.endswith("/") else ""
    return quote("/" + "/".join(kept) + slash, safe="/-_.~")


def _canonical_query(query: str) -> str:
    if not query:
        return ""
    pairs = [
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in parse_qsl(query, keep_blank_values=True)
    ]
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))
