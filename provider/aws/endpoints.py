"""Which URL serves a service in a region: botocore's own rules, and the standard variables.

`AWS_USE_FIPS_ENDPOINT`, `AWS_USE_DUALSTACK_ENDPOINT`, `AWS_ENDPOINT_URL`,
`AWS_ENDPOINT_URL_<SERVICE>` and `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS` mean what they mean to the
SDKs. One thing is added: `{region}` in an endpoint URL stands for the region that is asked, since
one daemon asks several. STS is always asked at its regional endpoint.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal
from urllib.parse import urlsplit

from provider.aws import rules
from provider.errors import InvalidRequest
from provider.http.origin import Origin, parse_origin

Service = Literal["secretsmanager", "ssm", "sts"]

REGION = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_PATH = re.compile(r"(/[A-Za-z0-9_~-]+)*/?")
_VARIABLES: Mapping[Service, str] = {
    "secretsmanager": "AWS_ENDPOINT_URL_SECRETS_MANAGER",
    "ssm": "AWS_ENDPOINT_URL_SSM",
    "sts": "AWS_ENDPOINT_URL_STS",
}
_MOST = 64
"""Endpoints to remember. A node uses a handful, but a class may name any region."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to send a request and what to sign it for."""

    origin: Origin
    path: str
    """As sent and as signed: of characters that need no quoting."""
    signing_name: str
    signing_region: str


class Endpoints:
    """Thread-safe; one for the process. `ValueError` where the environment makes no sense."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._fips = _is_true(environment.get("AWS_USE_FIPS_ENDPOINT"))
        self._dual_stack = _is_true(environment.get("AWS_USE_DUALSTACK_ENDPOINT"))
        self._custom = _custom_urls(environment)
        for variable, _ in self._custom.values():
            if self._fips or self._dual_stack:
                other = "AWS_USE_FIPS_ENDPOINT" if self._fips else "AWS_USE_DUALSTACK_ENDPOINT"
                raise ValueError(f"{variable} and {other} exclude each other")
        self._cached = lru_cache(_MOST)(self._resolve)

    def resolve(self, service: Service, region: str) -> Endpoint:
        """The endpoint of `service` in `region`; `InvalidRequest` where there can be none."""
        return self._cached(service, region)

    def _resolve(self, service: Service, region: str) -> Endpoint:
        if not REGION.fullmatch(region):
            raise InvalidRequest(f"{region[:80]!r} is not the name of a region")
        if service in self._custom:
            _, url = self._custom[service]
            return _endpoint(url.replace("{region}", region), service, region)
        scope = {"Region": region, "UseFIPS": self._fips, "UseDualStack": self._dual_stack}
        try:
            url, scheme = rules.resolve(service, scope)
        except InvalidRequest as error:
            raise InvalidRequest(f"no {service} endpoint in region {region}: {error}") from error
        name, signing_region = scheme.get("signingName"), scheme.get("signingRegion")
        return _endpoint(url, name or service, signing_region or region)


def _is_true(value: str | None) -> bool:
    return (value or "").lower() == "true"


def _custom_urls(environment: Mapping[str, str]) -> dict[Service, tuple[str, str]]:
    """Variable and URL of each service that has one."""
    if _is_true(environment.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")):
        return {}
    urls: dict[Service, tuple[str, str]] = {}
    for service, own in _VARIABLES.items():
        for variable in (own, "AWS_ENDPOINT_URL"):
            if url := environment.get(variable):
                urls[service] = variable, url
                _check(variable, url, service)
                break
    return urls


def _check(variable: str, url: str, service: Service) -> None:
    try:
        _endpoint(url.replace("{region}", "region"), service, "region")
    except ValueError as error:
        raise ValueError(f"{variable}: {error}") from None


def _endpoint(url: str, signing_name: str, signing_region: str) -> Endpoint:
    origin = parse_origin(url)
    parts = urlsplit(url)
    if parts.query or parts.fragment or parts.username is not None:
        raise ValueError("an endpoint URL has neither query nor fragment nor user")
    if not _PATH.fullmatch(parts.path):
        raise ValueError("the path of an endpoint URL is made of plain letters, digits and -_~")
    return Endpoint(origin, parts.path.rstrip("/") + "/", signing_name, signing_region)
