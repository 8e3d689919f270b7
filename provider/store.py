"""The seam to whatever keeps secrets: what a store is asked and what it answers.

Free of AWS and of the CSI wire format, so that the transport under it can change and a second
front door can use the same engine.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from provider.credentials import Access
from provider.errors import ProviderError
from provider.spec.models import ObjectRef

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class SecretValue:
    """A secret as the store holds it, and the id of the version that it is."""

    content: bytes = field(repr=False)
    version: str
    found: bool = True
    """False only of `MISSING`."""


MISSING = SecretValue(b"", "missing", found=False)
"""What an optional ref has that the store knows nothing of."""


class Pending(Protocol[T_co]):
    """A question that is on its way."""

    def read(self) -> T_co:
        """Wait for the answer, for one attempt and not again: `Unavailable` means "ask anew"."""
        ...


class Store(Protocol):
    """Secrets Manager, SSM Parameter Store, or a fake of either."""

    batch_size: int
    """How many refs one call of `fetch` takes."""

    def fetch(
        self, refs: Sequence[ObjectRef], access: Access
    ) -> Mapping[ObjectRef, SecretValue | ProviderError]:
        """Ask for at most `batch_size` refs in one call.

        Each ref has its value or its own error in the answer; what fails as a whole raises.
        Retries transient faults within `access.deadline`.
        """
        ...

    def current_version(self, ref: ObjectRef, access: Access) -> str | None:
        """The version that `ref` names now, by a call that decrypts nothing.

        None where the store has no such call that is cheaper than fetching, or where the answer
        leaves it open. Raises as `fetch` does; `AccessDenied` means "may not ask", not "may not
        read".
        """
        ...

    def begin_fetch(self, ref: ObjectRef, access: Access) -> Pending[SecretValue] | None:
        """Send what `fetch` would, without waiting: several are then read in one thread.

        None where sending takes time, as it does where a connection has to be opened first.
        """
        ...

    def begin_current_version(self, ref: ObjectRef, access: Access) -> Pending[str | None] | None:
        """The same of `current_version`."""
        ...
