"""What every identity might read at every time: what a delivery is judged by.

Secrets say in their own content what they are, so a delivered byte can be judged alone. Times are
`time.monotonic`.
"""

import json
from bisect import bisect_right
from dataclasses import dataclass, field
from random import Random
from threading import Lock
from time import monotonic

from testbed.aws.cloud import Cloud
from testbed.aws.iam import Role, Statement, allow
from testbed.kubernetes import FakeKubernetes

CANARY = "c4nary"
"""In every value, and never in a log."""
NAMESPACE = "soak"
SECRETS, PARAMETERS = 3, 2


@dataclass(frozen=True, slots=True)
class Account:
    """A service account with a role and secrets of its own."""

    number: int

    @property
    def name(self) -> str:
        return f"app-{self.number}"

    def names(self) -> list[str]:
        """Its secrets and parameters; parameters begin with a slash."""
        own = [f"soak/{self.name}/secret-{index}" for index in range(SECRETS)]
        return own + [f"/soak/{self.name}/parameter-{index}" for index in range(PARAMETERS)]

    def statements(self) -> list[Statement]:
        """What its role may do while it may."""
        return [
            *allow(f"arn:aws:secretsmanager:*:*:secret:soak/{self.name}/*"),
            *allow(f"arn:aws:ssm:*:*:parameter/soak/{self.name}/*"),
        ]


@dataclass(slots=True)
class Line:
    """A number that changes with time."""

    times: list[float] = field(default_factory=list)
    values: list[int] = field(default_factory=list)

    def set(self, value: int) -> None:
        self.values.append(value)
        self.times.append(monotonic())

    def within(self, start: float, end: float) -> list[int]:
        """All values that it had from `start` to `end`."""
        first = max(0, bisect_right(self.times, start) - 1)
        return self.values[first : bisect_right(self.times, end)]


class Truth:
    """The cloud, and the history of what was done to it. Thread-safe."""

    def __init__(
        self, cloud: Cloud, kubernetes: FakeKubernetes, accounts: int, regions: tuple[str, ...]
    ) -> None:
        self.regions = regions
        self.accounts = [Account(number) for number in range(accounts)]
        self._cloud = cloud
        self._lock = Lock()
        self._generations: dict[tuple[str, str], Line] = {}
        self._allowed = {account: Line() for account in self.accounts}
        self._trouble = Line()
        self._roles = {account: self._make(account, kubernetes) for account in self.accounts}
        self.asked: set[tuple[str, str]] = set()
        """(role, name) of all that pods have asked for; nothing else may reach AWS."""

    def _make(self, account: Account, kubernetes: FakeKubernetes) -> Role:
        role = self._cloud.put_role(account.name, trust=[f"{NAMESPACE}:{account.name}"], allow=[])
        self._cloud.associate(NAMESPACE, account.name, role)
        kubernetes.put_service_account(NAMESPACE, account.name, role_arn=role.arn)
        role.allow = account.statements()
        self._allowed[account].set(1)
        for name in account.names():
            self.rotate(name)
        return role

    def rotate(self, name: str) -> None:
        """Give a secret its next version, in every region."""
        for region in self.regions:
            with self._lock:
                line = self._generations.setdefault((region, name), Line())
                generation = len(line.values)
                value = json.dumps(
                    {"canary": CANARY, "name": name, "region": region, "generation": generation}
                )
                put = self._cloud.put_parameter if name.startswith("/") else self._cloud.put_secret
                put(name, value, region=region)
                line.set(generation)

    def permit(self, account: Account, *, allowed: bool) -> None:
        """Let a role read its secrets, or not."""
        line = self._allowed[account]
        with self._lock:
            self._roles[account].allow = account.statements() if allowed else []
            line.set(int(allowed))

    def trouble(self, change: int) -> None:
        """So many faults more, or fewer."""
        with self._lock:
            self._trouble.set((self._trouble.values or [0])[-1] + change)

    def is_calm(self, account: Account, start: float, end: float) -> bool:
        """Whether nothing excused a failure."""
        with self._lock:
            return not any(self._trouble.within(start, end)) and all(
                self._allowed[account].within(start, end)
            )

    def judge(self, account: Account, name: str, content: bytes, start: float, end: float) -> str:
        """What is wrong with a delivered secret; nothing if it is right."""
        try:
            value = json.loads(content)
            region, generation = value["region"], value["generation"]
        except (ValueError, KeyError, TypeError):
            return f"{name}: not a value of ours: {content[:80]!r}"
        with self._lock:
            possible = self._generations[region, name].within(start, end)
            may = any(self._allowed[account].within(start, end))
        if value["name"] != name or name not in account.names():
            return f"{name}: {account.name} got {value['name']}"
        if not may:
            return f"{name}: {account.name} might not read it"
        if generation not in possible:
            return f"{name}: generation {generation} in {region}, not one of {possible}"
        return ""

    def pick(self, random: Random) -> Account:
        """An account."""
        return random.choice(self.accounts)
