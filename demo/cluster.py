"""What `kubectl apply` has put into the cluster: classes, and the pods that mount them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import yaml

from testbed.aws.cloud import Cloud
from testbed.aws.iam import ACCOUNT, Role
from testbed.driver import Pod
from testbed.kubernetes import FakeKubernetes

NODE = "node-1"
_ROLE = "eks.amazonaws.com/role-arn"

Manifest = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Application:
    """A class, and the pod that mounts it. `role` is that of the service account's annotation."""

    name: str
    file: Path
    parameters: Mapping[str, str]
    pod: Pod
    role: str | None

    @property
    def uses_pod_identity(self) -> bool:
        """Whether EKS Pod Identity gives the role."""
        return _uses_pod_identity(self.parameters)


def read_applications(file: Path) -> list[Application]:
    """One for each class of a manifest; pods and accounts that it leaves out are made up."""
    manifests = [one for one in yaml.safe_load_all(file.read_text(encoding="utf-8")) if one]
    classes = [one for one in manifests if one["kind"] == "SecretProviderClass"]
    return [_application(klass, file, manifests) for klass in classes]


def read_folder(folder: Path) -> list[Application]:
    """Those of all manifests, in the order of their names."""
    files = sorted(folder.glob("*.yaml"))
    # driver-values.yaml is no manifest: values of a Helm chart have no kind.
    return [
        one for file in files if "\nkind:" in file.read_text() for one in read_applications(file)
    ]


def summaries(index: Path) -> dict[str, str]:
    """What the examples' README says about each file."""
    found = {}
    for line in index.read_text(encoding="utf-8").splitlines():
        if line.startswith("| ["):
            text = line.strip("| ").rpartition(" | ")[2].removesuffix(", which work as they stand")
            found.update(dict.fromkeys(re.findall(r"\]\(([^)]+)\)", line), text))
    return found


def new_pod(namespace: str, name: str, service_account: str) -> Pod:
    """A pod whose UID is the same in every run."""
    return Pod(namespace, name, service_account, str(uuid5(NAMESPACE_URL, f"{namespace}/{name}")))


def install(
    applications: Sequence[Application], kubernetes: FakeKubernetes, cloud: Cloud, *, region: str
) -> None:
    """Let the API server and EKS know about pods, accounts, roles and the node."""
    kubernetes.put_node(NODE, region=region)
    for one in applications:
        pod = one.pod
        kubernetes.put_service_account(pod.namespace, pod.service_account, role_arn=one.role)
        kubernetes.put_pod(pod.namespace, pod.name, node=NODE)
        if one.uses_pod_identity:
            role = Role(f"arn:aws:iam::{ACCOUNT}:role/{pod.service_account}")
            cloud.associate(pod.namespace, pod.service_account, role)


def _application(klass: Manifest, file: Path, manifests: Sequence[Manifest]) -> Application:
    name = klass["metadata"]["name"]
    namespace = klass["metadata"].get("namespace", "default")
    parameters = klass["spec"]["parameters"]
    account = next(_of_kind(manifests, "ServiceAccount"), None)
    if account is None:
        role = None if _uses_pod_identity(parameters) else f"arn:aws:iam::{ACCOUNT}:role/{name}"
        return Application(name, file, parameters, new_pod(namespace, name, name), role)
    role = account["metadata"].get("annotations", {}).get(_ROLE)
    pod_name = next((one["metadata"]["name"] for one in _of_kind(manifests, "Pod")), f"{name}-1")
    pod = new_pod(namespace, pod_name, account["metadata"]["name"])
    return Application(name, file, parameters, pod, role)


def _uses_pod_identity(parameters: Mapping[str, str]) -> bool:
    """`auto` is left to the agent, to which no association is given here."""
    said = parameters.get("usePodIdentity", "") in ("1", "t", "T", "true", "True", "TRUE")
    return said or parameters.get("auth") == "podIdentity"


def _of_kind(manifests: Sequence[Manifest], kind: str) -> Iterator[Manifest]:
    return (one for one in manifests if one["kind"] == kind)
