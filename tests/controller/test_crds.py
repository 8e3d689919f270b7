"""The CRDs on a real API server: what it accepts, refuses, stores and prints."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from provider.controller.resources import texts
from provider.controller.resources.objects import (
    read_cluster_external_secret,
    read_external_secret,
    read_store,
)
from provider.tools.preflight.leftovers import leftovers
from scripts.crds import FOLDER
from testbed.cluster import ClusterClient, read_yaml
from tests.api_server import Kubectl

GROUP = "/apis/external-secrets.io"
MANIFESTS = sorted((Path(__file__).parent / "manifests").glob("eso-*.yaml"))
REF: dict[str, Any] = {"secretKey": "auth", "remoteRef": {"key": "basic-auth"}}
AWS: dict[str, Any] = {"service": "SecretsManager", "region": "eu-west-1"}

Document = dict[str, Any]


def external_secret(version: str, **spec: Any) -> Document:
    """An ExternalSecret named `x`."""
    return {
        "apiVersion": f"external-secrets.io/{version}",
        "kind": "ExternalSecret",
        "metadata": {"name": "x"},
        "spec": {"secretStoreRef": {"name": "store"}, "data": [REF], **spec},
    }


def store(**aws: Any) -> Document:
    """A SecretStore named `x`."""
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "SecretStore",
        "metadata": {"name": "x"},
        "spec": {"provider": {"aws": {**AWS, **aws}}},
    }


def path_of(document: Document, namespace: str) -> str:
    """Where objects of the document's kind are created."""
    group, kind = document["apiVersion"], document["kind"].lower()
    return f"/apis/{group}/namespaces/{namespace}/{kind}s"


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_manifests_of_the_tutorials_apply_unchanged(
    path: Path, cluster: ClusterClient, kubectl: Kubectl
) -> None:
    documents = read_yaml(path)
    for document in documents:
        if namespace := document["metadata"].get("namespace"):
            cluster.make_namespace(namespace)
    done = kubectl("apply", "--dry-run=server", "-o", "json", "-f", str(path))
    # Another test may have created these objects in the shared cluster, without kubectl.
    complaints = [line for line in done.stderr.splitlines() if "last-applied" not in line]
    assert (done.returncode, complaints) == (0, [])
    applied = json.loads(done.stdout)["items"]
    assert [one["kind"] for one in applied] == [one["kind"] for one in documents]
    readers: dict[str, Any] = {
        "ExternalSecret": read_external_secret,
        "ClusterExternalSecret": read_cluster_external_secret,
    }
    for one in applied:
        kind = one["kind"]
        read = readers[kind](one) if kind in readers else read_store(one, kind)
        assert (read.problems, read.warnings) == ((), ())


def test_a_v1beta1_object_is_stored_with_its_own_defaults_and_read_as_v1(
    cluster: ClusterClient, namespace: str
) -> None:
    document = external_secret("v1beta1", target={"template": {"data": {"a": "b"}}})
    document["spec"]["dataFrom"] = [{"find": {"name": {"regexp": "x"}}}]
    cluster.do("POST", path_of(document, namespace), document)
    read = cluster.do("GET", f"{GROUP}/v1/namespaces/{namespace}/externalsecrets/x")
    strategies = {"conversionStrategy": "Default", "decodingStrategy": "None"}
    assert read["apiVersion"] == "external-secrets.io/v1"
    assert read["spec"] == {
        "refreshInterval": "1h",
        "secretStoreRef": {"name": "store"},
        "target": {
            "creationPolicy": "Owner",
            "deletionPolicy": "Retain",
            "template": {"data": {"a": "b"}, "engineVersion": "v2", "mergePolicy": "Replace"},
        },
        "data": [
            {
                "secretKey": "auth",
                "remoteRef": {"key": "basic-auth", "metadataPolicy": "None", **strategies},
            }
        ],
        "dataFrom": [{"find": {"name": {"regexp": "x"}, **strategies}}],
    }


def test_a_v1_object_gets_only_the_defaults_of_v1(cluster: ClusterClient, namespace: str) -> None:
    sources = [{"literal": "a: b"}, {"secret": {"name": "s", "items": [{"key": "k"}]}}]
    merge = {"extract": {"key": "x"}, "rewrite": [{"merge": {}}]}
    target = {"template": {"templateFrom": sources}}
    document = external_secret("v1", target=target, dataFrom=[merge])
    spec = cluster.do("POST", path_of(document, namespace), document)["spec"]
    assert spec["refreshInterval"] == "1h0m0s"
    assert spec["data"] == [REF]
    assert spec["target"] == {
        "creationPolicy": "Owner",
        "deletionPolicy": "Retain",
        "template": {
            "engineVersion": "v2",
            "mergePolicy": "Replace",
            "templateFrom": [
                {"literal": "a: b", "target": "Data"},
                {
                    "secret": {"name": "s", "items": [{"key": "k", "templateAs": "Values"}]},
                    "target": "Data",
                },
            ],
        },
    }
    defaults = {"conflictPolicy": "Error", "into": "", "strategy": "Extract"}
    assert spec["dataFrom"][0]["rewrite"] == [{"merge": {**defaults, "priorityPolicy": "Strict"}}]


