"""The read side of the controller over manifests: its stores, identities and calls."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from typing import NoReturn

from provider.aws.finding import ParameterFinder, SecretFinder
from provider.aws.stores.for_controller import controller_stores
from provider.controller.identity.service_account_tokens import TokenApi, Tokens
from provider.controller.identity.store_identity import Identities, OwnIdentity
from provider.controller.identity.stores import Stores
from provider.controller.resources.external_secret import ExternalSecretSpec
from provider.controller.scheduling.cpu_work import CpuWork
from provider.controller.values.entries import Fetched
from provider.controller.values.fetch import Fetcher
from provider.controller.values.find import Finder
from provider.controller.values.generators import Generators
from provider.controller.values.secret_reads import FetchRequest
from provider.controller.watch.named_reads import Api, NamedReads
from provider.engine.freshness import Freshness
from provider.engine.wiring import Engine, Settings, open_engine
from provider.runtime.transport import Transport
from provider.tools.resources.lookup import Lookup


class NoTokens:
    """There is no cluster that issues tokens. Stores of tools do not ask for any."""

    async def create_token(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("tools have no tokens of service accounts")


@dataclass(frozen=True, slots=True)
class Kubernetes:
    """What stores read in a cluster, and who the controller itself is."""

    objects: Api
    tokens: TokenApi
    own: OwnIdentity


@dataclass(frozen=True, slots=True)
class Controller:
    """The read side of a controller."""

    fetcher: Fetcher
    identities: Identities
    cpu_work: CpuWork
    engine: Engine

    async def fetch(self, spec: ExternalSecretSpec, namespace: str, seconds: float) -> Fetched:
        """Keys and values, read now; raises ProviderError."""
        now = monotonic()
        asked = FetchRequest(namespace, Freshness.asked_since(now), now + seconds)
        return await self.fetcher.fetch(spec, asked)


@asynccontextmanager
async def open_controller(
    files: Lookup, kubernetes: Kubernetes, settings: Settings, transport: Transport | None = None
) -> AsyncIterator[Controller]:
    """The read side over the resources of `files`; `ValueError` as `open_engine`.

    With `transport`, AWS is asked through it instead of the network.
    """
    cpu_work = CpuWork()
    opened = open_engine(settings, transport=transport, stores=controller_stores)
    try:
        async with opened as engine:
            yield _controller(files, kubernetes, engine, cpu_work)
    finally:
        cpu_work.close()


def _controller(
    files: Lookup, kubernetes: Kubernetes, engine: Engine, cpu_work: CpuWork
) -> Controller:
    identities = Identities(
        reads=NamedReads(kubernetes.objects, lambda _named, _version: True),  # nothing changes
        tokens=Tokens(kubernetes.tokens),
        sts=engine.sts,
        credentials=engine.credentials,
        own=kubernetes.own,
    )
    finder = Finder(
        SecretFinder(engine.client, engine.calls),
        ParameterFinder(engine.client, engine.calls),
        engine.reader,
        cpu_work,
    )
    generators = Generators(
        files.generator,
        identities=identities,
        calls=engine.calls,
        client=engine.client,
        cpu_work=cpu_work,
    )
    fetcher = Fetcher(
        stores=Stores(files.store, files.namespace_labels, flood_gate=False),
        identities=identities,
        reader=engine.reader,
        finder=finder,
        generators=generators,
        cpu_work=cpu_work,
    )
    return Controller(fetcher, identities, cpu_work, engine)
