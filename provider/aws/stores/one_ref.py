"""A store whose calls take one ref each."""

from collections.abc import Mapping, Sequence

from provider.aws.client import AwsClient
from provider.engine.model import Access, SecretRef, SecretValue
from provider.engine.ports import Store
from provider.errors import CredentialsExpired, ProviderError, Unavailable


class OneRefStore(Store):
    """Reads each ref by `get`, which a subclass defines."""

    def __init__(self, client: AwsClient) -> None:
        self._client = client

    async def get(self, ref: SecretRef, access: Access) -> SecretValue:
        """The value of `ref`; raises `ProviderError`."""
        raise NotImplementedError

    async def read(
        self, refs: Sequence[SecretRef], access: Access
    ) -> Mapping[SecretRef, SecretValue | ProviderError]:
        """See `Store.read`."""
        (ref,) = refs
        try:
            return {ref: await self.get(ref, access)}
        except (CredentialsExpired, Unavailable):
            raise
        except ProviderError as error:
            return {ref: error}
