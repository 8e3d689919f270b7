"""One AWS account: everything that the fake AWS knows. Tests set it up and change it."""

import math
import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from zlib import crc32

from testbed.aws.iam import ACCOUNT, Role, Session, Statement, allow, partition_of
from testbed.aws.parameters import Parameter, ParameterType
from testbed.aws.secrets import CURRENT, Secret

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
DEFAULT_REGION = "us-east-1"


def _suffix(name: str) -> str:
    """The six characters that Secrets Manager appends to a secret's ARN; the same every time."""
    number = crc32(name.encode()) + 62**6
    letters = []
    for _ in range(6):
        number, rest = divmod(number, 62)
        letters.append(_ALPHABET[rest])
    return "".join(letters)


class Cloud:
    """Secrets and parameters by region; roles and sessions, which know no region."""

    def __init__(self, *, region: str = DEFAULT_REGION, account: str = ACCOUNT) -> None:
        self.region = region
        self.account = account
        self.secrets: dict[str, dict[str, Secret]] = {}
        """By region, then by name and by ARN."""
        self.parameters: dict[str, dict[str, Parameter]] = {}
        """By region, then by the resource in the ARN (`parameter/a/b`), or by ARN if shared."""
        self.roles: dict[str, Role] = {}
        self.sessions: dict[str, Session] = {}
        """By access key id."""
        self.mfa_codes: dict[str, str] = {}
        """What each multi-factor device shows, by serial number."""
        self.pod_roles: dict[tuple[str, str], Role] = {}
        """EKS Pod Identity associations by (namespace, service account)."""

    def put_secret(  # noqa: PLR0913 (all by name)
        self,
        name: str,
        value: str | bytes,
        *,
        region: str | None = None,
        stages: tuple[str, ...] = (CURRENT,),
        version: str | None = None,
        account: str | None = None,
        suffix: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Secret:
        """Make the secret, or add a version to it. `suffix` is the end of its ARN; a secret of
        another `account` is found by its ARN. New tags replace those that are there."""
        region = region or self.region
        by_id = self.secrets.setdefault(region, {})
        if name not in by_id:
            account = account or self.account
            head = f"arn:{partition_of(region)}:secretsmanager:{region}:{account}:secret"
            secret = Secret(name, f"{head}:{name}-{suffix or _suffix(name)}")
            by_id[name] = by_id[secret.arn] = secret
        by_id[name].put(value, stages=stages, version=version)
        by_id[name].tags = by_id[name].tags if tags is None else dict(tags)
        return by_id[name]

    def put_parameter(  # noqa: PLR0913 (all by name)
        self,
        name: str,
        value: str,
        *,
        region: str | None = None,
        kind: ParameterType = "SecureString",
        labels: tuple[str, ...] = (),
        account: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Parameter:
        """Make the parameter, or add a version to it; one of another `account` is shared. New tags
        replace those that are there."""
        region = region or self.region
        resource = f"parameter/{name.removeprefix('/')}"
        arn = f"arn:{partition_of(region)}:ssm:{region}:{account or self.account}:{resource}"
        if account not in {None, self.account}:
            resource = arn
        by_resource = self.parameters.setdefault(region, {})
        if resource not in by_resource:
            by_resource[resource] = Parameter(name, arn)
        parameter = by_resource[resource]
        parameter.put(value, kind=kind, labels=labels)
        parameter.tags = parameter.tags if tags is None else dict(tags)
        return parameter

    def secret(self, name: str, *, region: str | None = None) -> Secret:
        """A secret that is there, by name or ARN."""
        return self.secrets[region or self.region][name]

    def parameter(self, name: str, *, region: str | None = None) -> Parameter:
        """A parameter that is there, by name."""
        return self.parameters[region or self.region][f"parameter/{name.removeprefix('/')}"]

    def remove_secret(self, name: str, *, region: str | None = None) -> None:
        """Delete for good, as after the recovery window."""
        by_id = self.secrets[region or self.region]
        del by_id[by_id.pop(name).arn]

    def remove_parameter(self, name: str, *, region: str | None = None) -> None:
        """Delete for good."""
        del self.parameters[region or self.region][f"parameter/{name.removeprefix('/')}"]

    def put_role(
        self,
        name: str,
        *,
        trust: Iterable[str] = (),
        allow: Iterable[Statement] = tuple(allow()),
        partition: str = "aws",
    ) -> Role:
        """Make a role; `trust` names service accounts as `namespace:name`."""
        arn = f"arn:{partition}:iam::{self.account}:role/{name}"
        self.roles[arn] = Role(arn, set(trust), list(allow))
        return self.roles[arn]

    def put_user(
        self, name: str, *, allow: Iterable[Statement] = tuple(allow()), partition: str = "aws"
    ) -> Session:
        """Make an IAM user; answers long-term access keys, which have no token and do not expire.

        Its rights are those of `session.role`, which stands for the user.
        """
        user = Role(f"arn:{partition}:iam::{self.account}:user/{name}", set(), list(allow))
        session = Session(
            access_key_id="AKIA" + secrets.token_hex(8).upper(),
            secret_access_key=secrets.token_urlsafe(30),
            token="",
            role=user,
            name=name,
            expires_at=math.inf,
        )
        self.sessions[session.access_key_id] = session
        return session

    def associate(self, namespace: str, service_account: str, role: Role) -> None:
        """Give a service account a role through EKS Pod Identity."""
        self.pod_roles[namespace, service_account] = role

    def open_session(
        self,
        role: Role,
        name: str,
        *,
        lifetime: float = 3600.0,
        tags: Mapping[str, str] | None = None,
        own_tags: Mapping[str, str] | None = None,
    ) -> Session:
        """Give out credentials; a negative `lifetime` makes expired ones."""
        session = Session(
            access_key_id="ASIA" + secrets.token_hex(8).upper(),
            secret_access_key=secrets.token_urlsafe(30),
            token=secrets.token_urlsafe(300),
            role=role,
            name=name,
            expires_at=time.time() + lifetime,
            tags=tags or {},
            own_tags=own_tags or {},
        )
        self.sessions[session.access_key_id] = session
        return session

    def expire_sessions(self) -> None:
        """Every session given out so far is over, whatever its holder was told."""
        for key, session in list(self.sessions.items()):
            self.sessions[key] = replace(session, expires_at=0.0)
