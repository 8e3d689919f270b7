"""What a review finds in classes, and where."""

import pytest

from provider.tools.sources import Source
from provider.tools.validate.findings import RULES, Finding
from provider.tools.validate.relevance import is_relevant
from provider.tools.validate.review import review
from tests.tools.validate.conftest import HEAD, Reviews, with_objects

SECRET = "- objectName: db\n  objectType: secretsmanager"
FAILOVER = "region: eu-west-1\nfailoverRegion: eu-central-1"


def marked(text: str) -> tuple[str, int, int]:
    """The text without the mark ⇒, and the line and column that it stands at."""
    before = text[: text.index("⇒")]
    return text.replace("⇒", ""), before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1


def described(finding: Finding) -> str:
    return f"{finding.level} {finding.rule.name}: {finding.text.removeprefix('spec.parameters.')}"


CASES = {
    "mistake in an object": (
        with_objects(f"{SECRET}\n  filePermission: ⇒rw"),
        (
            "error object: objects[0].filePermission: must be a quoted 4-digit octal number from "
            '"0000" to "0777", got "rw"'
        ),
    ),
    "broken objects": (
        with_objects("- objectName: [⇒"),
        (
            "error object: objects: is not YAML: while parsing a flow node, did not "
            "find expected node content"
        ),
    ),
    "mistake in a parameter": (
        with_objects(SECRET, parameters='region: eu-west-1\nusePodIdentity: ⇒"yes"'),
        'error parameter: usePodIdentity: must be true or false, got "yes"',
    ),
    "no objects": (
        f"{HEAD}spec:\n  provider: aws\n  parameters: ⇒{{}}\n",
        "error parameter: objects: is required",
    ),
    "objects as a list": (
        f"{HEAD}spec:\n  provider: aws\n  parameters:\n    objects:\n    ⇒- objectName: a\n",
        'error manifest: objects: must be text, got a list: write "objects: |"',
    ),
    "misspelled key of an object": (
        with_objects(f"{SECRET}\n  ⇒objectAlais: x"),
        (
            'warning unknown-key: objects[0]: key "objectAlais" is not known and has no effect; '
            "did you mean objectAlias?"
        ),
    ),
    "misspelled parameter": (
        with_objects(SECRET, parameters="region: eu-west-1\n⇒failOverRegions: eu-west-2"),
        (
            'warning unknown-key: spec.parameters: key "failOverRegions" is not known and has no '
            "effect; did you mean failoverRegion?"
        ),
    ),
    "provider in capitals": (
        with_objects(SECRET).replace("provider: aws", "provider: ⇒AWS"),
        (
            "error provider: spec.provider: the driver looks for AWS.sock, but the socket is "
            "aws.sock; did you mean aws?"
        ),
    ),
    "old version": (
        with_objects(SECRET).replace(
            "secrets-store.csi.x-k8s.io/v1", "⇒secrets-store.csi.x-k8s.io/v1alpha1"
        ),
        (
            "warning api-version: apiVersion: secrets-store.csi.x-k8s.io/v1alpha1 is deprecated; "
            "write secrets-store.csi.x-k8s.io/v1"
        ),
    ),
    "foreign version": (
        with_objects(SECRET).replace(
            "secrets-store.csi.x-k8s.io/v1", "⇒secrets-store.csi.k8s.io/v1"
        ),
        (
            "error manifest: apiVersion: must be secrets-store.csi.x-k8s.io/v1, got "
            '"secrets-store.csi.k8s.io/v1": it does not exist'
        ),
    ),
    "no name": (
        with_objects(SECRET).replace("  name: shop", "  ⇒labels: {}"),
        "error manifest: metadata.name: is required",
    ),
    "region without dash": (
        with_objects(SECRET, parameters="region: ⇒eu-west1"),
        (
            'warning region: region: "eu-west1" does not look like an AWS region; '
            "did you mean eu-west-1?"
        ),
    ),
    "zone": (
        with_objects(SECRET, parameters="region: ⇒us-east-1a"),
        (
            'warning region: region: "us-east-1a" does not look like an AWS region; '
            "it is an availability zone of us-east-1"
        ),
    ),
    "unknown region": (
        with_objects(SECRET, parameters="region: ⇒eu-wets-1"),
        'warning region: region: "eu-wets-1" is not a known AWS region; did you mean eu-west-1?',
    ),
    "unknown failover region": (
        with_objects(SECRET, parameters="region: eu-west-1\nfailoverRegion: ⇒mx-nowhere-7"),
        'warning region: failoverRegion: "mx-nowhere-7" is not a known AWS region',
    ),
    "name of the class": (
        with_objects(SECRET).replace("  name: shop", "  name: ⇒Shop_db"),
        (
            'error manifest: metadata.name: "Shop_db" is not a valid name: use a-z, 0-9, - and .; '
            "did you mean shop-db?"
        ),
    ),
    "namespace of the class": (
        with_objects(SECRET).replace("  name: shop", "  name: shop\n  namespace: ⇒team.shop"),
        (
            'error manifest: metadata.namespace: "team.shop" is not a valid namespace: use a-z, '
            "0-9 and -, 63 at most; did you mean team-shop?"
        ),
    ),
    "address type without effect": (
        with_objects(SECRET, parameters="region: eu-west-1\npreferredAddressType: ⇒ipv6"),
        (
            "warning no-effect: preferredAddressType: only has an effect with "
            'EKS Pod Identity, but the class uses IRSA; set usePodIdentity: "true", or leave it out'
        ),
    ),
    "failover without region": (
        with_objects(SECRET, parameters="failoverRegion: ⇒eu-west-2"),
        (
            "warning failover: failoverRegion: without region, nodes in "
            "eu-west-2 cannot mount the class; set region"
        ),
    ),
    "pinned parameter in two regions": (
        with_objects(
            "- ⇒objectName: /a\n  objectType: ssmparameter\n  objectVersion: 3",
            parameters=FAILOVER,
        ),
        (
            "warning failover: objects[0]: version 3 is also read in eu-central-1: "
            "each region numbers the versions of a parameter itself; use objectVersionLabel, which "
            "can exist in both regions"
        ),
    ),
    "parameter without slash": (
        with_objects("- objectName: ⇒app/url\n  objectType: ssmparameter"),
        (
            'warning aws-name: objects[0].objectName: "app/url" is not a valid name '
            "of a parameter: a name with / must begin with /; did you mean /app/url?"
        ),
    ),
    "parameter with a blank": (
        with_objects('- objectName: ⇒"a b"\n  objectType: ssmparameter'),
        (
            'warning aws-name: objects[0].objectName: "a b" is not a valid name of a '
            "parameter: use letters, digits and _.-/"
        ),
    ),
    "deep parameter": (
        with_objects(f"- objectName: ⇒{'/a' * 16}\n  objectType: ssmparameter"),
        (
            "warning aws-name: objects[0].objectName: is too deep: 16 levels, "
            "the limit of a parameter is 15"
        ),
    ),
    "label as a parameter's version": (
        with_objects("- objectName: /a\n  objectType: ssmparameter\n  objectVersion: ⇒prod"),
        (
            'warning aws-name: objects[0].objectVersion: "prod" is not a version '
            "of a parameter, which is a number; for a label use objectVersionLabel"
        ),
    ),
    "reserved label": (
        with_objects("- objectName: /a\n  objectType: ssmparameter\n  objectVersionLabel: ⇒Aws-1"),
        (
            'warning aws-name: objects[0].objectVersionLabel: "Aws-1" is not a valid '
            "label of a parameter: at most 100 letters, digits and _.-, not beginning with a "
            "digit, aws or ssm"
        ),
    ),
    "stage as a secret's version": (
        with_objects(f"{SECRET}\n  objectVersion: ⇒AWSCURRENT"),
        (
            'warning aws-name: objects[0].objectVersion: "AWSCURRENT" is not a '
            "version id of a secret, which has 32 to 64 characters; for a staging label use "
            "objectVersionLabel"
        ),
    ),
    "secret with a selector": (
        with_objects("- objectName: ⇒db:3\n  objectType: secretsmanager"),
        (
            'warning aws-name: objects[0].objectName: "db:3" is not a valid name '
            "of a secret: use letters, digits and /_+=.@-; for a parameter use objectType: "
            "ssmparameter"
        ),
    ),
    "failover object's name": (
        with_objects(f"{SECRET}\n  failoverObject:\n    objectName: ⇒d b", parameters=FAILOVER),
        (
            'warning aws-name: objects[0].failoverObject.objectName: "d b" is not a '
            "valid name of a secret: use letters, digits and /_+=.@-"
        ),
    ),
    "writable by all": (
        with_objects(f'{SECRET}\n  filePermission: ⇒"0666"'),
        ('warning file-mode: objects[0].filePermission: "0666" lets every user of the pod write'),
    ),
    "executable": (
        with_objects(
            f'{SECRET}\n  jmesPath: [{{path: a, objectAlias: a, filePermission: ⇒"0755"}}]'
        ),
        (
            'warning file-mode: objects[0].jmesPath[0].filePermission: "0755" makes '
            "the file executable"
        ),
    ),
    "readable by all": (
        with_objects(f'{SECRET}\n  filePermission: ⇒"0444"'),
        (
            'note world-readable: objects[0].filePermission: "0444" lets every user of '
            "the pod read, like the default; files belong to root, so pods that run as "
            "another user need it"
        ),
    ),
    "readable by nobody": (
        with_objects(f'{SECRET}\n  filePermission: ⇒"0000"'),
        ('warning file-mode: objects[0].filePermission: "0000" lets only root read'),
    ),
    "helm template": (
        with_objects(SECRET).replace("name: shop", "name: ⇒{{ .Values.name }}"),
        (
            "error not-yaml: is a Helm template, which must be rendered first; "
            "helm template CHART | secrets-provider-aws validate -"
        ),
    ),
    "no yaml": ("kind: SecretProviderClass\n  ⇒: ]", "error not-yaml: "),
    "no manifest": (
        with_objects(SECRET) + "---\n⇒- SecretProviderClass\n",
        "error manifest: document[1]: must be a Kubernetes object",
    ),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES.keys())
