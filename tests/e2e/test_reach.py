"""The hosts that the author of a class can make the daemon connect to, seen by its proxy."""

import json
import re
from collections.abc import Iterator

import pytest

from testbed.driver import Pod
from testbed.proxy import FakeProxy
from tests.e2e.conftest import Build
from tests.e2e.world import REGION, World

OF_AWS = re.compile(r"CONNECT (sts|secretsmanager|ssm)\.[a-z0-9-]{1,63}\.amazonaws\.com(\.cn)?:443")

EVIL = "evil.example"
REGIONS = [
    EVIL,
    f"{EVIL}/",
    f"{EVIL}:443#",
    f"x@{EVIL}",
    f"eu-west-1.{EVIL}",
    "..",
    "eu-west-1\r\nHost: evil.example",
    "eu-west-1%2eevil",
    "EU-WEST-1",
    "eu west",
    "",
    "169.254.169.254",
    "é" * 4,
    "xx-evil-9",
    "e" * 64,
]
NAMES = [
    f"https://{EVIL}/secret",
    f"//{EVIL}/",
    "../../../etc/shadow",
    f"arn:aws:secretsmanager:{EVIL}:111122223333:secret:x-abcdef",
    f"arn:aws:secretsmanager:eu-west-1:{EVIL}:secret:x-abcdef",
    f"arn:{EVIL}:secretsmanager:eu-west-1:111122223333:secret:x-abcdef",
    f"arn:aws:{EVIL}:eu-west-1:111122223333:secret:x-abcdef",
    "arn:aws:ssm:us-east-1:111122223333:parameter/x",
    "arn:aws:s3:eu-west-1:111122223333:bucket",
]
ROLES = [f"https://{EVIL}", f"arn:aws:iam::{EVIL}:role/x", "arn:aws:iam::1:role/x\r\nHost: x"]


@pytest.fixture
def proxy() -> Iterator[FakeProxy]:
    """A proxy that reaches nobody."""
    with FakeProxy(routes={"*": ("127.0.0.1", 9)}) as proxy:
        yield proxy


@pytest.fixture
def world(build: Build, proxy: FakeProxy) -> World:
    return build(
        "--mount-timeout=5s",
        environment={
            "AWS_ENDPOINT_URL": "",
            "AWS_REGION": "",
            "AWS_MAX_ATTEMPTS": "1",
            "HTTPS_PROXY": proxy.url,
            "HTTP_PROXY": proxy.url,
            "NO_PROXY": "",
        },
    )


def entry(name: str, kind: str = "secretsmanager") -> str:
    return json.dumps([{"objectName": name, "objectType": kind}])


@pytest.mark.parametrize("use_pod_identity", ["true", "false"], ids=["stores", "sts"])
def test_no_class_makes_the_daemon_talk_to_others_than_aws(
    world: World, proxy: FakeProxy, use_pod_identity: str
) -> None:
    world.start()

    def mount(name: str = "db", kind: str = "secretsmanager", **parameters: str) -> None:
        asked = {"region": REGION, "usePodIdentity": use_pod_identity, **parameters}
        world.mount(entry(name, kind), None, **asked)

    mount()
    for region in REGIONS:
        mount(region=region)
        mount(failoverRegion=region)
    for name in NAMES:
        for kind in ("secretsmanager", "ssmparameter"):
            mount(name, kind)
    for role in ROLES:
        mount(roleArn=role)
        mount(assumeRoleArn=role)
    for key in ("endpoint", "endpointUrl", "stsEndpoint", "proxy", "AWS_ENDPOINT_URL", "caBundle"):
        mount(**{key: f"https://{EVIL}"})
    assert proxy.seen, "requests to AWS do go through the proxy"
    assert [one for one in proxy.seen if not OF_AWS.fullmatch(one)] == []
    assert not any(EVIL in one for one in proxy.seen)


def test_no_label_of_a_node_makes_it_talk_to_others(world: World, proxy: FakeProxy) -> None:
    world.start()
    for label in (EVIL, "eu-west-1/../..", f"eu-west-1.{EVIL}", "EU WEST"):
        world.kubernetes.put_node("node-1", region=label)
        assert "region" in world.refusal(entry("db")).message
    assert proxy.seen == []


def test_no_annotation_of_a_service_account_makes_it_talk_to_others(
    world: World, proxy: FakeProxy
) -> None:
    world.start()
    for number, role in enumerate(ROLES):
        account = f"odd-{number}"
        world.kubernetes.put_service_account("shop", account, role_arn=role)
        world.refusal(entry("db"), Pod(service_account=account, uid=account), region=REGION)
    assert proxy.seen == []
