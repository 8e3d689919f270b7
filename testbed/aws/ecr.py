"""GetAuthorizationToken of Amazon ECR and ECR Public, after their API References."""

import secrets
import time
from base64 import b64encode
from typing import Any

from testbed.aws.caller import Caller

Body = dict[str, Any]

_LIFETIME = 12 * 3600


def _login() -> Body:
    token = b64encode(f"AWS:{secrets.token_urlsafe(40)}".encode()).decode()
    return {"authorizationToken": token, "expiresAt": round(time.time() + _LIFETIME, 3)}


def private_token(caller: Caller, _body: Body) -> Body:
    """GetAuthorizationToken of ECR: a list of one."""
    caller.require("ecr:GetAuthorizationToken", "*")
    host = f"{caller.cloud.account}.dkr.ecr.{caller.region}.amazonaws.com"
    return {"authorizationData": [{**_login(), "proxyEndpoint": f"https://{host}"}]}


def public_token(caller: Caller, _body: Body) -> Body:
    """GetAuthorizationToken of ECR Public: an object, without an endpoint."""
    caller.require("ecr-public:GetAuthorizationToken", "*")
    caller.require("sts:GetServiceBearerToken", "*")
    return {"authorizationData": _login()}


PRIVATE = {"GetAuthorizationToken": private_token}
PUBLIC = {"GetAuthorizationToken": public_token}
