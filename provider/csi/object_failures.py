"""The error of a mount in which objects failed: it names each of them, and what to do."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from provider.csi.request.model import SecretObject
from provider.engine.model import Identity
from provider.errors import InvalidRequest, Kind, ProviderError
from provider.manifests.problems import printable

SEVERITY: tuple[Kind, ...] = (
    "denied",
    "not_found",
    "unavailable",
    "unauthenticated",
    "precondition",
    "invalid",
)
"""Of several failures the first of these decides the status of the mount."""

FULL_TEXTS = 2500
"""Bytes for failures with their whole text. A status has 4000, and has to name every object."""

ALL_TEXTS = 3600
"""Bytes of all lines: a class may have thousands of objects, and a status no more than this."""

DRIVER_RETRIES = " The driver tries again."
"""The advice for transient failures."""


@dataclass(frozen=True, slots=True)
class ObjectFailure:
    """Why an object has no files, and the region that this is about."""

    object: SecretObject
    region: str
    error: ProviderError

    def __str__(self) -> str:
        return printable(f"{self._place}: {self.error}{_advice(self.error)}")

    @property
    def brief(self) -> str:
        """The object and the reason, without the details."""
        return printable(f"{self._place}: {self.error.reason}")

    @property
    def _place(self) -> str:
        ref = self.object.ref
        return f'{self.object.path} "{ref.name}" ({ref.store}, {self.region})'


class ObjectsFailed(ProviderError):
    """One or more objects failed, and with them the mount; the text has a line for each."""

    def __init__(self, failures: Sequence[ObjectFailure], identity: Identity) -> None:
        self.failures = tuple(failures)
        worst = min((one.error for one in failures), key=lambda error: SEVERITY.index(error.kind))
        self.kind, self._reason = worst.kind, worst.reason
        super().__init__("\n".join(_lines(self.failures, identity)))

    @property
    def reason(self) -> str:
        """The reason of the failure that decides the status."""
        return self._reason


def _advice(error: ProviderError) -> str:
    if isinstance(error, InvalidRequest):
        return " Correct the object in the SecretProviderClass."
    if error.retryable:
        return DRIVER_RETRIES
    return ""


def _lines(failures: Sequence[ObjectFailure], identity: Identity) -> Iterator[str]:
    """A line for each failure: object, region, reason, identity; briefly when space runs out."""
    size, who = 0, str(identity)
    for number, failure in enumerate(failures):
        line = str(failure)
        if who not in line:
            line += f" [{who}]"
        if size + len(line.encode()) > FULL_TEXTS:
            line = failure.brief
        size += len(line.encode())
        if size > ALL_TEXTS and number:
            yield f"… and {len(failures) - number} more objects"
            return
        yield line
