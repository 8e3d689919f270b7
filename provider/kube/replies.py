"""A request to the Kubernetes API, and the error that its answer means.

The server's own message is quoted, since it says best what is wrong, but not for Secrets: there it
may quote a value. Of Secrets only the parts are kept that hold none.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from provider.errors import (
    KubernetesThrottled,
    KubernetesUnavailable,
    LookupForbidden,
    ObjectConflict,
    ObjectExists,
    ObjectNotFound,
    ObjectRefused,
    ProviderError,
    VersionGone,
)
from provider.kube.kinds import SECRETS, Document, Kind
from provider.runtime.transport import Method, Reply

Verb = Literal["get", "list", "watch", "create", "update", "patch", "delete"]

_MOST_TEXT = 300
_MOST_CAUSES = 10
_HARMLESS = re.compile(
    r'admission webhook "[^"]*" denied the request'
    r'|secrets(?: "[^"]*")? is forbidden: (?:User "[^"]*" cannot [a-z]+ resource "[a-z/]+"'
    r"|unable to create new content in namespace \S+ because it is being terminated)"
)
"""The parts of a message about a Secret that cannot hold a value."""

_METHODS: Mapping[Verb, Method] = {
    "create": "POST",
    "update": "PUT",
    "patch": "PATCH",
    "delete": "DELETE",
}
"""All other verbs are GET."""


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """What is asked of the API, with the verb of RBAC rules; as text, how messages begin."""

    verb: Verb
    kind: Kind
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    @property
    def method(self) -> Method:
        return _METHODS.get(self.verb, "GET")

    @property
    def path(self) -> str:
        """The path of the URL. An object that does not exist yet has no name there."""
        is_new = self.verb == "create" and not self.subresource
        return self.kind.path(self.namespace, "" if is_new else self.name, self.subresource)

    def __str__(self) -> str:
        part = f" ({self.subresource})" if self.subresource else ""
        if self.name:
            return f"cannot {self.verb} {self.kind.described(self.namespace, self.name)}{part}"
        place = f" in {self.namespace}" if self.namespace else ""
        return f"cannot {self.verb} {self.kind.plural}{place}{part}"


def error_of(asked: ApiRequest, reply: Reply) -> ProviderError:
    """The error that an answer other than a success stands for."""
    status = json_object(reply.body) or {}
    return error_of_status(asked, reply.status, status, _retry_after(reply))


def error_of_status(
    asked: ApiRequest, code: int, status: Mapping[str, Any], wait: float = 0.0
) -> ProviderError:
    """The same for a Status object, as a watch sends one too. `wait` is its Retry-After."""
    why = _explanation(asked.kind, status)
    text = f"{asked}: Kubernetes answered {code}{f' ({why})' if why else ''}"
    text += _advice(asked, code, why)
    if code == 429:
        return KubernetesThrottled(text, wait)
    if not 400 <= code < 500:
        return KubernetesUnavailable(text)
    if code == 409 and status.get("reason") == "AlreadyExists":
        return ObjectExists(text)
    return _BY_CODE.get(code, ObjectRefused)(text)


_BY_CODE: Mapping[int, type[ProviderError]] = {
    401: LookupForbidden,
    403: LookupForbidden,
    404: ObjectNotFound,
    409: ObjectConflict,
    410: VersionGone,
}


def _retry_after(reply: Reply) -> float:
    """Seconds of the header Retry-After; 0 without a usable one."""
    text = reply.headers.get("retry-after", "")
    return float(text) if text.isdecimal() and len(text) < 6 else 0.0


def json_object(body: bytes) -> Document | None:
    """The JSON object in the body of an answer; None if it is anything else."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _explanation(kind: Kind, status: Mapping[str, Any]) -> str:
    message = _one_line(status.get("message"))
    if kind != SECRETS:
        return message
    harmless = _HARMLESS.match(message)
    if harmless:
        return harmless.group()
    reason = _one_line(status.get("reason"))
    fields = "" if "webhook" in message else _causes(status)
    return ": ".join(part for part in (reason if reason.isalpha() else "", fields) if part)


def _causes(status: Mapping[str, Any]) -> str:
    """The fields that are wrong, and in which way: `data[a/b] FieldValueInvalid`."""
    details = status.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    if not isinstance(causes, list):
        return ""
    return ", ".join(
        f"{_one_line(cause.get('field'))} {_one_line(cause.get('reason'))}".strip()
        for cause in causes[:_MOST_CAUSES]
        if isinstance(cause, dict)
    )


def _one_line(value: object) -> str:
    return " ".join(value.split())[:_MOST_TEXT] if isinstance(value, str) else ""


def _advice(asked: ApiRequest, code: int, why: str) -> str:
    kind = asked.kind
    if code == 404 and not asked.name:
        return (
            f". It does not serve {kind.plural} of {kind.api_version}: install or update the CRD."
        )
    if code == 401:
        return (
            ". It rejects the token of this program's own service account: check that the service "
            "account exists."
        )
    if code != 403 or " cannot " not in why:  # an admission plugin or a quota, not RBAC
        return ""
    resource = f"{kind.plural}/{asked.subresource}" if asked.subresource else kind.plural
    return (
        f'. Allow it by RBAC: apiGroups ["{kind.group}"], resources [{resource}], '
        f"verbs [{asked.verb}]."
    )
