"""The ExternalSecrets of a ClusterExternalSecret, as documents."""

from provider.controller.kinds import CLUSTER_EXTERNAL_SECRETS, EXTERNAL_SECRETS
from provider.controller.resources.cluster_external_secret import ClusterExternalSecretSpec
from provider.controller.resources.object_meta import Metadata
from provider.controller.watch.object_cache import ObjectKey
from provider.controller.watch.watched import WatchedClusterExternalSecret
from provider.kube.kinds import Document

FORCE_SYNC = "external-secrets.io/force-sync"
"""An annotation of a ClusterExternalSecret that its ExternalSecrets get too."""


def child(
    found: WatchedClusterExternalSecret, spec: ClusterExternalSecretSpec, key: ObjectKey
) -> Document:
    """The ExternalSecret of a namespace."""
    metadata, about = found.metadata, spec.external_secret_metadata
    annotations = dict(about.annotations)
    if FORCE_SYNC in metadata.annotations:
        annotations[FORCE_SYNC] = metadata.annotations[FORCE_SYNC]
    owner = {
        "apiVersion": CLUSTER_EXTERNAL_SECRETS.api_version,
        "kind": CLUSTER_EXTERNAL_SECRETS.name,
        "name": metadata.name,
        "uid": metadata.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
    return {
        "apiVersion": EXTERNAL_SECRETS.api_version,
        "kind": EXTERNAL_SECRETS.name,
        "metadata": {
            "namespace": key.namespace,
            "name": key.name,
            "labels": dict(about.labels),
            "annotations": annotations,
            "ownerReferences": [owner],
        },
        "spec": dict(found.template),
    }


def merged(current: Document, wanted: Document) -> Document:
    """The stored ExternalSecret with spec, labels, annotations and owner as wanted."""
    about = dict(current["metadata"])
    for key in ("labels", "annotations", "ownerReferences"):
        if about.get(key) or wanted["metadata"][key]:
            about[key] = wanted["metadata"][key]
    return {**current, "metadata": about, "spec": wanted["spec"]}


def edited_state(metadata: Metadata) -> str:
    """What changes when the ExternalSecret is edited, but not with its status."""
    return repr((metadata.uid, metadata.generation, metadata.labels, metadata.annotations))
