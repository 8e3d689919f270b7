"""External Secrets resources: what the controller's condition would say, at its place, and more."""

from pathlib import Path

import pytest

from provider.tools.sources import Source
from provider.tools.validate.review import review
from tests.cli.conftest import Run
from tests.tools.validate.conftest import Reviews

ROOT = Path(__file__).parents[3]
MANIFESTS = ROOT / "demo" / "controller" / "manifests"

STORE = """\
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {name: aws, namespace: shop}
spec: {provider: {aws: {service: SecretsManager, region: eu-west-1}}}
---
"""
SECRET = """\
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: db, namespace: shop}
spec:
  secretStoreRef: {name: aws}
  data:
  - {secretKey: user, remoteRef: {key: db, property: user}}
"""
ARN = "arn:aws:secretsmanager:us-east-1:111122223333:secret:db-AbCdEf"
CLUSTER_STORE = STORE.replace("SecretStore", "ClusterSecretStore").replace(", namespace: shop", "")
ACCOUNT = """\
apiVersion: v1
kind: ServiceAccount
metadata: {name: reader, namespace: shop}
---
"""


def secret(old: str = "", new: str = "", *, target: str = "", store: str = STORE) -> str:
    """A store and an ExternalSecret with one change, and lines below `target`."""
    text = SECRET.replace(old, new) if old else SECRET
    lines = "".join(f"    {line}\n" for line in target.strip("\n").split("\n"))
    return store + text + (f"  target:\n{lines}" if target else "")


