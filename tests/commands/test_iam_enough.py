"""`iam-policy` held against the calls that the engine makes: enough, and nothing more."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import pytest

from provider.commands import iam_policy
from provider.deadline import Deadline
from provider.mount import ObjectsFailed
from provider.spec.manifests import ClassManifest, read_classes
from provider.spec.models import ClassSpec, MountSpec, Pod
from provider.spec.objects import parse_class
from testbed.agent import FakeAgent
from testbed.aws import AwsError, FakeAws
from testbed.aws.iam import ACCOUNT
from testbed.kubernetes import FakeKubernetes
from testbed.tokens import POD_IDENTITY_AUDIENCE, STS_AUDIENCE, issue_token
from tests.commands.conftest import Done, Run
from tests.commands.node import Node, node
from tests.commands.stocked import stock
from tests.deploy.test_examples import FILES
from tests.iam import Policy, PolicyRole, lesser

NODE_REGION = "eu-central-1"
KEYS = {
    region: f"arn:{partition}:kms:{region}:{ACCOUNT}:key/{number}"
    for number, (region, partition) in enumerate(
        {
            "eu-west-1": "aws",
            "eu-west-2": "aws",
            "eu-central-1": "aws",
            "cn-north-1": "aws-cn",
            "us-gov-west-1": "aws-us-gov",
        }.items()
    )
}
TOKENS = {
    audience: issue_token("shop", "web", audience=audience, pod="web-0", pod_uid="uid-0")
    for audience in (STS_AUDIENCE, POD_IDENTITY_AUDIENCE)
}


@dataclass
class World:
    """A role, what it may read, and a node to read it on."""

    node: Node

    def __post_init__(self) -> None:
        self.aws = self.node.aws
        self.role = PolicyRole("arn:aws:iam::111122223333:role/web", {"shop:web"})
        self.aws.cloud.roles[self.role.arn] = self.role
        self.aws.cloud.associate("shop", "web", self.role)
        self.node.kubernetes.put_service_account("shop", "web", role_arn=self.role.arn)

    def denied(self, klass: ClassSpec, policy: Policy) -> Sequence[tuple[str, str]]:
        """What the role was refused while a pod was mounted, and mounted again.

        The second remount finds the primary region down where there is another one.
        """
        self.role.policy = policy
        self.role.denied.clear()
        pod = Pod("shop", "web-0", "uid-0", "web")
        spec = MountSpec(pod, "class", "/target", TOKENS, klass)
        mounter = self.node.started()

        def mount() -> None:
            mounter.mount(spec, deadline=Deadline.after(20), arrived=monotonic())

        try:
            mount()
            mount()
            if klass.failover_region:
                region = klass.region or NODE_REGION
                for service in ("secretsmanager", "ssm"):
                    down = AwsError("ServiceUnavailable", "down", 503)
                    self.aws.faults.inject(down, service=service, region=region)
                mount()
        except ObjectsFailed:
            assert self.role.denied
        finally:
            self.aws.faults.clear()
        return list(self.role.denied)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `secrets-provider-aws iam-policy`."""

    def run(*arguments: object) -> Done:
        code = iam_policy.run([*map(str, arguments)])
        return Done(code, *capsys.readouterr())

    return run


@pytest.fixture
def world(
    aws: FakeAws, agent: FakeAgent, kubernetes: FakeKubernetes, tmp_path: Path
) -> Iterator[World]:
    with node(aws, agent, kubernetes, tmp_path) as here:
        yield World(here)


def check(world: World, klass: ClassSpec, policy: Policy) -> None:
    """Everything is allowed, and with any part of the policy gone something is not."""
    stock(world.aws.cloud, klass, klass.region or NODE_REGION)
    assert world.denied(klass, policy) == []
    for gone, rest in lesser(policy):
        assert world.denied(klass, rest), f"nobody needs {gone}"


def parsed(parameters: dict[str, str]) -> ClassSpec:
    return parse_class(parameters, default_mode=0o644, default_region=NODE_REGION)


EXAMPLES = [
    pytest.param(klass, id=klass.name) for path in FILES for klass in read_classes(path.read_text())
]


def manifest(klass: ClassManifest) -> str:
    return json.dumps(
        {
            "apiVersion": "secrets-store.csi.x-k8s.io/v1",
            "kind": "SecretProviderClass",
            "metadata": {"name": klass.name},
            "spec": {"provider": "aws", "parameters": klass.parameters},
        }
    )


@pytest.mark.parametrize("klass", EXAMPLES)
def test_the_policy_of_an_example_is_enough_and_no_more(
    world: World, run: Run, klass: ClassManifest, tmp_path: Path
) -> None:
    path = tmp_path / "class.json"
    path.write_text(manifest(klass))
    done = run(path, "--account", ACCOUNT, "--region", NODE_REGION)
    assert done.code == 0, done.err
    check(world, parsed(klass.parameters), json.loads(done.out))


