"""Bounds the memory for parsed objects, so that no namespace fills it alone."""

from collections import Counter
from collections.abc import Callable
from threading import RLock
from typing import Concatenate, ParamSpec, TypeVar

from provider.controller.watch.object_cache import ObjectKey, key_of
from provider.kube.kinds import Document

T = TypeVar("T")
P = ParamSpec("P")

MOST_NODES = 500
MOST_TEXT = 16 * 1024
"""Values and characters of a spec that is parsed on the event loop, which takes milliseconds."""
REGEXP = MOST_TEXT // 4
"""Characters that a regular expression counts for: to compile it takes up to 4 ms."""
MOST = 32 * 2**20
"""Bytes of the objects of one kind in one namespace."""
NODE = 64
"""Bytes of a value in an object, beside its text."""


class SpecMemory:
    """The memory of the objects of one kind. Any thread may parse."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._sizes: dict[ObjectKey, int] = {}
        self._total: Counter[str] = Counter()
        self._lock = RLock()

    def bounded(
        self, make: Callable[Concatenate[Document, P], T]
    ) -> Callable[Concatenate[Document, P], T]:
        """`make`, which raises ValueError for an object that is too large beside the others."""

        def make_bounded(document: Document, /, *args: P.args, **named: P.kwargs) -> T:
            self._count(key_of(document), _size(document))
            return make(document, *args, **named)

        return make_bounded

    def forget(self, key: ObjectKey) -> None:
        """The object is gone."""
        with self._lock:
            self._total[key.namespace] -= self._sizes.pop(key, 0)
            if not self._total[key.namespace]:
                del self._total[key.namespace]

    def _count(self, key: ObjectKey, size: int) -> None:
        with self._lock:
            self.forget(key)
            if self._total[key.namespace] + size > self._most:
                what = (
                    f"the objects of this kind in its namespace take more than {self._most} bytes"
                )
                raise ValueError(f"{what}: make them smaller, or delete some")
            self._sizes[key] = size
            self._total[key.namespace] += size


def has_large_spec(document: Document) -> bool:
    """Whether to parse spec and annotations may take longer than the event loop may be held."""
    left, text = MOST_NODES, MOST_TEXT
    waiting: list[object] = [document.get("spec"), document["metadata"].get("annotations")]
    while waiting and left > 0 and text > 0:
        one = waiting.pop()
        left -= 1
        if isinstance(one, dict):
            waiting.extend(one.values())
            if "regexp" in one:
                text -= REGEXP
        elif isinstance(one, list):
            waiting.extend(one)
        elif isinstance(one, str):
            text -= len(one)
    return left <= 0 or text <= 0


def _size(document: Document) -> int:
    """About the bytes that a parsed object takes."""
    about = document["metadata"]
    size = 0
    waiting = [document.get("spec"), (document.get("status") or {}).get("conditions")]
    waiting += [about.get(name) for name in ("annotations", "labels", "finalizers")]
    while waiting:
        one = waiting.pop()
        size += NODE
        if isinstance(one, dict):
            size += sum(map(len, one))
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
        elif isinstance(one, str):
            size += len(one)
    return size
