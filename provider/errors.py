"""Every failure, as one tree of neutral kinds. A front door turns a kind into its own answer.

The name of a class is the *reason* in logs and metrics. The text is for people: what failed,
where, why, and what to do. It never holds a value or a token.

    ProviderError
    ├── InvalidRequest               invalid           the request or the manifest is wrong
    ├── NotAuthenticated             unauthenticated   there are no credentials
    │   ├── TokenMissing                               no service account token of the audience
    │   ├── TokenRejected                              STS or the agent rejects this one token
    │   ├── RoleNotAssumable                           the role's trust policy denies it
    │   └── CredentialsExpired                         AWS rejects the credentials: renewed once
    ├── Denied                       denied            an authority denies the request
    │   ├── AccessDenied                               AWS denies an action
    │   ├── LookupForbidden                            the Kubernetes API forbids a request
    │   └── PolicyViolation                            this provider's own policy forbids it
    ├── NotFound                     not_found
    │   ├── SecretNotFound                             secret, version, stage or parameter
    │   ├── KeyNotFound                                nothing at a path into a JSON secret
    │   ├── ServiceAccountNotFound                     service account, pod or node
    │   └── ObjectNotFound                             any other object in Kubernetes, or its kind
    ├── NotPossible                  precondition      valid, but something that it needs is not
    │   ├── RoleMissing                                no role on the service account
    │   ├── RegionUnknown                              no region is configured or found
    │   ├── SecretUnusable                             marked for deletion, key disabled, not JSON
    │   ├── AnswerTooLarge                             over a size limit
    │   ├── VolumeRefused                              not a volume that may be written
    │   ├── ObjectConflict                             the object in Kubernetes has changed
    │   │   └── ObjectExists                           it exists already
    │   ├── ObjectRefused                              Kubernetes or a webhook rejects a write
    │   └── VersionGone                                list or watch has to start again
    └── Unavailable                  unavailable       retryable; another region may answer
        ├── AwsUnavailable                             unreachable, 5xx, malformed answer, time-out
        ├── AwsThrottled                               still throttled after all retries
        ├── KubernetesUnavailable                      unreachable, or no proper answer
        │   └── KubernetesThrottled                    429: come back later
        ├── AgentUnavailable                           the EKS Pod Identity agent, likewise
        ├── OutOfTime                                  the deadline has passed
        ├── Overloaded                                 too many requests are waiting
        └── InternalFault                              our own bug; the log has the details
"""

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
        # No `copy`: it calls `__init__`, whose parameters subclasses choose.
        error = self.__class__.__new__(self.__class__, f"{context}: {self}{after}")
        error.__dict__.update(self.__dict__)
        return error


class InvalidRequest(ProviderError):
    kind = "invalid"


class NotAuthenticated(ProviderError):
    kind = "unauthenticated"


class TokenMissing(NotAuthenticated): ...


class TokenRejected(NotAuthenticated): ...


class RoleNotAssumable(NotAuthenticated): ...


class CredentialsExpired(NotAuthenticated): ...


class Denied(ProviderError):
    kind = "denied"


class AccessDenied(Denied): ...


class LookupForbidden(Denied): ...


class PolicyViolation(Denied): ...


class NotFound(ProviderError):
    kind = "not_found"


class SecretNotFound(NotFound): ...


class KeyNotFound(NotFound): ...


class ServiceAccountNotFound(NotFound): ...


class ObjectNotFound(NotFound): ...


class NotPossible(ProviderError):
    kind = "precondition"


class RoleMissing(NotPossible): ...


class RegionUnknown(NotPossible): ...


class SecretUnusable(NotPossible): ...


class AnswerTooLarge(NotPossible): ...


class VolumeRefused(NotPossible): ...


class ObjectConflict(NotPossible): ...


class ObjectExists(ObjectConflict): ...


class ObjectRefused(NotPossible): ...


class VersionGone(NotPossible): ...


class Unavailable(ProviderError):
    kind = "unavailable"


class AwsUnavailable(Unavailable): ...


class AwsThrottled(Unavailable): ...


class KubernetesUnavailable(Unavailable): ...


class KubernetesThrottled(KubernetesUnavailable):
    """The Kubernetes API has too many requests. `retry_after` is in seconds, 0 if not known."""

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class AgentUnavailable(Unavailable): ...


class OutOfTime(Unavailable): ...


class Overloaded(Unavailable): ...


class InternalFault(Unavailable): ...