def test_a_mistake_is_reported_at_its_place(text: str, expected: str, reviewed: Reviews) -> None:
    plain, line, column = marked(text)
    (finding,) = reviewed(plain)
    assert described(finding).startswith(expected)
    if "not-yaml" not in expected:
        assert described(finding) == expected or expected.endswith("object")
        assert (finding.place.line, finding.place.column) == (line, column)
        assert finding.place.exact
    assert finding.place.line == line


SECRET_OBJECTS = "secretObjects:\n- secretName: login\n  type: Opaque\n  data:\n"
TWO_FILES = f"{SECRET}\n  jmesPath: [{{path: user, objectAlias: app/user}}]"

SYNCED = {
    "capitals": (
        "  - {key: a, objectName: ⇒DB}",
        (
            'synced-file data[0].objectName: "DB" differs from the file of the class in '
            "capitalization; use db"
        ),
    ),
    "untranslated": (
        "  - {key: a, objectName: ⇒app/user}",
        (
            'synced-file data[0].objectName: "app/user" is not a file of the class: the driver '
            "cannot create the Secret; did you mean app_user?"
        ),
    ),
    "unlike any": (
        "  - {key: a, objectName: ⇒certificate}",
        (
            'synced-file data[0].objectName: "certificate" is not a file of the class: the driver '
            'cannot create the Secret; there are "app_user", "db"'
        ),
    ),
    "key": (
        "  - {key: ⇒a/b, objectName: db}",
        (
            'synced-secret data[0].key: "a/b" is not a valid key of a Secret: use letters, '
            "digits, -, _ and ."
        ),
    ),
    "no key": (
        "  - ⇒{objectName: db}",
        "synced-secret data[0].key: is required: it names the value in the Secret",
    ),
    "key twice": (
        "  - {key: a, objectName: db}\n  - {key: ⇒a, objectName: app_user}",
        'synced-secret data[1].key: "a" is used twice: one of the values is lost',
    ),
}


