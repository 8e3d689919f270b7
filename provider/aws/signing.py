"""AWS Signature Version 4 for the requests of this program: POST, no query, the body signed.

A pure function of request and credentials ("Create a signed AWS API request", IAM User Guide): no
request can be signed with the credentials of another.
"""

import hmac
from collections.abc import Mapping
from hashlib import sha256
from time import gmtime, strftime

from provider.aws.endpoints import Endpoint
from provider.engine.model import Credentials

_UNSIGNED = frozenset({"user-agent", "expect", "connection"})
"""What proxies may change on the way."""


def sign(
    endpoint: Endpoint, headers: Mapping[str, str], body: bytes, credentials: Credentials, at: float
) -> dict[str, str]:
    """`headers` and the signature, for a POST of `body` to `endpoint` at epoch time `at`."""
    timestamp = strftime("%Y%m%dT%H%M%SZ", gmtime(at))
    signed = {**headers, "X-Amz-Date": timestamp}
    if credentials.session_token:
        signed["X-Amz-Security-Token"] = credentials.session_token
    names, digest = _canonical(endpoint, signed, body)
    scope = (timestamp[:8], endpoint.signing_region, endpoint.signing_name, "aws4_request")
    to_sign = f"AWS4-HMAC-SHA256\n{timestamp}\n{'/'.join(scope)}\n{digest}"
    signature = hmac.digest(_key(credentials.secret_access_key, scope), to_sign.encode(), "sha256")
    signed["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={credentials.access_key_id}/{'/'.join(scope)}, "
        f"SignedHeaders={names}, Signature={signature.hex()}"
    )
    return signed


def _key(secret_access_key: str, scope: tuple[str, ...]) -> bytes:
    """The signing key.

    Not cached: a cache would keep the secrets of expired credentials in memory.
    """
    key = f"AWS4{secret_access_key}".encode()
    for part in scope:
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _canonical(endpoint: Endpoint, headers: Mapping[str, str], body: bytes) -> tuple[str, str]:
    """The names of the signed headers, and the digest of the canonical request."""
    canonical = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
    canonical["host"] = endpoint.host
    ordered = sorted(canonical.keys() - _UNSIGNED)
    names = ";".join(ordered)
    lines = "\n".join(f"{name}:{canonical[name]}" for name in ordered)
    request = f"POST\n{endpoint.path}\n\n{lines}\n\n{names}\n{sha256(body).hexdigest()}"
    return names, sha256(request.encode()).hexdigest()
