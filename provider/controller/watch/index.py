"""Which objects refer to an object, so that they are reconciled when it changes."""

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
R = TypeVar("R", bound=Hashable)


class Index(Generic[R, K]):
    """Keys of objects by what they refer to, in the order in which they were put.

    The backlog has the same order, so objects whose secrets are read together are also reconciled
    together.
    """

    def __init__(self) -> None:
        self._keys: dict[R, dict[K, None]] = {}  # an ordered set
        self._refs: dict[K, tuple[R, ...]] = {}  # a set would need three times as much memory

    def put(self, key: K, refs: Iterable[R]) -> None:
        """An object refers to these, and to nothing else any more; to none if it is gone."""
        new = frozenset(refs)
        old = frozenset(self._refs.pop(key, ()))
        for ref in old - new:
            self._keys[ref].pop(key, None)
            if not self._keys[ref]:
                del self._keys[ref]
        for ref in new - old:
            self._keys.setdefault(ref, {})[key] = None
        if new:
            self._refs[key] = tuple(new)

    def of(self, ref: R) -> tuple[K, ...]:
        """The objects that refer to `ref`."""
        return tuple(self._keys.get(ref, ()))