@pytest.mark.parametrize(("data", "expected"), SYNCED.values(), ids=SYNCED.keys())
def test_synced_files_and_keys(data: str, expected: str, reviewed: Reviews) -> None:
    text, line, column = marked(with_objects(TWO_FILES, rest=SECRET_OBJECTS + data))
    (finding,) = reviewed(text)
    assert f"warning {finding.rule.name} {finding.text}" == "warning " + expected.replace(
        " data", " spec.secretObjects[0].data", 1
    )
    assert (finding.place.line, finding.place.column) == (line, column)


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ("- type: Opaque\n  data: [{objectName: db, key: a}]", "secretName: is required"),
        ("- secretName: s\n  data: [{objectName: db, key: a}]", "type: is required"),
        ("- secretName: s\n  type: Opaque", "data: is required"),
        (
            "- secretName: S\n  type: Opaque\n  data: [{objectName: db, key: a}]",
            'secretName: "S" is not a valid name of a Secret',
        ),
        (
            "- secretName: a..b\n  type: Opaque\n  data: [{objectName: db, key: a}]",
            'secretName: "a..b" is not a valid name of a Secret',
        ),
        (
            "- secretName: s\n  type: kubernetes.io/ssh-auth\n  data: [{objectName: db, key: a}]",
            "type: a Secret of this type needs the key ssh-privatekey",
        ),
    ],
    ids=["no name", "no type", "no data", "name", "empty label", "type's key"],
)
def test_secrets_that_the_driver_or_the_api_server_refuses(
    block: str, expected: str, reviewed: Reviews
) -> None:
    (finding,) = reviewed(with_objects(SECRET, rest=f"secretObjects:\n{block}"))
    assert described(finding).startswith(f"warning synced-secret: spec.secretObjects[0].{expected}")


