"""ExternalSecrets: those of the files, and those that ClusterExternalSecrets make."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from provider.controller.resources.cluster_external_secret import ClusterExternalSecretSpec
from provider.controller.resources.external_secret import Data, DataFrom, ExternalSecretSpec
from provider.controller.resources.reading import Reading
from provider.tools.resources.parsed import Resource

Entry = TypeVar("Entry", Data, DataFrom)


@dataclass(frozen=True, slots=True)
class Instance:
    """One ExternalSecret, whose resource may have mistakes; their defaults stand for them."""

    resource: Resource
    spec: ExternalSecretSpec
    owner: str
    """Kind and name, and of a ClusterExternalSecret the namespace."""
    name: str
    namespace: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]

    def path(self, key: str) -> str:
        """The path of a key of the spec."""
        return f"{self.resource.spec_path}.{key}"

    def entries(self, key: str, entries: Sequence[Entry]) -> Iterator[tuple[str, Entry]]:
        """The entries of a list that have no mistakes, with their paths."""
        for index, entry in enumerate(entries):
            path = self.path(f"{key}[{index}]")
            if not self.resource.is_faulty(path):
                yield path, entry


def instances(resource: Resource) -> Iterator[Instance]:
    """The ExternalSecret; of a ClusterExternalSecret one for each namespace that it names."""
    owner, about = resource.manifest.path, resource.parsed.metadata
    if resource.kind == "ExternalSecret":
        spec = resource.draft or ExternalSecretSpec()
        name, namespace = resource.name, resource.namespace
        yield Instance(resource, spec, owner, name, namespace, about.labels, about.annotations)
        return
    cluster = Reading().table(resource.document.get("spec"), ClusterExternalSecretSpec, "")
    given, name = cluster.external_secret_metadata, cluster.external_secret_name or resource.name
    for namespace in dict.fromkeys(cluster.namespaces) or [""]:
        yield Instance(
            resource=resource,
            spec=cluster.external_secret_spec,
            owner=f"{owner} in {namespace}" if namespace else owner,
            name=name,
            namespace=namespace,
            labels=given.labels,
            annotations=given.annotations,
        )
