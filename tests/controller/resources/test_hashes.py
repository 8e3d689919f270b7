"""Hashes and names that External Secrets Operator writes too."""

import pytest

from provider.controller.resources.hashes import (
    data_hash,
    field_manager,
    owner_label,
    synced_resource_version,
)

DATA_HASHES = [
    (
        {"foo": b"value1", "bar": b"value2"},
        "1bed8bcbcb4547ffe19a19cd47d9078e84aa6598266d86b99f992d64",
    ),
    ({"targetProperty": b"someValue"}, "03a707af0159f9cbff01ece86d3f85a3d7c3a11b512f5e7fc90bd042"),
    ({}, "74a974446e359fb3e6baff9bd0058950e6edd0f040888d9989b0a11b"),
]


@pytest.mark.parametrize(("data", "expected"), DATA_HASHES)
def test_the_hash_of_data_is_that_of_the_operator(data: dict[str, bytes], expected: str) -> None:
    assert data_hash(data) == expected


def test_the_owner_label_is_that_of_the_operator() -> None:
    expected = "6411b94dc4e1c7428889094d13bab11348b090f645b30e5eafcaea12"
    assert owner_label("default", "sample-secretsmanager-secret") == expected


def test_a_long_field_manager_is_a_hash() -> None:
    prefix = "externalsecrets.external-secrets.io/"
    assert field_manager("x" * 27) == prefix + "x" * 27
    assert len(field_manager("x" * 27)) == 63
    assert field_manager("x" * 28).startswith(f"{prefix}sha3/")
    assert len(field_manager("x" * 28)) == len(prefix) + len("sha3/") + 56


def test_the_synced_version_is_gos_print_of_annotations_and_labels() -> None:
    """The hashes were made by Go 1.24, of `%+v` of a struct with both maps."""
    annotations = {"b": "2", "a": "x y", "é": "1", "Z": ""}
    some = "aaf243f35fa7385da7695a972700b745404bd4b0e3b316b0c0aa2620"
    none = "f47fe3c0b255b6dd8047cdffa772587bb829efe7a1cb70febeda2eb2"
    assert synced_resource_version(3, annotations, {}) == f"3-{some}"
    assert synced_resource_version(1, {}, {}) == f"1-{none}"
    assert synced_resource_version(1, {}, annotations) != f"1-{some}"
