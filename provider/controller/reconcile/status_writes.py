"""Writes a status, for all kinds."""

from typing import Protocol

from provider.controller.resources.object_meta import Metadata
from provider.errors import LookupForbidden, ObjectNotFound, ObjectRefused
from provider.kube.kinds import Document, Kind
from provider.runtime.log import fields, logger


class Api(Protocol):
    """The Kubernetes API: `kube.objects.Objects`."""

    async def patch_status(
        self, kind: Kind, namespace: str, name: str, status: Document
    ) -> Document:
        """The object as stored; raises ProviderError."""
        ...


async def write_status(
    api: Api, kind: Kind, metadata: Metadata, change: Document
) -> Document | None:
    """Write the status; returns the object as stored, None if it is gone. Raises the API's errors.

    A refusal is logged, because no other place can report it.
    """
    try:
        return await api.patch_status(kind, metadata.namespace, metadata.name, change)
    except ObjectNotFound:
        return None
    except (LookupForbidden, ObjectRefused) as error:
        about = fields(namespace=metadata.namespace, name=metadata.name, error=str(error))
        logger.warning(f"cannot write the status of a {kind.name}", extra=about)
        raise
