"""The Secrets of ExternalSecrets: what is there, and writes where something is to change."""

import hashlib
from collections.abc import Callable
from functools import partial
from typing import Literal, TypeVar

from provider.controller.resources.external_secret import ExternalSecretSpec
from provider.controller.resources.hashes import field_manager, owner_label
from provider.controller.resources.object_meta import Metadata
from provider.controller.scheduling.cpu_work import CpuWork
from provider.controller.target.plan import Wanted, is_ours, plan, target_name
from provider.controller.watch.index import Index
from provider.controller.watch.informer import Informer
from provider.controller.watch.object_cache import ObjectKey, Unreadable
from provider.controller.watch.secret_state import SecretState, is_large
from provider.errors import InvalidRequest, ObjectExists, ObjectNotFound
from provider.kube.cluster_api import ClusterApi
from provider.kube.kinds import SECRETS, Document
from provider.runtime.lru import Lru

SMALL = 32 * 1024
"""Bytes of data that are worked on in the event loop; a key counts for some more."""
KEY = 64
MOST_KEYS = 10_000
"""Of a Secret, and of its labels and annotations."""
MOST_BYTES = 2**20
"""Of all values of a Secret; a limit of Kubernetes."""
VERIFIED = 20_000
"""Secrets that are known to be as wanted."""

T = TypeVar("T")
Written = Literal["created", "updated", "unchanged", "missing"]


class Secrets:
    """Secrets with the controller's label are known from an informer of whole Secrets.

    A Secret that did not change since it was written, or found to be right, is not read again.
    """

    def __init__(
        self,
        api: ClusterApi,
        informer: Informer[SecretState],
        cpu_work: CpuWork,
        missing: Callable[[ObjectKey], object] = lambda _key: None,
    ) -> None:
        """`missing` gets a Secret that does not exist, and that values are to be merged into."""
        self._api = api
        self._missing = missing
        self._cpu_work = cpu_work
        self._informer = informer
        self._verified: Lru[ObjectKey, tuple[str, bytes]] = Lru(VERIFIED)
        self._by_owner: Index[tuple[str, str], ObjectKey] = Index()
        informer.on_change(self._note)

    def state(self, key: ObjectKey) -> SecretState | None:
        """The Secret, if there is one with the controller's label."""
        found = self._informer.get(key)
        return None if isinstance(found, Unreadable) else found

    async def write(self, metadata: Metadata, spec: ExternalSecretSpec, wanted: Wanted) -> Written:
        """Make the Secret what is wanted; raises `TargetNotWritable` and the API's errors."""
        _check_size(wanted)
        key = ObjectKey(metadata.namespace, target_name(metadata, spec))
        work = partial(_mark, metadata, spec, wanted)
        mark = await self._worked(metadata.namespace, work, away=_takes_long(wanted))
        state = self.state(key)
        if state is not None and self._verified.get(key) == (state.version, mark):
            return "unchanged"
        is_known = state is not None or spec.target.creation_policy == "Merge"
        current = await self._read(key) if is_known else None
        try:
            written, document = await self._write(metadata, spec, wanted, current)
        except ObjectExists:
            written, document = await self._write(metadata, spec, wanted, await self._read(key))
        if written == "missing":
            self._missing(key)
        elif document is not None:
            self._verified.put(key, (document["metadata"]["resourceVersion"], mark))
        return written

    async def _write(
        self, metadata: Metadata, spec: ExternalSecretSpec, wanted: Wanted, current: Document | None
    ) -> tuple[Written, Document | None]:
        manager = field_manager(metadata.name)
        work = partial(plan, metadata, spec, wanted, current)
        away = _takes_long(wanted) or (current is not None and is_large(current))
        planned = await self._worked(metadata.namespace, work, away=away)
        if planned.action == "missing":
            return "missing", None
        if planned.action == "nothing":
            return "unchanged", current
        is_new = planned.action == "create"
        send = self._api.create if is_new else self._api.replace
        made = await send(SECRETS, planned.document, field_manager=manager)
        await self._learn(made)
        return "created" if is_new else "updated", made

    async def _worked(self, namespace: str, work: Callable[[], T], *, away: bool) -> T:
        """The result of work for a namespace, in the event loop or away from it."""
        return await self._cpu_work.run(namespace, lambda _expired: work()) if away else work()

    async def _learn(self, made: Document) -> None:
        """Tell the informer what is stored now."""
        work = partial(self._informer.parsed, made)
        namespace = made["metadata"]["namespace"]
        self._informer.learn(made, await self._worked(namespace, work, away=is_large(made)))

    async def delete(self, namespace: str, state: SecretState) -> bool:
        """Delete exactly this Secret; returns whether there was one.

        It counts as gone at once, also while the watch is late: it is not deleted twice.
        """
        was_there = True
        try:
            await self._api.delete(SECRETS, namespace, state.name, uid=state.uid)
        except ObjectNotFound:
            was_there = False
        self._informer.remove(ObjectKey(namespace, state.name), state.version)
        return was_there

    def orphans(self, metadata: Metadata, spec: ExternalSecretSpec) -> list[SecretState]:
        """Secrets that the ExternalSecret has written under another name, and still controls."""
        label = owner_label(metadata.namespace, metadata.name)
        keys = self._by_owner.of((metadata.namespace, label))
        states = (self.state(key) for key in keys if key.name != target_name(metadata, spec))
        return [one for one in states if one is not None and is_ours(metadata, one.owner)]

    async def _read(self, key: ObjectKey) -> Document | None:
        try:
            return await self._api.get(SECRETS, *key)
        except ObjectNotFound:
            return None

    def _note(self, key: ObjectKey, _old: object, new: SecretState | Unreadable | None) -> None:
        label = new.created_by if isinstance(new, SecretState) else ""
        self._by_owner.put(key, [(key.namespace, label)] if label else [])
        if new is None:
            self._verified.pop(key, None)


def _takes_long(wanted: Wanted) -> bool:
    """Whether work on what is wanted takes longer than the event loop may be held."""
    size = sum(map(len, wanted.data.values()))
    return size + KEY * (len(wanted.data) + len(wanted.labels) + len(wanted.annotations)) > SMALL


def _check_size(wanted: Wanted) -> None:
    for what, found in (
        ("keys", wanted.data),
        ("labels", wanted.labels),
        ("annotations", wanted.annotations),
    ):
        if len(found) > MOST_KEYS:
            raise InvalidRequest(f"the Secret would have {len(found)} {what}, over {MOST_KEYS}")
    size = sum(map(len, wanted.data.values()))
    if size > MOST_BYTES:
        raise InvalidRequest(
            f"the values have {size} bytes together, and a Secret holds {MOST_BYTES}: "
            "read fewer values"
        )


def _mark(metadata: Metadata, spec: ExternalSecretSpec, wanted: Wanted) -> bytes:
    """A digest of everything that decides what is written."""
    target = spec.target
    about = (metadata.name, metadata.uid, target.creation_policy, target.immutable, wanted.type)
    found = sorted(wanted.labels.items()), sorted(wanted.annotations.items()), wanted.finalizers
    digest = hashlib.sha256(repr((about, found)).encode())
    for key, value in sorted(wanted.data.items()):
        digest.update(repr((key, len(value))).encode())
        digest.update(value)
    return digest.digest()
