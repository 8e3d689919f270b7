"""Bounds the large objects that are kept, so that no namespace fills the memory alone."""

import json
from collections.abc import Callable
from threading import Lock
from typing import TypeVar

from provider.controller.watch.object_cache import ObjectKey, key_of
from provider.kube.kinds import Document

T = TypeVar("T")

MOST_NODES = 500
MOST_TEXT = 16 * 1024
"""Values and characters of a spec that is parsed on the event loop, which takes milliseconds."""
MOST = 32 * 2**20
"""Characters of the large objects of one kind in one namespace. Small ones do not count."""


class LargeSpecs:
    """The sizes of large objects of one kind. Any thread may parse."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._sizes: dict[str, dict[str, int]] = {}
        self._lock = Lock()

    def bounded(self, parse: Callable[[Document], T]) -> Callable[[Document], T]:
        """`parse`, which raises ValueError for an object that is too large beside the others."""

        def parse_bounded(document: Document) -> T:
            self._count(key_of(document), _size(document))
            return parse(document)

        return parse_bounded

    def forget(self, key: ObjectKey) -> None:
        """The object is gone."""
        with self._lock:
            if sizes := self._sizes.get(key.namespace):
                sizes.pop(key.name, None)

    def _count(self, key: ObjectKey, size: int) -> None:
        self.forget(key)
        if not size:
            return
        with self._lock:
            sizes = self._sizes.setdefault(key.namespace, {})
            if sum(sizes.values()) + size > self._most:
                what = f"the large objects of this namespace have more than {self._most} characters"
                raise ValueError(f"{what}: make them smaller, or delete some")
            sizes[key.name] = size


def has_large_spec(document: Document) -> bool:
    """Whether to parse spec and annotations may take longer than the event loop may be held."""
    left, text = MOST_NODES, MOST_TEXT
    waiting: list[object] = [document.get("spec"), document["metadata"].get("annotations")]
    while waiting and left > 0 and text > 0:
        one = waiting.pop()
        left -= 1
        if isinstance(one, dict):
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
        elif isinstance(one, str):
            text -= len(one)
    return left <= 0 or text <= 0


def _size(document: Document) -> int:
    """Characters of what is kept of a large object; 0 for a small one."""
    if not has_large_spec(document):
        return 0
    return len(json.dumps((document.get("spec"), document["metadata"].get("annotations"))))
