"""STS in one region or two: the second is asked when the first one fails or hangs.

Credentials are valid in every region of the partition, no matter which region issued them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

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
    tasks: list[asyncio.Task[Credentials]] = []
    try:
        for region in regions:
            tasks.append(asyncio.create_task(_ask(call, region)))
            is_last = len(tasks) == len(regions)
            with suppress(TimeoutError):
                async with asyncio.timeout(None if is_last else patience):
                    if credentials := await _first_of(tasks):
                        return credentials
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    raise AwsUnavailable(" ".join(str(task.exception()) for task in tasks))


async def _ask(call: Call, region: str) -> Credentials:
    try:
        return await call(region)
    except (NotAuthenticated, Unavailable) as error:
        raise error.in_context(f"STS in {region}") from error


async def _first_of(tasks: Sequence[asyncio.Task[Credentials]]) -> Credentials | None:
    """The first success; None when all have failed. A refusal is final."""
    for finished in asyncio.as_completed(tasks):
        with suppress(Unavailable):
            return await finished
    return None
