"""What the fake API server checks and does when an object is written."""

import base64
import binascii
import copy
import re
import time
from datetime import UTC, datetime
from typing import Any

from testbed.api_errors import ApiError, conflict, exists, invalid, not_found, terminating
from testbed.api_kinds import KINDS, ApiKind
from testbed.object_store import ObjectStore, Thing
from testbed.tokens import issue_token

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")
_NAMESPACES = KINDS["", "namespaces"]


class Writes:
    """Create, replace, patch and delete with the checks of an API server."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    def create(self, kind: ApiKind, namespace: str, given: Thing, manager: str) -> Thing:
        """The object as stored."""
        name = given["metadata"]["name"]
        if kind.namespaced and kind.plural != "events":
            self._check_namespace(kind, namespace, name)
        if self._objects.get(kind, namespace, name) is not None:
            raise exists(kind, name)
        thing = copy.deepcopy(given)
        if kind.namespaced:
            thing["metadata"]["namespace"] = namespace
        if kind.is_custom:
            thing.pop("status", None)
        return self._objects.put(kind, self._checked(kind, thing, None), manager)

    def replace(
        self, kind: ApiKind, old: Thing, given: Thing, manager: str, subresource: str = ""
    ) -> Thing:
        """The object as stored."""
        name, metadata = old["metadata"]["name"], given.get("metadata", {})
        version = metadata.get("resourceVersion")
        if kind.is_custom and not version:
            raise invalid(kind, name, "metadata.resourceVersion: must be specified for an update")
        if version not in {None, "", old["metadata"]["resourceVersion"]}:
            raise conflict(kind, name)
        if metadata.get("uid") not in {None, "", old["metadata"]["uid"]}:
            raise conflict(kind, name)
        if subresource == "status":
            new = {**copy.deepcopy(old), "status": given.get("status", {})}
            return self._objects.put(kind, new, manager, subresource)
        new = copy.deepcopy(given)
        if kind.is_custom:
            new.pop("status", None)
            if "status" in old:
                new["status"] = old["status"]
        if "deletionTimestamp" in old["metadata"]:
            new["metadata"]["deletionTimestamp"] = old["metadata"]["deletionTimestamp"]
        return self._objects.put(kind, self._checked(kind, new, old), manager)

    def patch(
        self, kind: ApiKind, old: Thing, change: Thing, manager: str, subresource: str = ""
    ) -> Thing:
        """The object as stored, after a JSON merge patch."""
        return self.replace(kind, old, _merged(old, change), manager, subresource)

    def delete(self, kind: ApiKind, old: Thing, options: Thing) -> Thing:
        """The answer: a Status, or the object if it has finalizers."""
        metadata = old["metadata"]
        for key, value in (options.get("preconditions") or {}).items():
            if metadata[key] != value:
                raise conflict(kind, metadata["name"])
        left = self._objects.delete(kind, metadata.get("namespace", ""), metadata["name"])
        if left["metadata"].get("finalizers"):
            return left
        return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}

    def _check_namespace(self, kind: ApiKind, namespace: str, name: str) -> None:
        found = self._objects.get(_NAMESPACES, "", namespace)
        if found is None:
            raise not_found(_NAMESPACES, namespace)
        if "deletionTimestamp" in found["metadata"]:
            raise terminating(kind, namespace, name)

    def _checked(self, kind: ApiKind, thing: Thing, old: Thing | None) -> Thing:
        name = thing["metadata"]["name"]
        if not _NAME.fullmatch(name):
            raise invalid(kind, name, f'metadata.name: Invalid value: "{name}"')
        if kind.plural == "secrets":
            _check_secret(kind, name, thing, old)
        if kind.plural == "events":
            about = thing["involvedObject"].get("namespace", "")
            if about and about != thing["metadata"].get("namespace"):
                what = "involvedObject.namespace: does not match event.namespace"
                raise invalid(kind, name, what)
        return thing


def token_answer(namespace: str, service_account: str, request: Thing) -> Thing:
    """The TokenRequest with its token."""
    spec = request["spec"]
    seconds = spec.get("expirationSeconds", 3600)
    audience = (spec.get("audiences") or ["https://kubernetes.default.svc"])[0]
    expires = datetime.fromtimestamp(int(time.time()) + seconds, UTC)
    token = issue_token(namespace, service_account, audience=audience, lifetime=seconds)
    stamp = expires.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {**request, "status": {"token": token, "expirationTimestamp": stamp}}


def _check_secret(kind: ApiKind, name: str, thing: Thing, old: Thing | None) -> None:
    data: dict[str, Any] = thing.get("data") or {}
    data |= {
        key: base64.b64encode(value.encode()).decode()
        for key, value in (thing.pop("stringData", None) or {}).items()
    }
    if data:
        thing["data"] = data
    thing.setdefault("type", "Opaque")
    for key, value in data.items():
        if not _KEY.fullmatch(key):
            raise invalid(kind, name, f'data[{key}]: Invalid value: "{key}"')
        try:
            base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            message = (
                f'Secret in version "v1" cannot be handled as a Secret: illegal base64 {value}'
            )
            raise ApiError(400, "BadRequest", message) from None
    if old is None:
        return
    if old["type"] != thing["type"]:
        raise invalid(kind, name, f'type: Invalid value: "{thing["type"]}": field is immutable')
    if old.get("immutable") and old.get("data") != thing.get("data"):
        raise invalid(kind, name, "data: Forbidden: field is immutable when `immutable` is set")


def _merged(old: Any, change: Any) -> Any:
    if not isinstance(change, dict):
        return change
    merged = dict(old) if isinstance(old, dict) else {}
    for key, value in change.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merged(merged.get(key), value)
    return merged
