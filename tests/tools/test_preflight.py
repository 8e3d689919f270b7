"""`preflight`: what would differ, from the output of kubectl and from a real API server."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from testbed.cluster import Address, ClusterClient
from testbed.control_plane import program
from tests.api_server import Kubectl
from tests.cli.conftest import Result, Run
from tests.deploy import manifests

API = "external-secrets.io/v1"
AWS = {
    "aws": {
        "service": "SecretsManager",
        "region": "eu-west-1",
        "auth": {"jwt": {"serviceAccountRef": {"name": "reader"}}},
    }
}
Document = dict[str, Any]


def thing(kind: str, name: str = "x", api: str = API, **more: Any) -> Document:
    about = {"name": name, "namespace": "shop", **more.pop("metadata", {})}
    return {"apiVersion": api, "kind": kind, "metadata": about, **more}


def store(provider: Document = AWS, name: str = "aws", **spec: Any) -> Document:
    return thing("SecretStore", name, spec={"provider": provider, **spec})


def secret(
    status: Document | None = None, metadata: Document | None = None, **spec: Any
) -> Document:
    entries = (
        {} if "dataFrom" in spec else {"data": [{"secretKey": "a", "remoteRef": {"key": "a"}}]}
    )
    whole = {"secretStoreRef": {"name": "aws"}, **entries, **spec}
    return thing("ExternalSecret", "es", spec=whole, status=status or {}, metadata=metadata or {})


def template(text: str) -> Document:
    return {"template": {"data": {"k": text}}}


def template_from(kind: str) -> Document:
    source = {kind: {"name": "files", "items": [{"key": "k"}, {"key": "missing"}]}}
    return {"template": {"templateFrom": [source]}}


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


FAILED = {
    "conditions": [{"type": "Ready", "status": "False", "message": "could not update secret"}]
}
CASES: dict[str, tuple[list[Document], str]] = {
    "all as before": ([store(), secret()], ""),
    "another provider": (
        [store({"vault": {"server": "x"}})],
        'stops SecretStore shop/aws: spec.provider: the provider "vault" is not supported',
    ),
    "a store that stops": (
        [store({"vault": {}}), secret()],
        'stops ExternalSecret shop/es: uses the SecretStore "aws", which does not work here',
    ),
    "no auth": (
        [store({"aws": {"service": "SecretsManager", "region": "eu-west-1"}})],
        "differs SecretStore shop/aws: has no auth: it reads as the controller",
    ),
    "generic target": (
        [store(), secret(target={"manifest": {"apiVersion": "v1", "kind": "ConfigMap"}})],
        'stops ExternalSecret shop/es: spec.target.manifest: a target of kind "ConfigMap"',
    ),
    "function": (
        [store(), secret(target=template("{{ getHostByName .a }}"))],
        'stops ExternalSecret shop/es: spec.target.template.data.k: function "getHostByName" not',
    ),
    "function in a ConfigMap": (
        [
            store(),
            secret(target=template_from("configMap")),
            thing("ConfigMap", "files", api="v1", data={"k": "{{ getHostByName .a }}"}),
        ],
        "stops ExternalSecret shop/es: the template k of the ConfigMap files: function",
    ),
    "function in a Secret": (
        [
            store(),
            secret(target=template_from("secret")),
            thing("Secret", "files", api="v1", data={"k": encoded("{{ getHostByName .a }}")}),
        ],
        "stops ExternalSecret shop/es: the template k of the Secret files: does not compile (line",
    ),
    "a Secret that is not read": (
        [store(), secret(target=template_from("secret"))],
        "note ExternalSecret shop/es: its templates in the Secret files are not checked",
    ),
    "a template in a Secret": (
        [
            store(),
            secret(target=template_from("secret")),
            thing("Secret", "files", api="v1", data={"k": encoded("{{ .a | quote }}"), "o": "?"}),
        ],
        "",
    ),
    "function that fails today": (
        [store(), secret(FAILED, target=template("{{ nonsense .a }}"))],
        "note ExternalSecret shop/es: does not work today: could not update secret",
    ),
    "key of a newer release": (
        [store(), secret(newPolicy="x")],
        "differs ExternalSecret shop/es: spec.newPolicy: is not known to this controller",
    ),
    "a path that finds nothing under the operator either": (
        [
            store(),
            secret(data=[{"secretKey": "a", "remoteRef": {"key": "a", "property": "#(b=="}}]),
        ],
        "",
    ),
    "a path that only the operator has": (
        [
            store(),
            secret(data=[{"secretKey": "a", "remoteRef": {"key": "a", "property": "@pretty"}}]),
        ],
        "stops ExternalSecret shop/es: spec.data[0].remoteRef.property: the gjson modifier",
    ),
    "a target that Helm makes": (
        [store(), secret(), thing("Secret", "es", api="v1", type="helm.sh/release.v1")],
        "stops ExternalSecret shop/es: its Secret es is not written any more: it is of type helm",
    ),
    "a target that is only read": (
        [
            store(),
            secret(target={"creationPolicy": "None"}),
            thing("Secret", "es", api="v1", type="helm.sh/release.v1"),
        ],
        "note ExternalSecret shop/es: AWS is read once an interval",
    ),
    "a type that is not written": (
        [store(), secret(target={"template": {"type": "helm.sh/release.v1"}})],
        "stops ExternalSecret shop/es: spec.target.template.type: a Secret of type helm.sh/release",
    ),
    "deletion policy": (
        [store(), secret(target={"deletionPolicy": "Delete"})],
        "differs ExternalSecret shop/es: a secret that is scheduled for deletion in AWS counts as",
    ),
    "tags": (
        [store(), secret(dataFrom=[{"find": {"tags": {"a": "b"}}}])],
        "differs ExternalSecret shop/es: find takes tags with exactly these values",
    ),
    "applied by kubectl": (
        [
            store(),
            secret(
                metadata={"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"}}
            ),
        ],
        "note ExternalSecret shop/es: the annotation kubectl.kubernetes.io/last-applied",
    ),
    "push": (
        [thing("PushSecret", api="external-secrets.io/v1alpha1")],
        "stops PushSecret shop/x: is not worked on any more",
    ),
    "generator": (
        [thing("VaultDynamicSecret", api="generators.external-secrets.io/v1alpha1")],
        'stops VaultDynamicSecret shop/x: the kind "VaultDynamicSecret" is not supported',
    ),
    "webhook": (
        [thing("ValidatingWebhookConfiguration", "secretstore-validate", api="v1")],
        "differs ValidatingWebhookConfiguration shop/secretstore-validate: refuses every write",
    ),
    "conversion": (
        [
            thing(
                "CustomResourceDefinition",
                api="v1",
                spec={"group": "external-secrets.io", "conversion": {"strategy": "Webhook"}},
            )
        ],
        "differs CustomResourceDefinition shop/x: is converted by a webhook of the operator",
    ),
    "stored version": (
        [
            thing(
                "CustomResourceDefinition",
                api="v1",
                spec={
                    "group": "external-secrets.io",
                    "names": {"kind": "SecretStore"},
                    "versions": [{"name": "v1beta1", "storage": True}],
                },
                status={"storedVersions": ["v1alpha1", "v1beta1"]},
            )
        ],
        "differs CustomResourceDefinition shop/x: may hold objects of the version v1alpha1",
    ),
    "finalizer": (
        [
            thing(
                "Namespace",
                api="v1",
                metadata={"finalizers": ["externalsecrets.external-secrets.io/ces-all"]},
            )
        ],
        "differs Namespace shop/x: has the finalizer externalsecrets.external-secrets.io/ces-all",
    ),
    "operator": (
        [
            thing(
                "Deployment",
                api="v1",
                spec={
                    "template": {
                        "spec": {
                            "containers": [
                                {
                                    "image": "ghcr.io/external-secrets/external-secrets:v2.9.0",
                                    "args": ["--controller-class=blue"],
                                }
                            ]
                        }
                    }
                },
            )
        ],
        "differs Deployment shop/x: runs: both controllers would work on the same objects",
    ),
}
CODES = {"stops": 1, "differs": 3, "note": 0, "": 0}


@pytest.fixture
def preflight(command: Run, tmp_path: Path) -> Callable[..., Result]:
    """Runs `preflight` over documents, as kubectl prints them."""

    def run(documents: list[Document], *arguments: str) -> Result:
        path = tmp_path / "all.json"
        path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": documents}))
        return command("preflight", path, *arguments)

    return run


@pytest.mark.parametrize("name", CASES)
def test_each_difference_is_named(name: str, preflight: Callable[..., Result]) -> None:
    documents, expected = CASES[name]
    result = preflight(documents, "-o", "json")
    found = [
        f"{one['level']} {one['kind']} {one['namespace']}/{one['name']}: {one['message']}"
        for one in json.loads(result.out)["differences"]
    ]
    assert any(one.startswith(expected) for one in found) if expected else not found
    levels = {one.partition(" ")[0] for one in found}
    worst = next((one for one in ("stops", "differs", "note") if one in levels), "")
    assert (result.code, worst) == (CODES[worst], expected.partition(" ")[0] or worst)


def test_objects_of_other_classes_are_passed_over(preflight: Callable[..., Result]) -> None:
    documents = [store({"vault": {}}, controller="eso"), secret()]
    result = preflight(documents)
    assert result.code == 0
    assert "2 resources, 2 of other controller classes: everything works as before" in result.out
    assert preflight(documents, "--controller-class", "eso").code == 1


def test_people_read_the_worst_first_with_a_remedy(preflight: Callable[..., Result]) -> None:
    documents = [doc for documents, _ in CASES.values() for doc in documents]
    lines = preflight(documents).out.splitlines()
    assert lines[0].startswith("stops     ExternalSecret shop/es: ")
    assert "          hint: kubectl -n shop scale deployment x --replicas=0" in lines
    assert "s, and 4 objects of the operator: " in lines[-1]
    assert "would stop working" in lines[-1]
    assert "note" not in preflight(documents, "-q").out


def test_the_operator_is_known_by_its_label(preflight: Callable[..., Result]) -> None:
    mirrored = {"spec": {"containers": [{"image": "registry.example/eso:1"}]}}
    labels = {"app.kubernetes.io/name": "external-secrets"}
    running = thing(
        "Deployment", api="apps/v1", metadata={"labels": labels}, spec={"template": mirrored}
    )
    assert "scale deployment x --replicas=0" in preflight([running, store(), secret()]).out
    hostile = {**running, "metadata": {**running["metadata"], "name": "x; rm *"}}
    assert "scale deployment 'x; rm *' --replicas=0" in preflight([hostile, store(), secret()]).out
    running["spec"]["replicas"] = 0
    assert preflight([running, store(), secret()]).code == 0


def test_files_without_a_resource_are_no_success(preflight: Callable[..., Result]) -> None:
    result = preflight([{"kind": "List", "items": []}])
    assert (result.code, result.out) == (2, "")
    assert "there is no External Secrets resource in" in result.err
    assert "clusterexternalsecrets -A -o json" in result.err


def test_yaml_and_several_files_are_one_cluster(command: Run, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(secret()))
    more = [store({"vault": {}}), {"kind": "List", "items": []}]
    (tmp_path / "b.yaml").write_text(yaml.safe_dump_all(more))
    result = command("preflight", tmp_path / "a.yaml", tmp_path / "b.yaml")
    assert 'uses the SecretStore "aws"' in result.out


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "nested too deep"),
        ('{"a":' * 200 + "1" + "}" * 200, "nested too deep"),
        ('"x"', "must be a Kubernetes object"),
        ("[1]", "holds something that is no Kubernetes object"),
        ("a: &a [x]\nb: *c", "is not defined before its use"),
    ],
)
def test_what_is_no_cluster_is_refused(
    command: Run, tmp_path: Path, content: str, expected: str
) -> None:
    (tmp_path / "a").write_text(content)
    result = command("preflight", tmp_path / "a")
    assert (result.code, result.out) == (2, "")
    assert expected in result.err


@pytest.mark.parametrize(
    "odd",
    [
        {"apiVersion": API, "kind": "ExternalSecret"},
        {"apiVersion": API, "kind": "SecretStore", "spec": [], "metadata": "x", "status": 1},
        {"apiVersion": API, "kind": 5, "metadata": {"name": []}},
        {"kind": "Deployment", "spec": {"template": {"spec": {"containers": [1, {"args": 5}]}}}},
        {"kind": "Namespace", "metadata": {"finalizers": 7}},
        {"kind": "ValidatingWebhookConfiguration", "webhooks": [{"rules": [{"apiGroups": 1}]}]},
        {"kind": "CustomResourceDefinition", "spec": {"conversion": 1}},
    ],
)
def test_nothing_odd_makes_a_traceback(preflight: Callable[..., Result], odd: Document) -> None:
    assert preflight([odd, store(), secret()]).code in (0, 1, 3)


def test_other_delimiters_are_those_of_the_controller(preflight: Callable[..., Result]) -> None:
    documents = [store(), secret(target=template("{{ nonsense }} [[ .a ]]"))]
    options = "--template-left-delimiter=[[", "--template-right-delimiter=]]"
    assert preflight(documents, *options).code == 0
    assert preflight(documents).code == 1


def test_a_template_in_a_secret_is_not_quoted(preflight: Callable[..., Result]) -> None:
    for text in ("{{ canary }}", "canary {{", "{{ .a | canary"):
        holder = thing("Secret", "files", api="v1", data={"k": encoded(text)})
        result = preflight([store(), secret(target=template_from("secret")), holder])
        assert result.code == 1
        assert "canary" not in result.out + result.err


def test_a_store_that_the_files_lack_is_not_read(preflight: Callable[..., Result]) -> None:
    result = preflight([secret(), secret()])
    assert result.code == 3
    assert result.out.count("SecretStore shop/aws, which ExternalSecret shop/es uses") == 1
    assert "what was read works as before; 1 not read" in result.out
    # It may not exist in the cluster either.
    assert preflight([secret(FAILED)]).code == 0


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    """Of a cluster that does not answer, with contexts whose credentials fail."""
    path = tmp_path / "kubeconfig"
    program = {"apiVersion": "client.authentication.k8s.io/v1", "command": "false"}
    users = {"me": {"token": "x"}, "expired": {"exec": {**program, "interactiveMode": "Never"}}}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "down", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": name, "user": user} for name, user in users.items()],
        "contexts": [{"name": one, "context": {"cluster": "down", "user": one}} for one in users],
        "current-context": "me",
    }
    path.write_text(yaml.safe_dump(config))
    return path


@pytest.mark.parametrize(
    ("arguments", "expected", "hint"),
    [
        ([], "The connection to the server 127.0.0.1:1 was refused", "check VPN, proxy"),
        (["--context=prod"], 'context "prod" does not exist', "kubectl config get-contexts"),
        (["--context=expired"], "getting credentials: exec", "log in again"),
        (["--kubeconfig=/missing"], "stat /missing: no such file", "with --kubeconfig, or set"),
        (["--kubectl=/missing/kubectl"], "kubectl is not found (/missing/kubectl)", "install it"),
    ],
)
def test_a_cluster_that_cannot_be_read_is_explained(
    command: Run, kubeconfig: Path, arguments: list[str], expected: str, hint: str
) -> None:
    kubectl = f"--kubectl={manifests.program('kubectl')}"
    result = command("preflight", f"--kubeconfig={kubeconfig}", kubectl, *arguments)
    assert (result.code, result.out) == (2, "")
    first, *others = result.err.splitlines()
    assert expected in first
    assert [hint in one for one in others] == [True]


FORBIDDEN = """\
#!/bin/sh
case $1 in
api-resources)
  echo externalsecrets.external-secrets.io
  echo secretstores.external-secrets.io
  echo 'error: unable to retrieve the complete list of server APIs: metrics.k8s.io/v1beta1' >&2
  ;;
