"""Which stores take their credentials from an object."""

from collections.abc import Iterator

from provider.controller.resources.objects import Store
from provider.controller.resources.references import credential_namespace
from provider.controller.scheduling.schedule import Item
from provider.controller.watch.index import Index

_SECRET, _ACCOUNT = "Secret", "ServiceAccount"


class StoreIndex:
    """Stores by the Secrets and ServiceAccounts that they name."""

    def __init__(self) -> None:
        self._index: Index[tuple[str, str, str], Item] = Index()

    def put(self, item: Item, store: Store | None) -> None:
        """A store as it is now; None if it is gone."""
        self._index.put(item, _credentials(store) if store else ())

    def using(self, kind: str, namespace: str, name: str) -> tuple[Item, ...]:
        """The stores that use an object."""
        return self._index.of((kind, namespace, name))


def _credentials(store: Store) -> Iterator[tuple[str, str, str]]:
    """The objects with credentials that a store names, with their namespaces."""
    if store.aws is None:
        return
    auth, own = store.aws.auth, store.metadata.namespace
    if ref := auth.service_account:
        yield _ACCOUNT, credential_namespace(store.kind, ref.namespace, own), ref.name
    elif auth.secret_ref is not None:
        keys = auth.secret_ref
        for key in (keys.access_key_id, keys.secret_access_key, keys.session_token):
            if key is not None:
                yield _SECRET, credential_namespace(store.kind, key.namespace, own), key.name
