"""Makes an engine from its settings: the one place that does, for every front door and tool."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from provider.aws import network, retries
from provider.aws.client import AwsClient
from provider.aws.credentials.pod_identity import Agent
from provider.aws.endpoints import Endpoints
from provider.aws.protocols import user_agent
from provider.aws.stores import stores as plain_stores
from provider.aws.sts import Sts
from provider.engine.calls import Calls
from provider.engine.credentials import CredentialCache
from provider.engine.failover import Reader
from provider.engine.limits import CallLimits
from provider.engine.model import StoreName
from provider.engine.ports import Store
from provider.engine.value_cache import ValueCache
from provider.engine.values import Values
from provider.runtime.http import HttpClient
from provider.runtime.transport import Transport


class Observer(Protocol):
    """What counts, such as `runtime.metrics.Metrics`."""

    def aws_request(
        self, service: str, operation: str, region: str, outcome: str, seconds: float
    ) -> None: ...

    def cache_event(self, cache: str, event: str) -> None: ...


class _Uncounted:
    def aws_request(self, *_about: object) -> None: ...

    def cache_event(self, *_about: object) -> None: ...


@dataclass(frozen=True, slots=True)
class Settings:
    """`max_calls` is the number of calls in flight for each region, `environment` holds the
    standard AWS variables."""

    environment: Mapping[str, str] = field(repr=False)
    max_calls: int = 64
    cache_max_bytes: int = 16 * 2**20
    pod_identity_ipv4_endpoint: str = "http://169.254.170.23/v1/credentials"
    pod_identity_ipv6_endpoint: str = "http://[fd00:ec2::23]/v1/credentials"
    pod_identity_timeout: float | None = None
    eks_addon_version: str = ""


@dataclass(frozen=True, slots=True)
class Engine:
    reader: Reader
    credentials: CredentialCache
    calls: Calls
    value_cache: ValueCache
    client: AwsClient
    sts: Sts
    agent: Agent
    http: HttpClient


@asynccontextmanager
async def open_engine(
    settings: Settings,
    observer: Observer | None = None,
    *,
    transport: Transport | None = None,
    stores: Callable[[AwsClient], Mapping[StoreName, Store]] = plain_stores,
) -> AsyncIterator[Engine]:
    """An engine, closed at the end of the block; raises ValueError if a variable is invalid.

    Without `observer` nothing is counted. With `transport`, AWS and the agent are asked through it
    instead of the network.
    """
    environment, observer = settings.environment, observer or _Uncounted()
    # Where one host serves all regions, a region that hangs leaves connections to the others.
    http = HttpClient(connections_per_host=2 * settings.max_calls)
    client = AwsClient(
        Endpoints(environment),
        transport or network.Network(environment, http).send,
        observer.aws_request,
        max_attempts=retries.max_attempts(environment),
        user_agent=user_agent(settings.eks_addon_version),
    )
    credentials = CredentialCache(
        most=2 * settings.max_calls, observe=partial(observer.cache_event, "credentials")
    )
    calls = Calls(credentials, CallLimits(settings.max_calls))
    cache = ValueCache(settings.cache_max_bytes)
    values = Values(stores(client), cache, calls, partial(observer.cache_event, "values"))
    agent = Agent(
        transport or http.send,
        settings.pod_identity_ipv4_endpoint,
        settings.pod_identity_ipv6_endpoint,
        timeout=settings.pod_identity_timeout,
    )
    http.open()
    try:
        reader = Reader(values, credentials)
        yield Engine(reader, credentials, calls, cache, client, Sts(client), agent, http)
    finally:
        await credentials.close()
        await http.close()


def watch_engine(watch: Callable[[str, str, Callable[[], float]], None], engine: Engine) -> None:
    """Show the engine's caches as gauges; `watch` makes a gauge of name, text and function."""
    watch("credentials_cached", "Identities with credentials.", lambda: len(engine.credentials))
    watch(
        "credentials_failing",
        "Identities whose last request for credentials failed, in the last quarter of an hour.",
        engine.credentials.failing,
    )
    watch("values_cached_bytes", "Memory of cached values.", lambda: engine.value_cache.bytes)
