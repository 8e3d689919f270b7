"""ARNs of secrets and parameters, and the partition of a region."""

from dataclasses import dataclass

from provider.csi.request.model import StoreName

_STORES: dict[str, tuple[StoreName, str]] = {
    "secretsmanager": ("secretsmanager", "secret:"),
    "ssm": ("ssmparameter", "parameter/"),
}
"""What an ARN's service holds for us, and how its resources begin."""

_PARTITIONS = {
    "cn": "aws-cn",
    "us-gov": "aws-us-gov",
    "us-iso": "aws-iso",
    "us-isob": "aws-iso-b",
    "eu-isoe": "aws-iso-e",
    "us-isof": "aws-iso-f",
    "eusc": "aws-eusc",
}


@dataclass(frozen=True, slots=True)
class Arn:
    """`arn:<partition>:<service>:<region>:<account>:<resource>`."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    @classmethod
    def parse(cls, text: str) -> "Arn":
        """The ARN that `text` is; `ValueError` says what is wrong with it."""
        parts = text.split(":", 5)
        if len(parts) != 6 or parts[0] != "arn" or not all(parts):
            raise ValueError(
                "is not an ARN: arn:<partition>:<service>:<region>:<account>:<resource> is expected"
            )
        arn = cls(*parts[1:])
        if arn.service not in _STORES:
            raise ValueError("is an ARN of neither secretsmanager nor ssm")
        if not arn.resource.startswith(_STORES[arn.service][1]):
            raise ValueError(f'is not the ARN of a "{_STORES[arn.service][1]}…" resource')
        return arn

    @property
    def store(self) -> StoreName:
        """The `objectType` of what the ARN names."""
        return _STORES[self.service][0]


def looks_like_arn(name: str) -> bool:
    """Whether `name` must be an ARN: no name of either store may begin so."""
    return name.startswith("arn:")


def partition_of(region: str) -> str:
    """The partition that `region` lies in, told by its prefix as AWS's rule sets do."""
    found = (name for prefix, name in _PARTITIONS.items() if region.startswith(f"{prefix}-"))
    return next(found, "aws")