def test_fields_of_v1_are_pruned_from_v1beta1(cluster: ClusterClient, namespace: str) -> None:
    ref = {"secretKey": "a", "remoteRef": {"key": "b", "nullBytePolicy": "Fail"}}
    document = external_secret("v1beta1", data=[ref], syncWindows={"kind": "allow", "windows": []})
    spec = cluster.do("POST", path_of(document, namespace), document)["spec"]
    assert "syncWindows" not in spec
    assert "nullBytePolicy" not in spec["data"][0]["remoteRef"]


def test_nothing_is_added_to_a_store_but_the_policy_of_session_tags(
    cluster: ClusterClient, namespace: str
) -> None:
    made = cluster.do("POST", path_of(store(), namespace), store())
    assert made["spec"] == {"provider": {"aws": {**AWS, "sessionTagsPolicy": "None"}}}


def test_the_conversion_webhook_of_an_old_operator_does_not_stay(
    cluster: ClusterClient, kubectl: Kubectl, namespace: str
) -> None:
    """Server-side apply must not leave it in silence; what `preflight` says removes it.

    The CRD is that of ExternalSecret, in a group of its own: others use the real one.
    """
    group = f"{namespace}.example"
    [crd] = read_yaml(FOLDER / "externalsecrets.yaml")
    crd["metadata"]["name"] = f"externalsecrets.{group}"
    crd["spec"]["group"] = group
    crd["spec"]["names"].pop("shortNames")
    service = {"name": "webhook", "namespace": "gone", "port": 443}
    webhook = {"clientConfig": {"service": service}, "conversionReviewVersions": ["v1"]}
    conversion = {"strategy": "Webhook", "webhook": webhook}
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    try:
        old = {**crd, "spec": {**crd["spec"], "conversion": conversion}}
        cluster.do("POST", f"{path}?fieldManager=helm", old)
        how = ("apply", "-f", "-", "--server-side", "--force-conflicts")
        done = kubectl(*how, stdin=json.dumps(crd))
        assert "spec.conversion.webhookClientConfig: Forbidden" in done.stderr
        [found] = leftovers({**old, "spec": {**old["spec"], "group": "external-secrets.io"}})
        _, *patch = shlex.split(found.remedy.partition(": ")[2])
        assert kubectl(*patch).returncode == 0
        assert kubectl(*how, stdin=json.dumps(crd)).returncode == 0
        now = cluster.do("GET", f"{path}/externalsecrets.{group}")
        assert now["spec"]["conversion"] == {"strategy": "None"}
    finally:
        cluster.ask("DELETE", f"{path}/externalsecrets.{group}")


