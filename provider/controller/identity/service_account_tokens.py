"""Tokens of ServiceAccounts, from TokenRequest: one an hour for each account and its audiences."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic, time
from typing import NamedTuple, Protocol

from provider.engine.model import Credentials
from provider.engine.ports import CredentialSource
from provider.engine.single_flight import SingleFlight
from provider.errors import TokenRejected
from provider.runtime.lru import FairLru

CAPACITY = 1000
"""Tokens that are remembered, some 2 KiB each."""
SECONDS = 3600
"""The lifetime that is requested, in seconds; the API server may choose another."""
SHARE = 0.8
"""The part of its lifetime after which a token is replaced, as by the kubelet."""


class Token(Protocol):
    """A token as the API server issued it."""

    @property
    def token(self) -> str:
        """The token; a secret."""
        ...

    @property
    def expires_at(self) -> float:
        """Seconds since 1970."""
        ...


class TokenApi(Protocol):
    """The Kubernetes API: `kube.cluster_api.ClusterApi`."""

    async def create_token(
        self, namespace: str, service_account: str, *, audiences: Sequence[str], seconds: int = ...
    ) -> Token:
        """A new token; raises `ObjectNotFound`, `LookupForbidden`, `ObjectRefused` or
        `Unavailable`."""
        ...


class Account(NamedTuple):
    """A ServiceAccount, and what its token is for. The uid is another one after a re-creation."""

    namespace: str
    name: str
    uid: str
    audiences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Kept:
    token: str = field(repr=False)
    until: float


class Tokens:
    """One for the process."""

    def __init__(self, api: TokenApi, *, clock: Callable[[], float] = monotonic) -> None:
        self._api = api
        self._clock = clock
        self._kept: FairLru[Account, _Kept] = FairLru(CAPACITY, lambda one: one.namespace)
        self._requests: SingleFlight[Account, str] = SingleFlight()

    async def get(self, account: Account) -> str:
        """A token with at least a fifth of its lifetime left; raises the errors of `TokenApi`."""
        kept = self._kept.get(account)
        if kept is not None and self._clock() < kept.until:
            return kept.token
        return await self._requests.run(account, lambda: self._request(account))

    def drop(self, account: Account) -> None:
        """Forget a token that was rejected."""
        self._kept.pop(account, None)

    async def _request(self, account: Account) -> str:
        asked_at = self._clock()
        issued = await self._api.create_token(
            account.namespace, account.name, audiences=account.audiences, seconds=SECONDS
        )
        # The local wall clock may be wrong: what it says is bounded by what was asked for.
        life = min(max(issued.expires_at - time(), 0.0), float(SECONDS))
        self._kept.put(account, _Kept(issued.token, asked_at + life * SHARE))
        return issued.token


@dataclass(frozen=True, slots=True)
class AccountToken:
    """A callable that gives a token of one account. Two of one account are equal."""

    tokens: Tokens
    account: Account

    async def __call__(self) -> str:
        """A token; raises the errors of `TokenApi`."""
        return await self.tokens.get(self.account)


@dataclass(frozen=True, slots=True)
class WithToken:
    """A `CredentialSource` that forgets a token which is rejected, so that the next try has a new
    one."""

    source: CredentialSource
    tokens: Tokens
    account: Account

    async def fetch(self) -> Credentials:
        """New credentials; raises the errors of `source`."""
        try:
            return await self.source.fetch()
        except TokenRejected:
            self.tokens.drop(self.account)
            raise
