"""The table of endpoints against botocore's rules, and the variables that override it."""

from itertools import product

import pytest
from botocore.endpoint_provider import EndpointProvider
from botocore.loaders import Loader

from provider.aws.endpoints import Endpoints, Service
from provider.aws.regions import is_region, region_fault
from provider.errors import InvalidRequest

SERVICES: tuple[Service, ...] = ("secretsmanager", "ssm", "sts", "ecr", "ecr-public")
NEW = {"eu-newland-7", "cn-new-9", "us-gov-new-1", "us-isof-new-1"}


@pytest.fixture(scope="module")
def botocore() -> Loader:
    """The data of botocore."""
    return Loader()


@pytest.mark.parametrize("service", SERVICES)
def test_asks_where_botocore_asks(botocore: Loader, service: Service) -> None:
    partitions = botocore.load_data("partitions")
    known = {name for one in partitions["partitions"] for name in one["regions"]}
    known = {region for region in known if not region.endswith("-global")}
    assert len(known) > 40
    rules = botocore.load_service_model(service, "endpoint-rule-set-1")
    provider = EndpointProvider(rules, partitions)
    for fips, dual in product((False, True), repeat=2):
        environment = {
            "AWS_USE_FIPS_ENDPOINT": str(fips).lower(),
            "AWS_USE_DUALSTACK_ENDPOINT": str(dual),
        }
        endpoints = Endpoints(environment)
        for region in known | NEW:
            theirs = provider.resolve_endpoint(Region=region, UseFIPS=fips, UseDualStack=dual)
            ours = endpoints.resolve(service, region)
            assert ours.url == f"{theirs.url}/"
            assert (ours.signing_name, ours.signing_region) == (service, region)


def test_what_is_signed_is_what_botocore_signs(botocore: Loader) -> None:
    for service in SERVICES:
        metadata = botocore.load_service_model(service, "service-2")["metadata"]
        assert metadata.get("signingName", metadata["endpointPrefix"]) == service


ALL = "http://127.0.0.1:5000"
OWN = "https://own.example:8443/x"


@pytest.mark.parametrize(
    ("environment", "service", "url"),
    [
        pytest.param({"AWS_ENDPOINT_URL": ALL}, "ssm", f"{ALL}/", id="for-all"),
        pytest.param(
            {"AWS_ENDPOINT_URL": ALL, "AWS_ENDPOINT_URL_SSM": OWN}, "ssm", f"{OWN}/", id="own-wins"
        ),
        pytest.param(
            {"AWS_ENDPOINT_URL_SECRETS_MANAGER": OWN}, "secretsmanager", f"{OWN}/", id="secrets"
        ),
        pytest.param(
            {"AWS_ENDPOINT_URL_STS": OWN}, "ssm", "https://ssm.eu-west-1.amazonaws.com/", id="other"
        ),
        pytest.param(
            {"AWS_ENDPOINT_URL": ALL, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
            "sts",
            "https://sts.eu-west-1.amazonaws.com/",
            id="ignored",
        ),
        pytest.param({"AWS_SSM_ENDPOINT": OWN}, "ssm", f"{OWN}/", id="external-secrets"),
        pytest.param({"AWS_ECR_ENDPOINT": OWN}, "ecr", f"{OWN}/", id="external-secrets-ecr"),
        pytest.param(
            {"AWS_ECR_PUBLIC_ENDPOINT": OWN}, "ecr-public", f"{OWN}/", id="external-secrets-public"
        ),
        pytest.param(
            {"AWS_ENDPOINT_URL": ALL, "AWS_STS_ENDPOINT": OWN}, "sts", f"{ALL}/", id="sdk-wins"
        ),
        pytest.param(
            {"AWS_ENDPOINT_URL": ALL + "/{region}"}, "sts", f"{ALL}/eu-west-1/", id="region-in-path"
        ),
        pytest.param(
            {"AWS_ENDPOINT_URL": "http://{region}.localhost:1"},
            "sts",
            "http://eu-west-1.localhost:1/",
            id="region-in-host",
        ),
    ],
)
def test_custom_endpoints(environment: dict[str, str], service: Service, url: str) -> None:
    endpoint = Endpoints(environment).resolve(service, "eu-west-1")
    assert endpoint.url == url
    assert (endpoint.signing_name, endpoint.signing_region) == (service, "eu-west-1")


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"AWS_ENDPOINT_URL": "localhost:5000"}, "AWS_ENDPOINT_URL: not an http"),
        ({"AWS_ENDPOINT_URL_STS": "ftp://x"}, "AWS_ENDPOINT_URL_STS: not an http"),
        ({"AWS_ENDPOINT_URL": "http://x:99999"}, "AWS_ENDPOINT_URL: "),
        ({"AWS_ENDPOINT_URL": "http://x/?a=b"}, "neither query"),
        ({"AWS_ENDPOINT_URL": "http://u:p@x/"}, "nor user"),
        ({"AWS_ENDPOINT_URL": "http://x/a/../b"}, "plain letters"),
        ({"AWS_ENDPOINT_URL": ALL, "AWS_USE_FIPS_ENDPOINT": "true"}, "cannot be combined with"),
        (
            {"AWS_SECRETSMANAGER_ENDPOINT": ALL, "AWS_USE_DUALSTACK_ENDPOINT": "true"},
            "AWS_SECRETSMANAGER_ENDPOINT cannot be combined with AWS_USE_DUALSTACK_ENDPOINT",
        ),
        ({"AWS_USE_FIPS_ENDPOINT": "yes"}, "AWS_USE_FIPS_ENDPOINT: must be true or false"),
        ({"AWS_USE_DUALSTACK_ENDPOINT": "1"}, "AWS_USE_DUALSTACK_ENDPOINT: must be true or"),
    ],
)
def test_an_invalid_environment_stops_the_start(environment: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Endpoints(environment)


BAD_REGIONS = [
    "",
    "-",
    "eu-west-1-",
    "-a",
    "eu--west",
    "eu-west-1.evil.example/",
    "EU-WEST-1",
    "eu_west_1",
    "eu-west-1\n",
    "é",
    "a" * 64,
]


@pytest.mark.parametrize("region", BAD_REGIONS)
def test_only_the_name_of_a_region_gets_into_a_host_name(region: str) -> None:
    assert not is_region(region)
    assert "is not an AWS region" in str(region_fault(region))
    for environment in ({}, {"AWS_ENDPOINT_URL": "http://{region}.localhost"}):
        with pytest.raises(InvalidRequest, match="is not an AWS region"):
            Endpoints(environment).resolve("ssm", region)


@pytest.mark.parametrize("region", ["eu-west-1", "a", "a" * 63, "eu-newland-7"])
def test_names_of_regions(region: str) -> None:
    assert is_region(region)
    assert region_fault(region) is None
