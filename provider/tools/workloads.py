"""What manifests beside the classes say: pods, the classes that they mount, and IAM roles."""

from collections.abc import Iterable, Iterator, Mapping

from provider.csi.request.keys import PARAMETER_KEYS
from provider.kube.kinds import ROLE_ANNOTATION
from provider.manifests.kubernetes import Manifest
from provider.manifests.nodes import Fields, Items, Node, Scalar
from provider.manifests.problems import quote

DRIVER = "secrets-store.csi.k8s.io"
_ROLE = next(key for key in PARAMETER_KEYS if key.name == "roleArn")
_POD_SPECS = (
    ("spec",),
    ("spec", "template", "spec"),
    ("spec", "jobTemplate", "spec", "template", "spec"),
)
"""The path of the pod's spec in a Pod, a workload and a CronJob."""

Accounts = Mapping[tuple[str | None, str], str]
"""Service accounts by the namespace of pods and the name of a class; None: of the first pod."""


def pods(node: Fields) -> Iterator[tuple[str, Fields]]:
    """The specs of pods in a manifest, with their paths."""
    for path in _POD_SPECS:
        found = at(node, *path)
        if isinstance(found, Fields):
            yield ".".join(path), found


def volumes(pod: Fields) -> Iterator[tuple[int, Fields]]:
    """The `csi` mappings of the driver's volumes, with the index of each volume."""
    for index, volume in mappings(pod["volumes"]):
        csi = volume["csi"]
        if isinstance(csi, Fields) and text(csi["driver"]) == DRIVER:
            yield index, csi


def classes_of(pod: Fields) -> Iterator[str]:
    """The names of the classes that a pod mounts."""
    for _, csi in volumes(pod):
        yield text(class_of(csi))


def class_of(csi: Fields) -> Node | None:
    """The name of the class that a volume mounts."""
    return at(csi, "volumeAttributes", "secretProviderClass")


def accounts_by_class(manifests: Iterable[Manifest]) -> Accounts:
    """The service account of the first pod that mounts each class."""
    found: dict[tuple[str | None, str], str] = {}
    for manifest in manifests:
        for _, pod in pods(manifest.node):
            account = text(pod["serviceAccountName"]) or "default"
            for name in classes_of(pod):
                found.setdefault((manifest.namespace, name), account)
                found.setdefault((None, name), account)
    return found


def account_of(accounts: Accounts, name: str, namespace: str) -> str | None:
    """The service account for a class; an empty namespace, of class or pod, is any namespace."""
    if not namespace:
        return accounts.get((None, name))
    return accounts.get((namespace, name)) or accounts.get(("", name))


def role_of(service_account: Manifest) -> str:
    """The role that a ServiceAccount is annotated with; empty without one."""
    return text(at(service_account.node, "metadata", "annotations", ROLE_ANNOTATION))


def role_fault(role: str) -> str:
    """What is wrong with the ARN of a role, by the daemon's rule; empty if it is valid."""
    fault = _ROLE.fault_in(role)
    return f"{fault}, got {quote(role)}" if fault else ""


def at(node: Node | None, *path: str) -> Node | None:
    """The node at a path of keys, if there is one."""
    for key in path:
        node = node[key] if isinstance(node, Fields) else None
    return node


def mappings(node: Node | None) -> Iterator[tuple[int, Fields]]:
    """The mappings of a list, each with its index."""
    items: Iterable[Node] = node.nodes if isinstance(node, Items) else ()
    return ((index, item) for index, item in enumerate(items) if isinstance(item, Fields))


def text(node: Node | None) -> str:
    """The text of a scalar; empty without one."""
    return (node.words or "") if isinstance(node, Scalar) else ""
