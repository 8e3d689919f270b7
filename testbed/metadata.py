"""A fake instance metadata service of EC2 (IMDSv2): the credentials of the role of a node.

After "Use the Instance Metadata Service to access instance metadata" of the EC2 User Guide. Version
1 is switched off: requests without a token are refused.
"""

import json
import time
from typing import Any
from uuid import uuid4

from testbed.aws.cloud import Cloud
from testbed.aws.iam import Role
from testbed.fake import Asked, Desk, Listening, Refusal
from testbed.http import Reply, Request
from testbed.http_server import Server

_TOKEN = "/latest/api/token"  # noqa: S105 (a path)
_ROLES = "/latest/meta-data/iam/security-credentials/"


class MetadataError(Refusal):
    """A bare status."""

    def __init__(self, status: int) -> None:
        super().__init__(str(status))
        self.status = status

    def reply(self) -> Reply:
        """Without a body."""
        return Reply(self.status)


class FakeMetadata(Listening):
    """The service of one node; without a role the node has no instance profile."""

    def __init__(self, cloud: Cloud, role: Role | None = None, *, lifetime: float = 3600.0) -> None:
        self.role = role
        self.credentials: dict[str, Any] | None = None
        """What is answered instead of credentials of the role."""
        self._cloud = cloud
        self._lifetime = lifetime
        self._tokens: set[str] = set()
        self._desk = Desk(MetadataError)
        self.faults = self._desk.faults
        self.journal = self._desk.journal
        self._server = Server(self._answer)
        super().__init__(self._server)

    @property
    def url(self) -> str:
        """What AWS_EC2_METADATA_SERVICE_ENDPOINT names."""
        return self._server.url

    def _answer(self, request: Request) -> Reply:
        asked = Asked("metadata", request.method, target=request.path)
        return self._desk.serve(asked, lambda: self._serve(request), MetadataError.reply)

    def _serve(self, request: Request) -> Reply:
        if request.path == _TOKEN:
            return self._token(request)
        if request.headers.get("x-aws-ec2-metadata-token") not in self._tokens:
            raise MetadataError(401)
        if self.role is None or not request.path.startswith(_ROLES):
            raise MetadataError(404)
        name = request.path.removeprefix(_ROLES)
        if not name:
            return Reply(200, self.role.name.encode())
        if name != self.role.name:
            raise MetadataError(404)
        return Reply(200, json.dumps(self.credentials or self._credentials(self.role)).encode())

    def _token(self, request: Request) -> Reply:
        seconds = request.headers.get("x-aws-ec2-metadata-token-ttl-seconds", "")
        if request.method != "PUT":
            raise MetadataError(405)
        if not seconds.isdigit() or not 1 <= int(seconds) <= 21600:
            raise MetadataError(400)
        token = uuid4().hex
        self._tokens.add(token)
        return Reply(200, token.encode(), (("x-aws-ec2-metadata-token-ttl-seconds", seconds),))

    def _credentials(self, role: Role) -> dict[str, str]:
        session = self._cloud.open_session(role, "i-0123456789abcdef0", lifetime=self._lifetime)
        return {
            "Code": "Success",
            "LastUpdated": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "Type": "AWS-HMAC",
            "AccessKeyId": session.access_key_id,
            "SecretAccessKey": session.secret_access_key,
            "Token": session.token,
            "Expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(session.expires_at)),
        }
