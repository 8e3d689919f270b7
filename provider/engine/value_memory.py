"""How many bytes of values requests may hold: each, and all of them together.

Values that several requests share count once. When all together hold too much, tenants with more
than their share are refused, so that one tenant cannot take the memory that the others need.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from provider.engine.model import SecretValue
from provider.errors import AnswerTooLarge, Overloaded, ProviderError

MOST = 16 * 2**20
"""Bytes that one request may hold: more than any volume, since parts of values become files, and
values may come from two regions."""
REQUESTS = 2
"""Requests of the largest size that may be there at a time."""


class RequestMemory:
    """The values that one request holds."""

    def __init__(self, of_all: "ValueMemory", tenant: str) -> None:
        self._all = of_all
        self._tenant = tenant
        self._values: list[bytes] = []
        self._size = 0

    def take(self, answer: SecretValue | ProviderError) -> SecretValue | ProviderError:
        """The answer, or the error if its value does not fit."""
        if not isinstance(answer, SecretValue):
            return answer
        refusal = self._all.refusal(self._tenant, self._size + len(answer.content))
        if refusal is not None:
            return refusal
        self._size += len(answer.content)
        self._values.append(answer.content)
        self._all.hold(self._tenant, answer.content)
        return answer

    def release_all(self) -> None:
        """Hold nothing any more."""
        for content in self._values:
            self._all.release(content)
        self._values.clear()  # errors of the request may keep this object for a while


class ValueMemory:
    """One for the process. `most` is the number of bytes that one request may hold."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._holders: Counter[int] = Counter()
        """Requests that hold a value, by its `id`."""
        self._tenants: dict[int, str] = {}
        """The tenant that was first to hold a value."""
        self._held: Counter[str] = Counter()
        """Bytes that each tenant holds."""

    @contextmanager
    def request(self, tenant: str) -> Iterator[RequestMemory]:
        """The memory of one request, released at the end of the block."""
        memory = RequestMemory(self, tenant)
        try:
            yield memory
        finally:
            memory.release_all()

    @property
    def held(self) -> int:
        """Bytes of all values."""
        return self._held.total()

    def refusal(self, tenant: str, size: int) -> ProviderError | None:
        """Why a request of the tenant may not hold so many bytes; None: it may."""
        if size > self._most:
            return AnswerTooLarge(
                f"the values of this request take more than {self._most} bytes together: ask for "
                "fewer secrets at a time."
            )
        most = REQUESTS * self._most
        if self.held >= most and self._held[tenant] >= most / len(self._held):
            return Overloaded(
                f"the values that {tenant} asks for at this moment take too much memory. Try again "
                "later."
            )
        return None

    def hold(self, tenant: str, content: bytes) -> None:
        """One request more holds this value."""
        self._holders[id(content)] += 1
        if self._holders[id(content)] == 1:
            self._tenants[id(content)] = tenant
            self._held[tenant] += len(content)

    def release(self, content: bytes) -> None:
        """One request less holds this value."""
        self._holders[id(content)] -= 1
        if self._holders[id(content)]:
            return
        del self._holders[id(content)]
        tenant = self._tenants.pop(id(content))
        self._held[tenant] -= len(content)
        if not self._held[tenant]:
            del self._held[tenant]
