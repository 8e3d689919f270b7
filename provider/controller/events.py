"""Events on External Secrets resources, under the names of External Secrets Operator."""

from collections.abc import Callable, Mapping
from typing import Literal

from provider.controller.kinds import (
    CLUSTER_EXTERNAL_SECRETS,
    CLUSTER_SECRET_STORES,
    EXTERNAL_SECRETS,
    PUSH_SECRETS,
    SECRET_STORES,
)
from provider.controller.resources.object_meta import Metadata
from provider.controller.status import one_line
from provider.kube.events import Event, ObjectReference
from provider.kube.kinds import Kind

COMPONENTS: Mapping[Kind, str] = {
    EXTERNAL_SECRETS: "external-secrets",
    SECRET_STORES: "secret-store",
    CLUSTER_SECRET_STORES: "cluster-secret-store",
    CLUSTER_EXTERNAL_SECRETS: "cluster-external-secrets",
    **dict.fromkeys(PUSH_SECRETS.values(), "pushsecret"),
}

EventType = Literal["Normal", "Warning"]


class Events:
    """Records Events about objects of one kind."""

    def __init__(self, kind: Kind, record: Callable[[Event], object]) -> None:
        self._kind = kind
        self._record = record

    def normal(self, metadata: Metadata, reason: str, message: str) -> None:
        self._write(metadata, "Normal", reason, message)

    def warning(self, metadata: Metadata, reason: str, message: str) -> None:
        self._write(metadata, "Warning", reason, message)

    def _write(self, metadata: Metadata, type_: EventType, reason: str, message: str) -> None:
        about = ObjectReference(
            self._kind.name,
            metadata.namespace,
            metadata.name,
            metadata.uid,
            api_version=self._kind.api_version,
        )
        self._record(Event(about, type_, reason, one_line(message)))
