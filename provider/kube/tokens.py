"""Tokens of service accounts, by TokenRequest."""

from dataclasses import dataclass, field
from datetime import datetime

from provider.errors import KubernetesUnavailable
from provider.kube.kinds import Document
from provider.kube.replies import Asked

SECONDS = 3600


@dataclass(frozen=True, slots=True)
class ServiceAccountToken:
    """A token, and when it expires in seconds since 1970."""

    token: str = field(repr=False)
    expires_at: float


def read_token(asked: Asked, document: Document) -> ServiceAccountToken:
    """The token in the answer. Raises `KubernetesUnavailable` if there is none."""
    try:
        status = document["status"]
        expires = datetime.fromisoformat(status["expirationTimestamp"])
        return ServiceAccountToken(str(status["token"]), expires.timestamp())
    except (LookupError, TypeError, ValueError):
        raise KubernetesUnavailable(f"{asked}: the answer of Kubernetes has no token") from None
