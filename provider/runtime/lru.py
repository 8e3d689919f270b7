"""Dictionaries of bounded size."""

from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Lru(OrderedDict[K, V]):
    """Keeps `most` entries, and drops the one that was put or used longest ago.

    Only `put` and `move_to_end` count as a use.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def put(self, key: K, value: V) -> None:
        """Keep `value` under `key`, in place of the value that is there."""
        self[key] = value
        self.move_to_end(key)
        while len(self) > self._most:
            self._drop_one()

    def _drop_one(self) -> None:
        self.popitem(last=False)


class FairLru(Lru[K, V]):
    """The same, but the tenant with the most entries loses its oldest one.

    So no tenant pushes out the entries of others. `tenant_of` returns the tenant of a key.
    """

    def __init__(self, most: int, tenant_of: Callable[[K], str]) -> None:
        super().__init__(most)
        self._tenant_of = tenant_of

    def _drop_one(self) -> None:
        [(largest, _)] = Counter(map(self._tenant_of, self)).most_common(1)
        del self[next(key for key in self if self._tenant_of(key) == largest)]
