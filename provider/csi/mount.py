"""The story of a mount: region, identity, secrets, files."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from provider.credentials import Identity, Principal
from provider.deadline import Deadline
from provider.errors import ProviderError
from provider.fetch import Fetched, Fetcher, ObjectFailure, Outcome, Regions
from provider.csi.files.layout import NOTHING, MountedFile, check_size, lay_out
from provider.question import Freshness, Question
from provider.csi.request.model import MountSpec, Pod, SecretObject
from provider.csi.request.parameters import region_problems
from provider.manifests.problems import InvalidSpec
from provider.trail import Trail
from provider.csi.delivered import Volumes


@dataclass(frozen=True, slots=True)
class Delivery:
    """The full set of files of a volume, and of each object its (id, version) and region.

    Of an optional object that is `missing` the version says so.
    """

    files: tuple[MountedFile, ...]
    versions: tuple[tuple[str, str], ...]
    regions: tuple[str, ...]
    identity: Identity
    from_memory: bool
    """Whether no call was made for it."""
    missing: tuple[SecretObject, ...] = ()
    """Optional objects that are left out: AWS has none."""


SEVERITY = (
    "PERMISSION_DENIED",
    "NOT_FOUND",
    "INTERNAL",
    "UNAUTHENTICATED",
    "FAILED_PRECONDITION",
    "INVALID_ARGUMENT",
)
"""Of several failures the first of these gives the answer its status."""

ROOM = 2500
"""Bytes that failures are told in full in. A status holds 4000; all objects have to be named."""


class ObjectsFailed(ProviderError):
    """One or more objects failed, and so the mount; the text has a line for each."""

    def __init__(self, failures: Sequence[ObjectFailure], identity: Identity) -> None:
        self.failures = tuple(failures)
        worst = min(self.failures, key=_severity)
        self.status = worst.error.status
        self._reason = worst.error.reason
        super().__init__("\n".join(_lines(self.failures, identity)))

    @property
    def reason(self) -> str:
        """The reason of the failure that gave the status."""
        return self._reason


def _lines(failures: Sequence[ObjectFailure], identity: Identity) -> Iterator[str]:
    """A line for each: what failed, where, why, as whom; in short once the room is used up."""
    room = ROOM
    for failure in failures:
        line = str(failure)
        if str(identity) not in line:
            line += f" [{identity}]"
        room -= len(line.encode())
        yield line if room >= 0 else failure.brief


def _severity(failure: ObjectFailure) -> int:
    return SEVERITY.index(failure.error.status)


class Identifies(Protocol):
    """Finds out who a pod is to AWS."""

    def identify(self, spec: MountSpec, region: str, deadline: Deadline) -> Principal:
        """The pod's identity, which may need a look-up, and its source of credentials."""
        ...

    def require_token(self, spec: MountSpec) -> None:
        """Raise `TokenMissing` unless the request proves the pod's identity; no look-up."""
        ...


class Mounter:
    """Turns a request into files. Thread-safe; one for the process.

    `interval` is the age in seconds up to which a validation holds, `max_bytes` the driver's limit
    for one answer, `node_region` finds the region of classes that name none.
    """

    def __init__(
        self,
        *,
        identifier: Identifies,
        fetcher: Fetcher,
        node_region: Callable[[Pod, Deadline], str],
        interval: float,
        max_bytes: int,
    ) -> None:
        self._identifier = identifier
        self._fetcher = fetcher
        self._node_region = node_region
        self._interval = interval
        self._max_bytes = max_bytes
        self._volumes = Volumes()

    def mount(
        self, spec: MountSpec, *, deadline: Deadline, arrived: float, trail: Trail | None = None
    ) -> Delivery:
        """All files of the volume, or an error that names all that is wrong.

        `arrived` is when the request came in (`time.monotonic`), before it waited for anything;
        `trail` takes down how it came about.
        """
        trail = trail or Trail()
        regions = self._regions(spec, deadline)
        delivery = self._from_memory(spec, regions, arrived, trail)
        if delivery is None:
            delivery = self._from_aws(spec, regions, deadline, arrived, trail)
        check_size(delivery.files, self._max_bytes)
        self._volumes.delivered(spec, delivery.identity)
        return delivery

    def _regions(self, spec: MountSpec, deadline: Deadline) -> Regions:
        klass = spec.klass
        if klass.region is not None:
            return Regions(klass.region, klass.failover_region)
        region = self._node_region(spec.pod, deadline)
        if problems := region_problems(klass, region):
            raise InvalidSpec(problems)
        return Regions(region, klass.failover_region)

    def _from_memory(
        self, spec: MountSpec, regions: Regions, arrived: float, trail: Trail
    ) -> Delivery | None:
        """A remount whose values were all found current a short while ago needs no call at all."""
        identity = trail.identity = self._volumes.last_identity(spec)
        if identity is None:
            return None
        self._identifier.require_token(spec)
        freshness = Freshness.remount(arrived, self._interval)
        recalled = self._fetcher.recall(spec.klass.objects, regions, identity, freshness, trail)
        return None if recalled is None else _deliver(recalled, identity, from_memory=True)

    def _from_aws(
        self, spec: MountSpec, regions: Regions, deadline: Deadline, arrived: float, trail: Trail
    ) -> Delivery:
        principal = trail.principal(self._identifier.identify(spec, regions.primary, deadline))
        known = self._volumes.last_identity(spec)
        freshness = (
            Freshness.first_mount(arrived)
            if known is None
            else Freshness.remount(arrived, self._interval)
        )
        question = Question(principal, freshness, deadline, trail)
        outcomes = self._fetcher.fetch(spec.klass.objects, regions, question)
        return _deliver(outcomes, principal.identity, from_memory=False)


def _deliver(outcomes: Sequence[Outcome], identity: Identity, *, from_memory: bool) -> Delivery:
    """Lay the files out; every object that failed, here or before, is named at once."""
    fetched = [outcome for outcome in outcomes if isinstance(outcome, Fetched)]
    failures = [outcome for outcome in outcomes if isinstance(outcome, ObjectFailure)]
    files, layout_failures = lay_out(
        [(one.object, one.value) for one in fetched if one.value.found]
    )
    region_of = {one.object.index: one.region for one in fetched}
    failures += [ObjectFailure(obj, region_of[obj.index], error) for obj, error in layout_failures]
    if failures:
        raise ObjectsFailed(sorted(failures, key=lambda one: one.object.index), identity)
    versions = tuple((one.object.version_id, one.value.version) for one in fetched)
    regions = tuple(one.region for one in fetched)
    missing = tuple(one.object for one in fetched if not one.value.found)
    return Delivery(files or (NOTHING,), versions, regions, identity, from_memory, missing)
