"""deploy/policies: valid, with parts to choose, and in step with the provider's tables of keys."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from provider.csi.request.keys import EXTRACTION_KEYS, FAILOVER_KEYS, OBJECT_KEYS, PARAMETER_KEYS
from tests.deploy import manifests

POLICIES = manifests.DEPLOY / "policies"
RENDERED = manifests.rendered(POLICIES)
WITH_POLICIES = ("1.32", "1.37")
"""Kubernetes has ValidatingAdmissionPolicy v1 since 1.30."""


def variables(name: str) -> dict[str, str]:
    """Expressions of a policy's variables."""
    [policy] = [one for one in policies() if one["metadata"]["name"].startswith(f"{name}.")]
    return {one["name"]: one["expression"] for one in policy["spec"]["variables"]}


def policies() -> list[manifests.Document]:
    return list(manifests.of_kind(RENDERED, "ValidatingAdmissionPolicy"))


def bindings(found: tuple[manifests.Document, ...]) -> list[dict[str, Any]]:
    return [one["spec"] for one in manifests.of_kind(found, "ValidatingAdmissionPolicyBinding")]


GUIDE = (manifests.ROOT / "docs" / "admission-policies.md").read_text()


@pytest.mark.parametrize("version", WITH_POLICIES)
def test_everything_is_valid(version: str) -> None:
    for document in (*RENDERED, *manifests.documents(POLICIES / "examples" / "team-shop.yaml")):
        manifests.validate(document, version)


def test_every_policy_is_bound_and_fails_closed() -> None:
    bound = {binding["policyName"] for binding in bindings(RENDERED)}
    assert bound == {policy["metadata"]["name"] for policy in policies()}
    for policy in policies():
        assert policy["spec"]["failurePolicy"] == "Fail"
        [validation] = policy["spec"]["validations"]
        assert validation["message"]
    for binding in bindings(RENDERED):
        limits = "paramRef" in binding
        assert limits == ("-limits." in binding["policyName"])
        assert not limits or binding["paramRef"]["parameterNotFoundAction"] == "Deny"


def test_mistakes_are_refused_and_the_rest_is_warned_of() -> None:
    actions = {
        one["policyName"].split(".")[0]: one["validationActions"] for one in bindings(RENDERED)
    }
    assert actions.pop("secretproviderclass-warnings") == ["Warn", "Audit"]
    assert set(map(tuple, actions.values())) == {("Deny",)}


def test_the_kustomizations_of_the_guide_render(tmp_path: Path) -> None:
    texts = re.findall(r"```yaml\n# policies/kustomization.yaml\n(.+?)```", GUIDE, re.DOTALL)
    (tmp_path / "deploy").mkdir()
    shutil.copytree(POLICIES, tmp_path / "deploy" / "policies")
    rendered = []
    for number, text in enumerate(texts):
        (folder := tmp_path / f"policies-{number}").mkdir()
        (folder / "kustomization.yaml").write_text(text)
        rendered.append(manifests.rendered(folder))
    warn, limited = rendered
    for binding in bindings(warn):
        assert binding["validationActions"] == ["Warn", "Audit"]
    keys = manifests.only(limited, "ConfigMap")["data"].keys()
    assert keys == set(re.findall(r"^\| `(\w+)` \|", GUIDE, re.MULTILINE))


def test_the_known_keys_are_those_of_the_provider() -> None:
    known = variables("secretproviderclass-warnings")
    of_objects = (*OBJECT_KEYS, *EXTRACTION_KEYS, *FAILOVER_KEYS)
    assert words(known["known"]) == {key.name for key in PARAMETER_KEYS}
    assert words(known["knownInObjects"]) == {key.name for key in of_objects}


def words(expression: str) -> set[str]:
    return set(re.findall(r"'(\w+)'", expression))


def test_the_three_limits_read_the_config_map_in_the_same_way() -> None:
    shared = [
        [variables(name)[one] for one in ("limits", "globs", "patterns", "shown")]
        for name in ("secretproviderclass-limits", "secretstore-limits", "externalsecret-limits")
    ]
    assert shared[0] == shared[1] == shared[2]
