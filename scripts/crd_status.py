"""Schemas of what the controller writes into the status of each kind."""

from typing import Any

_TIME = {"type": "string", "format": "date-time"}


def _text(meaning: str) -> dict[str, Any]:
    return {"type": "string", "description": meaning}


_CONDITION: dict[str, Any] = {
    "type": "object",
    "description": "One condition.",
    "properties": {
        "type": _text("Ready, or Deleted."),
        "status": _text("True, False or Unknown."),
        "reason": _text("Why, in one word."),
        "message": _text("Why, with the error of AWS or Kubernetes and what to do about it."),
        "lastTransitionTime": {"description": "When status changed last.", **_TIME},
    },
    "required": ["status", "type"],
}
_CONDITIONS = {"type": "array", "description": "The state of this object.", "items": _CONDITION}

_EXTERNAL_SECRET: dict[str, Any] = {
    "type": "object",
    "description": "The state of the last sync.",
    "properties": {
        "refreshTime": {
            "description": "When values were read from AWS and the Secret was updated last.",
            "nullable": True,
            **_TIME,
        },
        "syncedResourceVersion": _text("The generation, labels and annotations that are synced."),
        "conditions": _CONDITIONS,
        "binding": {
            "type": "object",
            "description": "The Secret, for servicebinding.io.",
            "properties": {"name": {"default": "", **_text("Name of the Secret.")}},
            "x-kubernetes-map-type": "atomic",
        },
    },
}

_STORE: dict[str, Any] = {
    "type": "object",
    "description": "The state of the last check.",
    "properties": {
        "capabilities": _text("What the store can do."),
        "conditions": _CONDITIONS,
    },
}

_FAILURE: dict[str, Any] = {
    "type": "object",
    "description": "A namespace without its ExternalSecret.",
    "properties": {
        "namespace": _text("The namespace."),
        "reason": _text("Why the ExternalSecret could not be written."),
    },
    "required": ["namespace"],
}
_CLUSTER_CONDITION: dict[str, Any] = {
    "type": "object",
    "description": "One condition.",
    "properties": {
        "type": _text("Ready."),
        "status": _text("True or False."),
        "message": _text("Why."),
    },
    "required": ["status", "type"],
}
_CLUSTER_EXTERNAL_SECRET: dict[str, Any] = {
    "type": "object",
    "description": "The namespaces that have their ExternalSecret.",
    "properties": {
        "externalSecretName": _text("Name of the ExternalSecrets that were written last."),
        "provisionedNamespaces": {
            "type": "array",
            "description": "Namespaces with their ExternalSecret, sorted.",
            "items": {"type": "string"},
        },
        "failedNamespaces": {
            "type": "array",
            "description": "Namespaces without it, sorted.",
            "items": _FAILURE,
        },
        "conditions": {
            "type": "array",
            "description": "The state of this object.",
            "items": _CLUSTER_CONDITION,
        },
    },
}

STATUSES = {
    "ExternalSecret": _EXTERNAL_SECRET,
    "SecretStore": _STORE,
    "ClusterSecretStore": _STORE,
    "ClusterExternalSecret": _CLUSTER_EXTERNAL_SECRET,
}
