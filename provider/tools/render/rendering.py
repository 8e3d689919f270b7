"""Makes the Secret of an ExternalSecret by the controller's own code, over files."""

import asyncio
import os
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from time import monotonic

from provider.aws.credentials.ambient import Ambient
from provider.aws.credentials.static import Static
from provider.aws.regions import partition_of
from provider.controller.events import Events
from provider.controller.kinds import EXTERNAL_SECRETS
from provider.controller.reconcile.sync import Job, Outcome, Syncer
from provider.controller.resources.external_secret import ExternalSecretSpec
from provider.controller.resources.generators import EcrAuthorizationTokenSpec, StsSessionTokenSpec
from provider.controller.resources.object_meta import Metadata
from provider.controller.resources.objects import Generator, Store
from provider.controller.resources.store import Auth, Provider
from provider.controller.target.plan import Wanted, plan, target_name
from provider.controller.target.target_secrets import Written
from provider.controller.target.templates import Templates
from provider.controller.watch.object_cache import ObjectKey
from provider.controller.watch.secret_state import SecretState
from provider.engine.freshness import Freshness
from provider.engine.model import Credentials, Identity
from provider.engine.ports import Principal
from provider.engine.wiring import Settings
from provider.errors import InvalidRequest, ObjectNotFound, OutOfTime, RegionUnknown
from provider.kube.events import Event
from provider.kube.kinds import SECRETS, Document
from provider.tools.arguments import DEFAULT_DELIMITERS, Delimiters
from provider.tools.mount.local import Say, caller_arn
from provider.tools.render.command import Options
from provider.tools.render.samples import Samples
from provider.tools.resources.lookup import Lookup
from provider.tools.resources.reading import Controller, Kubernetes, NoTokens, open_controller
from provider.tools.sample_aws import SampleAws

_MAX_CALLS = 16
_SAMPLE = "sample data"
SAMPLE_REGION = "us-east-1"
"""Of stores that are not in the files; nothing is asked there."""


@dataclass(frozen=True, slots=True)
class RenderRequest:
    """The ExternalSecret to render."""

    metadata: Metadata
    spec: ExternalSecretSpec
    delimiters: Delimiters = DEFAULT_DELIMITERS


@dataclass(slots=True)
class Rendered:
    """How the sync would end. `document` is the Secret; None if none is written."""

    outcome: Outcome | None = None
    document: Document | None = field(default=None, repr=False)
    events: list[str] = field(default_factory=list)


async def render_samples(samples: Samples, request: RenderRequest, files: Lookup) -> Rendered:
    """The Secret with values of sample data; raises `SyncFailed` and ProviderError."""
    sample = SampleAws(samples)
    keys = Static(Credentials("sample", "sample", None))

    def own(region: str) -> Principal:
        return Principal(Identity("ambient", _SAMPLE, partition_of(region), role=_SAMPLE), keys)

    kubernetes = Kubernetes(files, NoTokens(), own)
    plain = replace(files, change=_without_roles, change_generator=_plain_generator)
    async with open_controller(plain, kubernetes, Settings({}), sample.send) as controller:
        return await _sync(controller, request, files)


async def render_local(
    options: Options, request: RenderRequest, files: Lookup, say: Say
) -> Rendered:
    """The same with values of AWS, read as the caller; `say` gets who that is."""
    settings = Settings(os.environ, max_calls=_MAX_CALLS)
    ambient = Ambient(options.profile)
    arns: dict[str, str] = {}

    def own(region: str) -> Principal:
        source = replace(ambient, asked_in=region)
        arn = arns.get("own", "")
        return Principal(Identity("ambient", "the caller", partition_of(region), role=arn), source)

    change = _without_roles if options.without_roles else _as_the_controller
    plain = replace(files, change=change, change_generator=_plain_generator)
    try:
        async with AsyncExitStack() as stack, asyncio.timeout(options.timeout):
            region = await _region(options)
            opened = open_controller(plain, Kubernetes(files, NoTokens(), own), settings)
            controller = await stack.enter_async_context(opened)
            if region:
                asked = replace(ambient, asked_in=region)
                arns["own"] = await caller_arn(controller.engine, asked, region, say)
            return await _sync(controller, request, files)
    except ValueError as error:
        raise InvalidRequest(f"environment: {error}") from error
    except TimeoutError:
        raise OutOfTime(f"not finished within {options.timeout:g} s (see --timeout)") from None