def test_two_secrets_with_one_name(reviewed: Reviews) -> None:
    one = "- secretName: s\n  type: Opaque\n  data: [{objectName: db, key: a}]\n"
    (finding,) = reviewed(with_objects(SECRET, rest=f"secretObjects:\n{one}{one}"))
    assert finding.message.startswith('"s" is used twice')


@pytest.mark.parametrize(
    ("kind", "key", "missing"),
    [
        ("kubernetes.io/tls", "tls.crt", "tls.key"),
        ("kubernetes.io/tls", "tls.key", "tls.crt"),
        ("kubernetes.io/dockerconfigjson", "config.json", ".dockerconfigjson"),
    ],
    ids=str,
)
def test_a_typed_secret_needs_all_of_its_keys(
    kind: str, key: str, missing: str, reviewed: Reviews
) -> None:
    data = f"[{{objectName: db, key: {key}}}]"
    block = f"secretObjects:\n- secretName: s\n  type: {kind}\n  data: {data}"
    (finding,) = reviewed(with_objects(SECRET, rest=block))
    assert finding.message == f"a Secret of this type needs the key {missing}"


def test_every_mistake_of_every_class_is_reported(reviewed: Reviews) -> None:
    bad = with_objects("- objectName: a\n- objectAlias: b\n  objectType: x")
    found = reviewed(f"{bad}---\n{bad.replace('shop', 'other')}", bad.replace("shop", "third"))
    assert [one.file for one in found] == ["a"] * 6 + ["b"] * 3
    assert {one.rule.name for one in found} == {"object"}
    assert {one.owner for one in found} == {
        f'SecretProviderClass "{name}"' for name in ("shop", "other", "third")
    }