FIND, EXTRACT = {"find": {"path": "/a"}}, {"extract": {"key": "a"}}
GENERATOR = {"sourceRef": {"generatorRef": {"kind": "UUID", "name": "u"}}}
ONLY_V1 = 'Unsupported value: "CreateOrMerge"'
"""The parser reads v1 and v1beta1 alike."""
REFUSED = {
    "delete and merge": (
        external_secret("v1", target={"deletionPolicy": "Delete", "creationPolicy": "Merge"}),
        texts.DELETE_NEEDS_OWNER,
    ),
    "delete and none": (
        external_secret("v1beta1", target={"deletionPolicy": "Delete", "creationPolicy": "None"}),
        texts.DELETE_NEEDS_OWNER,
    ),
    "delete and create or merge": (
        external_secret(
            "v1", target={"deletionPolicy": "Delete", "creationPolicy": "CreateOrMerge"}
        ),
        texts.DELETE_NEEDS_OWNER,
    ),
    "merge and none": (
        external_secret("v1", target={"deletionPolicy": "Merge", "creationPolicy": "None"}),
        texts.MERGE_NEEDS_TARGET,
    ),
    "no data": (external_secret("v1", data=[]), texts.NO_DATA),
    "extract and find": (external_secret("v1", dataFrom=[EXTRACT | FIND]), texts.ONE_SOURCE),
    "find and generator": (external_secret("v1", dataFrom=[FIND | GENERATOR]), texts.ONE_SOURCE),
    "empty entry": (external_secret("v1", dataFrom=[{"rewrite": []}]), texts.NO_SOURCE),
    "empty source": (external_secret("v1", dataFrom=[{"sourceRef": {}}]), texts.EMPTY_SOURCE_REF),
    "a bootstrap token": (
        external_secret("v1", target={"template": {"type": "bootstrap.kubernetes.io/token"}}),
        texts.NO_BOOTSTRAP,
    ),
    "a token of a service account": (
        external_secret(
            "v1beta1",
            target={
                "template": {
                    "type": "kubernetes.io/service-account-token",
                    "metadata": {"annotations": {"kubernetes.io/service-account.name": "admin"}},
                }
            },
        ),
        texts.NO_ACCOUNT_ANNOTATION,
    ),
    "region": (store(region="not a region"), "region not found: not a region"),
    "recovery window": (store(secretsManager={"recoveryWindowInDays": 6}), texts.RECOVERY_WINDOW),
    "recovery and force": (
        store(secretsManager={"recoveryWindowInDays": 7, "forceDeleteWithoutRecovery": True}),
        texts.RECOVERY_AND_FORCE,
    ),
    "creation policy of v1": (
        external_secret("v1beta1", target={"creationPolicy": "CreateOrMerge"}),
        ONLY_V1,
    ),
    "key of the Secret": (
        external_secret("v1", data=[{**REF, "secretKey": "a b"}]),
        "spec.data[0].secretKey in body should match",
    ),
    "no remote key": (
        external_secret("v1", data=[{"secretKey": "a", "remoteRef": {}}]),
        "spec.data[0].remoteRef.key: Required value",
    ),
    "two providers": (
        {**store(), "spec": {"provider": {"aws": AWS, "vault": {}}}},
        "must have at most 1",
    ),
    "no provider": ({**store(), "spec": {"provider": {}}}, "at least 1"),
    "service": (store(service="KMS"), 'Unsupported value: "KMS"'),
}


@pytest.mark.parametrize(("document", "text"), REFUSED.values(), ids=list(REFUSED))
def test_mistakes_are_refused_when_applied_and_when_read(
    document: Document, text: str, cluster: ClusterClient, namespace: str
) -> None:
    answer = cluster.ask("POST", path_of(document, namespace), document)
    assert answer.status == 422
    assert text in answer.message
    is_store = document["kind"] == "SecretStore"
    read = read_store(document, "SecretStore") if is_store else read_external_secret(document)
    told = "\n".join(map(str, read.problems))
    if text in vars(texts).values():
        assert text in told
    elif text != ONLY_V1:
        assert told


ACCEPTED = {
    "a duration that Go refuses": external_secret("v1", refreshInterval="1d"),
    "a key twice": external_secret("v1", data=[REF, REF]),
    "a foreign provider": {
        **store(),
        "spec": {"provider": {"vault": {"server": "https://vault", "auth": {"a": [1]}}}},
    },
    "a foreign generator": external_secret(
        "v1", dataFrom=[{"sourceRef": {"generatorRef": {"kind": "Fake", "name": "f"}}}]
    ),
    "certificates": store(service="CertificateManager"),
    "another target": external_secret(
        "v1", target={"manifest": {"apiVersion": "v1", "kind": "ConfigMap"}}
    ),
}


@pytest.mark.parametrize("document", ACCEPTED.values(), ids=list(ACCEPTED))
def test_what_the_controller_explains_is_accepted_and_kept(
    document: Document, cluster: ClusterClient, namespace: str
) -> None:
    made = cluster.do("POST", path_of(document, namespace), document)
    if "vault" in (provider := document["spec"].get("provider", {})):
        assert made["spec"]["provider"] == provider
        assert "reads AWS only" in read_store(made, "SecretStore").problems[0].message
    else:
        read = read_store(made, "SecretStore") if provider else read_external_secret(made)
        assert len(read.problems) == 1


HEADERS = {
    "es": "NAME STORETYPE STORE REFRESH_INTERVAL STATUS READY LAST_SYNC",
    "ss": "NAME AGE STATUS CAPABILITIES READY",
    "css": "NAME AGE STATUS CAPABILITIES READY",
    "ces": "NAME STORE REFRESH_INTERVAL READY",
}


def cells(line: str) -> str:
    """The cells of a line that kubectl prints, parted by one space."""
    return " ".join(cell.replace(" ", "_") for cell in re.split(r" {2,}", line.strip()))


