"""Compares the policies of a class with the calls that the engine makes for it."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from provider.csi.request.model import ClassSpec, MountSpec, Pod
from provider.errors import ProviderError
from testbed.aws import AwsError
from testbed.tokens import POD_IDENTITY_AUDIENCE, STS_AUDIENCE, issue_token
from tests.iam import Policy, PolicyRole, lesser
from tests.tools.node import Node
from tests.tools.stock import stock

NODE_REGION = "eu-central-1"
WEB = "arn:aws:iam::111122223333:role/web"
"""The role of the pods, if a class names no other."""
TOKENS = {
    audience: issue_token("shop", "web", audience=audience, pod="web-0", pod_uid="uid-0")
    for audience in (STS_AUDIENCE, POD_IDENTITY_AUDIENCE)
}
NOT_CHECKED = {("pod-identity", "AssumeRolesWithTags: sts:TagSession")}
"""Permissions that AWS requires but the fake does not: for transitive session tags."""

Policies = Mapping[str, Policy]
"""By the ARN of the role; that of the pods' own role is empty."""


def policies_of(out: str) -> Policies:
    """The policy of each role in the printed JSON."""
    printed = json.loads(out)
    return {"": printed.get("policy", printed), **printed.get("assumedRoles", {})}


@dataclass
class PolicyCheck:
    """A class, everything that it names, its roles, and a node on which it is mounted."""

    node: Node
    klass: ClassSpec
    keys: Mapping[str, str] = field(default_factory=dict)
    """The KMS key of each region, which encrypts everything there."""

    def __post_init__(self) -> None:
        cloud, assumed = self.node.aws.cloud, self.klass.assume_role
        own = PolicyRole(self.klass.role_arn or WEB, {"shop:web"}, keys=self.keys)
        self._roles = {"": own}
        if assumed is not None:
            self._roles[assumed.arn] = PolicyRole(assumed.arn, keys=self.keys)
            cloud.account = assumed.arn.split(":")[4]  # owns everything that is read
        cloud.roles |= {role.arn: role for role in self._roles.values()}
        cloud.associate("shop", "web", own)
        self.node.kubernetes.put_service_account("shop", "web", role_arn=own.arn)
        stock(cloud, self.klass, self._region)

    def check(self, policies: Policies) -> None:
        """Assert that all calls are allowed, and that every part of a policy is needed.

        Without a part the calls are the same up to the first that is denied, so they are made once.
        """
        assert self._denied(policies) == []
        for arn, policy in policies.items():
            for gone, rest in lesser(policy):
                if (self.klass.identity_kind, gone) not in NOT_CHECKED:
                    assert not self._roles[arn].was_covered_by(rest), f"{gone} is not needed"

    @property
    def _region(self) -> str:
        return self.klass.region or NODE_REGION

    def _denied(self, policies: Policies) -> Sequence[tuple[str, str]]:
        """The actions that were denied during a mount and remounts."""
        assert policies.keys() == self._roles.keys()
        for arn, role in self._roles.items():
            role.policy = policies[arn]
            role.denied.clear()
            role.asked.clear()
        error = asyncio.run(self._mount())
        denied = [one for role in self._roles.values() for one in role.denied]
        assert denied or error is None, error
        return denied

    async def _mount(self) -> ProviderError | None:
        """Mount twice, and with a failover region once more while the primary region is down."""
        spec = MountSpec(Pod("shop", "web-0", "uid-0", "web"), "it", "/target", TOKENS, self.klass)
        has_other = self.klass.failover_region is not None
        try:
            async with self.node.daemon() as mount:
                for is_down in (False, False, *([True] if has_other else [])):
                    if is_down:
                        self._cut_off()
                    await mount(spec)
        except ProviderError as error:
            return error
        finally:
            self.node.aws.faults.clear()
        return None

    def _cut_off(self) -> None:
        for service in ("secretsmanager", "ssm"):
            down = AwsError("ServiceUnavailable", "down", 503)
            self.node.aws.faults.inject(down, service=service, region=self._region)
