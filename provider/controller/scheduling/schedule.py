"""Which object is next: due times, one at a time for each object, turns among namespaces.

A pure data structure: times are passed in, in seconds of any one clock. `queue.py` runs it.
"""

import heapq
from collections import Counter, OrderedDict
from itertools import count
from math import inf
from typing import NamedTuple

_SLACK = 64
"""Outdated entries that the heap may hold beyond the number of scheduled items."""
FIRSTS = 2
"""Bound on all objects under way, in multiples of `most`, for the first of each namespace. With 32
at a time, 32 more namespaces may hang before others have to wait. Each may hold 4 MiB of values."""


class Item(NamedTuple):
    """One object to reconcile; the namespace is empty for kinds without."""

    kind: str
    namespace: str
    name: str


class Schedule:
    """Each item is waiting for its due time, ready, or under way.

    At most `most` are under way, `share` of one namespace; a namespace with none under way may have
    one nevertheless, up to `FIRSTS` times `most`.
    """

    def __init__(self, share: int, most: int) -> None:
        self._share = share
        self._most = most
        self._due: dict[Item, float] = {}
        self._heap: list[tuple[float, int, Item]] = []
        self._numbers = count()
        self._ready: OrderedDict[str, OrderedDict[Item, float]] = OrderedDict()
        self._running: dict[Item, float] = {}
        """When each item under way is due again as asked for since; infinity if it was not."""
        self._running_in: Counter[str] = Counter()

    def add(self, item: Item, due: float) -> None:
        """Make an item due, at the earlier of `due` and what is scheduled already.

        An item under way is due again afterwards.
        """
        if item in self._running:
            self._running[item] = min(self._running[item], due)
        elif item not in self._ready.get(item.namespace, ()) and due < self._due.get(item, inf):
            self._due[item] = due
            heapq.heappush(self._heap, (due, next(self._numbers), item))
            self._drop_outdated()

    def take(self, now: float) -> tuple[Item, float] | None:
        """The item whose turn it is, which is then under way, and since when it is ready.

        None if nothing is ready, or only items of namespaces that have enough under way.
        """
        self.advance(now)
        running = len(self._running)
        if running >= self._most * FIRSTS:
            return None
        share = self._share if running < self._most else 1
        for namespace, items in self._ready.items():
            if self._running_in[namespace] < share:
                item, since = next(iter(items.items()))
                self._take_ready(item)
                if namespace in self._ready:
                    self._ready.move_to_end(namespace)
                self._running[item] = inf
                self._running_in[namespace] += 1
                return item, since
        return None

    def done(self, item: Item, due: float | None) -> None:
        """An item is no longer under way; it is due again at `due`, or only when it is added."""
        again = self._running.pop(item)
        self._running_in[item.namespace] -= 1
        if not self._running_in[item.namespace]:
            del self._running_in[item.namespace]
        again = again if due is None else min(again, due)
        if again < inf:
            self.add(item, again)

    def next_due(self) -> float | None:
        """When the next waiting item is due; None without one."""
        self._drop_outdated()
        return self._heap[0][0] if self._heap else None

    @property
    def ready(self) -> int:
        """Items that are ready."""
        return sum(map(len, self._ready.values()))

    def ready_by_kind(self) -> dict[str, int]:
        """Items that are ready, by their kind."""
        return dict(Counter(item.kind for items in self._ready.values() for item in items))

    def due(self, item: Item) -> float | None:
        """When an item is due; None for one that is ready, under way or not scheduled."""
        return self._due.get(item)

    @property
    def running(self) -> int:
        """Items under way."""
        return len(self._running)

    def running_by_kind(self) -> dict[str, int]:
        """Items under way, by their kind."""
        return dict(Counter(item.kind for item in self._running))

    @property
    def waiting(self) -> int:
        """Items that wait for their due time."""
        return len(self._due)

    def oldest(self) -> float | None:
        """Since when the item that is ready for the longest time is so."""
        return min((next(iter(items.values())) for items in self._ready.values()), default=None)

    def advance(self, now: float) -> None:
        """Make ready what is due."""
        while (due := self.next_due()) is not None and due <= now:
            _, _, item = heapq.heappop(self._heap)
            del self._due[item]
            self._ready.setdefault(item.namespace, OrderedDict())[item] = due

    def _take_ready(self, item: Item) -> None:
        if items := self._ready.get(item.namespace):
            items.pop(item, None)
            if not items:
                del self._ready[item.namespace]

    def _drop_outdated(self) -> None:
        """Drop heap entries of items that are due earlier by now."""
        while self._heap and self._due.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        if len(self._heap) > 2 * len(self._due) + _SLACK:
            self._heap = [(due, next(self._numbers), item) for item, due in self._due.items()]
            heapq.heapify(self._heap)
