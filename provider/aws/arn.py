"""ARNs of secrets and parameters."""

from typing import NamedTuple

from provider.engine.model import StoreName

_STORES: dict[str, tuple[StoreName, str]] = {
    "secretsmanager": ("secretsmanager", "secret:"),
    "ssm": ("ssmparameter", "parameter/"),
}
"""The store of each service, and what the resource part of its ARNs begins with."""


class Arn(NamedTuple):
    """What counts of `arn:<partition>:<service>:<region>:<account>:<resource>`."""

    service: str
    region: str

    @classmethod
    def parse(cls, text: str) -> "Arn":
        """The ARN in `text`; raises ValueError, which says what is wrong with it."""
        parts = text.split(":", 5)
        if len(parts) != 6 or parts[0] != "arn" or not all(parts):
            raise ValueError(
                "is not an ARN: arn:<partition>:<service>:<region>:<account>:<resource> is expected"
            )
        service, region, resource = parts[2], parts[3], parts[5]
        if service not in _STORES:
            raise ValueError("is an ARN of neither secretsmanager nor ssm")
        if not resource.startswith(_STORES[service][1]):
            raise ValueError(f'is not the ARN of a "{_STORES[service][1]}…" resource')
        return cls(service, region)

    @property
    def store(self) -> StoreName:
        return _STORES[self.service][0]


def looks_like_arn(name: str) -> bool:
    """Whether `name` must be an ARN: names in both stores cannot begin like one."""
    return name.startswith("arn:")