get)
  case $2 in
  secrets | namespaces) ;;
  *) echo '{"apiVersion": "v1", "kind": "List", "items": []}' ;;
  esac
  echo "Error from server (Forbidden): $FORBIDDEN is forbidden: you may not" >&2
  ;;
esac
exit 1
"""


def test_what_may_not_be_read_is_named(
    command: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(FORBIDDEN)
    kubectl.chmod(0o755)
    monkeypatch.setenv("FORBIDDEN", "secretstores.external-secrets.io")
    result = command("preflight", "--kubectl", kubectl)
    assert result.code == 3
    assert "not read  secretstores.external-secrets.io is forbidden: you may not" in result.out
    for part in ("namespaces", "types of Secrets"):
        assert f"not read  {part}: secretstores.external-secrets.io is forb" in result.out
    assert "what was read works as before; 6 not read" in result.out
    monkeypatch.setenv("FORBIDDEN", "externalsecrets.external-secrets.io")
    result = command("preflight", "--kubectl", kubectl)
    assert result.code == 2
    assert "read the cluster: externalsecrets.external-secrets.io is forbidden" in result.err
    assert "hint: name a namespace that you may read with -n" in result.err


def test_a_kubectl_that_does_not_end_is_stopped(command: Run, tmp_path: Path) -> None:
    kubectl = tmp_path / "kubectl"
    kubectl.write_text("#!/bin/sh\nexec sleep 60\n")
    kubectl.chmod(0o755)
    result = command("preflight", "--kubectl", kubectl, "--timeout", "100ms")
    assert (result.code, "did not end within 0.1 s" in result.err) == (2, True)
    assert "hint: give it more time with --timeout" in result.err


OPERATED = {
    "finalizers": ["externalsecrets.external-secrets.io/externalsecret-cleanup"],
    "labels": {"team": "blue"},
}


def test_a_real_cluster_is_read_with_the_rights_that_there_are(
    command: Run, control_plane: Address, kubectl: Kubectl, namespace: str, tmp_path: Path
) -> None:
    sources = [{key: {"name": "files", "items": [{"key": "k"}]}} for key in ("configMap", "secret")]
    documents = [
        thing("ConfigMap", "files", api="v1", data={"k": "{{ nonsense }}"}),
        thing("Secret", "files", api="v1", data={"k": encoded("{{ nonsense }}")}),
        thing("Secret", "es", api="v1", type="helm.sh/release.v1"),
        store({"vault": {"server": "https://vault", "path": "kv"}}, "vault"),
        store(),
        secret(
            metadata=OPERATED,
            target={"deletionPolicy": "Delete", "template": {"templateFrom": sources}},
        ),
    ]
    for one in documents:
        one["metadata"]["namespace"] = namespace
        if one["kind"] == "SecretStore":
            # Controllers of other tests work in the whole cluster: none of them has this class.
            one["spec"]["controller"] = "nobody"
    applied = kubectl("create", "-f", "-", stdin=yaml.safe_dump_all(documents))
    assert applied.returncode == 0, applied.stderr

    def found(kubeconfig: Path) -> tuple[list[str], list[str]]:
        path = program("kubectl") or "kubectl"
        arguments = "--kubeconfig", kubeconfig, "--kubectl", path, "-n", namespace
        result = command("preflight", *arguments, "--controller-class", "nobody", "-o", "json")
        assert result.code == 1, result.err
        told = json.loads(result.out)
        differences = (one for one in told["differences"] if one["namespace"] == namespace)
        texts = [f"{one['level']} {one['name']}: {one['message']}" for one in differences]
        return texts, told["unread"]

    expected = [
        "stops es: its Secret es is not written any more: it is of type helm.sh/release.v1",
        "stops es: the template k of the ConfigMap files: function",
        "stops es: the template k of the Secret files: does not compile",
        "stops vault: spec.provider: the provider",
        "differs es: a secret that is scheduled for deletion",
    ]
    texts, unread = found(control_plane.kubeconfig)
    assert all(map(str.startswith, texts, expected))
    assert (len(texts), unread) == (len(expected), [])

    token = reader_of(namespace, ClusterClient(control_plane))
    reader = replace(control_plane, kubeconfig=tmp_path / "reader", token=token)
    reader.write_kubeconfig()
    texts, unread = found(reader.kubeconfig)
    assert all(map(str.startswith, texts, [expected[1], *expected[3:]]))
    assert texts[-1] == "note es: its templates in the Secret files are not checked"
    refused = {one.partition(" is forbidden")[0] for one in unread}
    assert "clustersecretstores.external-secrets.io" in refused
    assert any(one.startswith("webhooks: validatingwebhook") for one in refused)
    assert any(one.startswith("types of Secrets: ") for one in refused)


def reader_of(namespace: str, cluster: ClusterClient) -> str:
    """The token of a service account that may read resources and ConfigMaps of the namespace."""
    rules = [
        {"apiGroups": [group], "resources": resources, "verbs": ["get", "list"]}
        for group, resources in (
            ("external-secrets.io", ["externalsecrets", "secretstores"]),
            ("", ["configmaps"]),
        )
    ]
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"}
    subject = {"kind": "ServiceAccount", "name": "reader", "namespace": namespace}
    rights = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
    for path, content in (
        (f"/api/v1/namespaces/{namespace}/serviceaccounts", {}),
        (f"{rights}/roles", {"rules": rules}),
        (f"{rights}/rolebindings", {"roleRef": role, "subjects": [subject]}),
    ):
        cluster.do("POST", path, {"metadata": {"name": "reader"}, **content})
    return cluster.service_account_token(namespace, "reader")
