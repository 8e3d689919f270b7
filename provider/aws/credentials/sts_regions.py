"""STS in one region or two: the second is asked when the first one fails or hangs.

Credentials are good in every region of the partition, whichever handed them out.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from functools import partial

from provider.credentials import Credentials
from provider.deadline import Deadline
from provider.errors import AwsUnavailable, NotAuthenticated, OutOfTime, Unavailable

PATIENCE = 3.0
"""Seconds after which a region counts as hanging, and the other one is asked as well."""

Start = Callable[[str, Callable[[], Credentials]], Future[Credentials]]
"""Runs a call to a region in another thread. The threads must serve nothing else, for those of
other calls may all be waiting for credentials; a region that hangs must not take the other's."""

Call = Callable[[str, Deadline], Credentials]
"""Asks one region."""


def ask_regions(
    regions: Sequence[str], start: Start, call: Call, deadline: Deadline, patience: float = PATIENCE
) -> Credentials:
    """The credentials that the first or else the other region gives; a refusal is final.

    Raises `NotAuthenticated` or `Unavailable`, which tell the region.
    """
    if len(regions) == 1:
        return _ask(call, regions[0], deadline)
    calls: list[Future[Credentials]] = []
    try:
        for region in regions:
            calls.append(start(region, partial(_ask, call, region, deadline)))
            is_last = len(calls) == len(regions)
            limit = deadline if is_last else deadline.within(patience)
            if (credentials := _first_of(calls, limit)) is not None:
                return credentials
    finally:
        for started in calls:
            started.cancel()
    raise _nobody_answered(calls)


def _ask(call: Call, region: str, deadline: Deadline) -> Credentials:
    try:
        return call(region, deadline)
    except (NotAuthenticated, Unavailable) as error:
        raise type(error)(f"STS in {region}: {error}") from error


def _first_of(calls: Sequence[Future[Credentials]], limit: Deadline) -> Credentials | None:
    """The first success; None when all have failed or the time is up. A refusal is final."""
    pending = set(calls)
    while pending:
        done, pending = wait(pending, limit.remaining(), FIRST_COMPLETED)
        if not done:
            return None
        for call in done:
            error = call.exception()
            if error is None:
                return call.result()
            if not isinstance(error, Unavailable):
                raise error
    return None


def _nobody_answered(calls: Sequence[Future[Credentials]]) -> Unavailable:
    if not all(call.done() and not call.cancelled() for call in calls):
        return OutOfTime("STS did not answer in time. Check that the node reaches its endpoints.")
    return AwsUnavailable(" ".join(str(call.exception()) for call in calls))
