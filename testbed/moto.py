"""moto's server on loopback: a second, independent opinion on what AWS answers.

Where moto and the fake AWS differ, docs/emulation.md says how. moto checks no signatures, no
sessions and no policies.
"""

from functools import cache
from typing import Any, Self


@cache
def _sdk() -> Any:
    """One session of botocore: it keeps the service models that it has read."""
    from botocore.session import Session  # noqa: PLC0415 - a third of a second of imports

    return Session()


class Moto:
    """A running moto server and clients to fill it."""

    def __init__(self, *, region: str = "us-east-1") -> None:
        from moto.server import ThreadedMotoServer  # noqa: PLC0415 - a second of imports

        self._region = region
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)

    @property
    def url(self) -> str:
        """Base URL for every region and service."""
        host, port = self._server.get_host_and_port()
        return f"http://{host}:{port}"

    def __enter__(self) -> Self:
        self.forget()
        self._server.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.stop()

    @staticmethod
    def forget() -> None:
        """Empty the account, which all servers of one process share."""
        from moto.secretsmanager.models import secretsmanager_backends  # noqa: PLC0415
        from moto.ssm.models import ssm_backends  # noqa: PLC0415

        secretsmanager_backends.reset()
        ssm_backends.reset()

    def client(self, service: str, *, region: str | None = None) -> Any:
        """A botocore client of this server."""
        return _sdk().create_client(
            service,
            region_name=region or self._region,
            endpoint_url=self.url,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",  # noqa: S106 (moto takes any)
        )

    def put_secret(self, name: str, value: str | bytes, *, region: str | None = None) -> str:
        """Make a secret; answers its ARN."""
        field = "SecretBinary" if isinstance(value, bytes) else "SecretString"
        manager = self.client("secretsmanager", region=region)
        return str(manager.create_secret(Name=name, **{field: value})["ARN"])

    def put_parameter(self, name: str, value: str, *, region: str | None = None) -> int:
        """Make a parameter or add a version to it; answers the version's number."""
        ssm = self.client("ssm", region=region)
        answer = ssm.put_parameter(Name=name, Value=value, Type="SecureString", Overwrite=True)
        return int(answer["Version"])