@pytest.mark.parametrize("short", HEADERS)
def test_kubectl_get_shows_the_columns_of_external_secrets_operator(
    short: str, cluster: ClusterClient, namespace: str, kubectl: Kubectl
) -> None:
    documents = {
        "es": (external_secret("v1beta1", refreshInterval="1h"), f"namespaces/{namespace}/"),
        "ss": (store(), f"namespaces/{namespace}/"),
        "css": ({**store(), "kind": "ClusterSecretStore"}, ""),
        "ces": (
            {
                **external_secret("v1"),
                "kind": "ClusterExternalSecret",
                "spec": {
                    "refreshTime": "1h",
                    "externalSecretSpec": external_secret("v1")["spec"],
                },
            },
            "",
        ),
    }
    document, where = documents[short]
    document = {**document, "metadata": {"name": namespace}}
    if short.endswith("ss"):
        # Controllers of other tests see the whole cluster: none of them has this class.
        document = {**document, "spec": {**document["spec"], "controller": "nobody"}}
    path = f"/apis/{document['apiVersion']}/{where}{document['kind'].lower()}s"
    ready = {"type": "Ready", "status": "True", "reason": "Good", "message": "it is so"}
    status: Document = {"conditions": [ready]}
    if short.endswith("ss"):
        status["capabilities"] = "ReadWrite"
    try:
        cluster.do("POST", path, document)
        merge = "application/merge-patch+json"
        cluster.do("PATCH", f"{path}/{namespace}/status", {"status": status}, merge)
        done = kubectl("get", short, namespace, f"--namespace={namespace}")
        wide = kubectl("get", short, namespace, f"--namespace={namespace}", "-o", "wide")
        header, line = map(cells, done.stdout.splitlines())
        assert header == HEADERS[short]
        assert re.sub(r" \d+s ", " AGE ", line.removeprefix(namespace)) in {
            " store 1h Good True",
            " AGE Good ReadWrite True",
            " store 1h True",
        }
        assert wide.stdout.splitlines()[0].rstrip().endswith("MESSAGE")
        assert wide.stdout.splitlines()[1].rstrip().endswith("it is so")
    finally:
        cluster.ask("DELETE", f"{path}/{namespace}")


def test_external_secrets_are_selected_by_fields(
    cluster: ClusterClient, namespace: str, kubectl: Kubectl
) -> None:
    document = external_secret("v1")
    cluster.do("POST", path_of(document, namespace), document)
    for name, found in (("store", "externalsecret.external-secrets.io/x\n"), ("other", "")):
        selector = f"--field-selector=spec.secretStoreRef.name={name}"
        done = kubectl("get", "es", f"--namespace={namespace}", selector, "-o", "name")
        assert done.stdout == found


def test_status_is_written_apart_from_the_spec(cluster: ClusterClient, namespace: str) -> None:
    document = {**external_secret("v1"), "status": {"syncedResourceVersion": "1"}}
    path = path_of(document, namespace)
    assert "status" not in cluster.do("POST", path, document)
    status = {"status": {"refreshTime": "2026-01-01T00:00:00Z", "binding": {"name": "x"}}}
    patched = cluster.do("PATCH", f"{path}/x/status", status, "application/merge-patch+json")
    assert patched["metadata"]["generation"] == 1
    assert patched["status"]["binding"] == {"name": "x"}
    assert read_external_secret(patched).status.refresh_time == 1767225600.0


def test_kubectl_explain_has_a_text_for_every_key(kubectl: Kubectl) -> None:
    done = kubectl("explain", "externalsecrets.spec.target.creationPolicy")
    assert "None: read AWS and write no Secret" in " ".join(done.stdout.split())
    for path in FOLDER.iterdir():
        for field in _described(read_yaml(path)):
            assert field.get("description"), (path.name, field)


def _described(node: Any) -> Any:
    """Each schema below `properties`, but those of metadata."""
    if isinstance(node, list):
        for item in node:
            yield from _described(item)
    elif isinstance(node, dict):
        properties = node.get("properties")
        if isinstance(properties, dict):
            yield from (one for name, one in properties.items() if name != "metadata")
        for value in node.values():
            yield from _described(value)


def test_a_service_account_gets_a_real_token(cluster: ClusterClient, namespace: str) -> None:
    accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    cluster.do("POST", accounts, {"metadata": {"name": "app"}})
    token = cluster.service_account_token(namespace, "app", ["sts.amazonaws.com"])
    review = {"spec": {"token": token, "audiences": ["sts.amazonaws.com"]}}
    status = cluster.do("POST", "/apis/authentication.k8s.io/v1/tokenreviews", review)["status"]
    assert status["user"]["username"] == f"system:serviceaccount:{namespace}:app"
