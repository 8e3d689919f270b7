"""docs/from-external-secrets.md: its commands, run as they are written, with real kubectl and Helm.

The release of External Secrets Operator is a stand-in for its chart; the objects are as the
operator leaves them. There are no nodes: the test starts the controller that the Deployment would
start.
"""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from provider.controller.target.templates import LAST_APPLIED
from scripts.check_shell import blocks
from testbed.control_plane import CRDS
from tests.controller.e2e.operator_chart import DEFINED, write_chart
from tests.controller.e2e.test_lifecycle import REGION, external_secret, synced
from tests.controller.e2e.test_takeover import (
    CASES,
    DATA,
    MANAGER,
    MANAGERS,
    MERGE,
    leave_external_secret,
    leave_store,
)
from tests.controller.e2e.world import World
from tests.deploy import manifests
from tests.waiting import eventually

PAGE = (manifests.ROOT / "docs" / "from-external-secrets.md").read_text()
HOME = "external-secrets"
OPERATORS = (HOME, f"{HOME}-webhook", f"{HOME}-cert-controller")
WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
DEPLOYMENTS = f"/apis/apps/v1/namespaces/{HOME}/deployments"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
CES = "externalsecrets.external-secrets.io/ces-"
PREFIX = "reconcile.external-secrets.io/"


class Operated:
    """A cluster in which the operator has worked, and a shell of its administrator."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.folder = folder
        self.chart = folder / "operator"
        self.chart.mkdir()
        write_chart(self.chart)
        (folder / "deploy").symlink_to(manifests.DEPLOY)

    def install(self, *flags: str) -> None:
        """Install the operator as Helm does; the CRDs are in the cluster already."""
        about = f"{HOME} {self.chart} --namespace {HOME} --create-namespace --take-ownership"
        self.sh(f"helm install {about} {' '.join(flags)}")

    def block(self, heading: str, number: int = 0) -> str:
        """A block of the page, for this namespace and the chart of this test."""
        text = [one.text for one in blocks(PAGE) if one.heading == heading][number]
        place = f"--namespace={self.world.namespace} --timeout=1m"
        return (
            text.replace("external-secrets/external-secrets ", f"{self.chart} ")
            .replace("--all-namespaces", place)
            .replace("--timeout=5m", "")
        )

    def sh(self, text: str, codes: tuple[int, ...] = (0,)) -> str:
        """What bash prints; fails the test where it ends otherwise than with one of `codes`."""
        home = {f"HELM_{one}_HOME": str(self.folder) for one in ("CACHE", "CONFIG", "DATA")}
        environment = {
            **os.environ,
            **home,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "KUBECONFIG": str(self.world.address.kubeconfig),
        }
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=90,
        )
        assert done.returncode in codes, f"{text}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def replicas(self) -> dict[str, int]:
        """Those wanted of each Deployment in the namespace of both controllers."""
        found = self.world.cluster.do("GET", DEPLOYMENTS)["items"]
        return {one["metadata"]["name"]: one["spec"]["replicas"] for one in found}

    def webhooks(self) -> list[str]:
        return [one["metadata"]["name"] for one in self.world.cluster.do("GET", WEBHOOKS)["items"]]

    def is_ours(self) -> bool:
        """Whether the CRDs are ours: they serve v1beta1."""
        name = "externalsecrets.external-secrets.io"
        versions = self.world.cluster.do("GET", f"{DEFINITIONS}/{name}")["spec"]["versions"]
        return any(one["name"] == "v1beta1" and one["served"] for one in versions)

    def roll_out(self) -> None:
        """What happens where there are nodes: the containers start, and are ready."""
        self.world.start()
        wanted = self.world.cluster.do("GET", f"{DEPLOYMENTS}/secrets-controller-aws")
        count, generation = wanted["spec"]["replicas"], wanted["metadata"]["generation"]
        status = {
            "observedGeneration": generation,
            **dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas"), count),
            "availableReplicas": count,
        }
        path = f"{DEPLOYMENTS}/secrets-controller-aws/status"
        self.world.cluster.do("PATCH", path, {"status": status}, MERGE)

    def restore(self) -> None:
        """For other tests, which share the cluster."""
        for name in ("externalsecret-validate", "secretstore-validate"):
            self.world.cluster.ask("DELETE", f"{WEBHOOKS}/{name}")
        self.world.cluster.ask("DELETE", DEPLOYMENTS)
        releases = f"/api/v1/namespaces/{HOME}/secrets?labelSelector=owner%3Dhelm"
        self.world.cluster.ask("DELETE", releases)
        if self.is_ours():
            return
        files = " ".join(f"-f {CRDS / name}" for name in DEFINED)
        self.sh(f"kubectl apply --server-side --force-conflicts {files}")


@pytest.fixture
def operated(default_world: World, tmp_path: Path) -> Iterator[Operated]:
    """A cluster without other controllers, whose CRDs may be changed meanwhile."""
    default_world.aws.cloud.put_secret("db", '{"p": "someValue"}', region=REGION)
    made = Operated(default_world, tmp_path)
    yield made
    made.restore()


def sha3(text: str) -> str:
    return hashlib.sha3_224(text.encode()).hexdigest()


def go_map(texts: Mapping[str, str]) -> str:
    """Go's `%+v` of a map."""
    return f"map[{' '.join(f'{key}:{value}' for key, value in sorted(texts.items()))}]"


