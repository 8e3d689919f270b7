"""A manifest of an External Secrets resource, with what the controller's parser says about it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast

from provider.controller.resources.cluster_external_secret import ClusterExternalSecretSpec
from provider.controller.resources.external_secret import Data, DataFrom, ExternalSecretSpec
from provider.controller.resources.generators import GENERATOR_KINDS
from provider.controller.resources.objects import (
    ClusterExternalSecret,
    ExternalSecret,
    Generator,
    Store,
    read_cluster_external_secret,
    read_external_secret,
    read_generator,
    read_store,
)
from provider.controller.resources.reading import Reading
from provider.controller.resources.store_ref import StoreKind
from provider.manifests.entries import Findings
from provider.manifests.kubernetes import Manifest, find_manifests
from provider.manifests.problems import Problem
from provider.tools.ending import CommandFailed
from provider.tools.resources.documents import as_json
from provider.tools.resources.kinds import STORES, is_resource, version_problem
from provider.tools.sources import Source
from provider.tools.validate.findings import LocatedManifest

Parsed = ExternalSecret | Store | ClusterExternalSecret | Generator


@dataclass(frozen=True, slots=True)
class Resource(LocatedManifest):
    """One resource. `document` is its JSON, `parsed` what the controller makes of it."""

    document: Mapping[str, Any]
    parsed: Parsed

    @property
    def kind(self) -> str:
        return self.manifest.kind

    @property
    def name(self) -> str:
        return self.manifest.name

    @property
    def namespace(self) -> str:
        """The namespace; empty if the manifest has none."""
        return self.manifest.namespace

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What the condition would say."""
        return self.parsed.problems

    @property
    def spec(self) -> ExternalSecretSpec | None:
        """The spec of an ExternalSecret, also within a ClusterExternalSecret; None if faulty."""
        if isinstance(self.parsed, ExternalSecret):
            return self.parsed.spec
        if isinstance(self.parsed, ClusterExternalSecret) and self.parsed.spec:
            return self.parsed.spec.external_secret_spec
        return None

    @property
    def draft(self) -> ExternalSecretSpec | None:
        """The same also of a faulty one, with defaults in place of what `is_faulty`."""
        if self.spec is not None:
            return self.spec
        if not isinstance(self.parsed, ExternalSecret | ClusterExternalSecret):
            return None
        given = self.document.get("spec")
        if isinstance(self.parsed, ClusterExternalSecret):
            given = given.get("externalSecretSpec") if isinstance(given, dict) else None
        return Reading().table(given, ExternalSecretSpec, "")

    def is_faulty(self, path: str) -> bool:
        """Whether there is a problem at `path`, or below."""
        below = (f"{path}.", f"{path}[")
        return any(one.path == path or one.path.startswith(below) for one in self.problems)

    @property
    def spec_path(self) -> str:
        """The path of that spec."""
        is_wrapped = isinstance(self.parsed, ClusterExternalSecret)
        return "spec.externalSecretSpec" if is_wrapped else "spec"


def read_resource(source: Source, manifest: Manifest) -> Resource:
    """The resource of a manifest of one of our kinds, however faulty it is."""
    document = cast("Mapping[str, Any]", as_json(manifest.node))
    parsed = _parsed(manifest.kind, document)
    if problem := version_problem(manifest):
        parsed = replace(parsed, spec=None, problems=(problem, *parsed.problems))
    return Resource(source, manifest, document, parsed)


def read_resources(sources: Iterable[Source]) -> tuple[list[Resource], list[Manifest]]:
    """The resources of all files, and all manifests; raises `CommandFailed` for a named file.

    What cannot be read in a folder is left out.
    """
    resources, manifests = list[Resource](), list[Manifest]()
    for source in sources:
        noted = Findings()
        found = [*find_manifests(source.text, noted)]
        if source.is_named and noted.problems:
            raise CommandFailed(2, f"{source.name}: {noted.problems[0]}")
        manifests += found
        resources += (read_resource(source, one) for one in found if is_resource(one))
    return resources, manifests


def _parsed(kind: str, document: Mapping[str, Any]) -> Parsed:
    if kind in STORES:
        return read_store(document, cast("StoreKind", kind))
    if kind == "ClusterExternalSecret":
        return read_cluster_external_secret(document)
    if kind in GENERATOR_KINDS:
        return read_generator(document, kind)
    return read_external_secret(document)


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
