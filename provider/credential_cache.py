"""Credentials by identity, in memory, each asked for by one mount however many want them.

Only success is kept. Whether AWS still honours what is kept shows in use; `drop` is for that. They
are renewed minutes before they expire, and where nobody can be reached for that, those minutes are
used up: an outage of STS or of the agent that is over by then costs no mount.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import random
from threading import Lock
from time import monotonic, time
from typing import Literal

from provider.credentials import Credentials, CredentialSource, Identity
from provider.deadline import Deadline
from provider.errors import ProviderError, Unavailable
from provider.flights import Flights
from provider.log import fields, logger
from provider.lru import Lru

Event = Literal["hit", "miss", "joined", "failed"]
"""How credentials were come by: from the cache, by a request, by somebody else's request; or that a
request failed."""

CAPACITY = 1000
"""Identities kept; a node runs at most some hundreds of pods. Some 3 KiB each."""
FAILING_SECONDS = 900.0
"""How long an identity whose last request failed counts as one that is waited for."""
LEAST_MARGIN = 60.0
"""Seconds before they expire from which credentials are renewed, at least."""
LAST_MARGIN = 15.0
"""Seconds before they expire from which credentials are not given out, renewed or not."""
RENEWAL_SECONDS = 5.0
"""Time for a renewal that could still wait; the mount needs time for its secrets as well."""
PAUSE_SECONDS = 30.0
"""Time after a renewal that reached nobody until the next one is tried, if it can wait."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """The wall clock, which expiry is told in, and one that nobody can set back."""

    wall: Callable[[], float] = time
    monotonic: Callable[[], float] = monotonic


@dataclass(frozen=True, slots=True)
class _Moment:
    """On both clocks, and over when either says so: the wall clock may be set back, the other one
    may stand still while the machine sleeps."""

    wall: float
    monotonic: float

    def after(self, seconds: float) -> "_Moment":
        return _Moment(self.wall + seconds, self.monotonic + seconds)

    def is_before(self, other: "_Moment") -> bool:
        return self.wall < other.wall and self.monotonic < other.monotonic


@dataclass(frozen=True, slots=True)
class _Kept:
    credentials: Credentials = field(repr=False)
    renew_at: _Moment
    good_until: _Moment


class CredentialCache:
    """Thread-safe LRU; `chance` returns numbers from 0 to 1, `observe` is told each event."""

    def __init__(
        self,
        *,
        capacity: int = CAPACITY,
        clocks: Clocks | None = None,
        chance: Callable[[], float] = random,
        observe: Callable[[Event], None] = lambda _event: None,
    ) -> None:
        self._clocks = clocks or Clocks()
        self._chance = chance
        self._observe = observe
        self._kept: Lru[Identity, _Kept] = Lru(capacity)
        self._failed: Lru[Identity, float] = Lru(capacity)
        self._lock = Lock()
        self._flights: Flights[Identity, Credentials] = Flights("credentials")

    def get(self, identity: Identity, source: CredentialSource, deadline: Deadline) -> Credentials:
        """Credentials good for a while yet; raises what `source` raises."""
        if (credentials := self._look_up(identity)) is not None:
            self._observe("hit")
            return credentials
        credentials, joined = self._flights.fly(
            identity, lambda: self._renew(identity, source, deadline), deadline
        )
        if joined:
            self._observe("joined")
        return credentials

    def drop(self, identity: Identity, credentials: Credentials) -> None:
        """Forget these credentials, which AWS refused; newer ones stay."""
        with self._lock:
            kept = self._kept.get(identity)
            if kept is not None and kept.credentials == credentials:
                del self._kept[identity]

    def __len__(self) -> int:
        """How many identities are kept, with expired ones that have not been replaced."""
        return len(self._kept)

    def failing(self) -> int:
        """How many identities there are whose last request failed, not long ago."""
        since = self._clocks.monotonic() - FAILING_SECONDS
        with self._lock:
            return sum(at >= since for at in self._failed.values())

    def _look_up(self, identity: Identity) -> Credentials | None:
        with self._lock:
            kept = self._kept.get(identity)
            if kept is None or not self._now().is_before(kept.renew_at):
                return None
            self._kept.move_to_end(identity)
            return kept.credentials

    def _now(self) -> _Moment:
        return _Moment(self._clocks.wall(), self._clocks.monotonic())

    def _renew(
        self, identity: Identity, source: CredentialSource, deadline: Deadline
    ) -> Credentials:
        if (credentials := self._look_up(identity)) is not None:
            self._observe("hit")
            return credentials
        self._observe("miss")
        old = self._still_good(identity)
        try:
            credentials = source.fetch(deadline.within(RENEWAL_SECONDS) if old else deadline)
        except ProviderError as error:
            self._observe("failed")
            self._note_failure(identity)
            if not isinstance(error, Unavailable):
                self._forget(identity)  # a refusal is the end of what was granted before
            elif old is not None and (kept := self._put_off(identity, old)) is not None:
                about = fields(identity=str(identity), reason=error.reason)
                logger.warning("credentials are not renewed, the old ones are used", extra=about)
                return kept
            raise
        self._keep(identity, credentials)
        return credentials

    def _still_good(self, identity: Identity) -> _Kept | None:
        """What is to be renewed, if it need not be renewed at once."""
        with self._lock:
            kept = self._kept.get(identity)
        return kept if kept and self._now().is_before(kept.good_until) else None

    def _put_off(self, identity: Identity, old: _Kept) -> Credentials | None:
        """Use the old ones some time longer; None if they were not good that long, or dropped."""
        now = self._now()
        with self._lock:
            if self._kept.get(identity) is not old or not now.is_before(old.good_until):
                return None
            later = now.after(PAUSE_SECONDS)
            renew_at = later if later.is_before(old.good_until) else old.good_until
            self._kept[identity] = replace(old, renew_at=renew_at)
        return old.credentials

    def _forget(self, identity: Identity) -> None:
        with self._lock:
            self._kept.pop(identity, None)

    def _keep(self, identity: Identity, credentials: Credentials) -> None:
        now, lifetime = self._now(), credentials.expires_at - self._clocks.wall()
        usable = self._usable(lifetime)
        good_until = now.after(max(usable, lifetime - LAST_MARGIN))
        kept = _Kept(credentials, now.after(usable), good_until)
        with self._lock:
            self._failed.pop(identity, None)
            self._kept.put(identity, kept)

    def _note_failure(self, identity: Identity) -> None:
        with self._lock:
            self._failed.put(identity, self._clocks.monotonic())

    def _usable(self, lifetime: float) -> float:
        """Seconds to give credentials out for, of the seconds until they expire.

        They are renewed 5 to 10 % early, by chance, so that those of a node's pods, which all
        started together, are not all renewed together. Of a life too short for the least margin
        half is used.
        """
        margin = max(LEAST_MARGIN, lifetime * (0.05 + 0.05 * self._chance()))
        return max(lifetime - margin, lifetime / 2)
