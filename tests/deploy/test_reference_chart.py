"""A container as the chart of AWS's own provider renders it starts this daemon, image swapped.

What that chart can put there: `--provider-volume` always, each other argument where its value is
set, `AWS_REGION` and `AWS_USE_FIPS_ENDPOINT` where set, no `NODE_NAME`, no probes.
"""

from itertools import product
from pathlib import Path

import pytest

from provider.cli import parse

VOLUME = "--provider-volume=/var/run/secrets-store-csi-providers"
WRITES: tuple[list[str], ...] = ([], ["--driver-writes-secrets=true"])
THROTTLING: tuple[list[str], ...] = ([], ["--qps=5", "--burst=10"], ["--qps=0"])
ADDON: tuple[list[str], ...] = ([], ["--eks-addon-version=v3.1.1-eksbuild.1"])
AGENT: tuple[list[str], ...] = ([], ["--pod-identity-http-timeout=100ms"])
ARGUMENTS = [
    [VOLUME, *writes, *throttling, *addon, *agent]
    for writes, throttling, addon, agent in product(WRITES, THROTTLING, ADDON, AGENT)
]
ENVIRONMENTS = [{}, {"AWS_REGION": "eu-west-1"}, {"AWS_USE_FIPS_ENDPOINT": "true"}]


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda one: next(iter(one), "no env"))
@pytest.mark.parametrize("arguments", ARGUMENTS, ids=lambda one: " ".join(one[1:]) or "default")
def test_its_arguments_and_environment_start_the_daemon(
    arguments: list[str], environment: dict[str, str]
) -> None:
    config = parse(arguments, environment)
    assert config.socket_path == Path("/var/run/secrets-store-csi-providers/aws.sock")
    assert config.region == environment.get("AWS_REGION")
    assert config.driver_writes_secrets


def test_the_drain_fits_into_the_time_that_its_pod_has_to_stop() -> None:
    # The chart sets no terminationGracePeriodSeconds, which makes it 30.
    assert parse([VOLUME], {}).drain_timeout < 30