CASES = {
    "misspelt key": (
        secret("property", "⇒propertie"),
        (
            'warning unknown-key: spec.data[0].remoteRef.propertie: key "propertie" is not known: '
            "kubectl refuses it, other tools drop it; did you mean property?"
        ),
    ),
    "v1 key in v1beta1": (
        secret("io/v1", "io/v1beta1").replace("property:", "⇒nullBytePolicy: Fail, property:"),
        (
            "warning unknown-key: spec.data[0].remoteRef.nullBytePolicy: does not exist in "
            "v1beta1: "
            "the API server drops it; write apiVersion: external-secrets.io/v1"
        ),
    ),
    "service": (
        secret(store=STORE.replace("SecretsManager", "⇒SecretManager")),
        (
            "error resource: spec.provider.aws.service: must be SecretsManager, ParameterStore or "
            'CertificateManager, got "SecretManager"; did you mean SecretsManager?'
        ),
    ),
    "region": (
        secret(store=STORE.replace("eu-west-1", "⇒eu-wets-1")),
        (
            'warning region: spec.provider.aws.region: "eu-wets-1" is not a known AWS region; '
            "did you mean eu-west-1?"
        ),
    ),
    "role": (
        secret(store=STORE.replace("region:", "role: ⇒reader, region:")),
        (
            "warning aws-name: spec.provider.aws.role: must be the ARN of an IAM role such as "
            'arn:aws:iam::111122223333:role/name, got "reader"'
        ),
    ),
    "octal number": (
        secret(store=STORE.replace("region:", "externalID: ⇒012345670123, region:")),
        "error resource: spec.provider.aws.externalID: must be text, got a number: quote it",
    ),
    "other provider": (
        secret(store=STORE.replace("{aws: {service", "⇒{vault: {service")),
        (
            'error resource: spec.provider: the provider "vault" is not supported by this '
            "controller: "
            "it reads AWS only"
        ),
    ),
    "day": (
        secret(target="name: x").replace("  target:", "  refreshInterval: ⇒1d\n  target:"),
        (
            'error resource: spec.refreshInterval: time: unknown unit "d" in duration "1d"; a '
            "day is "
            "written 24h: the units are ns, us, ms, s, m and h"
        ),
    ),
    "deletion policy": (
        secret(target="creationPolicy: Merge\ndeletionPolicy: ⇒Delete"),
        (
            "error resource: spec.target.deletionPolicy: deletionPolicy=Delete must not be used "
            "when "
            "the controller doesn't own the secret. Please set creationPolicy=Owner"
        ),
    ),
    "function": (
        secret(target="template:\n  data:\n    url: |\n      first\n      x {{ .user | ⇒uper }}"),
        (
            'error template: spec.target.template.data.url: function "uper" not defined; did you '
            "mean upper?"
        ),
    ),
    "template within quotes": (
        secret(target='template: {templateFrom: [{literal: "a: b\\n⇒{{ if }}"}]}'),
        "error template: spec.target.template.templateFrom[0].literal: missing value for if",
    ),
    "rewrite": (
        secret().replace(
            "  data:",
            "  dataFrom:\n  - extract: {key: x}\n"
            "    rewrite: [{transform: {template: '⇒{{ .value'}}]\n  data:",
        ),
        (
            "error template: spec.dataFrom[0].rewrite[0].transform.template: unclosed action; "
            "close each action with two braces: {{ .user }}"
        ),
    ),
    "value that is not read": (
        secret(target="template: {data: {url: 'x ⇒{{ .usr }}'}}").replace("⇒{{ ", "{{ ⇒"),
        (
            "warning template-value: spec.target.template.data.url: no entry of data has "
            'the secretKey "usr": the Secret is not written; did you mean .user?'
        ),
    ),
    "key of a template": (
        secret(target="template: {data: {a/b: ⇒x}}"),
        (
            "error resource: spec.target.template.data.a/b: key has invalid character /, only "
            "alphanumeric, '-', '.' and '_' are allowed: a/b"
        ),
    ),
    "template over a value": (
        secret(target="template: {mergePolicy: Merge, data: {user: ⇒x}}"),
        (
            "warning secret-key: spec.target.template.data.user: replaces the value that data "
            'reads for the key "user"'
        ),
    ),
    "modifier": (
        secret("property: user", "property: ⇒'a.@pretty'"),
        (
            "error resource: spec.data[0].remoteRef.property: the gjson modifier @pretty is not "
            "supported"
        ),
    ),
    "two sources": (
        secret(
            "data:\n  - {secretKey: user, remoteRef: {key: db, property: user}}",
            "dataFrom:\n  - ⇒{extract: {key: a}, find: {name: {regexp: a}}}",
        ),
        (
            "error resource: spec.dataFrom[0]: extract, find, or generatorRef cannot be set at the "
            "same time; write an entry of dataFrom for each"
        ),
    ),
    "query that is not closed": (
        secret("property: user", "property: ⇒'users.#(id==1'"),
        ('error property: spec.data[0].remoteRef.property: the query "#(id==1" has no closing )'),
    ),
    "path of another language": (
        secret("property: user", "property: ⇒'users[0]'"),
        (
            "warning foreign-path: spec.data[0].remoteRef.property: gjson takes the bracket as a "
            'part of the key, in "users[0]"; write users.0 for users[0]'
        ),
    ),
    "type that is not written": (
        secret(target="template: {type: ⇒helm.sh/release.v1}"),
        (
            "error resource: spec.target.template.type: a Secret of type helm.sh/release.v1 is for "
            "Helm alone: the controller does not write it; leave out type, or name another"
        ),
    ),
    "find without a condition": (
        secret().replace("  data:", "  dataFrom: [{find: ⇒{path: a}}]\n  data:"),
        "error resource: spec.dataFrom[0].find: needs a name or tags",
    ),
    "type without its keys": (
        secret(target="template: {type: ⇒kubernetes.io/tls, data: {tls.crt: x}}"),
        ("error resource: spec.target.template.type: a Secret of this type needs the key tls.key"),
    ),
    "ARN of another region": (
        secret("key: db", f"key: ⇒'{ARN}'"),
        (
            "warning store: spec.data[0].remoteRef.key: is an ARN of us-east-1, but the store "
            "reads eu-west-1"
        ),
    ),
    "name of a secret": (
        secret("key: db", "key: ⇒'db:x'"),
        (
            'warning aws-name: spec.data[0].remoteRef.key: "db:x" is not a valid name of a '
            "secret: use "
            "letters, digits and /_+=.@-"
        ),
    ),
    "store of another name": (
        secret("name: aws", "name: ⇒asw"),
        (
            'warning store: spec.secretStoreRef.name: SecretStore "asw" is not in these files; did '
            "you mean aws?"
        ),
    ),
    "store of another kind": (
        secret("{name: aws}", "{name: ⇒aws}", store=CLUSTER_STORE),
        (
            'warning store: spec.secretStoreRef.name: SecretStore "aws" is not in these files; '
            "there "
            "is a ClusterSecretStore of that name: set kind: ClusterSecretStore"
        ),
    ),
    "store of another namespace": (
        secret("name: aws", "name: ⇒aws", store=STORE.replace("shop", "web")),
        (
            'warning store: spec.secretStoreRef.name: SecretStore "aws" is not in these files; '
            "there "
            "is one in the namespace web"
        ),
    ),
    "no store at all": (
        secret("name: aws", "name: ⇒aws", store=""),
        'note elsewhere: spec.secretStoreRef.name: SecretStore "aws" is not in these files',
    ),
    "conditions": (
        secret(
            "{name: aws}",
            "{kind: ClusterSecretStore, name: ⇒aws}",
            store=CLUSTER_STORE.replace("spec: {", "spec: {conditions: [{namespaces: [web]}], "),
        ),
        (
            'warning store: spec.secretStoreRef.name: using cluster store "aws" is not allowed '
            "from "
            'namespace "shop": denied by its spec.conditions'
        ),
    ),
    "generator": (
        secret().replace(
            "  data:",
            "  dataFrom:\n  - sourceRef: {generatorRef: {kind: Password, name: ⇒pw}}\n  data:",
        ),
        (
            "note elsewhere: spec.dataFrom[0].sourceRef.generatorRef.name: Password "
            '"pw" is not in these files'
        ),
    ),
    "account without role": (
        secret(
            store=ACCOUNT
            + STORE.replace("region:", "auth: {jwt: {serviceAccountRef: {name: ⇒reader}}}, region:")
        ),
        (
            "warning service-account: spec.provider.aws.auth.jwt.serviceAccountRef.name: the "
            'ServiceAccount "reader" has no annotation eks.amazonaws.com/role-arn: the store '
            "gets no "
            "credentials"
        ),
    ),
    "misspelt account": (
        secret(
            store=ACCOUNT
            + STORE.replace("region:", "auth: {jwt: {serviceAccountRef: {name: ⇒raeder}}}, region:")
        ),
        (
            "warning service-account: spec.provider.aws.auth.jwt.serviceAccountRef.name: "
            '"raeder" is not a ServiceAccount of these files; did you mean reader?'
        ),
    ),
    "two writers": (
        secret() + "---\n" + secret("name: db", "name: web", target="name: ⇒db", store=""),
        (
            'warning target: spec.target.name: the Secret "db" is also written by ExternalSecret '
            '"db" '
            "in a:6: target is owned by another ExternalSecret"
        ),
    ),
    "twice": (
        secret() + "---\n" + secret("name: db", "name: ⇒db", store=""),
        "warning duplicate: metadata.name: is also in a:6: the one that is applied last wins",
    ),
    "cluster-wide in a namespace": (
        CLUSTER_STORE.replace("{name: aws}", "{name: aws, namespace: ⇒shop}"),
        (
            "warning no-effect: metadata.namespace: has no effect: a ClusterSecretStore is for the "
            "whole cluster"
        ),
    ),
    "old version": (
        secret(store=STORE.replace("io/v1", "io/v1beta1").replace("external", "⇒external")),
        (
            "note old-version: apiVersion: v1beta1: this controller takes it as v1, External "
            "Secrets "
            "Operator refuses it from 0.17 on; write external-secrets.io/v1"
        ),
    ),
    "older version": (
        secret(store=STORE.replace("external-secrets.io/v1", "⇒external-secrets.io/v1alpha1")),
        (
            "error resource: apiVersion: must be external-secrets.io/v1, got "
            '"external-secrets.io/v1alpha1": this version is not served'
        ),
    ),
    "other group": (
        secret("external-secrets.io", "⇒external-secret.io"),
        'error manifest: apiVersion: must be external-secrets.io/v1, got "external-secret.io/v1"',
    ),
    "group of a store": (
        STORE.replace("external-secrets.io", "⇒externalsecrets.io"),
        'error manifest: apiVersion: must be external-secrets.io/v1, got "externalsecrets.io/v1"',
    ),
    "kind": (
        secret("ExternalSecret", "⇒ExternalSecrets"),
        (
            'error manifest: kind: "ExternalSecrets" is not a kind of external-secrets.io that '
            "this "
            "controller has; did you mean ExternalSecret?"
        ),
    ),
    "push": (
        "apiVersion: external-secrets.io/v1alpha1\nkind: ⇒PushSecret\nmetadata: {name: x}\n",
        (
            "warning not-supported: kind: PushSecret is not supported by this controller: it reads "
            "AWS, and writes nothing"
        ),
    ),
    "password": (
        (
            "apiVersion: generators.external-secrets.io/v1alpha1\nkind: Password\nmetadata: "
            "{name: x}\n"
            "spec: {length: ⇒0}\n"
        ),
        "error resource: spec.length: must be 1 to 65536",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_one_mistake_is_one_finding_at_its_place(name: str, reviewed: Reviews) -> None:
    marked, expected = CASES[name]
    before = marked.partition("⇒")[0]
    found = reviewed(marked.replace("⇒", ""))
    if "old-version" not in expected:
        found = [one for one in found if one.rule.name != "old-version"]
    texts = [f"{one.level} {one.rule.name}: {one.text}" for one in found]
    assert texts == [expected]
    column = len(before) - before.rfind("\n")
    assert (found[0].place.line, found[0].place.column) == (before.count("\n") + 1, column)


def test_mistakes_do_not_hide_each_other(reviewed: Reviews) -> None:
    text = secret(target="deletionPolicy: Never\ntemplate: {data: {x: '{{ .user | uper }}'}}")
    text = text.replace("property: user", "property: '@dig:x'")
    assert sorted(one.rule.name for one in reviewed(text)) == ["resource", "resource", "template"]


def test_a_value_that_is_perhaps_read_is_no_mistake(reviewed: Reviews) -> None:
    guarded = "template: {data: {x: '{{ if hasKey . \"a\" }}{{ .a }}{{ end }}{{ .user }}'}}"
    assert reviewed(secret(target=guarded)) == []
    text = secret(target="template: {data: {x: '{{ .a }}'}}")
    assert (
        reviewed(text.replace("  data:\n  -", "  dataFrom: [{extract: {key: x}}]\n  data:\n  -"))
        == []
    )


def test_a_foreign_store_of_another_class_is_passed_over() -> None:
    text = STORE.replace("aws: {service", "vault: {service")
    foreign = text.replace("spec: {", "spec: {controller: other, ")
    found = review([Source("a", foreign)])
    assert (list(found.findings), found.others) == ([], 1)


def test_what_users_of_external_secrets_write_is_clean(command: Run) -> None:
    result = command("validate", *sorted(MANIFESTS.glob("*.yaml")), "--strict", "--quiet")
    assert (result.code, result.out) == (0, "")


def test_the_summary_counts_resources(command: Run, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(secret())
    assert command("validate", tmp_path).out == (
        "2 External Secrets resources in 1 file: no problems\n"
    )


PATCH = """\
apiVersion: secrets-store.csi.x-k8s.io/v1
kind: SecretProviderClass
metadata: {name: shop}
spec: {parameters: {region: eu-west-2}}
"""


@pytest.mark.parametrize(
    ("file", "kustomization"),
    [
        ("overlay/kustomization.yaml", "patches: [{path: patch.yaml}]"),
        ("overlay/Kustomization", "patchesStrategicMerge: [./patch.yaml]"),
        ("kustomization.yml", "kind: Kustomization\npatches: [{path: overlay/patch.yaml}]"),
    ],
)
def test_a_patch_of_a_kustomization_is_no_whole_manifest(
    command: Run, tmp_path: Path, file: str, kustomization: str
) -> None:
    patch = tmp_path / "overlay" / "patch.yaml"
    patch.parent.mkdir()
    patch.write_text(PATCH)
    assert command("validate", tmp_path).code == 1
    (tmp_path / file).write_text(kustomization)
    assert command("validate", tmp_path, "--strict").code == 0
    result = command("validate", patch)
    assert result.code == 0
    assert "warning[nothing-to-check]: is a patch of a Kustomization" in result.out


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("{{ .Values.name }}", "warning[helm-template]: is a Helm template"),
        ("[", "error[not-yaml]: is not YAML"),
    ],
)
def test_only_helm_is_taken_for_helm(
    command: Run, tmp_path: Path, name: str, expected: str
) -> None:
    target = "template: {data: {a: '{{ .user }}'}}"
    (tmp_path / "a.yaml").write_text(secret("name: db", f"name: {name}", target=target))
    assert expected in command("validate", tmp_path).out


def test_a_patch_with_a_directive_is_no_whole_manifest(command: Run, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(PATCH + "$patch: delete\n")
    assert command("validate", tmp_path).code == 0


def test_a_mistake_elsewhere_does_not_hide_what_secrets_lack(reviewed: Reviews) -> None:
    text = PATCH.replace("spec: {parameters: {region: eu-west-2}}\n", "") + (
        "spec:\n  provider: aws\n  parameters:\n    region: EU\n    usePodIdentity: true\n"
        "    objects: '[{objectName: db, objectType: secretsmanager}]'\n"
        "  secretObjects:\n  - {secretName: x, type: Opaque, data: [{objectName: dbb, key: a}]}\n"
    )
    rules = [one.rule.name for one in reviewed(text)]
    assert rules == ["parameter", "manifest", "synced-file"]