def test_names_are_checked_in_a_class_with_mistakes(reviewed: Reviews) -> None:
    found = reviewed(
        with_objects(
            "- {objectName: a b, objectType: secretsmanager, filePermission: rw}\n"
            "- {objectName: x/y, objectType: ssmparameter}\n"
            "- {objectName: ok, objectType: secretmanager}\n"
            "- {objectName: fine, objectType: secretsmanager, failoverObject: {objectName: c d}}"
        )
    )
    assert [(one.rule.name, one.path.removeprefix("spec.parameters.")) for one in found] == [
        ("aws-name", "objects[0].objectName"),
        ("object", "objects[0].filePermission"),
        ("aws-name", "objects[1].objectName"),
        ("object", "objects[2].objectType"),
        ("object", "objects[3].failoverObject"),
        ("aws-name", "objects[3].failoverObject.objectName"),
    ]


def test_documents_before_invalid_yaml_are_checked(reviewed: Reviews) -> None:
    bad = with_objects("- objectName: a")
    assert [one.rule.name for one in reviewed(f"{bad}---\n[")] == ["object", "not-yaml"]


def test_classes_in_lists_are_checked(reviewed: Reviews) -> None:
    text = with_objects("- objectName: a").replace("\n", "\n    ").rstrip()
    (finding,) = reviewed(f"apiVersion: v1\nkind: List\nitems:\n  - {text}\n")
    assert (finding.place.line, finding.place.column) == (13, 13)


def test_a_folded_block_of_objects_is_reported(reviewed: Reviews) -> None:
    item = "- {objectName: db, objectType: secretsmanager}"
    text = with_objects(f"{item}\n{item}").replace("objects: |", "objects: >")
    (finding,) = reviewed(text)
    assert finding.suggestion == "> joins lines: use objects: |"
    assert (finding.place.line, finding.place.exact) == (11, True)


@pytest.mark.parametrize("text", ["- a", "image: {tag: 1}", "{{ .Values }}"], ids=str)
def test_files_of_folders_without_a_class_need_not_be_valid(text: str) -> None:
    found = review([Source("a", text, is_named=False)])
    assert (found.findings, found.sources) == ([], [])


@pytest.mark.parametrize("text", ["", "- a", "image: {tag: 1}", "kind: Secret"], ids=str)
def test_a_named_file_without_anything_to_check_is_a_warning(text: str, reviewed: Reviews) -> None:
    (finding,) = reviewed(text)
    assert described(finding).startswith("warning nothing-to-check: holds no SecretProviderClass")


PASSED_OVER = {
    "Helm values": "# for the SecretProviderClass\nkind: SecretProviderClass-like\n",
    "workflow": "on: push\njobs: {a: {steps: [{run: 'kubectl get SecretProviderClass'}]}}\n",
    "JSON patch": "- {op: replace, path: /spec/provider, value: SecretProviderClass}\n",
    "JSON schema": '{"properties": {"kind": {"const": "SecretProviderClass"}}, "type": "object"}',
    "Kustomization": "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
    "patches: [{path: p.yaml, target: {kind: SecretProviderClass}}]\n",
    "broken": "# SecretProviderClass\na: {",
    "status": "apiVersion: secrets-store.csi.x-k8s.io/v1\nkind: SecretProviderClassPodStatus\n",
}


@pytest.mark.parametrize("text", PASSED_OVER.values(), ids=PASSED_OVER)
def test_files_of_folders_that_only_mention_a_class_are_passed_over(text: str) -> None:
    found = review([Source("a", text, is_named=False)])
    assert (found.findings, found.classes) == ([], [])


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "kind: SecretProviderClass",
            "kind: SecretsProviderClass",
            (
                'kind: "SecretsProviderClass" is not a kind of secrets-store.csi.x-k8s.io; '
                "did you mean SecretProviderClass?"
            ),
        ),
        (
            "kind: SecretProviderClass",
            "kind: Class",
            (
                'kind: "Class" is not a kind of secrets-store.csi.x-k8s.io; did you mean '
                "SecretProviderClass?"
            ),
        ),
        (
            "secrets-store.csi.x-k8s.io/v1\nkind: SecretProviderClass",
            "secret-store.io/v1\nkind: SecretProviderclas",
            'kind: "SecretProviderclas" is not a kind; did you mean SecretProviderClass?',
        ),
        (
            "secrets-store.csi.x-k8s.io/v1",
            "secret-store.csi.x-k8s.io/v1",
            (
                "apiVersion: must be secrets-store.csi.x-k8s.io/v1, got "
                '"secret-store.csi.x-k8s.io/v1": it does not exist'
            ),
        ),
    ],
    ids=["kind", "kind of the group", "both", "group"],
)
def test_kinds_and_groups_that_are_nearly_ours(old: str, new: str, expected: str) -> None:
    text = with_objects(SECRET).replace(old, new)
    assert is_relevant(text)
    (finding,) = review([Source("a", text, is_named=False)]).findings
    assert described(finding) == f"error manifest: {expected}"


