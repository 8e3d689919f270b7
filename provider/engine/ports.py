"""The interfaces that the engine needs: stores to read from, and sources of credentials."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from provider.engine.model import (
    Access,
    Credentials,
    Identity,
    Retries,
    SecretRef,
    SecretValue,
)
from provider.errors import ProviderError


class Store(Protocol):
    """One of the services that hold secrets. Every method may be cancelled at any time.

    A store inherits what it does not define: one ref a call, and no way to ask for a version.
    """

    batch_size: int = 1
    """The most refs that one `read` takes."""
    can_describe: bool = False
    """Whether `current_version` asks the service; where it does not, values are read again."""

    async def read(
        self, refs: Sequence[SecretRef], access: Access
    ) -> Mapping[SecretRef, SecretValue | ProviderError]:
        """The value of each ref, or why there is none.

        Raises `ProviderError` where it concerns all refs: always if there is one, and always
        `CredentialsExpired`. A missing secret is a `SecretNotFound`, also of an optional ref.
        """
        ...

    async def current_version(self, ref: SecretRef, access: Access) -> str | None:  # noqa: ARG002
        """The version that `ref` names now, by a call that decrypts nothing.

        None where the answer leaves it open, and without `can_describe`. Raises as `read` does, and
        what concerns the ref; `AccessDenied` means that the identity may not ask this, not that it
        may not read.
        """
        return None


class CredentialSource(Protocol):
    """Gets new credentials for one identity. Sources with the same proof of identity are equal."""

    async def fetch(self) -> Credentials:
        """New credentials; raises `NotAuthenticated` or `Unavailable`."""
        ...


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, where its credentials come from, and how its calls are tried again.

    `asks_for` is the namespace that it asks for; empty: that of the identity.
    """

    identity: Identity
    source: CredentialSource
    retries: Retries | None = None
    asks_for: str = ""

    @property
    def tenant(self) -> str:
        """The namespace whose share of all calls its calls are a part of."""
        return self.asks_for or self.identity.namespace
