"""`iam-policy` held against the calls that the engine makes: enough, and nothing more."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from provider.csi.request.parameters import parse_class
from provider.manifests.kubernetes import read_classes
from testbed.agent import FakeAgent
from testbed.aws import FakeAws
from testbed.aws.iam import ACCOUNT
from testbed.kubernetes import FakeKubernetes
from tests.cli.conftest import Run
from tests.deploy.test_examples import FILES
from tests.tools.node import Node, make_node
from tests.tools.policy_check import NODE_REGION, WEB, PolicyCheck, policies_of

READER = f"arn:aws:iam::{ACCOUNT}:role/reader"
PARTITIONS = {
    "eu-west-1": "aws",
    "eu-west-2": "aws",
    "cn-north-1": "aws-cn",
    "us-gov-west-1": "aws-us-gov",
}
KEYS = {
    region: f"arn:{partition}:kms:{region}:{ACCOUNT}:key/{number}"
    for number, (region, partition) in enumerate(PARTITIONS.items())
}


@pytest.fixture
def here(
    aws: FakeAws,
    agent: FakeAgent,
    kubernetes: FakeKubernetes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Node:
    return make_node(aws, agent, kubernetes, tmp_path, monkeypatch)


Judge = Callable[..., None]


@pytest.fixture
def judge(here: Node, tmp_path: Path, command: Run) -> Judge:
    """Runs `iam-policy` for a class, and judges what it prints."""

    def judge(parameters: Mapping[str, str], regions: Sequence[str] = ()) -> None:
        path = tmp_path / "class.json"
        path.write_text(json.dumps(manifest(parameters)))
        keys = {region: KEYS[region] for region in regions}
        flags = [flag for key in keys.values() for flag in ("--kms-key", key)]
        own = ("--account", ACCOUNT, "--region", NODE_REGION)
        printed = command("iam-policy", path, *own, *flags)
        assert printed.code == 0, printed.err
        klass = parse_class(parameters, default_mode=0o644, default_region=NODE_REGION)
        PolicyCheck(here, klass, keys).check(policies_of(printed.out))

    return judge


def manifest(parameters: Mapping[str, str]) -> Mapping[str, object]:
    return {
        "apiVersion": "secrets-store.csi.x-k8s.io/v1",
        "kind": "SecretProviderClass",
        "metadata": {"name": "judged"},
        "spec": {"provider": "aws", "parameters": parameters},
    }


EXAMPLES = [
    pytest.param(klass.parameters, id=klass.name)
    for path in FILES
    for klass in read_classes(path.read_text())
]


@pytest.mark.parametrize("parameters", EXAMPLES)
def test_the_policy_of_an_example_is_enough_and_no_more(
    judge: Judge, parameters: dict[str, str]
) -> None:
    judge(parameters)


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
    judge: Judge, objects: str, failover: str, *, with_keys: bool
) -> None:
    regions = [region for region in ("eu-west-1", failover) if region and with_keys]
    judge({"region": "eu-west-1", "objects": objects, "failoverRegion": failover}, regions)


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


ROLES = {
    "assumed": {"assumeRoleArn": READER},
    "assumed by Pod Identity": {"assumeRoleArn": READER, "auth": "podIdentity"},
    "assumed with tags": {"assumeRoleArn": READER, "assumeRoleSessionTags": "true"},
    "assumed in another account": {"assumeRoleArn": READER.replace(ACCOUNT, "444455556666")},
    "by either way": {"auth": "auto"},
    "of the class": {"roleArn": WEB.replace("web", "other")},
}


@pytest.mark.parametrize("parameters", ROLES.values(), ids=ROLES)
def test_each_role_gets_only_its_own_permissions(judge: Judge, parameters: dict[str, str]) -> None:
    objects = "- {objectName: db, objectType: secretsmanager}"
    judge({"region": "eu-west-1", "objects": objects, **parameters}, ["eu-west-1"])


@pytest.mark.parametrize("parameters", OTHERS.values(), ids=OTHERS)
def test_each_region_and_partition_has_its_own_resources(
    judge: Judge, parameters: dict[str, str]
) -> None:
    regions = [parameters["region"], parameters.get("failoverRegion", "")]
    judge(parameters, [*filter(None, regions)])
