"""What objects refer to: stores, generators, templates, credentials; and who may use a store."""

from collections.abc import Callable, Iterator, Mapping
from typing import Literal

from provider.controller.resources.cluster_external_secret import ClusterExternalSecretSpec
from provider.controller.resources.external_secret import ExternalSecretSpec
from provider.controller.resources.objects import Store
from provider.controller.resources.regexps import contains_match
from provider.controller.resources.store import Auth, NamespaceCondition, StoreSpec
from provider.controller.resources.store_ref import GeneratorRef, StoreKind, StoreRef

NAMESPACE_LABEL = "kubernetes.io/metadata.name"
"""The label with which Kubernetes names each namespace."""


def stores_of(spec: ExternalSecretSpec) -> tuple[StoreRef, ...]:
    """The stores that values are read through, each once, in the order of the spec."""
    own = [one.store_ref for one in spec.data]
    own += [one.store_ref for one in spec.data_from if one.extract or one.find]
    return tuple(dict.fromkeys(ref or spec.secret_store_ref for ref in own))


def generators_of(spec: ExternalSecretSpec) -> tuple[GeneratorRef, ...]:
    refs = (one.generator_ref for one in spec.data_from)
    return tuple(dict.fromkeys(filter(None, refs)))


def templates_of(
    spec: ExternalSecretSpec,
) -> tuple[tuple[Literal["ConfigMap", "Secret"], str], ...]:
    """Kind and name of the ConfigMaps and Secrets that hold templates, each once."""
    found: dict[tuple[Literal["ConfigMap", "Secret"], str], None] = {}
    for one in spec.target.template.template_from if spec.target.template else ():
        if one.config_map:
            found["ConfigMap", one.config_map.name] = None
        if one.secret:
            found["Secret", one.secret.name] = None
    return tuple(found)


def credential_namespace(kind: StoreKind, named: str, namespace: str) -> str:
    """The namespace of a store's Secret or ServiceAccount, for an ExternalSecret in `namespace`.

    A SecretStore's is always that of the ExternalSecret, whatever it names.
    """
    return (named or namespace) if kind == "ClusterSecretStore" else namespace


def credentials_of(store: Store) -> Iterator[tuple[str, str, str]]:
    """Kind, namespace and name of the objects that a store takes its credentials from."""
    if store.aws is None:
        return
    auth, own = store.aws.auth, store.metadata.namespace
    if ref := auth.service_account:
        yield "ServiceAccount", credential_namespace(store.kind, ref.namespace, own), ref.name
    elif auth.secret_ref is not None:
        for key in auth.secret_ref.keys:
            yield "Secret", credential_namespace(store.kind, key.namespace, own), key.name


def needs_namespace(auth: Auth) -> bool:
    """Whether credentials of a ClusterSecretStore depend on the ExternalSecret's namespace.

    Such a store cannot be checked on its own.
    """
    if auth.jwt:
        return auth.service_account is not None and not auth.service_account.namespace
    return auth.secret_ref is not None and not all(one.namespace for one in auth.secret_ref.keys)


def may_use(spec: StoreSpec, namespace: str, labels: Mapping[str, str]) -> bool:
    """Whether a namespace with these labels may use a ClusterSecretStore."""
    return not spec.conditions or any(_admits(one, namespace, labels) for one in spec.conditions)


def _admits(condition: NamespaceCondition, namespace: str, labels: Mapping[str, str]) -> bool:
    selector = condition.namespace_selector
    if selector is not None and selector.matches(labels):
        return True
    if namespace in condition.namespaces:
        return True
    return any(contains_match(one, namespace) for one in condition.namespace_regexes)


def namespace_filter(spec: ClusterExternalSecretSpec) -> Callable[[Mapping[str, str]], bool]:
    """Says of the labels of a namespace whether a ClusterExternalSecret selects it."""
    named = frozenset(spec.namespaces)
    selectors = [*spec.namespace_selectors]
    if spec.namespace_selector is not None:
        selectors.append(spec.namespace_selector)

    def selects(labels: Mapping[str, str]) -> bool:
        return labels.get(NAMESPACE_LABEL) in named or any(one.matches(labels) for one in selectors)

    return selects
