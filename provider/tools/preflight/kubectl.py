"""Runs kubectl, with the credentials and plugins of its kubeconfig, and reads what it prints."""

import json
import shutil
import subprocess
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic

from provider.manifests.entries import Findings
from provider.manifests.kubernetes import find_manifests
from provider.tools.ending import CommandFailed
from provider.tools.preflight.differences import Document
from provider.tools.resources.documents import as_json
from provider.tools.sources import read_text

MOST_BYTES = 256 * 2**20
"""Of one file, or of one answer of kubectl."""
_MOST_LEVELS = 64
CANNOT_READ = "kubectl cannot read the cluster: "
_FORBIDDEN = "Error from server (Forbidden): "
GET = (
    "kubectl get externalsecrets,secretstores,clustersecretstores,clusterexternalsecrets -A -o json"
)
"""The command whose output can be given instead of a cluster."""
_ELSEWHERE = (
    f"or run this where the cluster can be reached: {GET} | secrets-provider-aws preflight -"
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
    "unable to connect": f"check VPN, proxy and address, {_ELSEWHERE}",
    "was refused": f"check VPN, proxy and address, {_ELSEWHERE}",
}
"""What kubectl says, and what to do; the first that fits."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """How the cluster is reached. An empty namespace stands for all of them."""

    kubectl: str
    arguments: Sequence[str]
    namespace: str
    timeout: float
    until: float
    """When the time is over, by `time.monotonic`."""


def cluster(options: Namespace) -> Cluster:
    """The cluster that the options name; raises `CommandFailed` without kubectl."""
    kubectl = shutil.which(options.kubectl)
    if kubectl is None:
        is_default = options.kubectl == "kubectl"
        text = "there is no kubectl" if is_default else f"kubectl is not found ({options.kubectl})"
        hint = f"install it, or name it with --kubectl, {_ELSEWHERE}"
        raise CommandFailed(2, text, hint)
    given = {"kubeconfig": options.kubeconfig, "context": options.context}
    arguments = [f"--{name}={text}" for name, text in given.items() if text]
    until = monotonic() + options.timeout
    return Cluster(kubectl, arguments, options.namespace, options.timeout, until)


def run(where: Cluster, arguments: Sequence[str]) -> tuple[str, Sequence[str]]:
    """What kubectl prints, and what the caller may not read.

    Raises `CommandFailed` where it prints nothing but an error.

    A cluster with a broken API service, or one whose caller may not read everything, gets an
    answer too.
    """
    done = _done(where, arguments)
    if len(done.stdout) > MOST_BYTES:
        raise CommandFailed(2, f"kubectl printed more than {MOST_BYTES // 2**20} MiB")
    said = done.stderr.decode(errors="replace").strip().splitlines()
    refusals = [one.removeprefix(_FORBIDDEN) for one in said if one.startswith(_FORBIDDEN)]
    if done.returncode == 0 or done.stdout.strip():
        return done.stdout.decode(errors="replace"), refusals
    raise failed(refusals[0] if refusals else said[-1] if said else "it says nothing")


def failed(said: str) -> CommandFailed:
    """The failure for a message of kubectl, with what to do."""
    plain = said.removeprefix("error: ")
    hint = next((hint for part, hint in _HINTS.items() if part in plain.lower()), "")
    return CommandFailed(2, f"{CANNOT_READ}{plain}", hint)


def _done(where: Cluster, arguments: Sequence[str]) -> "subprocess.CompletedProcess[bytes]":
    left = where.until - monotonic()
    slow = f"kubectl did not end within {where.timeout:g} s"
    hint = f"give it more time with --timeout, check VPN, proxy and address, {_ELSEWHERE}"
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


def read_documents(name: str) -> list[Document]:
    """The objects of a file, or of stdin for `-`; raises `CommandFailed`."""
    return parse_documents(read_text(name, MOST_BYTES), "stdin" if name == "-" else name)


def parse_documents(text: str, called: str) -> list[Document]:
    """The objects of a JSON or YAML text; raises `CommandFailed`."""
    if text.lstrip()[:1] not in ("{", "["):
        return [*_of_yaml(text, called)]
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        why = str(error) if isinstance(error, ValueError) else "it is nested too deep"
        raise CommandFailed(2, f"{called}: is not JSON: {why}") from None
    return [*_objects(value, called)]


def _of_yaml(text: str, called: str) -> Iterator[Document]:
    noted = Findings()
    for manifest in find_manifests(text, noted):
        yield from _objects(as_json(manifest.node), called)
    if noted.problems:
        first = noted.problems[0]
        place = f"{called}:{first.line}:{first.column}" if first.line else called
        raise CommandFailed(2, f"{place}: {first.message}")


def _objects(value: object, called: str) -> Iterator[Document]:
    """The objects of a value, also of a list of lists."""
    if isinstance(value, list):
        for one in value:
            yield from _objects(one, called)
        return
    if not isinstance(value, dict):
        raise CommandFailed(2, f"{called}: holds something that is no Kubernetes object")
    items = value.get("items")
    if str(value.get("kind")).endswith("List") and isinstance(items, list):
        yield from (one for item in items for one in _objects(item, called))
    elif _depth(value) > _MOST_LEVELS:
        raise CommandFailed(2, f"{called}: an object is nested too deep")
    else:
        yield value


def _depth(value: object) -> int:
    """The levels of a value, without recursion."""
    levels, now = 0, [value]
    while now and levels <= _MOST_LEVELS:
        levels += 1
        inner = [one for one in now if isinstance(one, dict | list)]
        now = [more for one in inner for more in (one.values() if isinstance(one, dict) else one)]
    return levels
