"""ExternalSecrets that wait to be read because they are new or changed.

A value is new enough for a change if AWS was asked for it after the change was seen. So
ExternalSecrets that wait together share what is read.
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
        """Move an ExternalSecret that cannot be read yet behind the others, as the queue does.

        Neighbours in the backlog are then reconciled together, and share calls.
        """
        waiting = self._seen.get(key.namespace, {})
        if key.name in waiting:
            waiting[key.name] = waiting.pop(key.name)

    def take(self, key: ObjectKey) -> float | None:
        """Remove the change when its work begins; returns when it was seen."""
        waiting = self._seen.get(key.namespace, {})
        moment = waiting.pop(key.name, None)
        if not waiting:
            self._seen.pop(key.namespace, None)
        return moment

    def waiting_in(self, namespace: str) -> Iterator[ObjectKey]:
        """The ExternalSecrets of a namespace that wait; to be read before another one is put."""
        return (ObjectKey(namespace, name) for name in self._seen.get(namespace, ()))