async def default_region(options: Options) -> str:
    """The region of stores that the files do not have; raises ProviderError if there is none."""
    if not (found := await _region(options)):
        raise RegionUnknown("no region: neither AWS_REGION nor the profile names one. Add --region")
    return found


async def _region(options: Options) -> str | None:
    return options.region or os.environ.get("AWS_REGION") or await Ambient(options.profile).region()


async def _sync(controller: Controller, request: RenderRequest, files: Lookup) -> Rendered:
    rendered = Rendered()

    def record(event: Event) -> None:
        rendered.events.append(f"{event.reason}: {event.message}")

    syncer = Syncer(
        fetcher=controller.fetcher,
        templates=Templates(files, controller.cpu_work, delimiters=request.delimiters),
        secrets=_Captured(files, rendered),
        events=Events(EXTERNAL_SECRETS, record),
    )
    job = Job(request.metadata, request.spec, Freshness.asked_since(monotonic()))
    rendered.outcome = await syncer.sync(job)
    return rendered


@dataclass(frozen=True, slots=True)
class _Captured:
    """The Secrets of the cluster: those of the files. What is written is kept; see `Targets`."""

    files: Lookup
    rendered: Rendered

    def state(self, key: ObjectKey) -> SecretState | None:  # noqa: ARG002 (none is managed)
        """No Secret is the controller's yet."""
        return None

    def orphans(self, metadata: Metadata, spec: ExternalSecretSpec) -> list[SecretState]:  # noqa: ARG002
        return []

    async def delete(self, namespace: str, state: SecretState) -> bool:  # noqa: ARG002
        return False

    async def write(self, metadata: Metadata, spec: ExternalSecretSpec, wanted: Wanted) -> Written:
        """Keep the Secret; raises `TargetNotWritable`."""
        current = await self._current(metadata, spec)
        planned = plan(metadata, spec, wanted, current)
        self.rendered.document = planned.document or current
        return "created" if current is None else "updated"

    async def _current(self, metadata: Metadata, spec: ExternalSecretSpec) -> Document | None:
        name = target_name(metadata, spec)
        try:
            return await self.files.get(SECRETS, metadata.namespace, name)
        except ObjectNotFound:
            if spec.target.creation_policy != "Merge":
                return None
        place = {"name": name, "namespace": metadata.namespace}
        return {"apiVersion": "v1", "kind": "Secret", "metadata": place}


def _as_the_controller(store: Store) -> Store:
    """The store without credentials of its own and without conditions, of any controller."""
    if store.spec is None or store.aws is None:
        return store
    provider = Provider(aws=replace(store.aws, auth=Auth()))
    spec = replace(store.spec, provider=provider, conditions=(), controller="")
    return replace(store, spec=spec, controller="")


def _plain_generator(generator: Generator) -> Generator:
    """The generator without credentials and role of its own."""
    if isinstance(generator.spec, EcrAuthorizationTokenSpec | StsSessionTokenSpec):
        return replace(generator, spec=replace(generator.spec, auth=Auth(), role=""))
    return generator


def _without_roles(store: Store) -> Store:
    """The same without roles."""
    store = _as_the_controller(store)
    if store.spec is None or store.aws is None:
        return store
    provider = Provider(aws=replace(store.aws, role="", additional_roles=()))
    return replace(store, spec=replace(store.spec, provider=provider))
