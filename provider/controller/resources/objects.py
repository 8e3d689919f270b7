"""Whole objects as the API server returns them, of v1 and v1beta1 alike.

Each has its spec, or, if anything is wrong with it, no spec but `problems`: all of them. Warnings
are what has no effect, or another one than it seems.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from provider.controller.resources import rules
from provider.controller.resources.cluster_external_secret import ClusterExternalSecretSpec
from provider.controller.resources.external_secret import ExternalSecretSpec
from provider.controller.resources.generators import (
    GENERATOR_SPECS,
    ClusterGeneratorSpec,
    GeneratorSpec,
)
from provider.controller.resources.hashes import synced_resource_version
from provider.controller.resources.object_meta import (
    NO_METADATA,
    Condition,
    Metadata,
    read_binding,
    read_conditions,
    read_metadata,
    read_status,
    shared,
    text,
    timestamp,
)
from provider.controller.resources.reading import Reading
from provider.controller.resources.selector_rules import check_selectors
from provider.controller.resources.store import AwsProvider, StoreSpec
from provider.controller.resources.store_ref import StoreKind
from provider.manifests.problems import Problem

Document = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedObject:
    """What all objects have. The spec is None if there are problems."""

    metadata: Metadata = NO_METADATA
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalSecretStatus:
    """The status that the last reconcile wrote."""

    refresh_time: float | None = None
    """Seconds since 1970."""
    synced_resource_version: str = ""
    binding: str = ""
    """The Secret that the last sync wrote; empty for none."""
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalSecret(ParsedObject):
    """An ExternalSecret."""

    version_to_sync: str = ""
    """What a sync of it as it is writes as `syncedResourceVersion`."""
    spec: ExternalSecretSpec | None
    status: ExternalSecretStatus = ExternalSecretStatus()


@dataclass(frozen=True, slots=True, kw_only=True)
class Store(ParsedObject):
    """A SecretStore or ClusterSecretStore."""

    kind: StoreKind
    controller: str
    """The controller class, also of a store with problems."""
    spec: StoreSpec | None
    capabilities: str = ""
    conditions: tuple[Condition, ...] = ()

    @property
    def aws(self) -> AwsProvider | None:
        """What it says about AWS; None if it has problems."""
        return self.spec.provider.aws if self.spec else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterExternalSecret(ParsedObject):
    """A ClusterExternalSecret."""

    spec: ClusterExternalSecretSpec | None
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Generator(ParsedObject):
    """A generator, also one within a ClusterGenerator."""

    kind: str
    """The kind that generates: never ClusterGenerator."""
    controller: str
    """The controller class, also of a generator with problems."""
    spec: GeneratorSpec | None


def _reading(document: Document) -> Reading:
    return Reading(text(document.get("apiVersion")).rpartition("/")[2])


def read_external_secret(document: Document) -> ExternalSecret:
    """An ExternalSecret as it is; nothing is raised, whatever the document holds."""
    reading = _reading(document)
    spec = reading.table(document.get("spec"), ExternalSecretSpec, "spec")
    rules.check_external_secret(spec, reading, "spec")
    read = ExternalSecret(
        spec=None if reading.problems else spec,
        problems=tuple(reading.problems),
        warnings=tuple(reading.warnings),
    )
    return refreshed_external_secret(document, read)


def refreshed_external_secret(document: Document, old: ExternalSecret) -> ExternalSecret:
    """An ExternalSecret whose spec is the same as before."""
    metadata, status = read_metadata(document), read_status(document)
    version = synced_resource_version(metadata.generation, metadata.annotations, metadata.labels)
    return replace(
        old,
        metadata=metadata,
        version_to_sync=shared(version),  # once it is synced, the status says the same
        status=ExternalSecretStatus(
            refresh_time=timestamp(status.get("refreshTime")),
            synced_resource_version=text(status.get("syncedResourceVersion")),
            binding=read_binding(status),
            conditions=read_conditions(status),
        ),
    )


def read_store(document: Document, kind: StoreKind) -> Store:
    """A SecretStore or ClusterSecretStore as it is; nothing is raised."""
    reading = _reading(document)
    given = document.get("spec")
    spec = reading.table(given, StoreSpec, "spec")
    namespace = read_metadata(document).namespace if kind == "SecretStore" else None
    provider = given.get("provider") if isinstance(given, dict) else None
    rules.check_provider(provider, reading)
    rules.check_store(spec, namespace, reading)
    read = Store(
        kind=kind,
        controller=_controller(given),
        spec=None if reading.problems else spec,
        problems=tuple(reading.problems),
        warnings=tuple(reading.warnings),
    )
    return refreshed_store(document, read)


def refreshed_store(document: Document, old: Store) -> Store:
    """A store whose spec is the same as before."""
    status = read_status(document)
    return replace(
        old,
        metadata=read_metadata(document),
        capabilities=text(status.get("capabilities")),
        conditions=read_conditions(status),
    )


def read_cluster_external_secret(document: Document) -> ClusterExternalSecret:
    """A ClusterExternalSecret as it is; nothing is raised."""
    reading = _reading(document)
    spec = reading.table(document.get("spec"), ClusterExternalSecretSpec, "spec")
    rules.check_external_secret(spec.external_secret_spec, reading, "spec.externalSecretSpec")
    check_selectors(spec, reading)
    read = ClusterExternalSecret(
        spec=None if reading.problems else spec,
        problems=tuple(reading.problems),
        warnings=tuple(reading.warnings),
    )
    return refreshed_cluster_external_secret(document, read)


def refreshed_cluster_external_secret(
    document: Document, old: ClusterExternalSecret
) -> ClusterExternalSecret:
    """A ClusterExternalSecret whose spec is the same as before."""
    conditions = read_conditions(read_status(document))
    return replace(old, metadata=read_metadata(document), conditions=conditions)


def read_generator(document: Document, kind: str) -> Generator:
    """A generator of `kind`, or the one that a ClusterGenerator holds; nothing is raised."""
    reading = _reading(document)
    given = document.get("spec")
    if kind == "ClusterGenerator":
        kind, spec = _wrapped(given, reading)
    else:
        spec = _generator(given, kind, reading)
    return Generator(
        kind=kind,
        metadata=read_metadata(document),
        controller=_controller(given),
        spec=None if reading.problems else spec,
        problems=tuple(reading.problems),
        warnings=tuple(reading.warnings),
    )


def _controller(spec: object) -> str:
    return text(spec.get("controller")) if isinstance(spec, dict) else ""


def _wrapped(given: object, reading: Reading) -> tuple[str, GeneratorSpec | None]:
    outer = reading.table(given, ClusterGeneratorSpec, "spec")
    one = outer.generator
    specs: Mapping[str, tuple[str, GeneratorSpec | None]] = {
        "ECRAuthorizationToken": ("ecrAuthorizationTokenSpec", one.ecr_authorization_token),
        "STSSessionToken": ("stsSessionTokenSpec", one.sts_session_token),
        "Password": ("passwordSpec", one.password),
        "UUID": ("uuidSpec", one.uuid),
    }
    if outer.kind not in specs:
        rules.check_generator_kind(outer.kind, reading, "spec.kind")
        return outer.kind, None
    name, spec = specs[outer.kind]
    if spec is None and not reading.is_faulty("spec.generator"):
        reading.wrong(f"spec.generator.{name}", f"is required for the kind {outer.kind}")
    if spec is not None:
        rules.check_generator(spec, reading, f"spec.generator.{name}")
    return outer.kind, spec


def _generator(given: object, kind: str, reading: Reading) -> GeneratorSpec | None:
    table = GENERATOR_SPECS.get(kind)
    if table is None:
        rules.check_generator_kind(kind, reading, "kind")
        return None
    spec = reading.table(given, table, "spec")
    rules.check_generator(spec, reading, "spec")
    return spec