def test_classes_of_other_providers_are_skipped(reviewed: Reviews) -> None:
    assert reviewed(with_objects("- x").replace("provider: aws", "provider: vault")) == []


def test_two_classes_with_one_name(reviewed: Reviews) -> None:
    (finding,) = reviewed(with_objects(SECRET), "---\n" + with_objects(SECRET))
    assert (finding.file, finding.place.line, finding.place.column) == ("b", 5, 9)
    assert described(finding) == (
        "warning duplicate-class: metadata.name: is also in a:1: the one that is applied last wins"
    )
    elsewhere = with_objects(SECRET).replace("  name: shop", "  name: shop\n  namespace: two")
    assert reviewed(with_objects(SECRET), elsewhere) == []


def test_arns_are_compared_with_the_region_of_the_daemon(reviewed: Reviews) -> None:
    text = with_objects(
        "- objectName: arn:aws:secretsmanager:eu-west-1:111122223333:secret:a", parameters=""
    )
    assert reviewed(text) == []
    (finding,) = reviewed(text, region="us-east-1")
    assert "is an ARN of eu-west-1, but is asked for in us-east-1" in finding.message


def test_more_parameters_than_the_throughput_of_an_account(reviewed: Reviews) -> None:
    some = "\n".join(f"- {{objectName: /p{n}, objectType: ssmparameter}}" for n in range(401))
    (finding,) = reviewed(with_objects(some))
    assert "401 parameters need 41 calls for each mount" in finding.message


def deployment(csi: str, namespace: str = "") -> str:
    metadata = f"{{name: web{namespace and ', namespace: '}{namespace}}}"
    return (
        f"---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {metadata}\n"
        f"spec: {{template: {{spec: {{volumes: [{{name: s, csi: {csi}}}]}}}}}}\n"
    )


def csi(name: str, read_only: str = "true") -> str:
    attributes = f"{{secretProviderClass: {name}}}" if name else "{}"
    return (
        f"{{driver: secrets-store.csi.k8s.io, readOnly: {read_only}, "
        f"volumeAttributes: {attributes}}}"
    )


@pytest.mark.parametrize(
    ("workload", "expected"),
    [
        (deployment(csi("shop")), ""),
        (deployment(csi("shop"), "store"), ""),
        (deployment("{driver: other}"), ""),
        (
            deployment(csi("shopp")),
            'volume "shopp" is not a class of these files; did you mean shop?',
        ),
        (deployment(csi("shop", "false")), "manifest must be true: the driver refuses the volume"),
        (deployment(csi("")), "volume is required by secrets-store.csi.k8s.io"),
    ],
    ids=["fits", "no namespace", "other driver", "typo", "not read-only", "no class"],
)
def test_volumes_are_compared_with_the_classes(
    workload: str, expected: str, reviewed: Reviews
) -> None:
    found = reviewed(with_objects(SECRET) + workload)
    texts = [f"{one.rule.name} {one.text.partition(': ')[2]}" for one in found]
    assert texts == ([expected] if expected else [])


def test_a_class_of_another_namespace_cannot_be_mounted(reviewed: Reviews) -> None:
    klass = with_objects(SECRET).replace("  name: shop", "  name: shop\n  namespace: one")
    (finding,) = reviewed(klass + deployment(csi("shop"), "two"))
    assert finding.message == '"shop" is in one: pod and class must have the same namespace'
    assert finding.owner == 'Deployment "web"'


