"""Access keys that somebody has written down, as they are."""

from dataclasses import dataclass

from provider.engine.model import Credentials
from provider.errors import InvalidRequest


@dataclass(frozen=True, slots=True)
class Static:
    """A `CredentialSource` of keys that are known already."""

    credentials: Credentials

    async def fetch(self) -> Credentials:
        """The credentials."""
        return self.credentials


def access_keys(key_id: str, secret: str, session_token: str | None = None) -> Credentials:
    """Keys as somebody wrote them; raises `InvalidRequest` where no request can be signed so.

    Key id and token become headers of requests. The error quotes none of them.
    """
    parts = {"access key id": key_id, "secret access key": secret}
    if session_token:
        parts["session token"] = session_token
    for what, text in parts.items():
        if not text:
            raise InvalidRequest(f"the {what} is empty.")
        if not (text.isascii() and text.isprintable()) or " " in text:
            raise InvalidRequest(
                f"the {what} holds white space or other characters that no key of AWS has: check "
                "how it was written, such as a line break at its end."
            )
    return Credentials(key_id, secret, session_token or None)
