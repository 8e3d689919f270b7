"""Reads many secrets, some at a time, and no more than one ExternalSecret may hold in memory."""

from collections.abc import Iterable, Sequence

from provider.engine.failover import Failed, Outcome, Reader, Regions, Wanted
from provider.engine.values import Query
from provider.errors import AnswerTooLarge

MOST_BYTES = 4 * 2**20
"""Of all values that are read for one ExternalSecret. Its Secret holds a quarter of that."""
PART = 60
"""Secrets that are asked for together: whole batches of both services."""


async def read_all(
    reader: Reader, wanted: Sequence[Wanted], regions: Regions, query: Query
) -> list[Outcome]:
    """As `Reader.read`; raises `AnswerTooLarge` too."""
    outcomes: list[Outcome] = []
    size = 0
    for start in range(0, len(wanted), PART):
        part = await reader.read(wanted[start : start + PART], regions, query)
        size += sum(len(one.value.content) for one in part if not isinstance(one, Failed))
        if size > MOST_BYTES:
            raise too_large()
        outcomes += part
    return outcomes


def size_of(values: Iterable[bytes]) -> int:
    """Bytes of all values."""
    return sum(map(len, values))


def too_large() -> AnswerTooLarge:
    """The error of an ExternalSecret that reads too much."""
    return AnswerTooLarge(
        f"the secrets that it reads have more than {MOST_BYTES} bytes together: "
        "split the ExternalSecret"
    )
