"""AWS Signature Version 4 for the requests of this daemon: POST, no query, the body signed.

A pure function of request and credentials ("Create a signed AWS API request", IAM User Guide), so
that no request can ever be signed as another pod. Keys that are derived on the way stay with the
credentials that they come from, and go when these go.
"""

import hmac
from collections.abc import Mapping
from hashlib import sha256
from time import gmtime, strftime

from provider.aws.endpoints import Endpoint
from provider.credentials import Credentials

_UNSIGNED = frozenset({"user-agent", "expect", "connection"})
"""What proxies may change on the way."""
_MOST_KEYS = 16
"""Of one session, which sees two dates at most and few regions."""


def sign(
    endpoint: Endpoint, headers: Mapping[str, str], body: bytes, credentials: Credentials, at: float
) -> dict[str, str]:
    """`headers` and the signature's own, for a POST of `body` to `endpoint` at epoch time `at`."""
    timestamp = strftime("%Y%m%dT%H%M%SZ", gmtime(at))
    signed = {**headers, "X-Amz-Date": timestamp}
    if credentials.session_token:
        signed["X-Amz-Security-Token"] = credentials.session_token
    names, digest = _canonical(endpoint, signed, body)
    date = timestamp[:8]
    scope = f"{date}/{endpoint.signing_region}/{endpoint.signing_name}/aws4_request"
    to_sign = f"AWS4-HMAC-SHA256\n{timestamp}\n{scope}\n{digest}"
    key = _signing_key(credentials, (date, endpoint.signing_region, endpoint.signing_name))
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    signed["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={credentials.access_key_id}/{scope}, "
        f"SignedHeaders={names}, Signature={signature}"
    )
    return signed


def _signing_key(credentials: Credentials, scope: tuple[str, str, str]) -> bytes:
    """The key for a date, a region and a service."""
    if (known := credentials.derived.get(scope)) is not None:
        return known
    key = f"AWS4{credentials.secret_access_key}".encode()
    for part in (*scope, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    if len(credentials.derived) >= _MOST_KEYS:
        credentials.derived.clear()
    credentials.derived[scope] = key
    return key


def _canonical(endpoint: Endpoint, headers: Mapping[str, str], body: bytes) -> tuple[str, str]:
    """The names of the signed headers, and the digest of the canonical request."""
    canonical = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
    canonical["host"] = endpoint.origin.authority
    ordered = sorted(canonical.keys() - _UNSIGNED)
    names = ";".join(ordered)
    lines = "\n".join(f"{name}:{canonical[name]}" for name in ordered)
    request = f"POST\n{endpoint.path}\n\n{lines}\n\n{names}\n{sha256(body).hexdigest()}"
    return names, sha256(request.encode()).hexdigest()
