"""Credentials as they are issued, and how long they are valid, by the clock of their issuer.

A local clock that is an hour wrong must neither disable the caching of credentials nor keep them
beyond their time.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from time import time
from typing import Any

from provider.engine.model import Credentials

LONGEST = 12 * 3600.0
"""Seconds; no role session lasts longer."""


def issued_credentials(
    document: Mapping[str, Any], token_key: str, sent_at: float | None
) -> Credentials:
    """The credentials in an answer; raises ValueError, which does not quote it, without them.

    `sent_at` is that of the answer; None: now, by the local clock.
    """
    key_id, secret, token, expiration = (
        text if isinstance(text := document.get(key), str) else ""
        for key in ("AccessKeyId", "SecretAccessKey", token_key, "Expiration")
    )
    # Key id and token become headers of later requests, and the secret key signs them.
    for text in (key_id, secret, token):
        if not (text.isascii() and text.isprintable()):
            raise ValueError("credentials with impossible characters in the answer")
    if not (key_id and secret and token):
        raise ValueError("no credentials in the answer")
    now = time() if sent_at is None else sent_at
    lifetime = min(max(expires_at(expiration) - now, 0.0), LONGEST)
    return Credentials(key_id, secret, token, lifetime)


def expires_at(expiration: str) -> float:
    """A time in ISO 8601 as seconds of Unix time; raises ValueError, which does not quote it."""
    try:
        expires = datetime.fromisoformat(expiration)
    except ValueError:  # its text quotes the answer
        raise ValueError("no time of expiry in the answer") from None
    if expires.tzinfo is None:
        expires = expires.replace(tzinfo=UTC)
    return expires.timestamp()
