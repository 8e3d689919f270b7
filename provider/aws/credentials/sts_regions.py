"""STS in one region or two: the second is asked when the first one fails or hangs.

Credentials are valid in every region of the partition, no matter which region issued them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic

from provider.engine.model import Credentials
from provider.errors import AwsUnavailable, NotAuthenticated, Unavailable

PATIENCE = 3.0
"""Seconds after which the other region is asked as well."""

Call = Callable[[str], Awaitable[Credentials]]
"""Asks one region."""


async def ask_regions(
    regions: Sequence[str], call: Call, patience: float = PATIENCE
) -> Credentials:
    """The credentials that one of the regions gives, the first one preferred.

    Raises the `NotAuthenticated` of the first region that refuses, or `Unavailable` if none
    answers; both name the region. Has no time limit of its own if all hang.
    """
    if len(regions) == 1:
        return await _ask(call, regions[0])
    calls: list[asyncio.Task[Credentials]] = []
    try:
        for region in regions:
            calls.append(asyncio.create_task(_ask(call, region)))
            is_last = len(calls) == len(regions)
            credentials = await _first_of(calls, None if is_last else patience)
            if credentials is not None:
                return credentials
    finally:
        for task in calls:
            task.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
    raise AwsUnavailable(" ".join(str(task.exception()) for task in calls))


async def _ask(call: Call, region: str) -> Credentials:
    try:
        return await call(region)
    except (NotAuthenticated, Unavailable) as error:
        raise error.in_context(f"STS in {region}") from error


async def _first_of(
    calls: Sequence[asyncio.Task[Credentials]], patience: float | None
) -> Credentials | None:
    """The first success; None when all have failed or the time is up. A refusal is final."""
    pending = set(calls)
    until = None if patience is None else monotonic() + patience
    while pending:
        left = None if until is None else until - monotonic()
        done, pending = await asyncio.wait(
            pending, timeout=left, return_when=asyncio.FIRST_COMPLETED
        )
        if not done:
            return None
        for call in done:
            error = call.exception()
            if error is None:
                return call.result()
            if not isinstance(error, Unavailable):
                raise error
    return None
