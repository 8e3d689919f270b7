"""The ExternalSecrets that are known: what they refer to, and whether they may be worked on."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from provider.controller.identity.stores import is_managed
from provider.controller.resources.external_secret import ExternalSecretSpec
from provider.controller.resources.objects import ExternalSecret, Store
from provider.controller.resources.references import generators_of, stores_of, templates_of
from provider.controller.resources.store_ref import StoreRef
from provider.controller.status import ready_of
from provider.controller.target.plan import target_name
from provider.controller.watch.index import Index
from provider.controller.watch.informers import Informers
from provider.controller.watch.object_cache import ObjectKey
from provider.controller.watch.watched import readable
from provider.kube.kinds import Document

TARGET = "target"
NAMESPACE = "namespace"
OWNER = "owner"


class Ref(NamedTuple):
    """Something that an ExternalSecret refers to: a kind, or one of the words above."""

    kind: str
    namespace: str
    name: str


class KnownExternalSecrets:
    """The informers' ExternalSecrets, with an index of their references."""

    def __init__(self, informers: Informers, *, controller_class: str, flood_gate: bool) -> None:
        self._informers = informers
        self._class = controller_class
        self._flood_gate = flood_gate
        self.index: Index[Ref, ObjectKey] = Index()
        informers.external_secrets.on_change(lambda key, _old, _new: self._note(key))

    def get(self, key: ObjectKey) -> ExternalSecret | None:
        """The ExternalSecret; None if there is none."""
        found = readable(self._informers.external_secrets.get(key))
        return None if found is None else found.object

    def others_in(self, namespace: str) -> tuple[ObjectKey, ...]:
        """All ExternalSecrets of a namespace."""
        return self.index.of(Ref(NAMESPACE, namespace, ""))

    def learn(self, document: Document) -> None:
        """Take in the answer to a write of our own."""
        self._informers.external_secrets.learn(document)

    def skip_reason(self, external_secret: ExternalSecret) -> Literal["", "foreign", "unchecked"]:
        """Why it is left alone.

        `foreign`: a store or generator is for another controller class, it uses a kind of store
        that is switched off, or its namespace is being deleted. `unchecked`: a store was not
        checked yet.
        """
        namespace, spec = external_secret.metadata.namespace, external_secret.spec
        if self._informers.is_terminating(namespace):
            return "foreign"
        if spec is None:
            return ""
        refs = stores_of(spec)
        if any(ref.kind not in self._informers.stores for ref in refs):
            return "foreign"
        if self.is_of_another_class(spec, namespace):
            return "foreign"
        stores = (self._store(ref, namespace) for ref in refs)
        is_unchecked = any(one and ready_of(one.conditions) is None for one in stores)
        return "unchecked" if self._flood_gate and is_unchecked else ""

    def is_of_another_class(self, spec: ExternalSecretSpec, namespace: str) -> bool:
        """Whether a store or generator that a spec names in a namespace is another controller's."""
        return not all(self._are_managed(spec, namespace))

    def is_of_this_class(self, spec: ExternalSecretSpec, namespace: str) -> bool:
        """Whether stores or generators that it names there exist, and are all this controller's."""
        found = list(self._are_managed(spec, namespace))
        return bool(found) and all(found)

    def _are_managed(self, spec: ExternalSecretSpec, namespace: str) -> Iterator[bool]:
        """For each store and generator that exists, whether it is this controller's."""
        stores = (self._store(ref, namespace) for ref in stores_of(spec))
        generators = (
            self._informers.generator(
                ref.kind, "" if ref.kind == "ClusterGenerator" else namespace, ref.name
            )
            for ref in generators_of(spec)
        )
        for one in (*stores, *generators):
            if one is not None:
                yield is_managed(one.controller, self._class)

    def _store(self, ref: StoreRef, namespace: str) -> Store | None:
        place = "" if ref.kind == "ClusterSecretStore" else namespace
        return self._informers.store(ref.kind, place, ref.name)

    def _note(self, key: ObjectKey) -> None:
        found = readable(self._informers.external_secrets.get(key))
        if found is None:
            self.index.put(key, ())
            return
        refs = {Ref(NAMESPACE, key.namespace, "")}
        if found.owner is not None:
            refs.add(Ref(OWNER, "", found.owner.name))
        self.index.put(key, refs | references(found.object))


def references(external_secret: ExternalSecret) -> set[Ref]:
    """What an ExternalSecret refers to."""
    spec, namespace = external_secret.spec, external_secret.metadata.namespace
    if spec is None:
        return set()
    refs = {Ref(TARGET, namespace, target_name(external_secret.metadata, spec))}
    for store in stores_of(spec):
        place = "" if store.kind == "ClusterSecretStore" else namespace
        refs.add(Ref(store.kind, place, store.name))
    for generator in generators_of(spec):
        place = "" if generator.kind == "ClusterGenerator" else namespace
        refs.add(Ref(generator.kind, place, generator.name))
    refs |= {Ref(kind, namespace, name) for kind, name in templates_of(spec)}
    return refs
