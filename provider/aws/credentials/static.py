"""Access keys that somebody has written down, as they are."""

from dataclasses import dataclass

from provider.engine.model import Credentials


@dataclass(frozen=True, slots=True)
class Static:
    """A `CredentialSource` of keys that are known already."""

    credentials: Credentials

    async def fetch(self) -> Credentials:
        """The credentials."""
        return self.credentials
