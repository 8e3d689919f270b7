"""Two AWS behind one handle: our fake, and moto, which nobody here wrote.

What moto does otherwise than AWS is said where a test leaves it out.
"""

from dataclasses import dataclass
from typing import Protocol

from provider.engine.model import Credentials
from testbed.aws import FakeAws, Session
from testbed.moto import Moto

REGION = "eu-west-1"


class World(Protocol):
    """An AWS account to set up, and the way into it."""

    @property
    def url(self) -> str: ...

    @property
    def credentials(self) -> Credentials: ...

    def put_secret(self, name: str, value: str | bytes) -> str:
        """Make the secret or give it a new value; its ARN."""
        ...

    def delete_secret(self, name: str) -> None:
        """Mark for deletion."""
        ...

    def put_parameter(self, name: str, value: str, label: str | None = None) -> str:
        """Make the parameter or add a version, with a label; its ARN."""
        ...


@dataclass
class FakeWorld:
    """Our fake, with a session that may read all."""

    aws: FakeAws
    session: Session

    @property
    def url(self) -> str:
        return self.aws.url

    @property
    def credentials(self) -> Credentials:
        session = self.session
        return Credentials(session.access_key_id, session.secret_access_key, session.token)

    def put_secret(self, name: str, value: str | bytes) -> str:
        return self.aws.cloud.put_secret(name, value, region=REGION).arn

    def delete_secret(self, name: str) -> None:
        self.aws.cloud.secret(name, region=REGION).deleted_at = 1.5e9

    def put_parameter(self, name: str, value: str, label: str | None = None) -> str:
        labels = (label,) if label else ()
        return self.aws.cloud.put_parameter(name, value, region=REGION, labels=labels).arn


class MotoWorld:
    """A moto server, set up through botocore. It takes any credentials."""

    credentials = Credentials("AKIDEXAMPLE", "secret", "token")

    def __init__(self, moto: Moto) -> None:
        self.url = moto.url
        self._secrets = moto.client("secretsmanager", region=REGION)
        self._ssm = moto.client("ssm", region=REGION)

    def put_secret(self, name: str, value: str | bytes) -> str:
        key = "SecretString" if isinstance(value, str) else "SecretBinary"
        try:
            answer = self._secrets.put_secret_value(SecretId=name, **{key: value})
        except self._secrets.exceptions.ResourceNotFoundException:
            answer = self._secrets.create_secret(Name=name, **{key: value})
        return str(answer["ARN"])

    def delete_secret(self, name: str) -> None:
        self._secrets.delete_secret(SecretId=name)

    def put_parameter(self, name: str, value: str, label: str | None = None) -> str:
        kind = {"Type": "SecureString", "Overwrite": True}
        version = self._ssm.put_parameter(Name=name, Value=value, **kind)["Version"]
        if label:
            labels = {"ParameterVersion": version, "Labels": [label]}
            self._ssm.label_parameter_version(Name=name, **labels)
        return str(self._ssm.get_parameter(Name=name)["Parameter"]["ARN"])
