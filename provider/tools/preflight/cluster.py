"""Reads a cluster through kubectl, with the credentials and plugins of its kubeconfig.

Nothing is written, and no Secret is read.
"""

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from time import monotonic

from provider.controller.kinds import GENERATOR_GROUP, GROUP
from provider.tools.ending import CommandFailed
from provider.tools.preflight.config_maps import config_maps_of
from provider.tools.preflight.differences import Document
from provider.tools.preflight.documents import MOST_BYTES, parse_documents

_MOST_NAMESPACES = 100
"""Namespaces whose ConfigMaps are read: each takes a call."""
OPERATOR = "app.kubernetes.io/name in (external-secrets,external-secrets-webhook)"
"""The label of External Secrets Operator's Deployments, as its chart sets it."""
_NOT_FOUND = "kubectl is not found: install it, or give the output of kubectl get as files"
_COMMANDS = (
    "kubectl get externalsecrets,secretstores,clustersecretstores,clusterexternalsecrets "
    "-A -o json | secrets-provider-aws preflight -"
)


@dataclass(frozen=True, slots=True)
class Cluster:
    """How the cluster is reached. An empty namespace stands for all of them."""

    kubectl: str
    arguments: Sequence[str]
    namespace: str
    timeout: float


def cluster(
    *, kubectl: str, kubeconfig: str | None, context: str | None, namespace: str, timeout: float
) -> Cluster:
    """The cluster of a kubeconfig; raises `CommandFailed` without kubectl."""
    found = shutil.which(kubectl)
    if found is None:
        raise CommandFailed(2, _NOT_FOUND, _COMMANDS)
    arguments = [
        *([f"--kubeconfig={kubeconfig}"] if kubeconfig else []),
        *([f"--context={context}"] if context else []),
    ]
    return Cluster(found, arguments, namespace, timeout)


def read_cluster(where: Cluster) -> tuple[list[Document], list[str]]:
    """The objects, and what could not be read, each with the reason; raises `CommandFailed`."""
    until = monotonic() + where.timeout
    scope = [f"--namespace={where.namespace}"] if where.namespace else ["--all-namespaces"]
    every = _lines(where, ["api-resources", "--verbs=list"], until)
    kinds = [kind for kind in every if kind.endswith((f".{GROUP}", f".{GENERATOR_GROUP}"))]
    if not kinds:
        raise CommandFailed(2, "the cluster has no External Secrets resources: no CRD is there")
    found = _objects(where, [",".join(kinds), *scope], until)
    unread: list[str] = []
    for what, arguments in _others(where.namespace, kinds):
        try:
            found += _objects(where, arguments, until)
        except CommandFailed as failure:
            unread.append(f"{what}: {failure}")
    for namespace, names in islice(config_maps_of(found).items(), _MOST_NAMESPACES):
        arguments = ["configmaps", *sorted(names), f"--namespace={namespace}", "--ignore-not-found"]
        try:
            found += _objects(where, arguments, until)
        except CommandFailed as failure:
            unread.append(f"ConfigMaps with templates in {namespace}: {failure}")
    return found, unread


def _others(namespace: str, crds: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """What is read besides; it may be forbidden."""
    yield "webhooks", ["validatingwebhookconfigurations"]
    yield "CRDs", ["customresourcedefinitions", *crds, "--ignore-not-found"]
    yield "deployments of the operator", ["deployments", "--all-namespaces", "-l", OPERATOR]
    yield "namespaces", ["namespaces", *([namespace] if namespace else [])]


def _lines(where: Cluster, arguments: Sequence[str], until: float) -> list[str]:
    text = _run(where, [*arguments, "--output=name"], until).decode(errors="replace")
    return [line for line in text.splitlines() if line.strip()]


def _objects(where: Cluster, arguments: Sequence[str], until: float) -> list[Document]:
    content = _run(where, ["get", *arguments, "--output=json"], until)
    return parse_documents(content, "the answer of kubectl") if content.strip() else []


def _run(where: Cluster, arguments: Sequence[str], until: float) -> bytes:
    """What kubectl prints; raises `CommandFailed` with what it says."""
    command = [where.kubectl, *where.arguments, *arguments]
    left = until - monotonic()
    if left <= 0:
        raise CommandFailed(2, f"kubectl did not end within {where.timeout:g} s (see --timeout)")
    command.append(f"--request-timeout={max(int(left), 1)}s")
    try:
        done = subprocess.run(  # noqa: S603 (kubectl, with arguments of our own)
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=left,
            check=False,
        )
    except subprocess.TimeoutExpired:
        text = f"kubectl did not end within {where.timeout:g} s (see --timeout)"
        raise CommandFailed(2, text) from None
    except OSError as error:
        raise CommandFailed(2, f"cannot run kubectl: {error.strerror}") from error
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise CommandFailed(2, f"kubectl {arguments[0]}: {said[-1] if said else 'failed'}")
    if len(done.stdout) > MOST_BYTES:
        raise CommandFailed(2, f"kubectl printed more than {MOST_BYTES // 2**20} MiB")
    return done.stdout
