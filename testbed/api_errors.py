"""Failures as the API server's Status objects tell them."""

import json
from collections.abc import Mapping
from typing import Any

from testbed.api_kinds import ApiKind
from testbed.fake import Refusal
from testbed.http import Reply

USER = "system:serviceaccount:kube-system:csi-secrets-store-provider-aws"


class ApiError(Refusal):
    """A failure with its code and reason."""

    def __init__(
        self, code: int, reason: str, message: str, *, retry_after: int | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.retry_after = retry_after

    def status(self) -> dict[str, Any]:
        """The Status object."""
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": str(self),
            "reason": self.reason,
            "code": self.code,
        }

    def reply(self) -> Reply:
        """The answer."""
        after = () if self.retry_after is None else (("Retry-After", str(self.retry_after)),)
        return json_reply(self.status(), self.code, *after)


def too_many_requests(retry_after: int = 1) -> ApiError:
    """Priority and Fairness turns the call away."""
    message = "Too many requests, please try again later."
    return ApiError(429, "TooManyRequests", message, retry_after=retry_after)


def unavailable() -> ApiError:
    """The API server cannot reach etcd."""
    return ApiError(500, "InternalError", "etcdserver: leader changed")


def expired() -> ApiError:
    """A version is no longer there."""
    return ApiError(410, "Expired", "too old resource version")


def not_found(kind: ApiKind, name: str) -> ApiError:
    """There is no such object."""
    return ApiError(404, "NotFound", f'{_resource(kind)} "{name}" not found')


def exists(kind: ApiKind, name: str) -> ApiError:
    """There is one already."""
    return ApiError(409, "AlreadyExists", f'{_resource(kind)} "{name}" already exists')


def conflict(kind: ApiKind, name: str) -> ApiError:
    """It is another version."""
    message = (
        f'Operation cannot be fulfilled on {_resource(kind)} "{name}": the object has been '
        "modified; please apply your changes to the latest version and try again"
    )
    return ApiError(409, "Conflict", message)


def invalid(kind: ApiKind, name: str, what: str) -> ApiError:
    """A field is wrong."""
    return ApiError(422, "Invalid", f'{kind.name} "{name}" is invalid: {what}')


def forbidden(verb: str, resource: str, group: str, namespace: str, name: str) -> ApiError:
    """RBAC denies it."""
    scope = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
    which = f' "{name}"' if name else ""
    message = (
        f'{resource}{which} is forbidden: User "{USER}" cannot {verb} resource "{resource}" '
        f'in API group "{group}" {scope}'
    )
    return ApiError(403, "Forbidden", message)


def terminating(kind: ApiKind, namespace: str, name: str) -> ApiError:
    """The namespace is being deleted."""
    message = (
        f'{_resource(kind)} "{name}" is forbidden: unable to create new content in namespace '
        f"{namespace} because it is being terminated"
    )
    return ApiError(403, "Forbidden", message)


def json_reply(body: Mapping[str, Any], status: int = 200, *headers: tuple[str, str]) -> Reply:
    """An answer in JSON."""
    content = json.dumps(body).encode()
    return Reply(status, content, (("Content-Type", "application/json"), *headers))


def _resource(kind: ApiKind) -> str:
    return f"{kind.plural}.{kind.group}" if kind.group else kind.plural