SM = "arn:aws:secretsmanager:eu-west-1:111122223333:secret"
SSM = "arn:aws:ssm:eu-west-1:111122223333:parameter"
SPECIAL = {
    "name that ends like an ARN": "- {objectName: db-AbCdEf, objectType: secretsmanager}",
    "partial ARN": f'- objectName: "{SM}:a/db"',
    "whole ARN": f'- objectName: "{SM}:a/db-AbCdEf"',
    "pinned beside current": """
- {objectName: db, objectType: secretsmanager}
- {objectName: db, objectType: secretsmanager, objectAlias: old, objectVersion: v1-v1-v1-v1-v1}
- {objectName: api, objectType: secretsmanager, objectVersion: v2-v2-v2-v2-v2}
""",
    "pinned by id and label": """
- {objectName: db, objectType: secretsmanager, objectVersion: v1-v1, objectVersionLabel: green}
""",
    "parameters every way": f"""
- {{objectName: plain, objectType: ssmparameter}}
- {{objectName: /a/b, objectType: ssmparameter, objectVersion: 2}}
- {{objectName: "/a/c:live", objectType: ssmparameter}}
- {{objectName: "{SSM}/a/d:1"}}
""",
    "paths": """
- {objectName: /a, objectType: ssmparameterpath, recursive: true, keyPrefix: a-}
- {objectName: /b/c, objectType: ssmparameterpath}
- {objectName: /b/c, objectType: ssmparameter, objectAlias: alone}
""",
    "a secret through a parameter": """
- {objectName: /aws/reference/secretsmanager/db, objectType: ssmparameter}
""",
    "eleven of each": "\n".join(
        f"- {{objectName: n{number}, objectType: {store}, objectAlias: {store}{number}}}"
        for number in range(11)
        for store in ("secretsmanager", "ssmparameter")
    ),
    "odd characters": """
- {objectName: "db*", objectType: secretsmanager}
- {objectName: "a?${aws:username}$", objectType: secretsmanager}
- {objectName: "/p/*${*}", objectType: ssmparameter}
""",
}


CASES = [
    pytest.param(objects, failover, with_keys, id=" ".join([name, failover, "KMS" * with_keys]))
    for name, objects in SPECIAL.items()
    for failover in ("", "eu-west-2")
    for with_keys in (False, True)
    if not (failover and "arn:" in objects)  # an ARN has to have a failoverObject
]


@pytest.mark.parametrize(("objects", "failover", "with_keys"), CASES)
def test_the_policy_of_a_special_case_is_enough_and_no_more(
    world: World, run: Run, tmp_path: Path, *, objects: str, failover: str, with_keys: bool
) -> None:
    parameters = {"region": "eu-west-1", "objects": objects, "failoverRegion": failover}
    keys = [key for region, key in KEYS.items() if with_keys and region in {"eu-west-1", failover}]
    judge(world, run, tmp_path, parameters, keys)


OTHERS = {
    "names of the failover region": {
        "region": "eu-west-1",
        "failoverRegion": "eu-west-2",
        "objects": f"""
- objectName: "{SM}:db-AbCdEf"
  failoverObject: {{objectName: "{SM.replace("west-1", "west-2")}:standby"}}
- objectName: /a/b
  objectType: ssmparameter
  failoverObject: {{objectName: /standby/b}}
""",
    },
    "China": {
        "region": "cn-north-1",
        "objects": "- {objectName: db, objectType: secretsmanager}\n"
        "- {objectName: /a, objectType: ssmparameter}",
    },
    "GovCloud": {
        "region": "us-gov-west-1",
        "objects": "- {objectName: db, objectType: secretsmanager}",
    },
}


@pytest.mark.parametrize("parameters", OTHERS.values(), ids=OTHERS)
def test_each_region_and_partition_has_its_own_resources(
    world: World, run: Run, tmp_path: Path, parameters: dict[str, str]
) -> None:
    regions = {parameters["region"], parameters.get("failoverRegion")}
    keys = [key for region, key in KEYS.items() if region in regions]
    judge(world, run, tmp_path, parameters, keys)


def judge(
    world: World, run: Run, folder: Path, parameters: dict[str, str], keys: Sequence[str]
) -> None:
    world.role.keys = {region: key for region, key in KEYS.items() if key in keys}
    document = {
        "apiVersion": "secrets-store.csi.x-k8s.io/v1",
        "kind": "SecretProviderClass",
        "metadata": {"name": "special"},
        "spec": {"provider": "aws", "parameters": parameters},
    }
    path = folder / "class.json"
    path.write_text(json.dumps(document))
    flags = [flag for key in keys for flag in ("--kms-key", key)]
    done = run(path, "--account", ACCOUNT, *flags)
    assert done.code == 0, done.err
    check(world, parsed(parameters), json.loads(done.out))
