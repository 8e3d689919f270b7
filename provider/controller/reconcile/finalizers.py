"""Finalizers that External Secrets Operator has set, and that would stay without it.

They are removed from the objects that the controller reconciles. Those of namespaces are only
reported: the controller has no right to change namespaces.
"""

from collections.abc import Iterable
from itertools import islice

from provider.controller.resources.object_meta import Metadata
from provider.errors import ObjectNotFound
from provider.kube.cluster_api import ClusterApi
from provider.kube.kinds import Document, Kind
from provider.runtime.log import fields, logger

ORPHAN = "orphan"
"""What Kubernetes sets for `kubectl delete --cascade=orphan`: what the object owns is kept."""
_MOST_NAMES = 20


async def set_finalizer(
    api: ClusterApi, kind: Kind, metadata: Metadata, finalizer: str, *, wanted: bool = False
) -> Document | None:
    """Add or remove a finalizer; the object as stored, None if nothing is to do or it is gone.

    Raises `ObjectConflict` if the object has changed meanwhile.
    """
    if (finalizer in metadata.finalizers) == wanted:
        return None
    others = [one for one in metadata.finalizers if one != finalizer]
    finalizers = [*others, finalizer] if wanted else others
    change = {"metadata": {"finalizers": finalizers, "resourceVersion": metadata.resource_version}}
    try:
        return await api.merge_patch(kind, metadata.namespace, metadata.name, change)
    except ObjectNotFound:
        return None


def report_namespaces(names: Iterable[str]) -> None:
    """Log which namespaces have a finalizer of the operator, and how to remove it."""
    shown = sorted(names)
    if shown:
        logger.warning(
            "namespaces have a finalizer of External Secrets Operator: if deleted, they never "
            "end. Remove it from each with kubectl edit namespace NAME; secrets-provider-aws "
            "preflight prints a command for each",
            extra=fields(count=len(shown), namespaces=", ".join(islice(shown, _MOST_NAMES))),
        )
