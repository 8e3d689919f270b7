"""Two look-ups at the Kubernetes API: the role of a service account, and the region of the node.

A role is remembered for at most a minute, so that a changed annotation soon counts. While the API
server does not answer the question, for whatever reason, the last known role is used for up to an
hour: about as long as a pod's token is valid, and without a token the role is of no use.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from operator import itemgetter
from random import random
from time import monotonic
from typing import Any, Literal

from provider.engine.single_flight import SingleFlight
from provider.errors import (
    KubernetesThrottled,
    KubernetesUnavailable,
    ObjectNotFound,
    ProviderError,
    RegionUnknown,
    RoleMissing,
    ServiceAccountNotFound,
)
from provider.kube.kinds import NODES, PODS, ROLE_ANNOTATION, SERVICE_ACCOUNTS, Document, Kind
from provider.manifests.problems import quote
from provider.runtime.log import fields, logger
from provider.runtime.lru import FairLru

REGION_LABEL = "topology.kubernetes.io/region"

ROLE = re.compile(r"arn:aws[a-z-]{0,16}:iam::[0-9]{1,16}:role/[!-~]{1,576}")
"""The ARN of a role. The number of digits of the account is left to AWS to check. An annotation may
have 256 KiB, and the role is kept in many places."""

FRESH = 60.0
"""Most seconds for which a role is used without a look-up."""
STALE = 3600.0
"""Most seconds for which a role is used while look-ups fail."""
STALE_PATIENCE = 5.0
"""Seconds for a look-up when there is a known role to use instead."""
STALE_PAUSE = 10.0
"""Seconds from a failed look-up to the next one, while the known role is used."""
PAUSES = (0.1, 0.5)
"""Seconds before each further attempt after a transient failure."""
MAX_PAUSE = 5.0
"""Seconds; a longer `Retry-After` ends the attempts."""
CAPACITY = 1000
"""Service accounts remembered, some 300 bytes each; a namespace with many loses its oldest one."""

Event = Literal["hit", "miss", "joined", "stale"]
ServiceAccount = tuple[str, str]
"""Namespace and name."""

Get = Callable[[Kind, str, str], Awaitable[Document]]
"""`kube.objects.Objects.get`: an object by kind, namespace and name."""


@dataclass(frozen=True, slots=True)
class _Known:
    """A role, when it was read, and until when it is used without a look-up (monotonic)."""

    role: str
    read_at: float
    fresh_until: float


class Lookups:
    """One for the process. Concurrent look-ups of one object are one request.

    `is_region` decides which text is the name of a region. `observe` counts for metrics.
    """

    def __init__(
        self,
        get: Get,
        *,
        is_region: Callable[[str], bool],
        node_name: str = "",
        clock: Callable[[], float] = monotonic,
        observe: Callable[[Event], None] = lambda _event: None,
    ) -> None:
        self._get_once = get
        self._is_region = is_region
        self._node_name = node_name
        self._clock = clock
        self._observe = observe
        self._roles: FairLru[ServiceAccount, _Known] = FairLru(CAPACITY, itemgetter(0))
        self._role_flight: SingleFlight[ServiceAccount, str] = SingleFlight()
        self._region = ""
        self._node_flight: SingleFlight[str, None] = SingleFlight()

    async def role_arn(self, namespace: str, service_account: str) -> str:
        """The role in the annotation of the service account.

        Raises `RoleMissing` without a valid one, `ServiceAccountNotFound`, or what a request to the
        Kubernetes API raises.
        """
        account = namespace, service_account
        known = self._known(account)
        if known is not None and self._clock() < known.fresh_until:
            self._observe("hit")
            return known.role
        if self._role_flight.is_running(account):
            self._observe("joined")
        return await self._role_flight.run(account, lambda: self._refresh(account))

    async def node_region(self, namespace: str, pod: str) -> str:
        """The region in the label of the node, which is looked up once.

        The pod, which runs on this node, is looked up where the node's name is not known. Raises
        `RegionUnknown` without a valid label, else as `role_arn`.
        """
        while not self._node_name:
            # One look-up for each namespace: its pods that are gone delay no pod of another one.
            is_of_another_pod = self._node_flight.is_running(namespace)
            try:
                await self._node_flight.run(namespace, lambda: self._find_node(namespace, pod))
            except (ServiceAccountNotFound, RegionUnknown):
                if not is_of_another_pod:
                    raise  # else only the other pod may be gone
        if not self._region:
            await self._node_flight.run("", self._find_region)
        return self._region

    def _known(self, account: ServiceAccount) -> _Known | None:
        """What is known of the role, unless it is too old to be used at all."""
        known = self._roles.get(account)
        if known is None or self._clock() - known.read_at > STALE:
            return None
        self._roles.move_to_end(account)
        return known

    async def _refresh(self, account: ServiceAccount) -> str:
        known = self._known(account)
        try:
            async with asyncio.timeout(STALE_PATIENCE if known else None):
                role = await self._ask_role(account)
        except (ServiceAccountNotFound, RoleMissing):
            self._roles.pop(account, None)
            raise
        except (ProviderError, TimeoutError) as error:
            if known is None:
                raise
            self._observe("stale")
            namespace, name = account
            why = str(error) or "no answer in time"
            logger.warning(
                "cannot look up the role of a service account; using the last known one",
                extra=fields(namespace=namespace, service_account=name, role=known.role, error=why),
            )
            self._roles.put(account, replace(known, fresh_until=self._clock() + STALE_PAUSE))
            return known.role
        self._observe("miss")
        now = self._clock()
        fresh_until = now + FRESH * (0.75 + 0.25 * random())  # noqa: S311 - jitter
        self._roles.put(account, _Known(role, now, fresh_until))
        return role

    async def _ask_role(self, account: ServiceAccount) -> str:
        found = await self._get(SERVICE_ACCOUNTS, *account)
        role = _metadata(found, "annotations").get(ROLE_ANNOTATION)
        place = f"the service account {'/'.join(account)}"
        if not role:
            raise RoleMissing(f"{place} has no IAM role: annotate it with {ROLE_ANNOTATION}")
        if not ROLE.fullmatch(role):
            raise RoleMissing(
                f"the annotation {ROLE_ANNOTATION} of {place} is {quote(role)}, not the ARN of an "
                "IAM role such as arn:aws:iam::111122223333:role/name"
            )
        return role

    async def _find_region(self) -> None:
        node = await self._get(NODES, "", self._node_name)
        region = _metadata(node, "labels").get(REGION_LABEL, "")
        if not self._is_region(region):
            problem = f"is {quote(region)}, not a region" if region else "is missing"
            text = f"the label {REGION_LABEL} of the node {self._node_name} {problem}"
            raise RegionUnknown(text)
        self._region = region

    async def _find_node(self, namespace: str, pod: str) -> None:
        spec = (await self._get(PODS, namespace, pod)).get("spec")
        name = spec.get("nodeName") if isinstance(spec, dict) else None
        if not isinstance(name, str) or not name:
            raise RegionUnknown(f"the pod {namespace}/{pod} has no node in spec.nodeName")
        self._node_name = name

    async def _get(self, kind: Kind, namespace: str, name: str) -> Document:
        """The object, after a few attempts if failures are transient."""
        pauses = iter(PAUSES)
        while True:
            try:
                return await self._get_once(kind, namespace, name)
            except ObjectNotFound as error:
                raise ServiceAccountNotFound(str(error)) from error
            except KubernetesUnavailable as error:
                asked = error.retry_after if isinstance(error, KubernetesThrottled) else 0.0
                pause = next(pauses, None)
                if pause is None or asked > MAX_PAUSE:
                    raise
            await asyncio.sleep(max(pause, asked))


def _metadata(document: Mapping[str, Any], part: str) -> Mapping[str, str]:
    """Labels or annotations; entries that are not strings are left out."""
    metadata = document.get("metadata")
    entries = metadata.get(part) if isinstance(metadata, dict) else None
    if not isinstance(entries, dict):
        return {}
    return {key: value for key, value in entries.items() if isinstance(value, str)}
