"""Runs the engine in this process, with the AWS credentials of the person who runs the tool.

Every object is fetched, and nothing is cached.
"""

import asyncio
import os
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from time import monotonic
from typing import NoReturn

from provider.aws.credentials import ambient as own
from provider.aws.credentials.ambient import Ambient
from provider.aws.credentials.assumed_role import AssumedRole
from provider.aws.credentials.web_identity import session_name
from provider.aws.regions import partition_of
from provider.csi.config import Config
from provider.csi.identity import AUDIENCES
from provider.csi.mount import Delivery, Mounter
from provider.csi.request.attributes import RawRequest, decode_mount, parse_decoded
from provider.csi.request.model import MountSpec
from provider.engine.model import Identity
from provider.engine.ports import Principal
from provider.engine.trace import Trace
from provider.engine.wiring import Engine, Settings, open_engine
from provider.errors import InvalidRequest, NotAuthenticated, OutOfTime, RegionUnknown, Unavailable
from provider.runtime.offload import Offload

Say = Callable[[str], None]

_MAX_CALLS = 16
_GRACE_SECONDS = 1.0
"""For the engine to report the objects that it has no answer for when the time is over."""
_NO_REGION = (
    "no region: neither the class nor AWS_REGION nor the profile names one. Add --set region=…"
)


def mount(request: RawRequest, *, profile: str | None, timeout: float, say: Say) -> Delivery:
    """The files of the class, read as the caller; raises `ProviderError`.

    `timeout` is in seconds. `say` gets the identity of the caller, and warnings about the class.
    """
    return asyncio.run(_mount(request, profile, timeout, say))


async def _mount(request: RawRequest, profile: str | None, timeout: float, say: Say) -> Delivery:
    started = monotonic()
    ambient = Ambient(profile)
    spec = await _parsed(request, ambient)
    for warning in spec.klass.warnings:
        say(f"warning: {warning}")
    if spec.klass.region is None:
        raise RegionUnknown(_NO_REGION)
    ambient = replace(ambient, asked_in=spec.klass.region)
    settings = Settings(os.environ, max_calls=_MAX_CALLS, cache_max_bytes=0)
    try:
        async with AsyncExitStack() as stack, asyncio.timeout(timeout + _GRACE_SECONDS):
            engine = await _open(stack, settings)
            arn = await caller_arn(engine, ambient, spec.klass.region, say)
            offload = Offload()
            stack.callback(offload.close)
            mounter = _mounter(engine, offload, OwnIdentity(ambient, arn, engine))
            return await mounter.mount(
                spec, deadline=started + timeout, arrived=monotonic(), trace=Trace()
            )
    except TimeoutError:
        raise OutOfTime(f"not finished within {timeout:g} s (see --timeout)") from None


async def _parsed(request: RawRequest, ambient: Ambient) -> MountSpec:
    region = os.environ.get("AWS_REGION") or await ambient.region()
    spec = parse_decoded(decode_mount(request, default_region=region))
    # A mount requires a token of the pod, but the caller's identity needs none.
    return replace(spec, tokens=dict.fromkeys(AUDIENCES.values(), "unused"))


async def _open(stack: AsyncExitStack, settings: Settings) -> Engine:
    try:
        return await stack.enter_async_context(open_engine(settings))
    except ValueError as error:
        raise InvalidRequest(f"environment: {error}") from error


async def caller_arn(engine: Engine, ambient: Ambient, region: str, say: Say) -> str:
    """Who the caller is, which is also reported. STS may be unreachable where the stores are not.

    Raises `NotAuthenticated` if there are no credentials.
    """
    credentials = await ambient.fetch()
    try:
        arn = await own.caller_arn(engine.client, credentials, region)
    except (NotAuthenticated, Unavailable) as error:
        arn = f"access key {credentials.access_key_id}"
        say(f"credentials: your own, {arn} ({error})")
    else:
        say(f"credentials: your own, {arn}")
    return arn


@dataclass(frozen=True, slots=True)
class OwnIdentity:
    """Identifies every pod as the caller, who assumes the role of the class, if it has one."""

    ambient: Ambient
    arn: str
    engine: Engine

    async def identify(self, spec: MountSpec, region: str) -> Principal:
        """See `csi.mount.Mounter`."""
        pod, role = spec.pod, spec.klass.assume_role
        subject = f"{pod.namespace}/{pod.service_account}"
        identity = Identity("ambient", subject, partition_of(region), role=self.arn)
        own = Principal(identity, self.ambient)
        if role is None:
            return own
        sts, credentials, session = self.engine.sts, self.engine.credentials, session_name(subject)
        return AssumedRole(sts, credentials, own, role, session, (region,)).principal


async def _no_node(_namespace: str, _pod_name: str) -> NoReturn:
    raise RegionUnknown(_NO_REGION)


def _mounter(engine: Engine, offload: Offload, identity: OwnIdentity) -> Mounter:
    return Mounter(
        identify=identity.identify,
        reader=engine.reader,
        node_region=_no_node,
        offload=offload,
        validity=0.0,
        max_bytes=Config().max_response_bytes,
    )
