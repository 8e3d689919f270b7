"""Manifests as people have them in their repositories."""

from pathlib import Path

import pytest

from provider.csi.request.parameters import parse_class
from provider.manifests.kubernetes import read_classes, read_manifests
from provider.manifests.problems import InvalidSpec

DATA = Path(__file__).parents[2] / "deploy/examples"
CLASS = """
apiVersion: secrets-store.csi.x-k8s.io/v1
kind: SecretProviderClass
metadata: {name: x}
spec:
  provider: aws
"""


@pytest.mark.parametrize("file", ["csi-failover.yaml", "csi-identity.yaml"])
def test_classes_of_real_manifests_parse(file: str) -> None:
    for one in read_classes((DATA / file).read_text()):
        assert one.provider == "aws"
        klass = parse_class(one.parameters, default_mode=0o644, default_region="eu-west-1")
        assert klass.objects
        assert not klass.warnings


def test_a_failover_manifest_in_detail() -> None:
    text = (DATA / "csi-failover.yaml").read_text()
    assert [one.kind for one in read_manifests(text)] == [
        "ServiceAccount",
        "SecretProviderClass",
        "Pod",
    ]
    (one,) = read_classes(text)
    assert (one.name, one.namespace) == ("my-aws-secrets-provider", "my-app-ns")
    assert one.path == 'SecretProviderClass "my-aws-secrets-provider"'
    klass = parse_class(one.parameters, default_mode=0o644, default_region=None)
    assert [file.alias for file in klass.objects[0].extractions] == ["dbusername", "dbpassword"]


def test_two_classes_of_one_file_keep_their_own_parameters() -> None:
    irsa, pod = read_classes((DATA / "csi-identity.yaml").read_text())
    assert irsa.parameters["usePodIdentity"] == "false"
    assert pod.parameters["usePodIdentity"] == "true"


def test_a_block_knows_where_it_begins() -> None:
    (one,) = read_classes(CLASS + "  parameters:\n    objects: |\n      - objectName: a\n")
    value = one.values["objects"]
    assert (value.line, value.block) == (8, True)


def test_lists_are_opened() -> None:
    item = CLASS.strip().replace("\n", "\n  ")
    text = f"apiVersion: v1\nkind: List\nitems:\n- {item}\n- {item}\n"
    assert [one.name for one in read_classes(text)] == ["x", "x"]


def test_empty_documents_and_other_kinds_are_passed_over() -> None:
    text = f"---\n---\n{CLASS}---\nkind: ConfigMap\nmetadata: {{name: y}}\n---\n"
    assert [one.name for one in read_classes(text)] == ["x"]


MISTAKES = {
    "boolean parameter": (
        "  parameters: {usePodIdentity: true}",
        "spec.parameters.usePodIdentity: must be text, got a boolean: quote it",
    ),
    "objects without block": (
        "  parameters:\n    objects:\n      - objectName: a",
        'spec.parameters.objects: must be text, got a list: write "objects: |"',
    ),
    "parameters no mapping": (
        "  parameters: [a]",
        "spec.parameters: must be a mapping, got a list",
    ),
    "synced no list": (
        "  secretObjects: a",
        "spec.secretObjects: must be a list, got text",
    ),
    "synced without name": (
        "  secretObjects: [{secretName: s, data: [{key: a}]}]",
        "spec.secretObjects[0].data[0].objectName: must be text",
    ),
    "parameter twice": (
        "  parameters: {region: a, region: b}",
        'spec.parameters: key "region" occurs twice',
    ),
}


@pytest.mark.parametrize(("addition", "expected"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_malformed_class_is_reported(addition: str, expected: str) -> None:
    with pytest.raises(InvalidSpec) as invalid:
        read_classes(CLASS + addition)
    (problem,) = invalid.value.problems
    assert str(problem) == f'SecretProviderClass "x": {expected}'
    assert problem.line


def test_names_in_a_manifest_add_no_line_and_control_no_terminal() -> None:
    kind = CLASS.replace("kind: SecretProviderClass", 'kind: "Secret\\n\\e[2J"')
    assert read_manifests(kind)[0].path.isprintable()
    with pytest.raises(InvalidSpec) as invalid:
        read_classes(CLASS + '  parameters: {"a\\n\\e[2J": 1}')
    assert invalid.value.problems[0].path.isprintable()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("- a", "document[0]: must be a Kubernetes object, got a list"),
        ("a: b", "document[0].kind: is required"),
        ("a: !x b", 'manifest: tag "!x" is not allowed'),
        ("[" * 5000, "manifest: "),
    ],
    ids=["list", "no kind", "tag", "deep"],
)
def test_what_is_no_manifest_is_reported(text: str, why: str) -> None:
    with pytest.raises(InvalidSpec) as invalid:
        read_manifests(text)
    assert str(invalid.value).startswith(why)
