"""The kinds of objects and where the API server serves them."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

Document = dict[str, Any]
"""An object as JSON has it."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind such as Secret, with its plural, by which URLs and RBAC rules name it."""

    group: str
    version: str
    name: str
    plural: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The path of the URL of one object, or without `name` of all of them."""
        root = f"/{'apis' if self.group else 'api'}/{self.api_version}"
        place = f"/namespaces/{quote(namespace, safe='')}" if namespace and self.namespaced else ""
        parts = (root + place, self.plural, quote(name, safe=""), subresource)
        return "/".join(filter(None, parts))

    def described(self, namespace: str, name: str) -> str:
        """How messages name an object: `Secret shop/db`."""
        place = f"{namespace}/" if namespace and self.namespaced else ""
        return f"{self.name} {place}{name}"


SECRETS = Kind("", "v1", "Secret", "secrets")
CONFIG_MAPS = Kind("", "v1", "ConfigMap", "configmaps")
SERVICE_ACCOUNTS = Kind("", "v1", "ServiceAccount", "serviceaccounts")
PODS = Kind("", "v1", "Pod", "pods")
NODES = Kind("", "v1", "Node", "nodes", namespaced=False)
NAMESPACES = Kind("", "v1", "Namespace", "namespaces", namespaced=False)
EVENTS = Kind("", "v1", "Event", "events")
LEASES = Kind("coordination.k8s.io", "v1", "Lease", "leases")

ROLE_ANNOTATION = "eks.amazonaws.com/role-arn"
"""Names the IAM role of a ServiceAccount, for IRSA."""
