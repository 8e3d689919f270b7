"""Runs kubectl, with the credentials and plugins of its kubeconfig, and explains how it fails."""

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import monotonic

from provider.tools.ending import CommandFailed
from provider.tools.preflight.documents import MOST_BYTES

_FORBIDDEN = "Error from server (Forbidden): "
_ELSEWHERE = (
    "where the cluster can be reached, run: kubectl get externalsecrets,secretstores,"
    "clustersecretstores,clusterexternalsecrets -A -o json | secrets-provider-aws preflight -"
)
_LOG_IN = (
    "log in again, or renew the kubeconfig, with EKS: aws eks update-kubeconfig --name CLUSTER"
)
_ASK = "ask for the right to list externalsecrets, secretstores and clustersecretstores"
_HINTS: Mapping[str, str] = {
    'context "': "kubectl config get-contexts lists the contexts of the kubeconfig",
    "localhost:8080": "kubectl has no cluster: set KUBECONFIG, or give --kubeconfig PATH",
    "stat ": "give the path of a kubeconfig with --kubeconfig, or set KUBECONFIG",
    "loading config file": "correct this kubeconfig, or give another with --kubeconfig PATH",
    "getting credentials": f"the kubeconfig's program for credentials fails: {_LOG_IN}",
    "must be logged in": f"the credentials of the kubeconfig are not valid: {_LOG_IN}",
    "is forbidden": f"name a namespace that you may read with -n, or {_ASK}",
    "unable to connect": f"check VPN, proxy and address; {_ELSEWHERE}",
    "was refused": f"check VPN, proxy and address; {_ELSEWHERE}",
}
"""What kubectl says, and what to do; the first that fits."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """How the cluster is reached. An empty namespace stands for all of them."""

    kubectl: str
    arguments: Sequence[str]
    namespace: str
    timeout: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What kubectl prints, and what the caller may not read."""

    content: bytes
    refusals: Sequence[str]


def cluster(
    *, kubectl: str, kubeconfig: str | None, context: str | None, namespace: str, timeout: float
) -> Cluster:
    """The cluster of a kubeconfig; raises `CommandFailed` without kubectl."""
    found = shutil.which(kubectl)
    if found is None:
        text = (
            f"kubectl is not found ({kubectl})" if kubectl != "kubectl" else "there is no kubectl"
        )
        hint = f"install it, or give its output as a file. {_ELSEWHERE}"
        raise CommandFailed(2, text, hint)
    arguments = [
        *([f"--kubeconfig={kubeconfig}"] if kubeconfig else []),
        *([f"--context={context}"] if context else []),
    ]
    return Cluster(found, arguments, namespace, timeout)


def run(where: Cluster, arguments: Sequence[str], until: float) -> Answer:
    """What kubectl answers; raises `CommandFailed` where it prints nothing but an error.

    A cluster with a broken API service, or one whose caller may not read everything, gets an
    answer too.
    """
    done = _done(where, arguments, until)
    if len(done.stdout) > MOST_BYTES:
        raise CommandFailed(2, f"kubectl printed more than {MOST_BYTES // 2**20} MiB")
    said = done.stderr.decode(errors="replace").strip().splitlines()
    refusals = [one.removeprefix(_FORBIDDEN) for one in said if one.startswith(_FORBIDDEN)]
    if done.returncode == 0 or done.stdout.strip():
        return Answer(done.stdout, refusals)
    raise failed(refusals[0] if refusals else said[-1] if said else "it says nothing")


def failed(said: str) -> CommandFailed:
    """The failure for a message of kubectl, with what to do."""
    plain = said.removeprefix("error: ")
    hint = next((hint for part, hint in _HINTS.items() if part in plain.lower()), "")
    return CommandFailed(2, f"kubectl cannot read the cluster: {plain}", hint)


def _done(
    where: Cluster, arguments: Sequence[str], until: float
) -> "subprocess.CompletedProcess[bytes]":
    left = until - monotonic()
    slow = f"kubectl did not end within {where.timeout:g} s"
    hint = f"give it more time with --timeout, or check VPN, proxy and address; {_ELSEWHERE}"
    if left <= 0:
        raise CommandFailed(2, slow, hint)
    limit = f"--request-timeout={max(int(left), 1)}s"
    try:
        return subprocess.run(  # noqa: S603 (kubectl, with arguments of our own)
            [where.kubectl, *where.arguments, *arguments, limit],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=left,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CommandFailed(2, slow, hint) from None
    except OSError as error:
        raise CommandFailed(2, f"cannot run kubectl: {error.strerror}") from error