def test_a_class_that_is_in_no_file_is_a_note(reviewed: Reviews) -> None:
    (finding,) = reviewed(deployment(csi("shop")))
    assert (finding.level, finding.message) == ("note", '"shop" is not a class of these files')


def service_account(annotations: str = "{}", name: str = "web", namespace: str = "") -> str:
    metadata = f"name: {name}, annotations: {annotations}{namespace and ', namespace: '}{namespace}"
    return f"---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {{{metadata}}}\n"


ROLE = "arn:aws:iam::111122223333:role/web"
WEB = deployment(csi("shop")).replace("volumes", "serviceAccountName: web, volumes")


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        (f"{{eks.amazonaws.com/role-arn: '{ROLE}'}}", ""),
        ("{eks.amazonaws.com/role-arn: '${ROLE_ARN}'}", ""),
        ("{eks.amazonaws.com/audience: a, eks.amazonaws.com/token-expiration: '60'}", ""),
        (
            "{eks.amazonaws.com/role-arn: web}",
            (
                "metadata.annotations.eks.amazonaws.com/role-arn: must be the ARN of an IAM role "
                'such as arn:aws:iam::111122223333:role/name, got "web"'
            ),
        ),
        (
            f"{{eks.amazonaws.com/rolearn: '{ROLE}'}}",
            (
                "metadata.annotations.eks.amazonaws.com/rolearn: is not an annotation of EKS: pods "
                "get no role; did you mean eks.amazonaws.com/role-arn?"
            ),
        ),
        (
            f"{{eks.amazon.com/role-arn: '{ROLE}'}}",
            (
                "metadata.annotations.eks.amazon.com/role-arn: is not an annotation of EKS: pods "
                "get no role; did you mean eks.amazonaws.com/role-arn?"
            ),
        ),
    ],
    ids=["fits", "placeholder", "others", "no ARN", "key", "domain"],
)
def test_the_annotation_for_irsa(annotations: str, expected: str, reviewed: Reviews) -> None:
    found = reviewed(with_objects(SECRET) + service_account(annotations) + WEB)
    texts = [described(one) for one in found]
    assert texts == ([f"warning service-account: {expected}"] if expected else [])


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        (service_account(), ""),
        (service_account(namespace="one"), ""),
        (
            service_account(name="webb"),
            'warning "web" is not a ServiceAccount of these files; did you mean webb?',
        ),
        ("", 'note "web" is not a ServiceAccount of these files'),
    ],
    ids=["fits", "no namespace of the pod", "typo", "none"],
)
def test_service_accounts_of_pods_are_in_the_files(
    account: str, expected: str, reviewed: Reviews
) -> None:
    found = reviewed(with_objects(SECRET) + account + WEB)
    texts = [f"{one.level} {one.text.partition(': ')[2]}" for one in found]
    assert texts == ([expected] if expected else [])


def test_a_service_account_of_another_namespace_is_not_the_pods(reviewed: Reviews) -> None:
    pod = WEB.replace("name: web,", "name: web, namespace: two,").replace(
        "{name: web}", "{name: web, namespace: two}"
    )
    (finding,) = reviewed(with_objects(SECRET) + service_account(namespace="one") + pod)
    assert finding.message == '"web" is in one: a pod uses its own namespace\'s'


def test_names_of_rules_are_unique() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)


KEYS = '- objectName: db\n  objectType: secretsmanager\n  jsonKeys: ["user", "api-*"]'


@pytest.mark.parametrize(
    ("name", "fits"),
    [("user", True), ("api-key", True), ("db", True), ("pass", False), ("apikey", False)],
)
def test_files_with_unknown_names_may_be_synced(name: str, fits: bool, reviewed: Reviews) -> None:
    data = f"  - {{key: a, objectName: {name}}}"
    found = reviewed(with_objects(KEYS, rest=SECRET_OBJECTS + data))
    assert [one.rule.name for one in found] == ([] if fits else ["synced-file"])
