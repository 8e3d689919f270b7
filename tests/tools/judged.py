"""The policies of a class held against the calls that the engine makes for it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic

from provider.deadline import Deadline
from provider.errors import ProviderError
from provider.csi.request.model import ClassSpec, MountSpec, Pod
from testbed.aws import AwsError
from testbed.tokens import POD_IDENTITY_AUDIENCE, STS_AUDIENCE, issue_token
from tests.tools.node import Node
from tests.tools.stocked import stock
from tests.iam import Policy, PolicyRole, lesser

NODE_REGION = "eu-central-1"
WEB = "arn:aws:iam::111122223333:role/web"
"""The pods' role, where a class names no other."""
TOKENS = {
    audience: issue_token("shop", "web", audience=audience, pod="web-0", pod_uid="uid-0")
    for audience in (STS_AUDIENCE, POD_IDENTITY_AUDIENCE)
}
UNSEEN = {("pod-identity", "AssumeRolesWithTags: sts:TagSession")}
"""What AWS asks for but the fake does not: for tags that pass on from session to session."""

Policies = Mapping[str, Policy]
"""By the ARN of the role; the pods' own has none."""


def policies_of(out: str) -> Policies:
    """Each role's policy, out of what was printed."""
    printed = json.loads(out)
    return {"": printed.get("policy", printed), **printed.get("assumedRoles", {})}


@dataclass
class Court:
    """A class, everything that it names, its roles, and a node to mount it on."""

    node: Node
    klass: ClassSpec
    keys: Mapping[str, str] = field(default_factory=dict)
    """The KMS key of each region that all there is encrypted under."""

    def __post_init__(self) -> None:
        cloud, assumed = self.node.aws.cloud, self.klass.assume_role
        own = PolicyRole(self.klass.role_arn or WEB, {"shop:web"}, keys=self.keys)
        self._roles = {"": own}
        if assumed is not None:
            self._roles[assumed.arn] = PolicyRole(assumed.arn, keys=self.keys)
            cloud.account = assumed.arn.split(":")[4]  # all that is asked for is in it
        cloud.roles |= {role.arn: role for role in self._roles.values()}
        cloud.associate("shop", "web", own)
        self.node.kubernetes.put_service_account("shop", "web", role_arn=own.arn)
        stock(cloud, self.klass, self._region)

    def judge(self, policies: Policies) -> None:
        """Everything is allowed, and without any part of a policy something is not."""
        assert self._denied(policies) == []
        for arn, policy in policies.items():
            for gone, rest in lesser(policy):
                if (self.klass.identity_kind, gone) not in UNSEEN:
                    assert self._denied({**policies, arn: rest}), f"nobody needs {gone}"

    @property
    def _region(self) -> str:
        return self.klass.region or NODE_REGION

    def _denied(self, policies: Policies) -> Sequence[tuple[str, str]]:
        """What the roles were refused while a pod was mounted, and mounted again."""
        assert policies.keys() == self._roles.keys()
        for arn, role in self._roles.items():
            role.policy = policies[arn]
            role.denied.clear()
        error = self._mount()
        denied = [one for role in self._roles.values() for one in role.denied]
        assert denied or error is None, error
        return denied

    def _mount(self) -> ProviderError | None:
        """Mount thrice; the last time the primary region is down where there is another one."""
        mounter = self.node.started()
        spec = MountSpec(Pod("shop", "web-0", "uid-0", "web"), "it", "/target", TOKENS, self.klass)
        has_other = self.klass.failover_region is not None
        try:
            for is_down in (False, False, *([True] if has_other else [])):
                if is_down:
                    self._cut_off()
                mounter.mount(spec, deadline=Deadline.after(20), arrived=monotonic())
        except ProviderError as error:
            return error
        finally:
            self.node.aws.faults.clear()
        return None

    def _cut_off(self) -> None:
        for service in ("secretsmanager", "ssm"):
            down = AwsError("ServiceUnavailable", "down", 503)
            self.node.aws.faults.inject(down, service=service, region=self._region)
