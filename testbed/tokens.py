"""Service account tokens: made by the fake cluster, read by the fake STS and agent.

They look like the JWTs of a cluster (the same claims), but are signed with a shared key, so that
any process of the testbed can make and check them without asking another.
"""

import base64
import hashlib
import hmac
import json
import time
from dataclasses import dataclass

ISSUER = "https://oidc.eks.us-east-1.amazonaws.com/id/TESTBED"
STS_AUDIENCE = "sts.amazonaws.com"
POD_IDENTITY_AUDIENCE = "pods.eks.amazonaws.com"
_KEY = b"testbed"
CLUSTER_ISSUERS: set[str] = set()
"""Issuers of real API servers, whose tokens are read without a look at their signature."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says; `expires_at` is wall-clock seconds."""

    issuer: str
    audience: str
    namespace: str
    service_account: str
    pod: str
    pod_uid: str
    expires_at: float

    @property
    def subject(self) -> str:
        """The user name that Kubernetes gives a service account."""
        return f"system:serviceaccount:{self.namespace}:{self.service_account}"


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _sign(text: str) -> str:
    return _encode(hmac.digest(_KEY, text.encode(), hashlib.sha256))


def issue_token(  # noqa: PLR0913 (all by name)
    namespace: str,
    service_account: str,
    *,
    audience: str = STS_AUDIENCE,
    pod: str = "pod",
    pod_uid: str = "uid",
    lifetime: float = 3600.0,
    issuer: str = ISSUER,
) -> str:
    """A token as kubelet asks the API server for; a negative `lifetime` makes an expired one."""
    now = time.time()
    claims = {
        "aud": [audience],
        "exp": int(now + lifetime),
        "iat": int(now),
        "iss": issuer,
        "kubernetes.io": {
            "namespace": namespace,
            "pod": {"name": pod, "uid": pod_uid},
            "serviceaccount": {"name": service_account, "uid": f"{namespace}-{service_account}"},
        },
        "nbf": int(now),
        "sub": f"system:serviceaccount:{namespace}:{service_account}",
    }
    head = _encode(json.dumps({"alg": "HS256", "kid": "testbed"}).encode())
    text = f"{head}.{_encode(json.dumps(claims).encode())}"
    return f"{text}.{_sign(text)}"


def read_token(token: str) -> Claims:
    """The claims of a token of ours; `ValueError` for anything else. Expiry is not looked at."""
    text, _, signature = token.rpartition(".")
    claims = json.loads(_decode(text.partition(".")[2]))
    is_ours = hmac.compare_digest(signature.encode(), _sign(text).encode())
    if not is_ours and claims["iss"] not in CLUSTER_ISSUERS:
        raise ValueError("not a token of this cluster")
    bound = claims["kubernetes.io"]
    pod = bound.get("pod") or {"name": "", "uid": ""}
    return Claims(
        issuer=claims["iss"],
        audience=claims["aud"][0],
        namespace=bound["namespace"],
        service_account=bound["serviceaccount"]["name"],
        pod=pod["name"],
        pod_uid=pod["uid"],
        expires_at=claims["exp"],
    )
