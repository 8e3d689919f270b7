"""How many objects are measured with, and where they are."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

BATCH = 20
"""Secrets that one BatchGetSecretValue reads."""


@dataclass(frozen=True, slots=True)
class Shape:
    """ExternalSecrets `es-0` … in namespaces `team-0` …, all with one own and one shared secret.

    The first `hot` are in the first namespace, and have a template of a ConfigMap there; the others
    are dealt to the other namespaces in turn. Each namespace has a SecretStore; where there are
    fewer stores than namespaces, the last store is a ClusterSecretStore, for all that have none.
    Every second SecretStore has the role of a ServiceAccount, all other stores share access keys.
    """

    size: int
    namespaces: int
    stores: int
    hot: int = 0

    @property
    def names(self) -> Sequence[str]:
        """The namespaces."""
        return [f"team-{place}" for place in range(self.namespaces)]

    @property
    def secret_stores(self) -> int:
        """Namespaces with a store of their own: the first so many."""
        return self.stores if self.stores >= self.namespaces else self.stores - 1

    def place_of(self, number: int) -> int:
        """The number of the namespace of an ExternalSecret; those from `size` on are never hot."""
        if not self.hot:
            return number % self.namespaces
        return 0 if number < self.hot else 1 + (number - self.hot) % (self.namespaces - 1)

    def has_role(self, place: int) -> bool:
        """Whether the store of a namespace has a role; else it has access keys."""
        return place < self.secret_stores and place % 2 == 1

    def least_calls(self) -> int:
        """Calls to AWS without which not all can be Ready.

        An AssumeRole for each role, and each secret once for each role and for the access keys, 20
        a call.
        """
        sizes = Counter(self.place_of(number) for number in range(self.size))
        roles = [one for place, one in sizes.items() if self.has_role(place)]
        by_keys = self.size - sum(roles)
        own = [*roles, by_keys] if by_keys else roles
        return len(roles) + sum(ceil((one + 1) / BATCH) for one in own)


USUAL = Shape(size=500, namespaces=50, stores=50)
"""For which the goals hold."""
LARGE = Shape(size=5000, namespaces=200, stores=100, hot=2000)
