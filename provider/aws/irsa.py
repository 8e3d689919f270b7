"""IRSA: the pod's service account token in exchange for credentials of its role.

STS is asked in the mount's region, and in the failover region when that one fails or hangs: the
credentials are good in every region of the partition, whichever handed them out.
"""

import re
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from typing import Protocol

from provider.credentials import Credentials
from provider.deadline import Deadline
from provider.errors import AwsUnavailable, NotAuthenticated, OutOfTime, ProviderError, Unavailable
from provider.spec.arn import partition_of

PATIENCE = 3.0
"""Seconds after which a region counts as hanging, and the other one is asked as well."""

LONGEST_NAME = 64
_FORBIDDEN = re.compile(r"[^\w+=,.@-]", re.ASCII)


class Sts(Protocol):
    """AWS STS."""

    def assume_role_with_web_identity(
        self, *, role_arn: str, session_name: str, token: str, region: str, deadline: Deadline
    ) -> Credentials:
        """Credentials, or `NotAuthenticated` or `Unavailable`."""
        ...


Start = Callable[[str, Callable[[], Credentials]], Future[Credentials]]
"""Runs a call to a region in another thread. The threads must serve nothing else, for those of
other calls may all be waiting for credentials; a region that hangs must not take the other's."""


@dataclass(frozen=True, slots=True)
class WebIdentity:
    """A `CredentialSource`: one service account, its token and its role."""

    sts: Sts
    start: Start
    namespace: str
    service_account: str
    role: str
    token: str = field(repr=False)
    regions: tuple[str, ...]
    """The first is preferred; one more at most."""
    patience: float = PATIENCE

    def fetch(self, deadline: Deadline) -> Credentials:
        """Ask STS; raises `NotAuthenticated` or `Unavailable`."""
        try:
            if len(self.regions) == 1:
                return self._assume(self.regions[0], deadline)
            return self._assume_in_either(deadline)
        except (NotAuthenticated, Unavailable) as error:
            raise type(error)(
                f"no credentials of role {self.role} for the service account "
                f"{self.namespace}/{self.service_account}: {error}{self._hint(error)}"
            ) from error

    def _assume(self, region: str, deadline: Deadline) -> Credentials:
        try:
            return self.sts.assume_role_with_web_identity(
                role_arn=self.role,
                session_name=session_name(self.namespace, self.service_account),
                token=self.token,
                region=region,
                deadline=deadline,
            )
        except (NotAuthenticated, Unavailable) as error:
            raise type(error)(f"STS in {region}: {error}") from error

    def _assume_in_either(self, deadline: Deadline) -> Credentials:
        calls: list[Future[Credentials]] = []
        try:
            for region in self.regions:
                calls.append(self.start(region, partial(self._assume, region, deadline)))
                is_last = len(calls) == len(self.regions)
                limit = deadline if is_last else deadline.within(self.patience)
                if (credentials := _first_of(calls, limit)) is not None:
                    return credentials
        finally:
            for call in calls:
                call.cancel()
        raise _nobody_answered(calls)

    def _hint(self, error: ProviderError) -> str:
        """STS itself never says so, it just knows neither token nor role."""
        theirs, ours = self.role.split(":")[1], partition_of(self.regions[0])
        if not isinstance(error, NotAuthenticated) or theirs == ours:
            return ""
        return (
            f" Note that the role is one of partition {theirs}, while region {self.regions[0]} is "
            f"in {ours}: no credentials reach from one into the other."
        )


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


def session_name(namespace: str, service_account: str) -> str:
    """What CloudTrail shows of who it was: `web@shop`, in STS's alphabet and length.

    Where a name had to be cut or changed, a digest of both keeps it apart from its likes.
    """
    full = f"{service_account}@{namespace}"
    name = _FORBIDDEN.sub("_", full)
    if name == full and len(name) <= LONGEST_NAME:
        return name
    digest = sha256(full.encode()).hexdigest()[:8]
    room = LONGEST_NAME - len(f"@-{digest}")
    account, _, space = name.partition("@")
    space = space[: max(room // 2, room - len(account))]
    return f"{account[: room - len(space)]}@{space}-{digest}"
