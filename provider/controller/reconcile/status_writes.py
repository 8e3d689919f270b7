"""Writes a status, for all kinds."""

from collections.abc import Callable

from provider.controller.resources.object_meta import Metadata, read_metadata
from provider.errors import LookupForbidden, ObjectConflict, ObjectNotFound, ObjectRefused
from provider.kube.cluster_api import ClusterApi
from provider.kube.kinds import Document, Kind
from provider.runtime.log import fields, logger


async def write_status(
    api: ClusterApi,
    kind: Kind,
    metadata: Metadata,
    change: Document,
    learn: Callable[[Document], object],
) -> None:
    """Write the status; `learn` gets the object as it is stored. Raises the API's errors.

    One that is gone, or was created again under the name, is left alone: it was not synced yet. A
    refusal is logged, because no other place can report it.
    """
    try:
        stored = await _patch(api, kind, metadata, change)
    except ObjectNotFound:
        return
    except (LookupForbidden, ObjectRefused) as error:
        about = fields(namespace=metadata.namespace, name=metadata.name, error=str(error))
        logger.warning(f"cannot write the status of a {kind.name}", extra=about)
        raise
    if stored is not None:
        learn(stored)


async def _patch(
    api: ClusterApi, kind: Kind, metadata: Metadata, change: Document
) -> Document | None:
    """The object as stored. Kubernetes compares versions in a patch of a status, but no uid."""
    place = kind, metadata.namespace, metadata.name
    try:
        return await api.patch_status(*place, change, version=metadata.resource_version)
    except ObjectConflict:
        current = read_metadata(await api.get(*place))
    if current.uid != metadata.uid:
        return None
    return await api.patch_status(*place, change, version=current.resource_version)
