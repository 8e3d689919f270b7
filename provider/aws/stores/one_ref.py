"""Reads of stores that take one ref a call."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from provider.engine.model import SecretRef, SecretValue
from provider.errors import CredentialsExpired, ProviderError, Unavailable


async def read_one(
    refs: Sequence[SecretRef], read: Callable[[SecretRef], Awaitable[SecretValue]]
) -> Mapping[SecretRef, SecretValue | ProviderError]:
    """The outcome of the only ref in `refs`, as `Store.read` returns and raises it."""
    (ref,) = refs
    try:
        return {ref: await read(ref)}
    except (CredentialsExpired, Unavailable):
        raise
    except ProviderError as error:
        return {ref: error}
