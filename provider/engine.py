"""The engine of its parts: what mounts, whoever asks it."""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial

from provider.ask import Asker
from provider.aws import retries
from provider.aws.client import AwsClient
from provider.aws.endpoints import Endpoints
from provider.aws.pod_identity import Agent
from provider.aws.stores import stores
from provider.aws.sts import Sts
from provider.aws.transport import Transport
from provider.config import Config
from provider.credential_cache import CredentialCache
from provider.credentials import Credentials
from provider.fetch import Fetcher
from provider.identify import Identifier
from provider.kube.client import KubernetesApi, api_url
from provider.kube.lookups import Lookups
from provider.lanes import Lanes
from provider.memory import Memory
from provider.metrics import Metrics
from provider.mount import Mounter

STS_WIDTH = 8
"""Threads per region for calls to STS of classes with a failover region."""


def build(config: Config, metrics: Metrics, environment: Mapping[str, str] = os.environ) -> Mounter:
    """The engine that `config` describes; `ValueError` where the environment makes no sense."""
    transport = Transport.from_environment(environment, config.aws_max_in_flight)
    attempts = retries.max_attempts(environment)
    client = AwsClient(Endpoints(environment), transport, metrics.aws_request, attempts)
    memory = Memory(config.cache_max_bytes)
    credentials = CredentialCache(observe=partial(metrics.cache_event, "credentials"))
    lookups = _lookups(config, metrics, environment)
    asker = Asker(
        stores(client),
        memory=memory,
        lanes=Lanes(_lane_width(config)),
        credentials=credentials,
        observe=partial(metrics.cache_event, "values"),
    )
    metrics.watch("credentials_cached", "Identities with credentials.", lambda: len(credentials))
    metrics.watch(
        "credentials_failing",
        "Identities whose last request for credentials failed, in the last quarter of an hour.",
        credentials.failing,
    )
    metrics.watch("values_cached_bytes", "Memory of delivered values.", lambda: memory.size()[1])
    return Mounter(
        identifier=_identifier(config, client, lookups, credentials),
        fetcher=Fetcher(asker),
        node_region=lookups.node_region,
        interval=config.rotation_poll_interval,
        max_bytes=config.max_response_bytes,
    )


def _lane_width(config: Config) -> int:
    """Half of all calls: a region that hangs leaves some to the other, with those sent ahead."""
    return max(1, config.aws_max_in_flight // 2)


def kubernetes_api(config: Config, environment: Mapping[str, str] = os.environ) -> KubernetesApi:
    """The cluster's API, as the daemon's own service account."""
    return KubernetesApi(
        config.kube_api_url or api_url(environment),
        ca_file=config.kube_ca_file,
        token_file=config.kube_token_file,
    )


def _lookups(config: Config, metrics: Metrics, environment: Mapping[str, str]) -> Lookups:
    api = kubernetes_api(config, environment)
    observe = partial(metrics.cache_event, "roles")
    return Lookups(api, node_name=config.node_name or "", observe=observe)


def _identifier(
    config: Config, client: AwsClient, lookups: Lookups, credentials: CredentialCache
) -> Identifier:
    # Lanes of their own: those of the stores' calls may all wait for new credentials.
    lanes = Lanes(STS_WIDTH)

    def start(region: str, call: Callable[[], Credentials]) -> Future[Credentials]:
        return lanes.submit(region, call)

    agent = Agent(
        config.pod_identity_ipv4_endpoint,
        config.pod_identity_ipv6_endpoint,
        timeout=config.pod_identity_http_timeout,
    )
    return Identifier(
        roles=lookups, sts=Sts(client), start=start, agent=agent, credentials=credentials
    )
