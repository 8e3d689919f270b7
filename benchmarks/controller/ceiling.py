"""What this API server can do, so that it is not what is measured: the writes alone."""

import base64
import http.client
import json
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from benchmarks.controller.cluster import Cluster
from benchmarks.figures import Figure

NAMESPACE = "ceiling"
_CONNECTIONS = 16


def row(cluster: Cluster, size: int) -> Iterator[Figure]:
    """Seconds of `size` new Secrets and a change of each, by a client that does nothing else."""
    cluster.client.make_namespace(NAMESPACE)
    parts = [range(first, size, _CONNECTIONS) for first in range(_CONNECTIONS)]
    started = time.perf_counter()
    with ThreadPoolExecutor(_CONNECTIONS) as threads:
        list(threads.map(lambda numbers: _write(cluster, numbers), parts))
    seconds = time.perf_counter() - started
    yield Figure("ceiling.wall", f"{2 * size} writes alone, by a raw client", seconds, "s")
    cluster.client.do("DELETE", f"/api/v1/namespaces/{NAMESPACE}/secrets")


def _write(cluster: Cluster, numbers: range) -> None:
    address = cluster.address
    context = ssl.create_default_context(cafile=str(address.ca_file))
    link = http.client.HTTPSConnection(urlsplit(address.url).netloc, context=context, timeout=60)
    path = f"/api/v1/namespaces/{NAMESPACE}/secrets"
    value = base64.b64encode(b"value").decode()

    def ask(method: str, path: str, body: Any, kind: str) -> None:
        headers = {"Authorization": f"Bearer {address.token}", "Content-Type": kind}
        link.request(method, path, json.dumps(body), headers)
        reply = link.getresponse()
        reply.read()
        assert reply.status < 300, reply.status

    for number in numbers:
        metadata = {"name": f"secret-{number}"}
        document = {"metadata": metadata, "data": {"own": value, "shared": value}}
        ask("POST", path, document, "application/json")
        change = {"metadata": {"annotations": {"changed": "1"}}}
        ask("PATCH", f"{path}/secret-{number}", change, "application/merge-patch+json")
    link.close()
