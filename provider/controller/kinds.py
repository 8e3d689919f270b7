"""The kinds of External Secrets resources, and how the API server serves them."""

from collections.abc import Mapping

from provider.kube.kinds import Kind

GROUP = "external-secrets.io"
GENERATOR_GROUP = "generators.external-secrets.io"

EXTERNAL_SECRETS = Kind(GROUP, "v1", "ExternalSecret", "externalsecrets")
SECRET_STORES = Kind(GROUP, "v1", "SecretStore", "secretstores")
CLUSTER_SECRET_STORES = Kind(
    GROUP, "v1", "ClusterSecretStore", "clustersecretstores", namespaced=False
)
CLUSTER_EXTERNAL_SECRETS = Kind(
    GROUP, "v1", "ClusterExternalSecret", "clusterexternalsecrets", namespaced=False
)
PUSH_SECRETS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(GROUP, "v1alpha1", "PushSecret", "pushsecrets"),
        Kind(GROUP, "v1alpha1", "ClusterPushSecret", "clusterpushsecrets", namespaced=False),
    )
}
"""Not supported; their definitions are there where those of External Secrets Operator are."""
GENERATORS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(GENERATOR_GROUP, "v1alpha1", "ECRAuthorizationToken", "ecrauthorizationtokens"),
        Kind(GENERATOR_GROUP, "v1alpha1", "STSSessionToken", "stssessiontokens"),
        Kind(GENERATOR_GROUP, "v1alpha1", "Password", "passwords"),
        Kind(GENERATOR_GROUP, "v1alpha1", "UUID", "uuids"),
        Kind(
            GENERATOR_GROUP, "v1alpha1", "ClusterGenerator", "clustergenerators", namespaced=False
        ),
    )
}
