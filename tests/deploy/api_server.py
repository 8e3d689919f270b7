"""Requests to a real API server by manifest, for the tests of deploy/."""

from collections.abc import Iterable

from testbed.cluster import Answer, ClusterClient
from tests.deploy.manifests import Document

APPLY = "application/apply-patch+yaml"
PLURALS = {
    "NetworkPolicy": "networkpolicies",
    "SecretProviderClass": "secretproviderclasses",
    "ValidatingAdmissionPolicy": "validatingadmissionpolicies",
}
CLUSTER_WIDE = {
    "ClusterRole",
    "ClusterRoleBinding",
    "ClusterSecretStore",
    "ClusterExternalSecret",
    "ClusterGenerator",
    "CSIDriver",
    "CustomResourceDefinition",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
}


def collection(document: Document) -> str:
    """The path of the objects of a manifest's kind and namespace."""
    version, kind = document["apiVersion"], document["kind"]
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    plural = PLURALS.get(kind, f"{kind.lower()}s")
    if kind in CLUSTER_WIDE:
        return f"{root}/{plural}"
    return f"{root}/namespaces/{document['metadata']['namespace']}/{plural}"


def apply(cluster: ClusterClient, documents: Iterable[Document]) -> None:
    """Apply manifests; raises `Refused`."""
    for document in documents:
        cluster.apply(collection(document), document)


def try_create(cluster: ClusterClient, document: Document) -> Answer:
    """The answer to a creation that changes nothing; unknown fields are refused."""
    path = f"{collection(document)}?dryRun=All&fieldValidation=Strict"
    return cluster.ask("POST", path, document)


def try_update(cluster: ClusterClient, document: Document) -> Answer:
    """The answer to an update of the object of that name that changes nothing."""
    name = document["metadata"]["name"]
    query = "dryRun=All&fieldManager=testbed&force=true"
    return cluster.ask("PATCH", f"{collection(document)}/{name}?{query}", document, APPLY)
