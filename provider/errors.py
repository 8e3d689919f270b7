"""Every failure, as one tree of neutral kinds. A front door turns a kind into its own answer.

The name of a class is the *reason* in logs and metrics. The text is for people: what failed,
where, why, and what to do. It never holds a value or a token.

    ProviderError
    ├── InvalidRequest               invalid           the request or the manifest is wrong
    ├── NotAuthenticated             unauthenticated
    │   ├── TokenMissing                               no token of the audience
    │   ├── TokenRejected                              STS or the agent rejects the token
    │   ├── RoleNotAssumable                           the role's trust policy denies it
    │   └── CredentialsExpired                         AWS rejects the credentials: renewed once
    ├── Denied                       denied
    │   ├── AccessDenied                               AWS denies an action
    │   ├── LookupForbidden                            the Kubernetes API forbids a request
    │   └── PolicyViolation                            this provider's own policy forbids it
    ├── NotFound                     not_found
    │   ├── SecretNotFound                             secret, version, stage or parameter
    │   ├── KeyNotFound                                nothing at a path into a JSON secret
    │   ├── ServiceAccountNotFound                     service account, pod or node
    │   └── ObjectNotFound                             any other object in Kubernetes
    ├── NotPossible                  precondition
    │   ├── RoleMissing                                no role on the service account
    │   ├── RegionUnknown                              no region is configured or found
    │   ├── SecretUnusable                             marked for deletion, key disabled, not JSON
    │   ├── AnswerTooLarge                             over a size limit
    │   ├── VolumeRefused                              not a volume that may be written
    │   ├── ObjectConflict                             the object in Kubernetes has changed
    │   │   └── ObjectExists                           it exists already
    │   ├── ObjectRefused                              Kubernetes rejects what is written
    │   └── VersionGone                                list or watch has to start again
    └── Unavailable                  unavailable       retryable; another region may answer
        ├── AwsUnavailable                             unreachable, 5xx, malformed answer, time-out
        ├── AwsThrottled                               still throttled after all retries
        ├── KubernetesUnavailable
        │   └── KubernetesThrottled                    429: come back later
        ├── AgentUnavailable                           the EKS Pod Identity agent
        ├── OutOfTime                                  the deadline has passed
        ├── Overloaded                                 too many requests are waiting
        └── InternalFault                              our own bug; the log has the details
"""

from copy import copy
from typing import Literal, Self

Kind = Literal["invalid", "unauthenticated", "denied", "not_found", "precondition", "unavailable"]
"""What a front door decides by."""


class ProviderError(Exception):
    """A request cannot be answered; the message says why and what to do."""

    kind: Kind = "unavailable"

    @property
    def reason(self) -> str:
        """Name of the failure in logs and metrics."""
        return type(self).__name__

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed later, or in another region, without a change."""
        return self.kind == "unavailable"

    def in_context(self, context: str, *, after: str = "") -> Self:
        """A copy of this error whose message is `<context>: <message><after>`."""
        error = copy(self)
        error.args = (f"{context}: {self}{after}",)
        return error


class InvalidRequest(ProviderError):
    """The request or the manifest is wrong; AWS was not asked."""

    kind = "invalid"


class NotAuthenticated(ProviderError):
    """There are no credentials for the request."""

    kind = "unauthenticated"


class TokenMissing(NotAuthenticated):
    """No service account token of the required audience was sent."""


class TokenRejected(NotAuthenticated):
    """STS or the EKS Pod Identity agent rejects the service account token.

    It concerns that token alone: another token of the same service account may be accepted.
    """


class RoleNotAssumable(NotAuthenticated):
    """The role's trust policy does not allow this identity to assume it."""


class CredentialsExpired(NotAuthenticated):
    """AWS says that the credentials are expired or invalid."""


class Denied(ProviderError):
    """An authority denies the request."""

    kind = "denied"


class AccessDenied(Denied):
    """AWS denies the action to the identity."""


class LookupForbidden(Denied):
    """The Kubernetes API forbids a request."""


class PolicyViolation(Denied):
    """The provider's own policy forbids what was asked for."""


class NotFound(ProviderError):
    """Something that was asked for does not exist."""

    kind = "not_found"


class SecretNotFound(NotFound):
    """There is no such secret, version, staging label or parameter."""


class KeyNotFound(NotFound):
    """A path into a JSON document yields nothing."""


class ServiceAccountNotFound(NotFound):
    """There is no such service account, pod or node in Kubernetes."""


class ObjectNotFound(NotFound):
    """There is no such object in Kubernetes, or no such kind."""


class NotPossible(ProviderError):
    """The request is valid, but something that it depends on is not."""

    kind = "precondition"


class RoleMissing(NotPossible):
    """The service account has no IAM role."""


class RegionUnknown(NotPossible):
    """No region is configured, and the node has none."""


class SecretUnusable(NotPossible):
    """The secret exists but cannot be used: marked for deletion, key disabled, not JSON."""


class AnswerTooLarge(NotPossible):
    """The answer exceeds a size limit."""


class VolumeRefused(NotPossible):
    """The target is not a volume that the provider may write to."""


class ObjectConflict(NotPossible):
    """The object in Kubernetes is another version than the one that the write is for."""


class ObjectExists(ObjectConflict):
    """An object of that name exists in Kubernetes already."""


class ObjectRefused(NotPossible):
    """Kubernetes, or an admission webhook, rejects the object that was written."""


class VersionGone(NotPossible):
    """Kubernetes has dropped the version from which a list or watch was to go on."""


class Unavailable(ProviderError):
    """A transient failure: the request was neither answered nor refused."""

    kind = "unavailable"


class AwsUnavailable(Unavailable):
    """AWS cannot be reached, answers 5xx or a malformed answer, or does not answer in time."""


class AwsThrottled(Unavailable):
    """AWS throttles the requests, still after all retries."""


class KubernetesUnavailable(Unavailable):
    """The Kubernetes API cannot be reached or does not answer properly."""


class KubernetesThrottled(KubernetesUnavailable):
    """The Kubernetes API has too many requests. `retry_after` is in seconds, 0 if not known."""

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class AgentUnavailable(Unavailable):
    """The EKS Pod Identity agent cannot be reached or does not answer properly."""


class OutOfTime(Unavailable):
    """The deadline of the request has passed."""


class Overloaded(Unavailable):
    """Too many requests are waiting already."""


class InternalFault(Unavailable):
    """A bug of our own; the message has an id under which the log has the details."""
