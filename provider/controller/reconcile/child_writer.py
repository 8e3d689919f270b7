"""Writes the ExternalSecrets of ClusterExternalSecrets."""

import asyncio
import hashlib
import json
from collections.abc import Iterable
from typing import NamedTuple

from provider.controller import status
from provider.controller.kinds import EXTERNAL_SECRETS
from provider.controller.reconcile.child_documents import edited_state, merged
from provider.controller.reconcile.leftover_webhooks import remedy
from provider.controller.reconcile.namespaces import ClusterView
from provider.controller.resources.object_meta import Metadata, read_metadata
from provider.controller.watch.object_cache import ObjectKey
from provider.controller.watch.secret_state import controller_owner
from provider.errors import ObjectExists, ObjectNotFound, ProviderError
from provider.kube.cluster_api import ClusterApi
from provider.kube.kinds import Document
from provider.runtime.lru import Lru

EXISTS = "external secret already exists in namespace"
VERIFIED = 20_000
AT_ONCE = 100
"""ExternalSecrets that are compared in one turn of the event loop."""


class ChildFailure(NamedTuple):
    """Why the ExternalSecret of a namespace could not be written or deleted."""

    namespace: str
    reason: str


class ChildWriter:
    """One for the process."""

    def __init__(self, api: ClusterApi, known: ClusterView) -> None:
        self._api = api
        self._known = known
        self._verified: Lru[ObjectKey, tuple[str, bytes]] = Lru(VERIFIED)

    async def put(self, children: Iterable[Document], owner: Metadata) -> list[ChildFailure]:
        """Create or change what differs; returns the failures.

        The children differ only in their namespaces.
        """
        failures = []
        mark = b""
        for number, wanted in enumerate(children):
            mark = mark or _mark(wanted)
            if number % AT_ONCE == AT_ONCE - 1:
                await asyncio.sleep(0)  # nothing else waits where nothing is to be written
            try:
                await self._put(wanted, owner, mark)
            except ProviderError as error:
                namespace = wanted["metadata"]["namespace"]
                failures.append(ChildFailure(namespace, status.one_line(f"{error}{remedy(error)}")))
        return failures

    async def _put(self, wanted: Document, owner: Metadata, mark: bytes) -> None:
        """Create or change one ExternalSecret, if it differs; raises ProviderError."""
        about = wanted["metadata"]
        key = ObjectKey(about["namespace"], about["name"])
        known = self._known.external_secret(key)
        state = known and edited_state(known.metadata)
        if state is not None and self._verified.get(key) == (state, mark):
            return
        stored = await self._write(key, wanted, owner, exists=known is not None)
        self._known.learn(EXTERNAL_SECRETS, stored)
        # What is known may be newer than `stored`: edited, and not as it should be.
        self._verified.put(key, (edited_state(read_metadata(stored)), mark))

    async def _write(
        self, key: ObjectKey, wanted: Document, owner: Metadata, *, exists: bool
    ) -> Document:
        if not exists:
            try:
                return await self._api.create(EXTERNAL_SECRETS, wanted)
            except ObjectExists:
                pass
        current = await self._api.get(EXTERNAL_SECRETS, *key)
        controller = controller_owner(current)
        if controller is None or controller.uid != owner.uid:
            raise ObjectExists(EXISTS)
        document = merged(current, wanted)
        if document == current:
            return current
        return await self._api.replace(EXTERNAL_SECRETS, document)

    async def delete(self, children: Iterable[Metadata]) -> list[ChildFailure]:
        """Delete these ExternalSecrets; returns the failures."""
        failures = []
        for one in children:
            try:
                await self._api.delete(EXTERNAL_SECRETS, one.namespace, one.name, uid=one.uid)
            except ObjectNotFound:
                continue
            except ProviderError as error:
                failures.append(
                    ChildFailure(one.namespace, status.one_line(f"{error}{remedy(error)}"))
                )
        return failures


def _mark(child: Document) -> bytes:
    """A digest of an ExternalSecret without its namespace: equal for equal writes."""
    metadata = {**child["metadata"], "namespace": ""}
    document = {**child, "metadata": metadata}
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).digest()
