"""deploy/chart: every value is in the schema, and a wrong one is refused."""

import copy
from typing import Any

import jsonschema
import pytest

from tests.deploy import manifests
from tests.deploy.chart import CHART, LEAVES, MATRIX, RULES, SCHEMA, VALUES, at

ON = {"enabled": True}
RULE = {"name": "shop", "namespaces": ["shop"]}


VALID = jsonschema.Draft7Validator(SCHEMA)


def test_the_defaults_are_valid() -> None:
    assert VALID.is_valid(VALUES)


def test_the_schema_knows_every_value_and_no_other() -> None:
    assert set(SCHEMA["properties"]) - {"global"} == set(VALUES)
    assert not SCHEMA["additionalProperties"]
    for name, about in SCHEMA["properties"].items():
        if "properties" in about:
            assert set(about["properties"]) == set(VALUES[name]), name
    rules = SCHEMA["properties"]["alerts"]["properties"]["rules"]["properties"]
    assert {name: set(about["properties"]) for name, about in rules.items()} == {
        name: set(rule) for name, rule in RULES.items()
    }


def test_a_wrong_type_is_refused() -> None:
    accepted = [path for path in LEAVES if VALID.is_valid(with_wrong_type(path))]
    assert accepted == []


OF_AWS = "public.ecr.aws/aws-secrets-manager/secrets-store-csi-driver-provider-aws"
"""What the values of AWS's chart name."""


def with_wrong_type(path: tuple[str, ...]) -> dict[str, Any]:
    """The defaults, but for one value."""
    values = copy.deepcopy(VALUES)
    *folders, name = path
    inner = values
    for step in folders:
        inner = inner[step]
    inner[name] = "text" if isinstance(inner[name], dict) else {"a": {"map": [1]}}
    return values


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"awsregion": "eu-west-1"}, "awsregion"),
        ({"image": {"tags": "1"}}, "tags"),
        ({"awsRegion": "eu-west-1-"}, "awsRegion"),
        ({"rotationPollInterval": "2 minutes"}, "rotationPollInterval"),
        ({"driverWritesSecrets": "false"}, "driverWritesSecrets"),
        ({"port": 70000}, "port"),
        ({"hostNetwork": "yes"}, "hostNetwork"),
        ({"image": {"digest": "latest"}}, "digest"),
        ({"terminationGracePeriodSeconds": 5}, "terminationGracePeriodSeconds"),
        ({"dnsPolicy": "ClusterFirstWithHostnet"}, "dnsPolicy"),
        ({"alerts": {"rules": {"SecretsProviderFault": {"threshold": 3}}}}, "threshold"),
        ({"policy": {"allowedRegions": ["eu_west_1"]}}, "allowedRegions"),
        ({"podMonitor": {"scrapeTimeout": "ten seconds"}}, "scrapeTimeout"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_helm_refuses_what_the_schema_does(values: dict[str, Any], said: str) -> None:
    with pytest.raises(manifests.HelmRefused, match=said):
        manifests.templated(CHART, values)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"secrets-store-csi-driver": {"install": True}}, "install the chart with-driver"),
        ({"image": {"repository": "registry.example:5000/spa:1.0"}}, "ends with a tag"),
        ({"image": {"repository": f"spa@sha256:{'ab' * 32}"}}, "ends with a tag or a digest"),
        ({"image": {"repository": OF_AWS}}, "is the image of AWS's own provider"),
        ({"rotatedEvents": True}, "Set events to true as well"),
        ({"policy": {"configMap": "x", "rules": [RULE]}}, "policy: rules and configMap"),
        ({"podMonitor": ON, "serviceMonitor": ON}, "podMonitor and serviceMonitor are both"),
        ({"dnsPolicy": "None"}, "dnsConfig.nameservers"),
        ({"networkPolicy": ON, "hostNetwork": True}, "has no effect with hostNetwork"),
        ({"networkPolicy": ON, "proxy": {"https": "http://p:3128"}}, "networkPolicy.extraEgress"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_values_that_contradict_each_other_are_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(manifests.HelmRefused, match=said):
        manifests.templated(CHART, values)


@pytest.mark.parametrize("name", ["port", "livenessProbe", "rbac"])
def test_what_the_daemon_cannot_do_without_is_not_taken_away(name: str) -> None:
    with pytest.raises(manifests.HelmRefused, match=f"missing property '{name}'"):
        manifests.templated(CHART, {name: None})


def test_every_value_is_in_the_matrix() -> None:
    untried = [
        path for path in LEAVES if all(at(path, values) is None for values in MATRIX.values())
    ]
    assert untried == []
