"""Every failure a request may end in, as one tree.

The class name is the *reason* in logs and metrics; `status` is the name of the
gRPC status that the driver sees. The text is for the person who reads
`kubectl describe pod`: what failed, where, why, and what to do. It never holds
a value or a token.

    ProviderError
    ├── InvalidRequest               INVALID_ARGUMENT     the driver's request or the class is wrong
    ├── NotAuthenticated             UNAUTHENTICATED
    │   ├── TokenMissing                                  no token of the audience in the request
    │   ├── TokenRejected                                 STS or the agent refuses the token
    │   ├── RoleNotAssumable                              the role's trust policy says no
    │   └── CredentialsExpired                            AWS calls them expired: renewed once
    ├── Denied                       PERMISSION_DENIED
    │   ├── AccessDenied                                  AWS denies an action
    │   └── LookupForbidden                               Kubernetes forbids a look-up
    ├── NotFound                     NOT_FOUND
    │   ├── SecretNotFound                                secret, version, stage or parameter
    │   ├── KeyNotFound                                   nothing at a JSON path
    │   └── ServiceAccountNotFound                        the service account, pod or node
    ├── NotPossible                  FAILED_PRECONDITION
    │   ├── RoleMissing                                   no role on the service account
    │   ├── RegionUnknown                                 no region to be found
    │   ├── SecretUnusable                                marked for deletion, key disabled, …
    │   ├── AnswerTooLarge                                over the driver's limit
    │   └── VolumeRefused                                 no volume that we may write to ourselves
    └── Unavailable                  INTERNAL             the other region may cover for it
        ├── AwsUnavailable                                unreachable, 5xx, garbage, time-out
        ├── AwsThrottled                                  still throttled after all retries
        ├── KubernetesUnavailable
        ├── AgentUnavailable                              the EKS Pod Identity agent
        ├── OutOfTime                                     the mount's time budget is spent
        ├── Overloaded                                    too many mounts waiting: refused unread
        └── InternalFault                                 our own bug, with an id that is in the log
"""

Status = str
"""Name of a gRPC status code, such as `NOT_FOUND`."""


class ProviderError(Exception):
    """A request cannot be answered; the message says why and what to do."""

    status: Status = "INTERNAL"

    @property
    def reason(self) -> str:
        """Name of the failure in logs and metrics."""
        return type(self).__name__


class InvalidRequest(ProviderError):
    """The request or the SecretProviderClass is wrong; nothing was asked of AWS."""

    status = "INVALID_ARGUMENT"


class NotAuthenticated(ProviderError):
    """The pod cannot get credentials."""

    status = "UNAUTHENTICATED"


class TokenMissing(NotAuthenticated):
    """The driver sent no service account token of the audience in need."""


class TokenRejected(NotAuthenticated):
    """STS or the EKS Pod Identity agent refuses the service account token."""


class RoleNotAssumable(NotAuthenticated):
    """The role's trust policy does not let this service account assume it."""


class CredentialsExpired(NotAuthenticated):
    """AWS calls the credentials expired or invalid."""


class Denied(ProviderError):
    """Someone with a say says no."""

    status = "PERMISSION_DENIED"


class AccessDenied(Denied):
    """AWS denies the action to the pod's role."""


class LookupForbidden(Denied):
    """Kubernetes forbids the daemon to read a service account, pod or node."""


class NotFound(ProviderError):
    """Something that the class names does not exist."""

    status = "NOT_FOUND"


class SecretNotFound(NotFound):
    """There is no such secret, version, staging label or parameter."""


class KeyNotFound(NotFound):
    """A path into a JSON document yields nothing."""


class ServiceAccountNotFound(NotFound):
    """There is no such service account, pod or node in Kubernetes."""


class NotPossible(ProviderError):
    """The request is fine, but something it builds upon is not."""

    status = "FAILED_PRECONDITION"


class RoleMissing(NotPossible):
    """The service account carries no IAM role."""


class RegionUnknown(NotPossible):
    """Neither class nor daemon nor node tells a region."""


class SecretUnusable(NotPossible):
    """The secret exists but cannot be read now: marked for deletion, key disabled, not JSON."""


class AnswerTooLarge(NotPossible):
    """The files exceed what the driver accepts in one answer."""


class VolumeRefused(NotPossible):
    """The provider is to write the files, but the target is none that it may write to."""


class Unavailable(ProviderError):
    """Nobody said no, but nobody answered either; another region may."""


class AwsUnavailable(Unavailable):
    """AWS cannot be reached, answers 5xx or garbage, or does not answer in time."""


class AwsThrottled(Unavailable):
    """AWS throttles, still after all retries."""


class KubernetesUnavailable(Unavailable):
    """The Kubernetes API cannot be reached or does not answer properly."""


class AgentUnavailable(Unavailable):
    """The EKS Pod Identity agent cannot be reached or does not answer properly."""


class OutOfTime(Unavailable):
    """The mount's time budget is spent."""


class Overloaded(Unavailable):
    """Too many mounts wait already."""


class InternalFault(Unavailable):
    """A fault of our own; the message carries an id that the log explains."""
