"""How old the values of ExternalSecrets are, for metrics."""

from collections.abc import Callable, Iterable
from time import monotonic, time
from typing import NamedTuple

from provider.controller.informers import Informers
from provider.controller.known import KnownExternalSecrets
from provider.controller.resources.objects import ExternalSecret
from provider.controller.watched import readable

LOOK_SECONDS = 1.0


class Ages(NamedTuple):
    """The largest of all ExternalSecrets that are refreshed periodically, in seconds."""

    since_refresh: float = 0.0
    overdue: float = 0.0
    """Since a refresh was due."""


def oldest(
    found: Iterable[ExternalSecret], is_foreign: Callable[[ExternalSecret], bool], now: float
) -> Ages:
    """The ages at `now`, in seconds since 1970, without those that are for other controllers.

    One that was never refreshed has no age: its condition is not Ready.
    """
    ages = Ages()
    for one in found:
        spec, refreshed = one.spec, one.status.refresh_time
        if spec is None or refreshed is None:
            continue
        if spec.refresh_policy != "Periodic" or spec.refresh_interval <= 0:
            continue
        age = now - refreshed
        is_older = age > ages.since_refresh or age - spec.refresh_interval > ages.overdue
        if is_older and not is_foreign(one):
            overdue = max(ages.overdue, age - spec.refresh_interval)
            ages = Ages(max(ages.since_refresh, age), overdue)
    return ages


class OldestExternalSecrets:
    """The ages of all ExternalSecrets that are known; looked at once a second at most."""

    def __init__(self, informers: Informers, known: KnownExternalSecrets) -> None:
        self._informers = informers
        self._known = known
        self._ages = Ages()
        self._looked_at = -LOOK_SECONDS

    def __call__(self) -> Ages:
        """The ages now."""
        if monotonic() - self._looked_at >= LOOK_SECONDS:
            found = (readable(one) for _, one in self._informers.external_secrets.items())
            objects = (one.object for one in found if one is not None)
            self._ages = oldest(objects, self._is_foreign, time())
            self._looked_at = monotonic()
        return self._ages

    def _is_foreign(self, found: ExternalSecret) -> bool:
        return self._known.hindrance(found) == "foreign"
