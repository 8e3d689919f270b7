"""The kinds of External Secrets resources, as manifests name them."""

from collections.abc import Mapping
from dataclasses import dataclass

from provider.controller.kinds import GENERATOR_GROUP, GROUP
from provider.controller.resources.cluster_external_secret import ClusterExternalSecretSpec
from provider.controller.resources.external_secret import ExternalSecretSpec
from provider.controller.resources.generators import GENERATOR_SPECS, ClusterGeneratorSpec
from provider.controller.resources.store import StoreSpec
from provider.manifests.keys import closest
from provider.manifests.kubernetes import Manifest
from provider.manifests.problems import Problem, quote

STORES = ("SecretStore", "ClusterSecretStore")
EXTERNAL_SECRETS = ("ExternalSecret", "ClusterExternalSecret")
NOT_SUPPORTED = ("PushSecret", "ClusterPushSecret")
"""Kinds of External Secrets Operator that this controller does not have."""
CLUSTER_WIDE = frozenset({"ClusterSecretStore", "ClusterExternalSecret", "ClusterGenerator"})
_OTHERS = (*NOT_SUPPORTED, "GeneratorState")


@dataclass(frozen=True, slots=True)
class ResourceKind:
    """A kind: its group, its versions (the first is the current one), the table of its spec."""

    group: str
    versions: tuple[str, ...]
    table: type


_BOTH = ("v1", "v1beta1")
KINDS: Mapping[str, ResourceKind] = {
    "ExternalSecret": ResourceKind(GROUP, _BOTH, ExternalSecretSpec),
    "SecretStore": ResourceKind(GROUP, _BOTH, StoreSpec),
    "ClusterSecretStore": ResourceKind(GROUP, _BOTH, StoreSpec),
    "ClusterExternalSecret": ResourceKind(GROUP, _BOTH, ClusterExternalSecretSpec),
    **{
        name: ResourceKind(GENERATOR_GROUP, ("v1alpha1",), table)
        for name, table in GENERATOR_SPECS.items()
    },
    "ClusterGenerator": ResourceKind(GENERATOR_GROUP, ("v1alpha1",), ClusterGeneratorSpec),
}


def is_resource(manifest: Manifest) -> bool:
    """Whether a manifest is an External Secrets resource of a kind that is checked."""
    kind = KINDS.get(manifest.kind)
    return kind is not None and group_of(manifest) == kind.group


def group_of(manifest: Manifest) -> str:
    """The group of the apiVersion; empty for the core group."""
    return manifest.api_version.rpartition("/")[0]


def version_of(manifest: Manifest) -> str:
    """The version of the apiVersion, without the group."""
    return manifest.api_version.rpartition("/")[2]


def version_problem(manifest: Manifest) -> Problem | None:
    """Why a resource of one of our kinds is not served: its version; None if it is served."""
    kind = KINDS[manifest.kind]
    if version_of(manifest) in kind.versions:
        return None
    wanted, got = f"{kind.group}/{kind.versions[0]}", quote(manifest.api_version)
    return Problem("apiVersion", f"must be {wanted}, got {got}: this version is not served")


def is_meant(manifest: Manifest) -> bool:
    """Whether a manifest is of these groups, or has one of our kinds and nearly their group."""
    groups, group = (GROUP, GENERATOR_GROUP), group_of(manifest)
    if group in groups or manifest.kind == "ExternalSecret":
        return True
    return manifest.kind in KINDS and closest(group, groups) is not None


def known_kinds(group: str) -> list[str]:
    """All kinds of a group that mean something to users of External Secrets."""
    others = _OTHERS if group == GROUP else ()
    return [*(name for name, kind in KINDS.items() if kind.group == group), *others]
