"""The kinds that the fake API server serves."""

from dataclasses import dataclass

_ESO = "external-secrets.io"
_GENERATORS = "generators.external-secrets.io"


@dataclass(frozen=True, slots=True)
class ApiKind:
    """A kind; `versions` are served, the last one is as good as any. Custom ones have a status
    subresource and a generation."""

    name: str
    plural: str
    group: str = ""
    versions: tuple[str, ...] = ("v1",)
    namespaced: bool = True

    @property
    def is_custom(self) -> bool:
        """Whether it is of a CustomResourceDefinition."""
        return "external-secrets" in self.group

    def api_version(self, version: str) -> str:
        """The `apiVersion` of its objects in a version."""
        return f"{self.group}/{version}" if self.group else version


_KINDS = (
    ApiKind("Secret", "secrets"),
    ApiKind("ConfigMap", "configmaps"),
    ApiKind("ServiceAccount", "serviceaccounts"),
    ApiKind("Pod", "pods"),
    ApiKind("Event", "events"),
    ApiKind("Namespace", "namespaces", namespaced=False),
    ApiKind("Node", "nodes", namespaced=False),
    ApiKind("Lease", "leases", "coordination.k8s.io"),
    ApiKind("ExternalSecret", "externalsecrets", _ESO, ("v1", "v1beta1")),
    ApiKind("SecretStore", "secretstores", _ESO, ("v1", "v1beta1")),
    ApiKind("ClusterSecretStore", "clustersecretstores", _ESO, ("v1", "v1beta1"), False),
    ApiKind("ClusterExternalSecret", "clusterexternalsecrets", _ESO, ("v1", "v1beta1"), False),
    ApiKind("ECRAuthorizationToken", "ecrauthorizationtokens", _GENERATORS, ("v1alpha1",)),
    ApiKind("STSSessionToken", "stssessiontokens", _GENERATORS, ("v1alpha1",)),
    ApiKind("Password", "passwords", _GENERATORS, ("v1alpha1",)),
    ApiKind("UUID", "uuids", _GENERATORS, ("v1alpha1",)),
    ApiKind("ClusterGenerator", "clustergenerators", _GENERATORS, ("v1alpha1",), False),
)
KINDS = {(kind.group, kind.plural): kind for kind in _KINDS}
"""By group and plural."""
