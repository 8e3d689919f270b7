"""A node's worth of applications: service accounts, roles, secrets and parameters."""

from dataclasses import dataclass

from testbed.aws.cloud import Cloud
from testbed.aws.iam import allow
from testbed.kubernetes import FakeKubernetes

NAMESPACE = "bench"


@dataclass(frozen=True, slots=True)
class Sample:
    """`identities` service accounts with as many secrets and parameters each, in every region."""

    identities: int = 30
    secrets: int = 5
    size: int = 100
    """Characters of each value."""
    regions: tuple[str, ...] = ("us-east-1", "us-west-2")

    def service_account(self, number: int) -> str:
        """Name of a service account, and of its role."""
        return f"app-{number:03}"

    def secret(self, number: int, index: int) -> str:
        """Name of a service account's secret."""
        return f"bench/{self.service_account(number)}/secret-{index:02}"

    def parameter(self, number: int, index: int) -> str:
        """Name of a service account's parameter."""
        return f"/bench/{self.service_account(number)}/parameter-{index:02}"

    def fill(self, cloud: Cloud) -> None:
        """Make the roles and their associations, and the first version of every value."""
        for number in range(self.identities):
            name = self.service_account(number)
            role = cloud.put_role(
                name,
                trust=[f"{NAMESPACE}:{name}"],
                allow=[
                    *allow(f"arn:aws:secretsmanager:*:*:secret:bench/{name}/*"),
                    *allow(f"arn:aws:ssm:*:*:parameter/bench/{name}/*"),
                ],
            )
            cloud.associate(NAMESPACE, name, role)
        self.rotate(cloud, 1)

    def rotate(self, cloud: Cloud, generation: int, only: int | None = None) -> None:
        """Give every secret and parameter, or those of one service account, a new version."""
        numbers = range(self.identities) if only is None else (only,)
        for region in self.regions:
            for number in numbers:
                for index in range(self.secrets):
                    for put, name in (
                        (cloud.put_secret, self.secret(number, index)),
                        (cloud.put_parameter, self.parameter(number, index)),
                    ):
                        put(name, f"{name}#{generation}".ljust(self.size, "."), region=region)

    def annotate(self, cloud: Cloud, kubernetes: FakeKubernetes) -> None:
        """Make the service accounts, each with its role."""
        for arn, role in cloud.roles.items():
            kubernetes.put_service_account(NAMESPACE, role.name, role_arn=arn)
