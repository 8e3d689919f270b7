"""What a platform team asks of what runs on every node, whatever rendered it."""

from collections.abc import Iterable, Iterator

from tests.deploy import manifests
from tests.deploy.manifests import Document

PROBES = ("startupProbe", "livenessProbe")
HEALTH = ["/usr/local/bin/secrets-provider-aws", "health"]
"""Does not depend on the metrics port, which any pod can fill."""
SHARED = ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace")
CONTEXT = {
    "runAsUser": 0,
    "runAsGroup": 0,
    "runAsNonRoot": False,
    "privileged": False,
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
"""uid 0, to which the driver's folder on the node belongs, and nothing else."""
PRIORITY = "system-node-critical"


def provider(pod: Document) -> Document:
    """The provider's container."""
    [container] = [one for one in pod["containers"] if one["name"] == "provider"]
    found: Document = container
    return found


def violations(found: Iterable[Document]) -> list[str]:
    """What would be refused of the DaemonSet, a line each."""
    daemonset = manifests.only(found, "DaemonSet")
    pod = daemonset["spec"]["template"]["spec"]
    return [*_of_pod(pod), *_of_container(provider(pod)), *_of_labels(daemonset)]


def granted(found: Iterable[Document], role: str) -> set[tuple[str, str, str]]:
    """What a ClusterRole allows: API group, resource, verb."""
    [document] = [one for one in found if (one["kind"], _name(one)) == ("ClusterRole", role)]
    return {
        (group, resource, verb)
        for rule in document["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def host_paths(pod: Document) -> dict[str, str]:
    """Folders of the node that the provider sees, by where it sees them."""
    volumes = {one["name"]: one["hostPath"]["path"] for one in pod["volumes"] if "hostPath" in one}
    mounts = provider(pod)["volumeMounts"]
    return {one["mountPath"]: volumes[one["name"]] for one in mounts if one["name"] in volumes}


def _name(document: Document) -> str:
    return str(document["metadata"]["name"])


def _of_pod(pod: Document) -> Iterator[str]:
    yield from (f"shares {name} with the node" for name in SHARED if pod.get(name))
    if pod["securityContext"].get("seccompProfile") != {"type": "RuntimeDefault"}:
        yield "has no seccomp profile"
    if pod.get("priorityClassName") != PRIORITY:
        yield f"is not {PRIORITY}"
    volumes = {one["name"] for one in pod["volumes"]}
    for container in pod["containers"]:
        mounted = {one["name"] for one in container["volumeMounts"]}
        yield from (f"{container['name']} mounts no volume: {one}" for one in mounted - volumes)
        if not {"requests", "limits"} <= container.get("resources", {}).keys():
            yield f"{container['name']} has no bounds"


def _of_container(container: Document) -> Iterator[str]:
    if container["securityContext"] != CONTEXT:
        yield "is not confined"
    ports = {port["name"] for port in container["ports"]}
    for probe in PROBES:
        if container.get(probe, {}).get("exec", {}).get("command", [])[:2] != HEALTH:
            yield f"has no {probe} through the socket"
    if container.get("readinessProbe", {}).get("httpGet", {}).get("port") not in ports:
        yield "has no readinessProbe"
    yield from ("takes a port of the node" for port in container["ports"] if "hostPort" in port)


def _of_labels(daemonset: Document) -> Iterator[str]:
    selected = daemonset["spec"]["selector"]["matchLabels"].items()
    if not selected <= daemonset["spec"]["template"]["metadata"]["labels"].items():
        yield "does not select its own pods"
