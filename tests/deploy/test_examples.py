"""deploy/examples: valid for the API server, understood by the provider, whole in themselves."""

import re
from pathlib import Path

import pytest
import yaml

from tests.deploy import manifests

FILES = sorted(
    path for path in manifests.EXAMPLES.glob("*.yaml") if path.name != "driver-values.yaml"
)
OURS = [path for path in FILES if not path.name.startswith("csi-")]


def ids(path: Path) -> str:
    return path.stem


@pytest.mark.parametrize("version", manifests.KUBERNETES)
@pytest.mark.parametrize("path", FILES, ids=ids)
def test_everything_is_valid(path: Path, version: str) -> None:
    for document in manifests.documents(path):
        manifests.validate(document, version)


@pytest.mark.parametrize("path", OURS, ids=ids)
def test_an_example_has_its_account_its_class_and_its_pod(path: Path) -> None:
    found = manifests.documents(path)
    account = manifests.only(found, "ServiceAccount")["metadata"]["name"]
    klass = manifests.only(found, "SecretProviderClass")["metadata"]["name"]
    [pod] = manifests.pods(found)
    [volume] = pod["volumes"]
    assert pod["serviceAccountName"] == account
    assert volume["csi"] == {
        "driver": "secrets-store.csi.k8s.io",
        "readOnly": True,
        "volumeAttributes": {"secretProviderClass": klass},
    }


@pytest.mark.parametrize("path", OURS, ids=ids)
def test_a_role_is_named_unless_pod_identity_gives_one(path: Path) -> None:
    found = manifests.documents(path)
    account = manifests.only(found, "ServiceAccount")["metadata"]
    parameters = manifests.only(found, "SecretProviderClass")["spec"]["parameters"]
    has_role = "eks.amazonaws.com/role-arn" in account.get("annotations", {})
    assert has_role == (parameters.get("usePodIdentity") != "true")


def test_the_index_lists_every_file() -> None:
    listed = re.findall(r"\]\(([^)]+\.yaml)\)", (manifests.EXAMPLES / "README.md").read_text())
    assert sorted(listed) == sorted(path.name for path in manifests.EXAMPLES.glob("*.yaml"))


def test_the_driver_is_asked_for_the_tokens_of_both_ways_to_a_role() -> None:
    values = yaml.safe_load((manifests.EXAMPLES / "driver-values.yaml").read_text())
    assert [request["audience"] for request in values["tokenRequests"]] == [
        "sts.amazonaws.com",
        "pods.eks.amazonaws.com",
    ]
