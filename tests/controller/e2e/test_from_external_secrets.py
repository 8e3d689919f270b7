"""docs/from-external-secrets.md: its commands, on objects as External Secrets Operator leaves them.

Only names differ where objects are not of the test's namespace alone: other tests run beside.
"""

import base64
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml

from provider.controller.resources.hashes import data_hash, owner_label, synced_resource_version
from scripts.check_shell import blocks
from testbed.cluster import Address
from testbed.control_plane import CRDS, program
from tests.api_server import Kubectl
from tests.cli.conftest import Run
from tests.controller.e2e.test_lifecycle import REGION, STORE, SYNCED, external_secret, synced
from tests.controller.e2e.world import World
from tests.deploy import manifests
from tests.hcl import resources
from tests.tools.conftest import command
from tests.waiting import eventually

__all__ = ["command"]

PAGE = (manifests.ROOT / "docs" / "from-external-secrets.md").read_text()
GITOPS = manifests.EXAMPLES / "gitops"
WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
FINALIZER = "externalsecrets.external-secrets.io/externalsecret-cleanup"
VALUE = b"p-1"


def commands(heading: str, number: int = 0) -> list[list[str]]:
    """The lines of the block of this number below a heading."""
    found = [one for one in blocks(PAGE) if one.heading == heading]
    return [shlex.split(line) for line in found[number].text.splitlines()]


