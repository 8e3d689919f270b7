"""deploy/examples: valid for the API server, understood by the provider, whole in themselves."""

import re
from ipaddress import ip_address, ip_network

import pytest
import yaml

from provider.csi.request.keys import EXTRACTION_KEYS, FAILOVER_KEYS, OBJECT_KEYS, PARAMETER_KEYS
from provider.csi.request.model import ClassSpec
from provider.csi.request.parameters import parse_class
from tests.deploy import manifests

FILES = sorted(
    path for path in manifests.EXAMPLES.glob("*.yaml") if not path.name.startswith("driver-values")
)
POLICY = manifests.EXAMPLES / "network-policy.yaml"
OURS = [path for path in FILES if not path.name.startswith("csi-") and path != POLICY]


CLASSES = [
    document
    for path in FILES
    for document in manifests.of_kind(manifests.documents(path), "SecretProviderClass")
]


def parsed(document: manifests.Document) -> ClassSpec:
    parameters = document["spec"]["parameters"]
    return parse_class(parameters, default_mode=0o644, default_region=None)


def test_the_provider_understands_every_class_without_a_warning() -> None:
    for document in CLASSES:
        klass = parsed(document)
        assert klass.objects, document["metadata"]["name"]
        assert not klass.warnings, document["metadata"]["name"]


def test_what_goes_into_a_kubernetes_secret_is_a_file_of_the_class() -> None:
    for document in CLASSES:
        objects = parsed(document).objects
        files = {obj.file for obj in objects} | {
            extraction.file for obj in objects for extraction in obj.extractions
        }
        for synced in document["spec"].get("secretObjects", []):
            assert {entry["objectName"] for entry in synced["data"]} <= files


def test_the_examples_show_every_parameter_and_every_key_of_objects() -> None:
    text = "".join(path.read_text() for path in OURS)
    keys = (*PARAMETER_KEYS, *OBJECT_KEYS, *EXTRACTION_KEYS, *FAILOVER_KEYS)
    missing = [key.name for key in keys if not re.search(rf"\b{key.name}:", text)]
    assert missing == []


@pytest.mark.parametrize("version", manifests.KUBERNETES)
def test_everything_is_valid(version: str) -> None:
    for path in FILES:
        for document in manifests.documents(path):
            manifests.validate(document, version)


def test_an_example_has_its_account_its_class_and_its_pod() -> None:
    for path in OURS:
        found = manifests.documents(path)
        account = manifests.only(found, "ServiceAccount")["metadata"]["name"]
        klass = manifests.only(found, "SecretProviderClass")["metadata"]["name"]
        [pod] = manifests.pods(found)
        [volume] = pod["volumes"]
        assert pod["serviceAccountName"] == account, path.stem
        assert volume["csi"] == {
            "driver": "secrets-store.csi.k8s.io",
            "readOnly": True,
            "volumeAttributes": {"secretProviderClass": klass},
        }


def test_a_role_is_named_unless_the_class_or_pod_identity_gives_one() -> None:
    for path in OURS:
        found = manifests.documents(path)
        account = manifests.only(found, "ServiceAccount")["metadata"]
        parameters = manifests.only(found, "SecretProviderClass")["spec"]["parameters"]
        has_role = "eks.amazonaws.com/role-arn" in account.get("annotations", {})
        pod_identity = parameters.get("usePodIdentity") == "true" or (
            parameters.get("auth") == "podIdentity"
        )
        needs_role = not pod_identity and "roleArn" not in parameters
        assert has_role == needs_role, path.stem


def test_the_index_lists_every_file() -> None:
    listed = re.findall(r"\]\(([^)]+\.yaml)\)", (manifests.EXAMPLES / "README.md").read_text())
    assert sorted(listed) == sorted(
        str(path.relative_to(manifests.EXAMPLES)) for path in manifests.EXAMPLES.rglob("*.yaml")
    )


def test_the_driver_is_asked_for_the_tokens_of_both_ways_to_a_role() -> None:
    values = yaml.safe_load((manifests.EXAMPLES / "driver-values.yaml").read_text())
    assert [request["audience"] for request in values["tokenRequests"]] == [
        "sts.amazonaws.com",
        "pods.eks.amazonaws.com",
    ]


def test_the_network_policy_is_about_the_provider_s_pods_and_lets_no_metadata_through() -> None:
    [policy] = manifests.documents(POLICY)
    daemonset = manifests.only(manifests.rendered(manifests.DEPLOY / "daemonset"), "DaemonSet")
    labels = daemonset["spec"]["template"]["metadata"]["labels"]
    assert policy["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
    [metrics] = policy["spec"]["ingress"]
    [container] = daemonset["spec"]["template"]["spec"]["containers"]
    assert metrics["ports"][0]["port"] == container["ports"][0]["containerPort"]
    for block in (
        to["ipBlock"] for rule in policy["spec"]["egress"] for to in rule["to"] if "ipBlock" in to
    ):
        for metadata in (ip_address("169.254.169.254"), ip_address("fd00:ec2::254")):
            within = metadata in ip_network(block["cidr"])
            assert not within or any(metadata in ip_network(one) for one in block["except"])
