"""What happens to a cluster in a bad week, in minutes: drawn by a seed."""

import signal
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from time import monotonic

from testbed import faults
from testbed.api_errors import ApiError, too_many_requests
from testbed.aws.errors import throttled
from testbed.faults import Effect
from tests.soak.controller.replicas import Replicas
from tests.soak.controller.tenants import Tenant

AWS: dict[str, Effect] = {
    "reset": faults.reset(),
    "closed": faults.closed(),
    "truncated": faults.truncated(),
    "garbage": faults.garbage(),
    "500": faults.failing(500),
    "throttled": throttled(),
    "late": faults.late(0.3),
    "hang": faults.hang(),
}
API: dict[str, Effect] = {
    "lost answer": faults.reset(),
    "closed": faults.closed(),
    "late": faults.late(0.2),
    "409": ApiError(409, "Conflict", "the object has been modified"),
    "429": too_many_requests(1),
    "500": ApiError(500, "InternalError", "etcdserver: request timed out"),
    "hang": faults.hang(),
}
WATCHED = ("externalsecrets", "secretstores", "secrets", "namespaces")


class Chaos:
    """Disturbs tenants and replicas; every disturbance ends by itself. Used by one thread."""

    def __init__(self, tenants: Sequence[Tenant], replicas: Replicas, random: Random) -> None:
        self.events: Counter[str] = Counter()
        self._tenants = tenants
        self._replicas = replicas
        self._random = random
        self._endings: list[tuple[float, Callable[[], None]]] = []
        self._all: dict[Callable[[], str], int] = {
            self._apply: 30,
            self._rotate: 20,
            self._tamper: 10,
            self._delete: 6,
            self._remove: 4,
            self._aws_fault: 6,
            self._api_fault: 6,
            self._revoke: 2,
            self._expire_sessions: 2,
            self._expire_watch: 2,
            self._cut: 1,
            self._steal: 1,
            self._stop: 1,
            self._kill: 1,
        }

    def step(self) -> None:
        """End what is due, and let one thing happen."""
        self._end(monotonic())
        [event] = self._random.choices(list(self._all), list(self._all.values()))
        self.events[event()] += 1

    def end(self) -> None:
        """All is well again."""
        self._end(float("inf"))
        self._replicas.start_missing()
        for tenant in self._tenants:
            tenant.restore()

    def _end(self, now: float) -> None:
        due = [one for one in self._endings if one[0] <= now]
        self._endings = [one for one in self._endings if one[0] > now]
        for _, ending in due:
            ending()

    def _later(self, ending: Callable[[], None], *, most: float = 1.5) -> None:
        self._endings.append((monotonic() + self._random.uniform(0.1, most), ending))

    def _tenant(self) -> Tenant:
        return self._random.choice(self._tenants)

    def _apply(self) -> str:
        self._tenant().apply()
        return "applied ExternalSecret"

    def _delete(self) -> str:
        self._tenant().delete()
        return "deleted ExternalSecret"

    def _tamper(self) -> str:
        self._tenant().tamper()
        return "edited or deleted Secret"

    def _rotate(self) -> str:
        tenant = self._tenant()
        tenant.rotate(self._random.choice([*tenant.values, *tenant.optional_names()]))
        return "rotation"

    def _remove(self) -> str:
        tenant = self._tenant()
        tenant.remove(self._random.choice([*tenant.values, *tenant.optional_names()]))
        return "secret removed from AWS"

    def _revoke(self) -> str:
        tenant = self._tenant()
        tenant.permit(allowed=False)
        self._later(lambda: tenant.permit(allowed=True))
        return "revocation"

    def _expire_sessions(self) -> str:
        sessions = self._replicas.aws.cloud.sessions
        for key, session in list(sessions.items()):
            if session.token:  # access keys of users do not expire
                sessions[key] = replace(session, expires_at=0.0)
        return "expiry of all sessions"

    def _aws_fault(self) -> str:
        name, where = self._random.choice(list(AWS)), self._replicas.aws.faults
        where.inject(AWS[name], probability=self._random.choice((0.2, 1.0)))
        self._later(where.clear)
        return f"AWS fault: {name}"

    def _api_fault(self) -> str:
        name, where = self._random.choice(list(API)), self._replicas.any(self._random).api.faults
        where.inject(API[name], probability=self._random.choice((0.1, 0.5)))
        self._later(where.clear)
        return f"API fault: {name}"

    def _expire_watch(self) -> str:
        self._replicas.any(self._random).api.expire(self._random.choice(WATCHED))
        return "expired watch"

    def _cut(self) -> str:
        api = self._replicas.any(self._random).api
        api.cut()
        self._later(api.restore, most=4)
        return "API server away"

    def _steal(self) -> str:
        self._replicas.steal_lease()
        return "stolen Lease"

    def _stop(self) -> str:
        self._replicas.stop(self._replicas.any(self._random), signal.SIGTERM)
        self._later(self._replicas.start_missing)
        return "stopped replica"

    def _kill(self) -> str:
        self._replicas.stop(self._replicas.any(self._random), signal.SIGKILL)
        self._later(self._replicas.start_missing)
        return "killed replica"
