"""Which URL serves a service in a region: a table, and the standard variables of the SDKs.

`AWS_USE_FIPS_ENDPOINT`, `AWS_USE_DUALSTACK_ENDPOINT`, `AWS_ENDPOINT_URL`,
`AWS_ENDPOINT_URL_<SERVICE>` and `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS` mean what they mean to the
SDKs. Two things are added: `{region}` in an endpoint URL stands for the region that is asked, and
the names that External Secrets uses (`AWS_SECRETSMANAGER_ENDPOINT`, …) are read if the SDK's own
are not set. STS is always asked at its regional endpoint.

The tests compare the table with the endpoint rules of botocore.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from provider.aws.regions import partition, region_fault
from provider.errors import InvalidRequest

Service = Literal["secretsmanager", "ssm", "sts", "ecr", "ecr-public"]

DEFAULT_PORTS: Mapping[str, int] = {"http": 80, "https": 443}
_PATH = re.compile(r"(/[A-Za-z0-9_~-]+)*/?")
_VARIABLES: Mapping[Service, tuple[str, str]] = {
    "secretsmanager": ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_SECRETSMANAGER_ENDPOINT"),
    "ssm": ("AWS_ENDPOINT_URL_SSM", "AWS_SSM_ENDPOINT"),
    "sts": ("AWS_ENDPOINT_URL_STS", "AWS_STS_ENDPOINT"),
    "ecr": ("AWS_ENDPOINT_URL_ECR", "AWS_ECR_ENDPOINT"),
    "ecr-public": ("AWS_ENDPOINT_URL_ECR_PUBLIC", "AWS_ECR_PUBLIC_ENDPOINT"),
}
"""Variables with the URL of a service: that of the SDKs, and that of External Secrets Operator,
which is read if none of the SDKs' is set."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to send a request and what to sign it for."""

    scheme: str
    host: str
    """The `Host` header: the port only where it is not the scheme's own."""
    path: str
    """As sent and as signed: of characters that need no quoting."""
    signing_name: str
    signing_region: str

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}{self.path}"


class Endpoints:
    """The endpoints of an environment; raises ValueError, in one line, for an invalid variable."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._fips = _flag(environment, "AWS_USE_FIPS_ENDPOINT")
        self._dual_stack = _flag(environment, "AWS_USE_DUALSTACK_ENDPOINT")
        self._custom = _custom_urls(environment)
        if self._custom and (self._fips or self._dual_stack):
            variable, _ = next(iter(self._custom.values()))
            other = "AWS_USE_FIPS_ENDPOINT" if self._fips else "AWS_USE_DUALSTACK_ENDPOINT"
            raise ValueError(f"{variable} cannot be combined with {other}: unset one of them")

    def resolve(self, service: Service, region: str) -> Endpoint:
        """The endpoint of `service` in `region`; raises `InvalidRequest` for no region."""
        if fault := region_fault(region):
            raise InvalidRequest(f"{fault}.")
        if service in self._custom:
            _, url = self._custom[service]
            return _endpoint(url.replace("{region}", region), service, region)
        return _aws_endpoint(service, region, fips=self._fips, dual_stack=self._dual_stack)


@lru_cache(64)  # some 15 µs of each call; a process uses a handful of endpoints
def _aws_endpoint(service: Service, region: str, *, fips: bool, dual_stack: bool) -> Endpoint:
    """The endpoint that AWS itself runs."""
    home = partition(region)
    name = f"{service}-fips" if fips else service
    domain = home.dual_stack_domain if dual_stack else home.domain
    if service == "secretsmanager" and dual_stack and _is_dual_stack_anyway(home.name, fips=fips):
        domain = home.domain
    if service in ("ssm", "sts") and home.name == "aws-us-gov" and not dual_stack:
        name = service  # all of its endpoints are FIPS endpoints
    if service == "ecr" and not dual_stack:
        name = f"api.{name}"
    if service == "ecr-public" and (fips or not dual_stack or home.name != "aws"):
        name = f"api.{name}"
    return Endpoint("https", f"{name}.{region}.{domain}", "/", service, region)


def _is_dual_stack_anyway(partition_name: str, *, fips: bool) -> bool:
    """Whether Secrets Manager serves IPv6 under its usual name."""
    return partition_name in ("aws", "aws-us-gov") or (partition_name == "aws-cn" and not fips)


def _flag(environment: Mapping[str, str], variable: str) -> bool:
    """Raises ValueError for other text: a typo must not make a node leave its FIPS endpoints."""
    value = environment.get(variable, "").strip().lower()
    if value not in ("", "true", "false"):
        raise ValueError(f"{variable}: must be true or false")
    return value == "true"


def _custom_urls(environment: Mapping[str, str]) -> dict[Service, tuple[str, str]]:
    """Variable and URL of each service that has one."""
    if _flag(environment, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"):
        return {}
    urls: dict[Service, tuple[str, str]] = {}
    for service, (own, alias) in _VARIABLES.items():
        variable = next(filter(environment.get, (own, "AWS_ENDPOINT_URL", alias)), None)
        if variable is None:
            continue
        urls[service] = variable, environment[variable]
        try:
            _endpoint(environment[variable].replace("{region}", "region"), service, "region")
        except ValueError as error:
            raise ValueError(f"{variable}: {error}") from None
    return urls


@lru_cache(64)
def _endpoint(url: str, signing_name: str, signing_region: str) -> Endpoint:
    parts, host = split_url(url)
    if parts.query or parts.fragment or parts.username is not None:
        raise ValueError("an endpoint URL has neither query nor fragment nor user")
    if not _PATH.fullmatch(parts.path):
        raise ValueError("the path of an endpoint URL is made of plain letters, digits and -_~")
    return Endpoint(parts.scheme, host, parts.path.rstrip("/") + "/", signing_name, signing_region)


def split_url(url: str) -> tuple[SplitResult, str]:
    """The parts of an http(s) URL, and its host with the port where it is not the scheme's own.

    Raises ValueError, which never quotes the URL, for anything else.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:  # its text quotes what it refuses, which may be a part of a password
        raise ValueError("not a URL with a valid host and port") from None
    if not host or parts.scheme not in DEFAULT_PORTS:
        raise ValueError("not an http:// or https:// URL with a host")
    host = f"[{host}]" if ":" in host else host
    return parts, host if port in (None, DEFAULT_PORTS[parts.scheme]) else f"{host}:{port}"
