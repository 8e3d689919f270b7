"""What objects refer to, and who may use a store."""

from typing import Any

import pytest

from provider.controller.resources.objects import (
    read_cluster_external_secret,
    read_external_secret,
    read_store,
)
from provider.controller.resources.references import (
    credential_namespace,
    generators_of,
    may_use,
    namespace_filter,
    needs_namespace,
    stores_of,
    templates_of,
)
from provider.controller.resources.store_ref import StoreRef
from tests.controller.resources.specs import REF, Spec, es, store

OTHER = {"storeRef": {"name": "other", "kind": "ClusterSecretStore"}}


def read_es(spec: Spec) -> Any:
    return read_external_secret({"spec": spec}).spec


def test_stores_are_those_of_the_values_and_only_those() -> None:
    generator = {"sourceRef": {"generatorRef": {"kind": "UUID", "name": "u"}}}
    extract = {"extract": {"key": "x"}, "sourceRef": OTHER}
    own, other = StoreRef(name="store"), StoreRef(name="other", kind="ClusterSecretStore")
    assert stores_of(read_es(es())) == (own,)
    assert stores_of(read_es(es(dataFrom=[extract, extract, {"find": {}}]))) == (own, other)
    assert stores_of(read_es(es(data=[{**REF, "sourceRef": OTHER}]))) == (other,)
    spec = read_es({"dataFrom": [generator, generator]})
    assert stores_of(spec) == ()
    assert [one.name for one in generators_of(spec)] == ["u"]


def test_templates_are_named_once() -> None:
    items = [{"key": "k"}]
    sources = [
        {"configMap": {"name": "a", "items": items}, "secret": {"name": "a", "items": items}},
        {"configMap": {"name": "a", "items": items}},
        {"literal": "x: y"},
    ]
    spec = read_es(es(target={"template": {"templateFrom": sources}}))
    assert templates_of(spec) == (("ConfigMap", "a"), ("Secret", "a"))
    assert templates_of(read_es(es())) == ()


def test_a_store_of_a_namespace_never_reads_credentials_of_another() -> None:
    assert credential_namespace("SecretStore", "victim", "own") == "own"
    assert credential_namespace("ClusterSecretStore", "shared", "own") == "shared"
    assert credential_namespace("ClusterSecretStore", "", "own") == "own"


ACCESS_KEY = {"name": "aws", "key": "k", "namespace": "shared"}
AUTH: list[tuple[Spec, bool]] = [
    ({}, False),
    ({"jwt": {"serviceAccountRef": {"name": "a"}}}, True),
    ({"jwt": {"serviceAccountRef": {"name": "a", "namespace": "shared"}}}, False),
    (
        {
            "secretRef": {
                "accessKeyIDSecretRef": ACCESS_KEY,
                "secretAccessKeySecretRef": ACCESS_KEY,
            }
        },
        False,
    ),
    (
        {
            "secretRef": {
                "accessKeyIDSecretRef": ACCESS_KEY,
                "secretAccessKeySecretRef": {"name": "aws", "key": "k"},
            }
        },
        True,
    ),
]


@pytest.mark.parametrize(("auth", "expected"), AUTH)
def test_credentials_may_depend_on_the_namespace(auth: Spec, expected: bool) -> None:
    spec = read_store({"spec": store(auth=auth)}, "ClusterSecretStore").spec
    assert spec is not None
    assert spec.provider.aws is not None
    assert needs_namespace(spec.provider.aws.auth) is expected


CONDITIONS: list[tuple[list[Spec], bool]] = [
    ([], True),
    ([{}], False),
    ([{"namespaces": ["team-b"]}], False),
    ([{"namespaces": ["team-b"]}, {"namespaces": ["team-a"]}], True),
    ([{"namespaceRegexes": ["^b", "am-a"]}], True),
    ([{"namespaceRegexes": ["^am-a"]}], False),
    ([{"namespaceSelector": {"matchLabels": {"tier": "gold"}}}], True),
    ([{"namespaceSelector": {"matchLabels": {"tier": "tin"}}}], False),
    ([{"namespaceSelector": {"matchLabels": {"tier": "tin"}}, "namespaces": ["team-a"]}], True),
    ([{"namespaceSelector": {}}], True),
]


@pytest.mark.parametrize(("conditions", "expected"), CONDITIONS)
def test_conditions_say_who_may_use_a_cluster_store(conditions: list[Spec], expected: bool) -> None:
    document = {"spec": {**store(), "conditions": conditions}}
    spec = read_store(document, "ClusterSecretStore").spec
    assert spec is not None
    assert may_use(spec, "team-a", {"tier": "gold"}) is expected


SELECTORS: list[tuple[Spec, bool]] = [
    ({}, False),
    ({"namespaces": ["team-a"]}, True),
    ({"namespaces": ["team-b"]}, False),
    ({"namespaceSelector": {}}, True),
    ({"namespaceSelector": {"matchLabels": {"tier": "tin"}}}, False),
    (
        {
            "namespaceSelector": {"matchLabels": {"tier": "tin"}},
            "namespaceSelectors": [{"matchLabels": {"tier": "gold"}}],
        },
        True,
    ),
]


@pytest.mark.parametrize(("given", "expected"), SELECTORS)
def test_a_cluster_external_secret_selects_namespaces(given: Spec, expected: bool) -> None:
    spec = read_cluster_external_secret({"spec": {"externalSecretSpec": es(), **given}}).spec
    assert spec is not None
    labels = {"kubernetes.io/metadata.name": "team-a", "tier": "gold"}
    assert namespace_filter(spec)(labels) is expected
