"""ExternalSecrets that are to be read because they are new or changed, and since when.

What AWS was asked after a change was seen is new enough for it. So those that wait together share
what is read.
"""

from collections.abc import Iterator

from provider.controller.watch.object_cache import ObjectKey


class Backlog:
    """The moments (`time.monotonic`) at which changes were seen, until they are worked on."""

    def __init__(self) -> None:
        self._seen: dict[str, dict[str, float]] = {}

    def put(self, key: ObjectKey, moment: float) -> None:
        """Note that a change was seen; it replaces an earlier one."""
        self._seen.setdefault(key.namespace, {})[key.name] = moment

    def put_back(self, key: ObjectKey, moment: float) -> None:
        """Note the change again after a failure, unless a later one was seen."""
        self._seen.setdefault(key.namespace, {}).setdefault(key.name, moment)

    def defer(self, key: ObjectKey) -> None:
        """One that waits has had its turn in vain: it waits behind the others, as in the queue.

        So those who wait next to each other have their turns together, and share calls.
        """
        waiting = self._seen.get(key.namespace, {})
        if key.name in waiting:
            waiting[key.name] = waiting.pop(key.name)

    def take(self, key: ObjectKey) -> float | None:
        """Remove the change, whose work begins; returns when it was seen."""
        waiting = self._seen.get(key.namespace, {})
        moment = waiting.pop(key.name, None)
        if not waiting:
            self._seen.pop(key.namespace, None)
        return moment

    def waiting_in(self, namespace: str) -> Iterator[ObjectKey]:
        """The ExternalSecrets of a namespace that wait."""
        return (ObjectKey(namespace, name) for name in tuple(self._seen.get(namespace, ())))