def go_bytes(data: Mapping[str, str]) -> str:
    return go_map({key: f"[{' '.join(map(str, data[key].encode()))}]" for key in data})


def what_the_operator_would_write(world: World, name: str) -> list[str]:
    """By its own rules, written down here anew: why it would refresh, and what it would change."""
    found = world.get("ExternalSecret", name)
    about, status, target = found["metadata"], found["status"], found["spec"]["target"]
    secret = world.get("Secret", name)["metadata"]
    on_it, on_labels = about.get("annotations", {}), about["labels"]
    text = f"{{annotations:{go_map(on_it)} labels:{go_map(on_labels)}}}"
    refreshed = datetime.fromisoformat(status["refreshTime"])
    template = target.get("template")
    data = world.data(name) or {}
    labels = {"l": data["targetProperty"]} if template else on_labels
    annotations = {} if template else on_it
    is_owned = target.get("creationPolicy", "Owner") == "Owner"
    owner = {PREFIX + "created-by": sha3(f"{world.namespace}/{name}")} if is_owned else {}
    manager = MANAGERS.get(name, f"{MANAGER}{name}")
    checks = {
        "the spec": status["syncedResourceVersion"] == f"{about['generation']}-{sha3(text)}",
        "the time": datetime.now(UTC) - timedelta(hours=1) < refreshed <= datetime.now(UTC),
        "labels": secret["labels"] == {**labels, **owner, PREFIX + "managed": "true"},
        "annotations": secret["annotations"]
        == {**annotations, PREFIX + "data-hash": sha3(go_bytes(data))},
        "the owner": [one["uid"] for one in secret.get("ownerReferences", ())]
        == ([about["uid"]] if is_owned else []),
        "the field manager": [
            one["manager"]
            for one in secret["managedFields"]
            if "f:targetProperty" in one["fieldsV1"].get("f:data", {})
        ]
        == [manager],
    }
    return [f"{name}: {what}" for what, is_as_wanted in checks.items() if not is_as_wanted]


def test_the_operators_rules_give_its_own_hashes() -> None:
    golden = "1bed8bcbcb4547ffe19a19cd47d9078e84aa6598266d86b99f992d64"
    assert sha3(go_bytes({"foo": "value1", "bar": "value2"})) == golden
    golden = "6411b94dc4e1c7428889094d13bab11348b090f645b30e5eafcaea12"
    assert sha3("default/sample-secretsmanager-secret") == golden


def lines(block: str) -> list[str]:
    """The commands of a block, without the ends of lines that go on."""
    return block.replace("\\\n", "").splitlines()


def take_over(operated: Operated, *, with_chart: bool = False) -> None:
    """The commands that need no pod."""
    scale, delete, apply, *_ = lines(operated.block("Take over", 1))
    operated.sh(scale)
    assert {operated.replicas()[name] for name in OPERATORS} == {0}
    operated.sh(delete)
    operated.sh(operated.block("Take over", 2) if with_chart else apply)
    assert operated.is_ours()


def leave_everything(operated: Operated) -> None:
    """Objects as the operator leaves them, and its release as Helm 4 installs it."""
    world = operated.world
    leave_store(world)
    for name, target in CASES.items():
        leave_external_secret(world, name, target, hours=0)
    # The operator copies this one, and the controller takes it away.
    copied = {"metadata": {"annotations": {LAST_APPLIED: "{}"}}}
    path = world.path("Secret", "orphan")
    world.cluster.do("PATCH", f"{path}?fieldManager={MANAGER}orphan", copied, MERGE)
    held = {"metadata": {"finalizers": [f"{CES}all", "example.com/other"]}}
    world.cluster.do("PATCH", f"/api/v1/namespaces/{world.namespace}", held, MERGE)
    operated.install("--server-side=true", "--force-conflicts")
    assert not operated.is_ours()


