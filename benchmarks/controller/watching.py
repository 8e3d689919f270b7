"""Learns of changes by one watch: polling the API server would slow what is measured."""

import http.client
import json
import ssl
import time
from collections.abc import Callable
from threading import Condition, Thread
from typing import Any, Self
from urllib.parse import urlsplit

from testbed.cluster import Address

_SECONDS = 3600
_METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"


class Watching:
    """The objects of a kind for which `matches` holds, by namespace and name.

    `path` is that of the kind in all namespaces. Each object has the moment, of
    `time.perf_counter`, at which it was seen to match first.
    """

    def __init__(
        self,
        address: Address,
        path: str,
        matches: Callable[[Any], bool] = lambda _: True,
        *,
        metadata_only: bool = False,
    ) -> None:
        self._address = address
        self._path = path
        self._matches = matches
        self._accept = _METADATA if metadata_only else "application/json"
        self._seen: dict[tuple[str, str], float] = {}
        self._changed = Condition()

    def __enter__(self) -> Self:
        context = ssl.create_default_context(cafile=str(self._address.ca_file))
        host = urlsplit(self._address.url).netloc
        self._link = http.client.HTTPSConnection(host, context=context)
        headers = {"Authorization": f"Bearer {self._address.token}", "Accept": self._accept}
        self._link.request(
            "GET",
            f"{self._path}?watch=1&resourceVersion=0&timeoutSeconds={_SECONDS}",
            headers=headers,
        )
        self._reply = self._link.getresponse()
        self._thread = Thread(target=self._read, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._link.sock is not None:
            self._link.sock.shutdown(2)
        self._thread.join(5)
        self._link.close()

    def wait_for(self, number: int, seconds: float) -> float:
        """The moment at which the last of so many objects matched; TimeoutError after `seconds`."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._seen) >= number, seconds):
                raise TimeoutError(f"{len(self._seen)} of {number} after {seconds:g} s")
            return max(self._seen.values())

    def moment_of(self, namespace: str, name: str, seconds: float) -> float:
        """The moment at which an object matched first; TimeoutError after `seconds`."""
        with self._changed:
            if not self._changed.wait_for(lambda: (namespace, name) in self._seen, seconds):
                raise TimeoutError(f"no {namespace}/{name} after {seconds:g} s")
            return self._seen[namespace, name]

    def _read(self) -> None:
        while line := self._line():
            event = json.loads(line)
            thing = event["object"]
            if event["type"] == "ERROR":
                raise RuntimeError(f"the watch of {self._path} ended: {thing}")
            if event["type"] != "BOOKMARK" and self._matches(thing):
                metadata = thing["metadata"]
                with self._changed:
                    key = metadata["namespace"], metadata["name"]
                    self._seen.setdefault(key, time.perf_counter())
                    self._changed.notify_all()

    def _line(self) -> bytes:
        try:
            return self._reply.readline()
        except (OSError, ValueError, http.client.HTTPException):
            return b""


def is_ready(thing: Any) -> bool:
    """Whether the condition Ready of an object is True."""
    conditions = thing.get("status", {}).get("conditions", ())
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
