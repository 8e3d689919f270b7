"""Mounts a class without AWS: the engine of the daemon against an AWS that has everything.

So the calls that are shown are the calls of the daemon, whatever the class asks for. All values are
empty JSON objects, and nothing is extracted from them.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic

from provider.csi.identity import AUDIENCES, Identifier
from provider.csi.request.model import ClassSpec, MountSpec, Pod
from provider.engine.failover import Regions, Wanted
from provider.engine.freshness import Freshness
from provider.engine.trace import Trace
from provider.engine.values import Query
from provider.engine.wiring import Settings, open_engine
from provider.tools.explain.calls import NODE_REGION
from provider.tools.sample_aws import Call, SampleAws
from provider.tools.unobserved import Unobserved

_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class DryRun:
    """The calls of a pod's first mount, and of a remount after the rotation interval."""

    identity: str
    """The identity that AWS sees."""
    first: Sequence[Call]
    remount: Sequence[Call]


class Everything:
    """Every secret and parameter that is asked for, as an empty JSON object."""

    def value(self, name: str, version: str) -> str:  # noqa: ARG002 (all have it)
        """The value."""
        return "{}"

    def tags(self, name: str) -> Mapping[str, str]:  # noqa: ARG002 (none has any)
        """No tags."""
        return {}

    def names(self, prefix: str) -> Iterable[str]:
        """One name."""
        return [f"{prefix.rstrip('/')}/name"]


def dry_run(spec: ClassSpec, pod: Pod, role: str) -> DryRun:
    """Mount twice as `pod`. `role` is the role of its service account, if the class needs one."""
    return asyncio.run(_mount_twice(spec, pod, role))


async def _mount_twice(spec: ClassSpec, pod: Pod, role: str) -> DryRun:
    tokens = dict.fromkeys(AUDIENCES.values(), "token")
    mount = MountSpec(pod=pod, class_name="", target_path="", tokens=tokens, klass=spec)
    regions = Regions(spec.region or NODE_REGION, spec.failover_region)
    wanted = [Wanted(one.ref, one.failover) for one in spec.objects]
    sample = SampleAws(Everything(), _labels(spec))

    async def role_arn(namespace: str, service_account: str) -> str:
        """The role, for which the Kubernetes API would be asked."""
        names = (f"{namespace}/{service_account}",)
        sample.calls.append(Call("kubernetes", "get serviceaccounts", "", "", names))
        return role

    async with open_engine(Settings({}), Unobserved(), transport=sample.send) as engine:
        identifier = Identifier(
            role_arn=role_arn,
            sts=engine.sts,
            agent=engine.agent,
            credentials=engine.credentials,
        )
        principal = await identifier.identify(mount, regions.primary)

        async def read(freshness: Freshness) -> Sequence[Call]:
            query = Query(principal, freshness, monotonic() + _SECONDS, Trace())
            await engine.reader.read(wanted, regions, query)
            return sample.calls_made()

        first = await read(Freshness.asked_since(monotonic()))
        remount = await read(Freshness.validated_since(monotonic()))
    return DryRun(str(principal.identity), first, remount)


def _labels(spec: ClassSpec) -> Sequence[str]:
    refs = (ref for one in spec.objects for ref in (one.ref, one.failover) if ref)
    return sorted({ref.label for ref in refs if ref.label})