def leave_external_secret(world: World) -> None:
    """A synced ExternalSecret and its Secret, as the operator has written them."""
    document = yaml.safe_load(external_secret())
    document["metadata"]["finalizers"] = [FINALIZER]
    root = f"/apis/external-secrets.io/v1/namespaces/{world.namespace}/externalsecrets"
    made = world.cluster.do("POST", root, document)
    about, labels = made["metadata"], made["metadata"]["labels"]
    owner = {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "name": "db",
        "uid": about["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    managed = {
        "reconcile.external-secrets.io/managed": "true",
        "reconcile.external-secrets.io/created-by": owner_label(world.namespace, "db"),
    }
    secret = {
        "metadata": {
            "name": "db",
            "labels": {**labels, **managed},
            "annotations": {
                "reconcile.external-secrets.io/data-hash": data_hash({"password": VALUE})
            },
            "ownerReferences": [owner],
        },
        "type": "Opaque",
        "data": {"password": base64.b64encode(VALUE).decode()},
    }
    manager = "fieldManager=externalsecrets.external-secrets.io/db"
    world.cluster.do("POST", f"/api/v1/namespaces/{world.namespace}/secrets?{manager}", secret)
    now = (datetime.now(UTC) - timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    ready = dict(zip(("status", "reason", "message"), SYNCED, strict=True))
    status = {
        "refreshTime": now,
        "syncedResourceVersion": synced_resource_version(about["generation"], {}, labels),
        "binding": {"name": "db"},
        "conditions": [{"type": "Ready", "lastTransitionTime": now, **ready}],
    }
    change = {"status": status}
    world.cluster.do("PATCH", f"{root}/db/status", change, "application/merge-patch+json")


def leave_operator(world: World) -> None:
    """Its Deployment, and a webhook whose Service does not answer any more."""
    pod = {"containers": [{"name": "external-secrets", "image": "external-secrets:v2.9.0"}]}
    labels = {"app": "external-secrets"}
    template = {"metadata": {"labels": labels}, "spec": pod}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    root = f"/apis/apps/v1/namespaces/{world.namespace}/deployments"
    world.cluster.do("POST", root, {"metadata": {"name": "external-secrets"}, "spec": spec})
    service = {"name": "external-secrets-webhook", "namespace": world.namespace}
    rule = {
        "apiGroups": ["external-secrets.io"],
        "apiVersions": ["v1"],
        "operations": ["CREATE", "UPDATE"],
    }
    for kind in ("externalsecret", "secretstore"):
        webhook = {
            "name": f"validate.{kind}.external-secrets.io",
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "clientConfig": {"service": service},
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": world.namespace}},
            "rules": [{**rule, "resources": [f"{kind}s"]}],
        }
        metadata = {"name": f"{kind}-validate-{world.namespace}"}
        world.cluster.do("POST", WEBHOOKS, {"metadata": metadata, "webhooks": [webhook]})


@pytest.fixture
def left(own_world: World) -> Iterator[World]:
    """A namespace of a cluster in which the operator has worked."""
    world = own_world
    world.flags = (f"--namespace={world.namespace}",)
    world.keys(world.namespace, "keys", "id", "secret")
    world.aws.cloud.put_secret("db", '{"password": "p-1"}', region=REGION)
    world.apply(STORE)
    leave_external_secret(world)
    leave_operator(world)
    yield world
    # Other tests share the cluster.
    for kind in ("externalsecret", "secretstore"):
        world.cluster.ask("DELETE", f"{WEBHOOKS}/{kind}-validate-{world.namespace}")
    deployments = "/apis/apps/v1/namespaces/external-secrets/deployments"
    world.cluster.ask("DELETE", f"{deployments}/secrets-controller-aws")


def adapted(command: list[str], namespace: str) -> list[str]:
    """A command of the page for this namespace, without the word kubectl."""
    names = {
        "external-secrets": [namespace],
        "externalsecret-validate": [f"externalsecret-validate-{namespace}"],
        "secretstore-validate": [f"secretstore-validate-{namespace}"],
        "--all-namespaces": ["-n", namespace],
        "-A": ["-n", namespace],
        "deploy/controller": [str(CRDS.parent / "controller")],
    }
    assert command[0] == "kubectl"
    return [word for one in command[1:] for word in names.get(one, [one])]


def test_five_commands_take_over_without_a_write_to_a_secret(left: World, kubectl: Kubectl) -> None:
    before = left.get("Secret", "db")
    scale, delete, apply, rollout, wait = (
        adapted(one, left.namespace) for one in commands("Take over", 1)
    )
    for one in (scale, delete, apply):
        done = kubectl(*one)
        assert done.returncode == 0, done.stderr
    # There are no nodes, so no pods: the Deployment's container is started here.
    deployment = f"deployments/{rollout[-1]}"
    root = "/apis/apps/v1/namespaces"
    assert rollout[2:5] == ["rollout", "status", "deployment"]
    assert left.cluster.ask("GET", f"{root}/external-secrets/{deployment}").status == 200
    left.start()
    done = kubectl(*wait)
    assert done.returncode == 0, done.stderr
    eventually(lambda: "finalizers" not in left.get("ExternalSecret", "db")["metadata"], "freed")
    operator = f"{root}/{left.namespace}/deployments/external-secrets"
    assert left.cluster.do("GET", operator)["spec"]["replicas"] == 0
    left.until("SecretStore", "aws", "True")
    assert left.get("Secret", "db") == before
    assert left.aws.journal.count() == 0
    synced(left)


def test_what_would_differ_is_named_before(
    left: World, control_plane: Address, command: Run
) -> None:
    [line] = commands("Take over")
    where = "--kubeconfig", control_plane.kubeconfig, "-n", left.namespace
    done = command(*line[1:], *where, "--kubectl", program("kubectl"))
    assert done.code in {1, 3}, done.err
    webhook = f"ValidatingWebhookConfiguration externalsecret-validate-{left.namespace}"
    assert f"differs   {webhook}: refuses every write" in done.out
    assert f"ExternalSecret {left.namespace}/db" not in done.out


def test_its_webhooks_would_refuse_writes_once_it_is_stopped(left: World, kubectl: Kubectl) -> None:
    scale, delete, *_ = (adapted(one, left.namespace) for one in commands("Take over", 1))
    assert kubectl(*scale).returncode == 0
    annotate = ("annotate", "es", "db", "-n", left.namespace, "--overwrite")
    eventually(lambda: "failed calling webhook" in kubectl(*annotate, "a=b").stderr, "refused", 20)
    assert kubectl(*delete).returncode == 0
    eventually(lambda: kubectl(*annotate, "a=c").returncode == 0, "accepted", 20)


def test_an_empty_template_keeps_labels_of_argo_cd_off_the_secret(world: World) -> None:
    world.role(world.namespace, "shop")
    world.aws.cloud.put_secret("shop/database", '{"password": "p-1"}', region=REGION)
    world.start()
    marks = {
        "labels": {"argocd.argoproj.io/instance": "shop-secrets"},
        "annotations": {"argocd.argoproj.io/tracking-id": "shop-secrets:…"},
    }
    for document in manifests.documents(GITOPS / "external-secret.yaml"):
        metadata = {**document["metadata"], "namespace": world.namespace, **marks}
        world.apply(yaml.safe_dump({**document, "metadata": metadata}))
    synced(world, "database")
    about = world.get("Secret", "database")["metadata"]
    assert not [key for key in (*about["labels"], *about["annotations"]) if "argoproj" in key]


def test_the_api_server_takes_what_terraform_sends(world: World, kubectl: Kubectl) -> None:
    made = resources((GITOPS / "terraform.tf").read_text(), "kubernetes_manifest")
    assert {one["manifest"]["kind"] for one in made.values()} == {"SecretStore", "ExternalSecret"}
    for one in made.values():
        document: dict[str, Any] = one["manifest"]
        document["metadata"]["namespace"] = world.namespace
        arguments = ("apply", "--dry-run=server", "--validate=strict", "--filename=-")
        done = kubectl(*arguments, stdin=yaml.safe_dump(document))
        assert done.returncode == 0, done.stderr


def test_argo_cd_installs_what_is_in_the_repository() -> None:
    controller, _ = manifests.documents(GITOPS / "argo-cd.yaml")
    spec = controller["spec"]
    found = manifests.rendered(manifests.ROOT / spec["source"]["path"])
    assert (
        manifests.only(found, "Deployment")["metadata"]["namespace"]
        == (spec["destination"]["namespace"])
    )
    [image] = spec["source"]["kustomize"]["images"]
    [pod] = manifests.pods(found)
    assert pod["containers"][0]["image"].partition(":")[0] == image.partition("=")[0]
    assert "ServerSideApply=true" in spec["syncPolicy"]["syncOptions"]
