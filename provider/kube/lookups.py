"""What Kubernetes is asked for: the role of a service account, and the region of the node.

Roles are remembered for at most a minute, so that a changed annotation is soon honoured. When the
API server is down, the role known last is used for up to an hour: about as long as a pod's token
lives that kubelet cannot renew, and without a token the role is of no use.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from random import random
from threading import Lock
from time import monotonic
from typing import Any, Literal, Protocol

from provider.deadline import Deadline
from provider.errors import (
    KubernetesUnavailable,
    LookupForbidden,
    ProviderError,
    RegionUnknown,
    RoleMissing,
    ServiceAccountNotFound,
)
from provider.flights import Flights
from provider.kube.client import Resource
from provider.runtime.log import fields, logger
from provider.runtime.lru import Lru
from provider.csi.request.model import Pod
from provider.manifests.problems import quote

ROLE_ANNOTATION = "eks.amazonaws.com/role-arn"
REGION_LABEL = "topology.kubernetes.io/region"

ROLE = re.compile(r"arn:aws[a-z-]*:iam::[0-9]+:role/[!-~]+")
"""A role's ARN. The account's digits are not counted: that is for AWS to judge."""
REGION = re.compile(r"[a-z0-9-]{1,63}")

FRESH = 60.0
"""Most seconds for which a role is used unasked."""
STALE = 3600.0
"""Most seconds for which a role is used while nobody can be asked."""
STALE_PATIENCE = 5.0
"""Seconds to wait for an API server that may be down, when there is a role to go on with."""
STALE_PAUSE = 10.0
"""Seconds until it is asked again then."""
CAPACITY = 1000
"""Service accounts remembered, some 300 bytes each."""

NAME_IT = (
    "Or name the region: `region` in the SecretProviderClass, or AWS_REGION in the provider's "
    "environment."
)

Event = Literal["hit", "miss", "joined", "stale"]
ServiceAccount = tuple[str, str]
"""Namespace and name."""


class Api(Protocol):
    """The Kubernetes API."""

    def get(self, resource: Resource, deadline: Deadline) -> Mapping[str, Any]:
        """The object, or `LookupForbidden`, `ServiceAccountNotFound`, `KubernetesUnavailable`."""
        ...


@dataclass(frozen=True, slots=True)
class _Known:
    """A role, when the API told it, and until when it need not be asked again (monotonic)."""

    role: str
    told_at: float
    fresh_until: float


class Lookups:
    """Thread-safe; one for the process. What is looked up by many at a time is asked once."""

    def __init__(
        self,
        api: Api,
        *,
        node_name: str = "",
        clock: Callable[[], float] = monotonic,
        chance: Callable[[], float] = random,
        observe: Callable[[Event], None] = lambda _event: None,
    ) -> None:
        self._api = api
        self._node_name = node_name
        self._clock = clock
        self._chance = chance
        self._observe = observe
        self._lock = Lock()
        self._roles: Lru[ServiceAccount, _Known] = Lru(CAPACITY)
        self._role_flights: Flights[ServiceAccount, str] = Flights("a service account's role")
        self._region: str | None = None
        self._region_flights: Flights[None, str] = Flights("the node's region")

    def role_arn(self, namespace: str, service_account: str, deadline: Deadline) -> str:
        """The role that the service account is annotated with; `RoleMissing` without one."""
        account = namespace, service_account
        if (role := self._fresh_role(account)) is not None:
            self._observe("hit")
            return role
        role, joined = self._role_flights.fly(
            account, lambda: self._refresh(account, deadline), deadline
        )
        if joined:
            self._observe("joined")
        return role

    def node_region(self, pod: Pod, deadline: Deadline) -> str:
        """The region in the label of the node, asked once; `RegionUnknown` without one."""
        if self._region is not None:
            return self._region
        region, _ = self._region_flights.fly(
            None, lambda: self._ask_region(pod, deadline), deadline
        )
        return region

    def _fresh_role(self, account: ServiceAccount) -> str | None:
        known = self._known(account)
        return known.role if known and self._clock() < known.fresh_until else None

    def _known(self, account: ServiceAccount) -> _Known | None:
        with self._lock:
            known = self._roles.get(account)
            if known is not None:
                self._roles.move_to_end(account)
            return known

    def _refresh(self, account: ServiceAccount, deadline: Deadline) -> str:
        if (role := self._fresh_role(account)) is not None:  # looked up just now
            self._observe("hit")
            return role
        known = self._known(account)
        try:
            role = self._ask_role(account, deadline.within(STALE_PATIENCE) if known else deadline)
        except KubernetesUnavailable as error:
            if known is None or self._clock() - known.told_at > STALE:
                raise
            return self._go_on_with(account, known, error)
        except ProviderError:
            self._forget(account)
            raise
        self._observe("miss")
        now = self._clock()
        self._keep(account, _Known(role, now, now + FRESH * (0.75 + 0.25 * self._chance())))
        return role

    def _ask_role(self, account: ServiceAccount, deadline: Deadline) -> str:
        resource = Resource("serviceaccounts", account[1], account[0])
        role = _metadata(self._api.get(resource, deadline), "annotations").get(ROLE_ANNOTATION)
        if not role:
            raise RoleMissing(
                f"the {resource} has no IAM role: annotate it with {ROLE_ANNOTATION}, or set "
                'usePodIdentity: "true" in the SecretProviderClass for EKS Pod Identity'
            )
        if not ROLE.fullmatch(role):
            raise RoleMissing(
                f"the annotation {ROLE_ANNOTATION} of the {resource} is {quote(role)}, not the ARN "
                "of an IAM role such as arn:aws:iam::111122223333:role/name"
            )
        return role

    def _go_on_with(
        self, account: ServiceAccount, known: _Known, error: KubernetesUnavailable
    ) -> str:
        self._observe("stale")
        logger.warning(
            "going on with the role known last",
            extra=fields(
                namespace=account[0], service_account=account[1], role=known.role, why=str(error)
            ),
        )
        self._keep(account, replace(known, fresh_until=self._clock() + STALE_PAUSE))
        return known.role

    def _keep(self, account: ServiceAccount, known: _Known) -> None:
        with self._lock:
            self._roles.put(account, known)

    def _forget(self, account: ServiceAccount) -> None:
        with self._lock:
            self._roles.pop(account, None)

    def _ask_region(self, pod: Pod, deadline: Deadline) -> str:
        if self._region is not None:  # looked up just now
            return self._region
        try:
            node = Resource("nodes", self._node_name or self._node_of(pod, deadline))
            region = _metadata(self._api.get(node, deadline), "labels").get(REGION_LABEL, "")
        except (LookupForbidden, ServiceAccountNotFound) as error:
            raise type(error)(f"{error} {NAME_IT}") from error
        if not REGION.fullmatch(region):
            is_no_region = f"is {quote(region)}, not a region" if region else "is missing"
            raise RegionUnknown(f"the label {REGION_LABEL} of the {node} {is_no_region}. {NAME_IT}")
        self._region = region
        return region

    def _node_of(self, pod: Pod, deadline: Deadline) -> str:
        resource = Resource("pods", pod.name, pod.namespace)
        spec = self._api.get(resource, deadline).get("spec")
        name = spec.get("nodeName") if isinstance(spec, dict) else None
        if not isinstance(name, str) or not name:
            raise RegionUnknown(f"the {resource} names no node in spec.nodeName. {NAME_IT}")
        return name


def _metadata(document: Mapping[str, Any], part: str) -> Mapping[str, str]:
    """Labels or annotations, which are texts by texts; whatever else comes counts as none."""
    metadata = document.get("metadata")
    entries = metadata.get(part) if isinstance(metadata, dict) else None
    if not isinstance(entries, dict):
        return {}
    return {key: value for key, value in entries.items() if isinstance(value, str)}
