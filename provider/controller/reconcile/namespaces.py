"""What ClusterExternalSecrets need to know of namespaces and of the ExternalSecrets in them."""

from collections.abc import Sequence

from provider.controller.kinds import CLUSTER_EXTERNAL_SECRETS
from provider.controller.reconcile.known import OWNER, KnownExternalSecrets, Ref
from provider.controller.resources.cluster_external_secret import ClusterExternalSecretSpec
from provider.controller.resources.object_meta import Metadata
from provider.controller.resources.references import namespace_filter
from provider.controller.watch.informers import Informers
from provider.controller.watch.object_cache import ObjectKey
from provider.controller.watch.watched import (
    WatchedClusterExternalSecret,
    WatchedExternalSecret,
    readable,
)
from provider.kube.kinds import Document, Kind


class ClusterView:
    """Looks them up in the informers."""

    def __init__(self, informers: Informers, known: KnownExternalSecrets) -> None:
        self._informers = informers
        self._known = known

    def cluster_external_secret(self, name: str) -> WatchedClusterExternalSecret | None:
        """A ClusterExternalSecret."""
        informer = self._informers.cluster_external_secrets
        return readable(informer.get(ObjectKey("", name))) if informer is not None else None

    def external_secret(self, key: ObjectKey) -> WatchedExternalSecret | None:
        """An ExternalSecret."""
        return readable(self._informers.external_secrets.get(key))

    def owned_by(self, name: str, uid: str) -> list[Metadata]:
        """The ExternalSecrets that a ClusterExternalSecret controls."""
        keys = self._known.index.of(Ref(OWNER, "", name))
        found = [self.external_secret(key) for key in sorted(keys)]
        return [
            one.metadata
            for one in found
            if one is not None and one.owner is not None and one.owner.uid == uid
        ]

    def selected(self, spec: ClusterExternalSecretSpec) -> list[str]:
        """The namespaces that are selected and are not being deleted, sorted."""
        if self._informers.namespaces is None:
            return []
        selects = namespace_filter(spec)
        found = ((key.name, readable(one)) for key, one in self._informers.namespaces.items())
        return sorted(
            name
            for name, one in found
            if one is not None and not one.is_terminating and selects(one.labels)
        )

    def is_of_another_class(self, spec: ClusterExternalSecretSpec, selected: Sequence[str]) -> bool:
        """Whether ExternalSecrets of it are for another controller, and none for this one.

        A store of another class in one namespace decides nothing for other namespaces.
        """
        child = spec.external_secret_spec
        namespaces = selected or [""]
        if not any(self._known.is_of_another_class(child, one) for one in namespaces):
            return False
        return not any(self._known.is_of_this_class(child, one) for one in namespaces)

    def learn(self, kind: Kind, document: Document) -> None:
        """Take in the answer to a write of our own."""
        if kind != CLUSTER_EXTERNAL_SECRETS:
            self._informers.external_secrets.learn(document)
        elif self._informers.cluster_external_secrets is not None:
            self._informers.cluster_external_secrets.learn(document)
