"""Objects as the API server returns them: values, defaults, problems with their paths."""

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.controller.resources.external_secret import ExternalSecretSpec
from provider.controller.resources.generators import PasswordSpec
from provider.controller.resources.objects import (
    read_cluster_external_secret,
    read_external_secret,
    read_generator,
    read_store,
)
from provider.controller.resources.reading import Reading
from provider.controller.resources.selectors import LabelSelector, Requirement
from provider.controller.resources.table import columns
from scripts.crd_kinds import KINDS
from scripts.crds import definition
from tests.controller.resources.specs import GENERATORS, REF, Spec, es, store


def test_what_is_left_out_has_the_defaults_of_the_operator() -> None:
    read = read_external_secret({"metadata": {"name": "x", "namespace": "n"}, "spec": es()})
    assert (read.problems, read.warnings) == ((), ())
    spec = read.spec
    assert spec is not None
    assert spec.refresh_interval == 3600.0
    assert spec.refresh_policy == "Periodic"
    assert (spec.secret_store_ref.kind, spec.target.name) == ("SecretStore", "")
    assert (spec.target.creation_policy, spec.target.deletion_policy) == ("Owner", "Retain")
    ref = spec.data[0].remote_ref
    assert (ref.metadata_policy, ref.conversion_strategy) == ("None", "Default")
    assert (ref.decoding_strategy, ref.null_byte_policy) == ("None", "Ignore")


def _defaults(schema: Any) -> Iterator[tuple[dict[str, Any], Any]]:
    """Each object of a schema that has properties, with the object of their defaults."""
    if isinstance(schema, list):
        for item in schema:
            yield from _defaults(item)
    elif isinstance(schema, dict):
        for value in schema.values():
            yield from _defaults(value)
        properties = schema.get("properties")
        if isinstance(properties, dict):
            stored = {
                name: one["default"]
                for name, one in properties.items()
                if isinstance(one, dict) and "default" in one
            }
            if stored:
                yield properties, stored


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_defaults_that_are_stored_mean_what_leaving_them_out_means(kind: Any) -> None:
    tables = list(_tables(kind.table))
    for version in definition(kind)["spec"]["versions"]:
        root = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
        for properties, stored in _defaults(root):
            names = set(properties)
            table = next(one for one in tables if names <= {c.name for c in columns(one)})
            required = {c.name for c in columns(table) if c.required}
            filler = {name: json.loads('"x"') for name in required}
            given_defaults = Reading().table({**filler, **stored}, table, "")
            assert given_defaults == Reading().table(filler, table, "")


def _tables(table: Any) -> Iterator[Any]:
    """A table and all below it."""
    yield table
    for column in columns(table):
        inner = getattr(column.type, "__args__", (column.type,))[0]
        if dataclasses.is_dataclass(inner):
            yield from _tables(inner)


@pytest.mark.parametrize(
    ("given_interval", "seconds"), [(300, 300.0), ("300", 300.0), ("5m", 300.0), (None, 0.0)]
)
def test_a_stores_interval_is_seconds_or_a_duration(given_interval: Any, seconds: float) -> None:
    read = read_store({"spec": {**store(), "refreshInterval": given_interval}}, "SecretStore")
    assert read.spec is not None
    assert read.spec.refresh_interval == seconds


def test_the_class_of_a_broken_store_is_known() -> None:
    read = read_store({"spec": {"controller": "other", "provider": 1}}, "SecretStore")
    assert (read.spec, read.controller) == (None, "other")


def test_a_cluster_generator_holds_the_spec_of_its_kind() -> None:
    document: Spec = {"spec": {"kind": "Password", "generator": {"passwordSpec": {"length": 9}}}}
    read = read_generator(document, "ClusterGenerator")
    assert (read.kind, read.spec, read.problems) == ("Password", PasswordSpec(length=9), ())
    document["spec"]["kind"] = "UUID"
    [problem] = read_generator(document, "ClusterGenerator").problems
    assert str(problem) == "spec.generator.uuidSpec: is required for the kind UUID"
    document["spec"]["kind"] = "Webhook"
    [problem] = read_generator(document, "ClusterGenerator").problems
    assert 'the generator "Webhook" is not supported' in problem.message


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"length": 0}, "spec.length"),
        ({"length": 10**6}, "spec.length"),
        ({"length": 5, "digits": -1}, "spec.digits"),
        ({"length": 5, "digits": 3, "symbols": 3}, "spec"),
        ({"encoding": "rot13"}, "spec.encoding"),
    ],
)
def test_a_password_that_cannot_be_made_is_refused(spec: Spec, path: str) -> None:
    [problem] = read_generator({"spec": spec}, "Password").problems
    assert problem.path == path