def look_before(operated: Operated) -> str:
    """What `preflight` says, while the operator is installed and its webhook is gone."""
    beside = operated.sh(operated.block("Side by side").rstrip() + " --dry-run=server")
    assert "--controller-class=ours" in beside
    assert "--leader-election-id=secrets-controller-aws" in beside
    assert "CustomResourceDefinition" not in beside
    told = operated.sh(operated.block("Take over"), codes=(1, 3))
    assert "differs   ValidatingWebhookConfiguration externalsecret-validate: refuses" in told
    assert f"hint: kubectl -n {HOME} scale deployment {HOME} --replicas=0" in told
    annotated = {"metadata": {"annotations": {"refused": "yes"}}}
    path = operated.world.path("ExternalSecret", "db")
    refusal = operated.world.cluster.ask("PATCH", path, annotated, MERGE).message
    assert "failed calling webhook" in refusal
    return told


def write_by_the_controller(world: World) -> None:
    """A new value in all Secrets that may change, and a new Secret."""
    world.aws.cloud.put_secret("db", '{"p": "otherValue"}', region=REGION)
    world.apply(external_secret("new", data=DATA))
    synced(world, "new")
    for name in sorted({*CASES} - {"fixed"}):
        before = synced_version(world, name)
        world.patch("ExternalSecret", name, {"metadata": {"annotations": {"force-sync": "1"}}})
        # The status is written after the Secret; the controller must not be stopped in between.
        eventually(lambda: synced_version(world, name) != before, f"the status of {name}")  # noqa: B023
        assert world.data(name) == {"targetProperty": "otherValue"}


def synced_version(world: World, name: str) -> str:
    """The version of the ExternalSecret that its status is about."""
    return str(world.get("ExternalSecret", name)["status"]["syncedResourceVersion"])


def test_objects_go_to_the_controller_and_back_without_a_write(operated: Operated) -> None:
    world = operated.world
    leave_everything(operated)
    told = look_before(operated)
    before = [world.get("Secret", name) for name in CASES]

    take_over(operated)
    operated.roll_out()
    *_, rollout, wait = lines(operated.block("Take over", 1))
    assert "successfully rolled out" in operated.sh(rollout)
    assert operated.sh(wait).count("condition met") == len(CASES)
    world.until("SecretStore", "aws", "True")
    assert before == [world.get("Secret", name) for name in CASES]
    assert world.aws.journal.count() == 0
    write_by_the_controller(world)
    world.stop()

    operated.sh(operated.block("The way back"))
    assert not operated.is_ours()
    assert operated.replicas() == dict.fromkeys(OPERATORS, 1)
    assert {"externalsecret-validate", "secretstore-validate"} <= {*operated.webhooks()}
    ours = "labelSelector=app.kubernetes.io%2Fname%3Dsecrets-controller-aws"
    roles = world.cluster.do("GET", f"/apis/rbac.authorization.k8s.io/v1/clusterroles?{ours}")
    assert roles["items"] == []
    for name in (*CASES, "new"):
        assert what_the_operator_would_write(world, name) == []

    # The operator has left a finalizer on the namespace.
    (operated.folder / "told").write_text(told)
    preflight = operated.block("Take over").strip()
    patches = operated.sh(operated.block("Remove ESO", 2).replace(preflight, "cat told"))
    operated.sh(next(one for one in patches.splitlines() if world.namespace in one))
    namespace = f"/api/v1/namespaces/{world.namespace}"
    finalizers = world.cluster.do("GET", namespace)["metadata"]["finalizers"]
    assert finalizers == ["example.com/other"]
    world.cluster.do("PATCH", namespace, {"metadata": {"finalizers": None}}, MERGE)


def test_the_chart_takes_the_crds_of_a_release_of_helm_3_which_is_then_removed(
    operated: Operated,
) -> None:
    world = operated.world
    leave_store(world)
    leave_external_secret(world, "db", {}, hours=0)
    left = world.get("ExternalSecret", "db"), world.get("Secret", "db")
    operated.install("--server-side=false")
    take_over(operated, with_chart=True)
    kept = operated.sh(operated.block("Remove ESO")).splitlines()[-1]
    assert int(kept) == len(DEFINED)
    uninstall, apply = lines(operated.block("Remove ESO", 1))
    assert apply == lines(operated.block("Take over", 1))[2]
    operated.sh(uninstall)
    operated.sh(lines(operated.block("Take over", 2))[1])
    assert operated.is_ours()
    assert operated.replicas() == {"secrets-controller-aws": 2}
    operated.sh(operated.block("The way back", 1))
    assert operated.is_ours()
    assert operated.replicas() == {}
    assert left == (world.get("ExternalSecret", "db"), world.get("Secret", "db"))
