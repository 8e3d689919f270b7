"""deploy/chart/with-driver: the provider's chart and the driver's, with what each needs."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy import manifests, policy

CHARTS = manifests.DEPLOY / "chart"


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    """The chart as `helm dependency build` leaves it, with a stub for the driver's."""
    chart = tmp_path / "with-driver"
    shutil.copytree(CHARTS / "with-driver", chart)
    (chart / "charts").mkdir()
    (chart / "charts" / "secrets-provider-aws").symlink_to(CHARTS / "secrets-provider-aws")
    shutil.copytree(manifests.DATA / "driver-stub", chart / "charts" / "secrets-store-csi-driver")
    return chart


def given(found: tuple[manifests.Document, ...]) -> Any:
    """The values that the driver's chart was given."""
    return json.loads(manifests.only(found, "ConfigMap")["data"]["values"])


def test_the_driver_is_asked_for_tokens_and_rotation_as_in_the_example(chart: Path) -> None:
    example = yaml.safe_load((manifests.EXAMPLES / "driver-values.yaml").read_text())
    values = given(manifests.templated(chart, {}))
    for name in ("tokenRequests", "enableSecretRotation", "rotationPollInterval"):
        assert values[name] == example[name]


def test_the_driver_gets_rights_on_secrets_only_where_asked_for(chart: Path) -> None:
    off, on = {"enabled": False}, {"enabled": True}
    files = [manifests.EXAMPLES / f"driver-values{end}.yaml" for end in ("", "-secrets")]
    values, for_secrets = (yaml.safe_load(path.read_text()) for path in files)
    # The driver's own default is off, too.
    assert values.get("syncSecret", off) == off
    assert for_secrets == {"syncSecret": on}
    assert given(manifests.templated(chart, {}))["syncSecret"] == off


def test_the_driver_may_be_left_out(chart: Path) -> None:
    found = manifests.templated(chart, {"secrets-store-csi-driver": {"install": False}})
    assert list(manifests.of_kind(found, "ConfigMap")) == []
    assert policy.violations(found) == []


def test_values_reach_the_provider(chart: Path) -> None:
    values = {"secrets-provider-aws": {"awsRegion": "eu-west-1"}, "global": {"owner": "us"}}
    [pod] = manifests.pods(manifests.templated(chart, values))
    assert {"name": "AWS_REGION", "value": "eu-west-1"} in policy.provider(pod)["env"]


def test_wrong_values_are_refused_here_too(chart: Path) -> None:
    with pytest.raises(manifests.HelmRefused, match="awsregion"):
        manifests.templated(chart, {"secrets-provider-aws": {"awsregion": "eu-west-1"}})


def test_it_depends_on_this_tree_s_chart_and_on_any_driver_that_is_supported() -> None:
    about = yaml.safe_load((CHARTS / "with-driver" / "Chart.yaml").read_text())
    ours, driver = about["dependencies"]
    assert (ours["version"], ours["repository"]) == (
        about["version"],
        "file://../secrets-provider-aws",
    )
    assert (driver["version"], driver["condition"]) == ("^1.5", "secrets-store-csi-driver.install")
