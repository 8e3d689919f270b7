"""A pod as the chart of AWS's own provider renders it runs this daemon, the image swapped."""

from itertools import product
from pathlib import Path

import pytest

from tests.deploy import reference
from tests.deploy.conftest import REGION, Start
from tests.serve_options import parse

THROTTLING: tuple[tuple[str, str], ...] = (("", ""), ("5", "10"), ("20", ""))
CASES = [
    reference.Values(
        driver_writes_secrets=writes,
        qps=qps,
        burst=burst,
        eks_addon_version=addon,
        pod_identity_http_timeout=agent,
        aws_region=region,
        use_fips_endpoint=fips,
    )
    for writes, (qps, burst), addon, agent, region, fips in product(
        (False, True),
        THROTTLING,
        ("", "v3.1.1-eksbuild.1"),
        ("", "100ms"),
        ("", REGION),
        (False, True),
    )
]


def test_its_arguments_and_environment_are_understood() -> None:
    for values in CASES:
        config = parse(reference.container(values)["args"], reference.environment(values))
        assert config.socket_path == Path("/var/run/secrets-store-csi-providers/aws.sock")
        assert (config.region or "") == values.aws_region
        # Also where it would have written itself: every supported driver takes the files.
        assert config.driver_writes_secrets


def test_the_drain_fits_into_the_time_that_its_pod_has_to_stop() -> None:
    # The chart sets no terminationGracePeriodSeconds, which makes it 30.
    [volume, *_] = reference.container(reference.Values())["args"]
    assert parse([volume], {}).drain_timeout < 30


@pytest.mark.parametrize(
    "values",
    [
        reference.Values(),
        reference.Values(
            driver_writes_secrets=True,
            qps="20",
            burst="40",
            eks_addon_version="v3.1.1-eksbuild.1",
            pod_identity_http_timeout="1s",
            aws_region=REGION,
        ),
    ],
    ids=["by default", "with every value"],
)
def test_it_mounts_within_the_pod_s_memory(start: Start, values: reference.Values) -> None:
    pod = start(reference.container(values), forked=False)
    for use_pod_identity in ("false", "true"):
        assert pod.files(usePodIdentity=use_pod_identity) == {"db": b"value"}
    assert pod.most_memory() < 100


def test_it_starts_where_only_validated_cryptography_is_allowed(start: Start) -> None:
    values = reference.Values(use_fips_endpoint=True, aws_region=REGION)
    pod = start(reference.container(values))
    assert pod.driver.version().runtime_name == "secrets-provider-aws"
