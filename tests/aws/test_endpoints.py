from contextlib import suppress

import pytest
from botocore.exceptions import ClientError, EndpointProviderError
from botocore.parsers import ResponseParserError

from provider.aws.endpoints import Endpoints, Service
from provider.errors import InvalidRequest
from tests.aws.oracle import Botocore

SERVICES: tuple[Service, ...] = ("secretsmanager", "ssm", "sts")
REGIONS = (
    "eu-west-1",
    "us-east-1",
    "cn-north-1",
    "us-gov-west-1",
    "us-iso-east-1",
    "eusc-de-east-1",
    "eu-newland-7",
    "nowhere",
)


CALLS: dict[Service, tuple[str, dict[str, object]]] = {
    "secretsmanager": ("get_secret_value", {"SecretId": "a"}),
    "ssm": ("get_parameters", {"Names": ["a"]}),
    "sts": ("get_caller_identity", {}),
}


def asked_by_botocore(service: Service, region: str, *, fips: bool, dual: bool) -> str | None:
    """The URL that botocore asks, None where it finds none."""
    oracle = Botocore(service, region, use_fips_endpoint=fips, use_dualstack_endpoint=dual)
    oracle.answers = [(400, b"")]
    operation, arguments = CALLS[service]
    with suppress(ClientError, EndpointProviderError, ResponseParserError):
        getattr(oracle.client, operation)(**arguments)
    return oracle.sent[0].url if oracle.sent else None


@pytest.mark.parametrize(
    ("fips", "dual"), [(False, False), (False, True), (True, False), (True, True)]
)
@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("service", SERVICES)
def test_asks_where_botocore_asks(service: Service, region: str, fips: bool, dual: bool) -> None:
    environment = {
        "AWS_USE_FIPS_ENDPOINT": str(fips).lower(),
        "AWS_USE_DUALSTACK_ENDPOINT": str(dual),
    }
    expected = asked_by_botocore(service, region, fips=fips, dual=dual)
    try:
        endpoint = Endpoints(environment).resolve(service, region)
    except InvalidRequest:
        assert expected is None
        return
    assert f"{endpoint.origin}{endpoint.path}" == expected
    assert (endpoint.signing_name, endpoint.signing_region) == (service, region)


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
    assert f"{endpoint.origin}{endpoint.path}" == url
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
        ({"AWS_ENDPOINT_URL": ALL, "AWS_USE_FIPS_ENDPOINT": "true"}, "exclude each other"),
    ],
)
def test_a_senseless_environment_stops_the_start(environment: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Endpoints(environment)


@pytest.mark.parametrize("region", ["", "eu-west-1.evil.example/", "EU-WEST-1", "-a", "a" * 64])
def test_only_the_name_of_a_region_gets_into_a_host_name(region: str) -> None:
    with pytest.raises(InvalidRequest):
        Endpoints({}).resolve("ssm", region)
