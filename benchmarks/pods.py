"""The node's pods, and the requests by which the driver mounts their volumes."""

import uuid
from collections.abc import Sequence
from pathlib import Path

from testbed.driver import Driver, Pod
from testbed.samples import NAMESPACE, Sample

_NAMES = Sample()
"""Service accounts and secrets are named as the fakes have them."""


def objects(identity: int, secrets: int) -> str:
    """A class' objects, as people write them."""
    names = [_NAMES.secret(identity, index) for index in range(secrets)]
    return "".join(f"- objectName: {name}\n  objectType: secretsmanager\n" for name in names)


class Pods:
    """Makes pods, each a new one, and their requests, as driver 1.6 sends them."""

    def __init__(self) -> None:
        self._driver = Driver(Path("/none"), Path("/var/lib/kubelet"))
        self._made = 0

    def request(self, identity: int, secrets: int, *, pod_identity: bool = False) -> bytes:
        """A new pod's request; the same bytes again are its remount."""
        self._made += 1
        name = _NAMES.service_account(identity)
        pod = Pod(
            namespace=NAMESPACE,
            name=f"{name}-{self._made}",
            service_account=name,
            uid=str(uuid.UUID(int=self._made)),
        )
        parameters = {"objects": objects(identity, secrets)}
        if pod_identity:
            parameters["usePodIdentity"] = "true"
        return self._driver.request(pod, parameters).SerializeToString()

    def node(self, pods: int, identities: int, secrets: int) -> Sequence[bytes]:
        """Requests of as many new pods, which share as many identities evenly."""
        return [self.request(number % identities, secrets) for number in range(pods)]
