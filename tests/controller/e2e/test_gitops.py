"""deploy/examples/gitops: applied to a real API server, or read by the tool's rules."""

from typing import Any

import yaml

from tests.api_server import Kubectl
from tests.controller.e2e.test_lifecycle import REGION, synced
from tests.controller.e2e.world import World
from tests.deploy import manifests
from tests.hcl import resources

GITOPS = manifests.EXAMPLES / "gitops"


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
