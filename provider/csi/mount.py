"""One mount, step by step: region, identity, values, files."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from provider.csi.files.layout import MountedFile, check_size, lay_out_off_loop
from provider.csi.identity import require_token
from provider.csi.object_failures import ObjectFailure, ObjectsFailed
from provider.csi.policy_check import refusal
from provider.csi.request.model import MountSpec, SecretObject
from provider.csi.request.parameters import region_problems
from provider.engine.failover import Failed, Found, Outcome, Reader, Regions, Wanted
from provider.engine.freshness import Freshness
from provider.engine.model import Credentials, Identity, SecretRef, SecretValue
from provider.engine.ports import CredentialSource, Principal
from provider.engine.trace import Trace
from provider.engine.value_memory import ValueMemory
from provider.engine.values import Query
from provider.errors import LookupForbidden, RegionUnknown, ServiceAccountNotFound
from provider.manifests.problems import InvalidSpec
from provider.policy.rules import ALLOW_ALL, Policy
from provider.runtime.offload import Offload

JOIN_SECONDS = 0.5
"""A first mount accepts a value that was asked for this long before it arrived: so a crowd of pods
costs one read."""

NAME_THE_REGION = (
    " Or name the region: `region` in the SecretProviderClass, or AWS_REGION in the provider's "
    "environment."
)


@dataclass(frozen=True, slots=True)
class DeliveredObject:
    """An object as it was delivered. Of an optional one that is not `found` there is no file."""

    ref: SecretRef
    path: str
    """Place in the class."""
    file: str | None
    """Path of its own file in the volume."""
    region: str
    version: str
    found: bool
    arn: str
    """Empty where AWS does not tell it."""

    @classmethod
    def of(cls, obj: SecretObject, value: SecretValue, region: str) -> "DeliveredObject":
        """The object with its value, which was read in the region."""
        return cls(obj.ref, obj.path, obj.file, region, value.version, value.found, value.arn)

    @property
    def id(self) -> str:
        """Its file, or place in the class: unique in the volume."""
        return self.file or self.path


@dataclass(frozen=True, slots=True)
class Delivery:
    """The full set of files of a volume. `from_memory`: no call was made for it."""

    files: tuple[MountedFile, ...]
    objects: tuple[DeliveredObject, ...]
    identity: Identity
    from_memory: bool


class LastDelivery(NamedTuple):
    """As which identity a volume got its files last, and when by `time.monotonic`."""

    identity: Identity
    at: float


@dataclass(frozen=True, slots=True)
class CountedSource:
    """A source of credentials whose calls count for one mount."""

    source: CredentialSource
    trace: Trace = field(compare=False)

    async def fetch(self) -> Credentials:
        """As the source."""
        self.trace.calls += 1
        return await self.source.fetch()


class _Reading(NamedTuple):
    """The outcome of each object, in order, and as which identity it was read."""

    outcomes: Sequence[Outcome]
    identity: Identity
    from_memory: bool


def _wanted(spec: MountSpec) -> list[Wanted]:
    return [Wanted(one.ref, one.failover) for one in spec.klass.objects]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mounter:
    """Turns a request into files; one for the process."""

    identify: Callable[[MountSpec, str], Awaitable[Principal]]
    """Who the pod is to AWS in a region, and where its credentials come from."""
    reader: Reader
    node_region: Callable[[str, str], Awaitable[str]]
    """The region of the node of a pod, by namespace and name of the pod."""
    offload: Offload
    validity: float
    """Age in seconds up to which a validation holds."""
    max_bytes: int
    """The driver's limit for one response."""
    policy: Policy = ALLOW_ALL
    last_delivery: Callable[[MountSpec], LastDelivery | None] = lambda _spec: None
    """Of the same volume, to the same service account; None: this is a first mount."""
    value_memory: ValueMemory = field(default_factory=ValueMemory)

    async def mount(
        self, spec: MountSpec, *, deadline: float, arrived: float, trace: Trace
    ) -> Delivery:
        """All files of the volume; raises a `ProviderError` that names everything that is wrong.

        `arrived` is when the request came, before it waited for anything, `deadline` when it has
        to be done, both by `time.monotonic`.
        """
        require_token(spec)
        regions = await self._regions(spec)
        last = self.last_delivery(spec)
        freshness = self._freshness(arrived, last)
        with self.value_memory.request(spec.pod.namespace) as memory:
            reading = self._recall(spec, regions, last.identity, freshness, trace) if last else None
            if reading is None:
                principal = await self._identify(spec, regions, trace)
                query = Query(principal, freshness, deadline, trace, memory)
                outcomes = await self.reader.read(_wanted(spec), regions, query)
                reading = _Reading(outcomes, principal.identity, from_memory=False)
            return await self._deliver(spec, reading, deadline)

    def _recall(
        self,
        spec: MountSpec,
        regions: Regions,
        identity: Identity,
        freshness: Freshness,
        trace: Trace,
    ) -> _Reading | None:
        """All values from memory; None if even one needs a call, or the policy refuses the role.

        The service account may have another role by now.
        """
        if refusal(self.policy, spec, regions, identity):
            return None
        trace.identity = identity
        found = self.reader.recall(_wanted(spec), regions, identity, freshness, trace)
        return None if found is None else _Reading(found, identity, from_memory=True)

    async def _identify(self, spec: MountSpec, regions: Regions, trace: Trace) -> Principal:
        """Who the pod is to AWS; raises `PolicyViolation` if the policy refuses class or roles."""
        self._check_policy(spec, regions, None)
        principal = await self.identify(spec, regions.primary)
        trace.identity = principal.identity
        self._check_policy(spec, regions, principal.identity)
        return replace(principal, source=CountedSource(principal.source, trace))

    def _check_policy(self, spec: MountSpec, regions: Regions, identity: Identity | None) -> None:
        if violation := refusal(self.policy, spec, regions, identity):
            raise violation

    async def _regions(self, spec: MountSpec) -> Regions:
        klass, pod = spec.klass, spec.pod
        if klass.region is not None:
            return Regions(klass.region, klass.failover_region)
        try:
            region = await self.node_region(pod.namespace, pod.name)
        except (RegionUnknown, LookupForbidden, ServiceAccountNotFound) as error:
            raise error.in_context("the class names no region", after=NAME_THE_REGION) from error
        if problems := region_problems(klass, region):
            raise InvalidSpec(problems)
        return Regions(region, klass.failover_region)

    def _freshness(self, arrived: float, last: LastDelivery | None) -> Freshness:
        if last is not None:
            # A crowd of remounts shares calls as first mounts do, but no volume gets twice what was
            # asked before it got its files.
            shared = max(arrived - JOIN_SECONDS, last.at)
            return Freshness.validated_since(min(arrived - self.validity, shared))
        # Restarting a pod is how people ask for the new value.
        return Freshness.asked_since(arrived - JOIN_SECONDS)

    async def _deliver(self, spec: MountSpec, reading: _Reading, deadline: float) -> Delivery:
        """The files; raises `ObjectsFailed` with everything that failed now or before."""
        identity = reading.identity
        pairs = list(zip(spec.klass.objects, reading.outcomes, strict=True))
        found = [(obj, one) for obj, one in pairs if isinstance(one, Found)]
        layout = await lay_out_off_loop(
            [(obj, one.value) for obj, one in found if one.value.found],
            deadline=deadline,
            offload=self.offload,
            tenant=spec.pod.namespace,
        )
        regions = {obj.index: one.region for obj, one in pairs}
        failures = [(obj, one.error) for obj, one in pairs if isinstance(one, Failed)]
        if failures := [*failures, *layout.failures]:
            failures.sort(key=lambda failure: failure[0].index)
            raise ObjectsFailed(
                [ObjectFailure(obj, regions[obj.index], error) for obj, error in failures], identity
            )
        check_size(layout.files, self.max_bytes)
        objects = tuple(DeliveredObject.of(obj, one.value, one.region) for obj, one in found)
        return Delivery(layout.files, objects, identity, reading.from_memory)
