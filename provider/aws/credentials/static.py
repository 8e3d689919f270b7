"""Static access keys."""

from dataclasses import dataclass

from provider.engine.model import Credentials
from provider.errors import InvalidRequest


@dataclass(frozen=True, slots=True)
class Static:
    """A `CredentialSource` of static keys."""

    credentials: Credentials

    async def fetch(self) -> Credentials:
        return self.credentials


def access_keys(key_id: str, secret: str, session_token: str | None = None) -> Credentials:
    """Checked keys; raises `InvalidRequest` if no request can be signed with them.

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
                f"the {what} has white space or other characters that no key of AWS has: check it, "
                "for example for a line break at its end."
            )
    return Credentials(key_id, secret, session_token or None)
