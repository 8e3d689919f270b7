"""Metadata and status of Kubernetes objects, read leniently: the API server wrote them."""

import types
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from provider.controller.resources.table import NO_TEXTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What identifies an object and its state."""

    name: str = ""
    namespace: str = ""
    """Empty for cluster-wide objects."""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    finalizers: tuple[str, ...] = ()
    is_deleting: bool = False


NO_METADATA = Metadata(labels=NO_TEXTS, annotations=NO_TEXTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One condition of a status; times as the API server has them."""

    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""
    last_transition_time: str = ""


def read_metadata(document: Mapping[str, object]) -> Metadata:
    """The metadata of an object; what is not as Kubernetes writes it counts as absent."""
    found = _mapping(document.get("metadata"))
    generation = found.get("generation")
    return Metadata(
        name=text(found.get("name")),
        namespace=text(found.get("namespace")),
        uid=text(found.get("uid")),
        resource_version=text(found.get("resourceVersion")),
        generation=generation if type(generation) is int else 0,
        labels=_texts(found.get("labels")),
        annotations=_texts(found.get("annotations")),
        finalizers=texts(found.get("finalizers")),
        is_deleting=bool(found.get("deletionTimestamp")),
    )


def read_conditions(status: Mapping[str, object]) -> tuple[Condition, ...]:
    found = status.get("conditions")
    items = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    return tuple(
        Condition(
            type=text(one.get("type")),
            status=text(one.get("status")),
            reason=text(one.get("reason")),
            message=text(one.get("message")),
            last_transition_time=text(one.get("lastTransitionTime")),
        )
        for one in items
    )


def read_status(document: Mapping[str, object]) -> Mapping[str, object]:
    """The status of an object; empty where there is none."""
    return _mapping(document.get("status"))


def read_binding(status: Mapping[str, object]) -> str:
    """The name of the Secret that a sync wrote; empty for none."""
    return text(_mapping(status.get("binding")).get("name"))


def text(value: object) -> str:
    """A text; empty for anything else."""
    return shared(value) if isinstance(value, str) else ""


def texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        return ()
    return tuple(shared(one) for one in value if isinstance(one, str))


def timestamp(value: object) -> float | None:
    """Seconds since 1970 of a time as Kubernetes writes it; None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _texts(value: object) -> Mapping[str, str]:
    items = _mapping(value).items()
    found = {shared(name): shared(one) for name, one in items if isinstance(one, str)}
    return types.MappingProxyType(found) if found else NO_TEXTS


_LONGEST_SHARED = 128
"""Characters; longer texts are rarely the same in two objects."""
_MOST_SHARED = 2048


def shared(text: str) -> str:
    """The text; equal texts are the same object, if one was read shortly before the other."""
    return _shared(text) if len(text) <= _LONGEST_SHARED else text


@lru_cache(_MOST_SHARED)
def _shared(text: str) -> str:
    return text
