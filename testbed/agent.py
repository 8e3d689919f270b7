"""A fake EKS Pod Identity agent: credentials for the token of a pod.

The agent checks the token's form itself and passes the rest to EKS Auth; what EKS Auth refuses
comes back with EKS Auth's own status and as text, not JSON (aws/eks-pod-identity-agent, and the EKS
Auth API Reference, AssumeRoleForPodIdentity). Left out: the real agent refuses calls whose Host is
not one of its link-local addresses, and answers the same token from a cache.
"""

import json
import time
from uuid import uuid4

from testbed.aws.cloud import Cloud
from testbed.aws.iam import Session
from testbed.fake import Asked, Desk, Listening, Refusal
from testbed.http import Reply, Request
from testbed.http_server import Server
from testbed.tokens import POD_IDENTITY_AUDIENCE, Claims, read_token

_PATH = "/v1/credentials"


class AgentError(Refusal):
    """A failure, as the line of text that the agent answers."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status

    def reply(self) -> Reply:
        """Plain text, as Go's http.Error writes it."""
        headers = (
            ("Content-Type", "text/plain; charset=utf-8"),
            ("X-Content-Type-Options", "nosniff"),
        )
        return Reply(self.status, f"{self}\n".encode(), headers)


def eks_auth_error(code: str, message: str, status: int = 400) -> AgentError:
    """An error of EKS Auth on its way through the agent."""
    fault = "server" if status >= 500 else "client"
    return AgentError(status, f"[{uuid4()}]: ({code}): {message}, fault: {fault}")


def throttled() -> AgentError:
    """The agent's own rate limit."""
    return AgentError(429, "Too Many Requests. Request rate limit exceeded")


def unavailable() -> AgentError:
    """EKS Auth is down."""
    return eks_auth_error("ServiceUnavailableException", "Service is unavailable", 503)


class FakeAgent(Listening):
    """The agent of one node, on IPv4, or on IPv6 with `host="::1"`.

    Faults and journal use the service `agent` and the operation `credentials`. Credentials live
    `lifetime` seconds, every answer takes `latency` seconds.
    """

    def __init__(
        self,
        cloud: Cloud,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        lifetime: float = 6 * 3600.0,
        latency: float = 0.0,
    ) -> None:
        self._cloud = cloud
        self._lifetime = lifetime
        self._desk = Desk(AgentError, latency)
        self.faults = self._desk.faults
        self.journal = self._desk.journal
        self._server = Server(self._answer, host=host, port=port)
        super().__init__(self._server)

    @property
    def url(self) -> str:
        """URL of the credentials."""
        return self._server.url + _PATH

    def _answer(self, request: Request) -> Reply:
        asked = Asked("agent", "credentials")
        return self._desk.serve(asked, lambda: self._credentials(asked, request), AgentError.reply)

    def _credentials(self, asked: Asked, request: Request) -> Reply:
        if request.path != _PATH:
            raise AgentError(404, "404 page not found")
        claims = _check(request.headers.get("authorization", ""))
        asked.identity = claims.subject
        asked.target = claims.pod_uid
        return Reply(
            200,
            json.dumps(self._render(self._open(claims))).encode(),
            (("Content-Type", "application/json"),),
        )

    def _open(self, claims: Claims) -> Session:
        if claims.audience != POD_IDENTITY_AUDIENCE:
            raise eks_auth_error("InvalidTokenException", "The audience of the token is invalid")
        role = self._cloud.pod_roles.get((claims.namespace, claims.service_account))
        if role is None:
            raise eks_auth_error(
                "ResourceNotFoundException",
                "No EKS Pod Identity association was found for "
                f"{claims.namespace}/{claims.service_account}",
                404,
            )
        if not role.trusts_pods:
            raise eks_auth_error(
                "AccessDeniedException",
                "Unauthorized Exception! EKS does not have permissions to assume the associated "
                "role.",
            )
        name = f"eks-testbed-{claims.pod}-{uuid4()}"[:64]
        tags = {
            "kubernetes-namespace": claims.namespace,
            "kubernetes-service-account": claims.service_account,
            "kubernetes-pod-name": claims.pod,
            "kubernetes-pod-uid": claims.pod_uid,
        }
        return self._cloud.open_session(role, name, lifetime=self._lifetime, tags=tags)

    def _render(self, session: Session) -> dict[str, str]:
        return {
            "AccessKeyId": session.access_key_id,
            "SecretAccessKey": session.secret_access_key,
            "Token": session.token,
            "AccountId": self._cloud.account,
            "Expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(session.expires_at)),
        }


def _check(token: str) -> Claims:
    """What the agent looks at before it asks EKS Auth."""
    if not token:
        raise AgentError(400, "Service account token cannot be empty")
    try:
        claims = read_token(token)
    except (ValueError, KeyError) as error:
        raise AgentError(
            400,
            "Service account token cannot be parsed: token is malformed: token contains an "
            "invalid number of segments",
        ) from error
    if claims.expires_at <= time.time():
        raise AgentError(
            400,
            "Service account token failed basic claim validations: token has invalid claims: "
            "token is expired",
        )
    return claims
