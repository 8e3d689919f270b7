"""How long new credentials are valid, by the clock of their issuer.

A local clock that is an hour wrong must neither disable the caching of credentials nor keep them
beyond their time.
"""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import time

from provider.engine.model import Credentials

IN_JSON = ("AccessKeyId", "SecretAccessKey", "Token", "Expiration")
"""The keys under which agents and metadata services put credentials into JSON."""
LONGEST = 12 * 3600.0
"""Seconds; no role session lasts longer."""


def issued_credentials(
    access_key_id: str, secret: str, token: str, *, expiration: str, date: str
) -> Credentials:
    """Credentials as they were issued; raises ValueError if they are not usable.

    `expiration` is in ISO 8601, `date` the `Date` header of the answer.
    """
    if not (access_key_id and secret and token):
        raise ValueError("no credentials in the answer")
    # Key id and token become headers of later requests.
    if not (access_key_id.isascii() and token.isascii()):
        raise ValueError("no credentials in the answer")
    if not (access_key_id.isprintable() and token.isprintable()):
        raise ValueError("credentials with control characters in the answer")
    return Credentials(access_key_id, secret, token, _lifetime(expiration, date))


def credentials_in(document: object, date: str) -> Credentials:
    """The credentials in the JSON of an agent or metadata service; ValueError without them."""
    if not isinstance(document, dict):
        raise ValueError("no credentials in the answer")
    key_id, secret, token, expiration = (
        text if isinstance(text := document.get(name), str) else "" for name in IN_JSON
    )
    return issued_credentials(key_id, secret, token, expiration=expiration, date=date)


def expires_at(expiration: str) -> float:
    """A time in ISO 8601 as seconds of Unix time; raises ValueError, which does not quote it."""
    try:
        expires = datetime.fromisoformat(expiration)
    except ValueError:  # its text quotes the answer
        raise ValueError("no time of expiry in the answer") from None
    if expires.tzinfo is None:
        expires = expires.replace(tzinfo=UTC)
    return expires.timestamp()


def _lifetime(expiration: str, date: str) -> float:
    """Seconds from the moment of the answer, or else of the local clock, until `expiration`."""
    return min(max(expires_at(expiration) - _moment(date), 0.0), LONGEST)


def _moment(date: str) -> float:
    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return time()
