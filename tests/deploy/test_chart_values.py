"""deploy/chart: every value is in the schema, and a wrong one is refused."""

import copy
from typing import Any

import jsonschema
import pytest

from tests.deploy import manifests
from tests.deploy.chart import CHART, LEAVES, MATRIX, SCHEMA, VALUES, at


def test_the_defaults_are_valid() -> None:
    jsonschema.validate(VALUES, SCHEMA)


def test_the_schema_knows_every_value_and_no_other() -> None:
    assert set(SCHEMA["properties"]) - {"global"} == set(VALUES)
    assert not SCHEMA["additionalProperties"]
    for name, about in SCHEMA["properties"].items():
        if "properties" in about:
            assert set(about["properties"]) == set(VALUES[name]), name


@pytest.mark.parametrize("path", LEAVES, ids=".".join)
def test_a_wrong_type_is_refused(path: tuple[str, ...]) -> None:
    values = copy.deepcopy(VALUES)
    *folders, name = path
    inner = values
    for step in folders:
        inner = inner[step]
    inner[name] = "text" if isinstance(inner[name], dict) else {"a": {"map": [1]}}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(values, SCHEMA)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"awsregion": "eu-west-1"}, "awsregion"),
        ({"image": {"tags": "1"}}, "tags"),
        ({"awsRegion": "eu west"}, "awsRegion"),
        ({"rotationPollInterval": "2 minutes"}, "rotationPollInterval"),
        ({"driverWritesSecrets": "false"}, "driverWritesSecrets"),
        ({"port": 70000}, "port"),
        ({"hostNetwork": "yes"}, "hostNetwork"),
        ({"image": {"digest": "latest"}}, "digest"),
        ({"terminationGracePeriodSeconds": 5}, "terminationGracePeriodSeconds"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_helm_refuses_what_the_schema_does(values: dict[str, Any], said: str) -> None:
    with pytest.raises(manifests.HelmRefused, match=said):
        manifests.templated(CHART, values)


def test_nobody_who_expects_the_driver_is_left_without() -> None:
    with pytest.raises(manifests.HelmRefused, match="with-driver"):
        manifests.templated(CHART, {"secrets-store-csi-driver": {"install": True}})


def test_rotated_events_need_events() -> None:
    with pytest.raises(manifests.HelmRefused, match="rotatedEvents: has no effect without events"):
        manifests.templated(CHART, {"rotatedEvents": True})


def test_every_value_is_in_the_matrix() -> None:
    untried = [
        path for path in LEAVES if all(at(path, values) is None for values in MATRIX.values())
    ]
    assert untried == []