def test_a_cluster_external_secret_is_checked_as_its_external_secrets_are() -> None:
    spec = {
        "externalSecretSpec": es(data=[]),
        "namespaceSelector": {"matchExpressions": [{"key": "a", "operator": "In"}]},
        "refreshTime": "1d",
    }
    read = read_cluster_external_secret({"spec": spec})
    assert [one.path for one in read.problems] == [
        "spec.refreshTime",
        "spec.externalSecretSpec",
        "spec.namespaceSelector.matchExpressions[0].values",
    ]


@pytest.mark.parametrize(
    "selector",
    [
        {"matchLabels": {"bad key": "x"}},
        {"matchLabels": {"Example.com/team": "x"}},
        {"matchLabels": {"a" * 64: "x"}},
        {"matchLabels": {"team": "not a value"}},
        {"matchExpressions": [{"key": "-a", "operator": "DoesNotExist"}]},
        {"matchExpressions": [{"key": "a/b/c", "operator": "NotIn", "values": ["x"]}]},
        {"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["x" * 64]}]},
    ],
)
def test_a_selector_that_kubernetes_refuses_selects_nothing(selector: Spec) -> None:
    """Not everything, as NotIn with such a key would."""
    spec = {"externalSecretSpec": es(), "namespaceSelectors": [selector]}
    read = read_cluster_external_secret({"spec": spec})
    assert read.spec is None
    [problem] = read.problems
    assert problem.path.startswith("spec.namespaceSelectors[0].match")


@pytest.mark.parametrize(
    "selector",
    [
        {"matchLabels": {"kubernetes.io/metadata.name": "x", "a": "", "A_b.c-9": "Z"}},
        {"matchExpressions": [{"key": f"{'x' * 63}", "operator": "In", "values": ["", "a.b"]}]},
    ],
)
def test_a_selector_of_labels_that_there_may_be_is_taken(selector: Spec) -> None:
    spec = {"externalSecretSpec": es(), "namespaceSelector": selector}
    assert read_cluster_external_secret({"spec": spec}).problems == ()


SELECTED = [
    (LabelSelector(), True),
    (LabelSelector(match_labels={"team": "a"}), True),
    (LabelSelector(match_labels={"team": "b"}), False),
    (LabelSelector(match_expressions=(Requirement(key="x", operator="DoesNotExist"),)), True),
    (LabelSelector(match_expressions=(Requirement(key="team", operator="Exists"),)), True),
    (
        LabelSelector(match_expressions=(Requirement(key="team", operator="In", values=("a",)),)),
        True,
    ),
    (
        LabelSelector(match_expressions=(Requirement(key="x", operator="NotIn", values=("a",)),)),
        True,
    ),
    (
        LabelSelector(
            match_expressions=(Requirement(key="team", operator="NotIn", values=("a",)),)
        ),
        False,
    ),
]


@pytest.mark.parametrize(("selector", "expected"), SELECTED)
def test_selectors_match_labels(selector: LabelSelector, expected: bool) -> None:
    assert selector.matches({"team": "a"}) is expected


def test_an_invalid_schedule_is_a_warning() -> None:
    windows = {"kind": "deny", "windows": [{"schedule": "nightly", "duration": "2h"}]}
    read = read_external_secret({"spec": es(syncWindows=windows)})
    assert read.problems == ()
    assert [one.path for one in read.warnings] == ["spec.syncWindows.windows[0].schedule"]


def test_what_has_no_effect_is_a_warning() -> None:
    """Conditions of a namespaced store, a generator in data, an empty source of templates."""
    generator = {"generatorRef": {"kind": "UUID", "name": "u"}}
    spec = es(
        data=[{"secretKey": "a", "remoteRef": {"key": "b"}, "sourceRef": generator}],
        target={"template": {"templateFrom": [{}]}},
    )
    read = read_external_secret({"spec": spec})
    paths = ["spec.target.template.templateFrom[0]", "spec.data[0].sourceRef.generatorRef"]
    assert [one.path for one in read.warnings] == paths
    conditions = {"conditions": [{"namespaces": ["a"]}]}
    document = {"metadata": {"namespace": "n"}, "spec": {**store(), **conditions}}
    assert [one.path for one in read_store(document, "SecretStore").warnings] == ["spec.conditions"]
    assert read_store(document, "ClusterSecretStore").warnings == ()


@pytest.mark.parametrize("kind", ["ECRAuthorizationToken", "STSSessionToken"])
def test_a_generator_needs_a_region(kind: str) -> None:
    [problem] = read_generator({"spec": {"region": "no region"}}, kind).problems
    assert problem.path == "spec.region"


def test_metadata_of_a_deletion() -> None:
    given = {"finalizers": ["a"], "deletionTimestamp": "2026-01-01T00:00:00Z", "generation": 3}
    read = read_external_secret({"metadata": given}).metadata
    assert (read.finalizers, read.is_deleting, read.generation) == (("a",), True, 3)
    assert not read_external_secret({}).metadata.is_deleting


def test_limits_of_texts_and_numbers() -> None:
    long = read_external_secret({"spec": es(target={"name": "x" * 254})})
    assert [one.path for one in long.problems] == ["spec.target.name"]
    document = {"spec": {"length": 2**63}}
    assert str(read_generator(document, "Password").problems[0]) == "spec.length: is too large"


def test_many_mistakes_are_cut_off() -> None:
    assert len(read_external_secret({"spec": es(data=[1] * 1000)}).problems) == 100


def test_an_object_has_no_more_entries_than_a_sync_may_go_through() -> None:
    entries = [{"secretKey": f"k{number}", "remoteRef": REF["remoteRef"]} for number in range(1000)]
    assert not read_external_secret({"spec": es(data=entries)}).problems
    more = es(data=entries, dataFrom=[{"extract": {"key": "a"}}])
    [problem] = read_external_secret({"spec": more}).problems
    assert str(problem) == "spec: data and dataFrom have more than 1000 entries"


def test_huge_objects_are_not_read_to_their_end() -> None:
    [problem] = read_external_secret({"spec": es(data=[REF] * 30_000)}).problems
    assert str(problem) == "spec.data: there are more than 10000 entries"
    rewrites = [{"regexp": {"source": f"x{index}", "target": ""}} for index in range(1000)]
    entry = {"extract": {"key": "a"}, "rewrite": rewrites}
    [problem] = read_external_secret({"spec": es(dataFrom=[entry])}).problems
    path = "spec.dataFrom[0].rewrite[50].regexp.source"
    assert str(problem) == f"{path}: there are more than 50 regular expressions"


def test_the_classes_of_unicode_of_all_regular_expressions_count_together() -> None:
    found = [{"find": {"name": {"regexp": rf"{index}\pL\PL"}}} for index in range(21)]
    assert not read_external_secret({"spec": es(dataFrom=found[:20])}).problems
    [problem] = read_external_secret({"spec": es(dataFrom=found)}).problems
    assert problem.path == "spec.dataFrom[20].find.name.regexp"
    assert "more than 40 classes of Unicode (\\p)" in str(problem)


def test_values_are_frozen() -> None:
    spec = read_external_secret({"spec": es(target={"template": {"data": {"a": "b"}}})}).spec
    assert isinstance(spec, ExternalSecretSpec)
    assert spec.target.template is not None
    with pytest.raises(TypeError):
        spec.target.template.data["a"] = "c"  # type: ignore[index]  # it must fail


def _keys(table: Any) -> set[str]:
    return {column.name for one in _tables(table) for column in columns(one)}


NAMES = sorted(set().union(*(_keys(kind.table) for kind in KINDS)))
WORDS = ["Owner", "Delete", "Merge", "JSON", "1h", "[", "", "\ud800", "a\n", "UUID", "In"]
HOSTILE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(WORDS) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from([*NAMES, "spec", "vault", "\ud800\n"]), inner, max_size=8)
    ),
    max_leaves=40,
)


@given(HOSTILE, HOSTILE, HOSTILE)
def test_nothing_is_raised_whatever_an_object_holds(
    metadata: object, spec: object, status: object
) -> None:
    document = {"metadata": metadata, "spec": spec, "status": status}
    found: list[Any] = [
        read_external_secret(document),
        read_cluster_external_secret(document),
        read_store(document, "SecretStore"),
        read_store(document, "ClusterSecretStore"),
        *(read_generator(document, kind) for kind in (*GENERATORS, "Fake")),
    ]
    for one in found:
        assert (one.spec is None) is bool(one.problems)
        for problem in one.problems:
            assert "\n" not in problem.path
