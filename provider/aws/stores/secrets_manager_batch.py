"""AWS Secrets Manager as a store, up to twenty secrets a call, by `BatchGetSecretValue`.

An identity that lacks this action reads each secret by `GetSecretValue`, and the action is tried
again after an hour. A batch has current versions only: other versions and labels are read one by
one as well. A secret that is marked for deletion is missing.
"""

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from time import monotonic
from typing import Any

from provider.aws.client import AwsClient, Caller, Operation
from provider.aws.faults import Fault, clean
from provider.aws.protocols import objects
from provider.aws.stores.parameter_store import Outcomes, merged
from provider.aws.stores.secrets_manager import CURRENT, GET, SecretsManager, read_value
from provider.engine.limits import KeyedLimit
from provider.engine.model import Access, Identity, SecretRef, SecretValue
from provider.engine.ports import Store
from provider.errors import (
    AccessDenied,
    CredentialsExpired,
    ProviderError,
    SecretNotFound,
    Unavailable,
)
from provider.runtime.lru import Lru

BATCH = Operation("secretsmanager", "BatchGetSecretValue")

BATCH_SIZE = 20
DENIED_SECONDS = 3600.0
"""How long a denial of the batch action is remembered."""
SINGLE_CALLS = 24
"""Single calls in flight for one identity in a region: the engine counts all that belong to one
batch as one call."""
MAX_PAGES = BATCH_SIZE
_MOST_CALLERS = 1000
_DELETED = frozenset({"InvalidParameterException", "InvalidRequestException"})
_MARKED = re.compile("marked (for deletion|deleted)")
"""In the words of AWS, and of the emulators that are made of moto."""


def refusal(fault: Fault, who: str) -> ProviderError:
    """The error for `who`, who does not get a secret."""
    if fault.code in _DELETED and _MARKED.search(fault.message):
        return SecretNotFound(f"{str(fault).rstrip('. ')}. Restore the secret if it is needed.")
    return GET.refused(fault, who)


_Caller = tuple[Identity, str]
"""An identity in a region."""


class SecretsManagerBatch(Store):
    """Up to twenty secrets a call; `clock` is `time.monotonic`.

    It describes nothing: a batch of values costs one call, their versions one call each.
    """

    batch_size = BATCH_SIZE

    def __init__(self, client: AwsClient, clock: Callable[[], float] = monotonic) -> None:
        self._client = client
        self._clock = clock
        self._single = SecretsManager(client, refusal)
        self._single_calls: KeyedLimit[_Caller] = KeyedLimit(SINGLE_CALLS)
        self._denied_at: Lru[_Caller, float | None] = Lru(_MOST_CALLERS)
        """When each caller was denied the batch action; None: it is allowed."""
        self._first: dict[_Caller, asyncio.Future[None]] = {}
        """The first batch of each caller, as long as it is in flight."""

    async def read(self, refs: Sequence[SecretRef], access: Access) -> Outcomes:
        """See `Store.read`."""
        together = [ref for ref in refs if _is_current(ref)]
        if len(together) < 2 or self._is_denied((access.identity, access.region)):
            together = []
        alone = [self._alone(ref, access) for ref in refs if ref not in together]
        return await merged([self._together(together, access), *alone] if together else alone)

    def _is_denied(self, caller: _Caller) -> bool:
        at = self._denied_at.get(caller)
        if at is not None and self._clock() >= at + DENIED_SECONDS:
            del self._denied_at[caller]
            return False
        return at is not None

    @contextmanager
    def _one_first(self, caller: _Caller) -> Iterator[None]:
        """While the block runs, other batches of a caller that may be denied wait."""
        if caller in self._denied_at or caller in self._first:
            yield
            return
        first = self._first[caller] = asyncio.get_running_loop().create_future()
        try:
            yield
        finally:
            del self._first[caller]
            first.set_result(None)

    async def _together(self, refs: Sequence[SecretRef], access: Access) -> Outcomes:
        """After a failure of the whole batch each secret is read alone, unless it is transient."""
        caller = access.identity, access.region
        if first := self._first.get(caller):
            await asyncio.wait([first])
        found = {}
        if not self._is_denied(caller):
            with self._one_first(caller):
                found = await self._try(refs, access)
        outcomes: Outcomes = {ref: found[ref.name] for ref in refs if ref.name in found}
        rest = [self._alone(ref, access) for ref in refs if ref not in outcomes]
        return {**outcomes, **await merged(rest)}

    async def _try(
        self, refs: Sequence[SecretRef], access: Access
    ) -> dict[str, SecretValue | ProviderError]:
        """The outcomes of a batch, none where it is refused; notes whether it is denied."""
        caller = access.identity, access.region
        try:
            found = await self._batch(list(dict.fromkeys(ref.name for ref in refs)), access)
        except (CredentialsExpired, Unavailable):
            raise
        except ProviderError as error:
            self._denied_at.put(caller, self._clock() if isinstance(error, AccessDenied) else None)
            return {}
        self._denied_at.put(caller, None)
        return found

    async def _alone(self, ref: SecretRef, access: Access) -> Outcomes:
        async with self._single_calls.slot((access.identity, access.region)):
            try:
                return await self._single.read([ref], access)
            except CredentialsExpired:
                raise
            except ProviderError as error:
                return {ref: error}

    async def _batch(
        self, names: Sequence[str], access: Access
    ) -> dict[str, SecretValue | ProviderError]:
        """The outcomes that the answer has, by name, ARN and partial ARN."""
        body: dict[str, Any] = {"SecretIdList": names}
        outcomes: dict[str, SecretValue | ProviderError] = {}
        read = partial(_read, who=str(access.identity))
        for _ in range(MAX_PAGES):
            page, token = await self._client.ask(BATCH, body, Caller.of(access), read)
            outcomes |= page
            if not token:
                break
            body["NextToken"] = token
        return outcomes


def _is_current(ref: SecretRef) -> bool:
    return ref.version is None and ref.label in (None, CURRENT)


def _read(
    answer: Mapping[str, Any], who: str
) -> tuple[dict[str, SecretValue | ProviderError], Any]:
    """The outcomes of one page, and the token of the next one."""
    outcomes: dict[str, SecretValue | ProviderError] = {}
    for entry in objects(answer.get("SecretValues") or [], "SecretValues"):
        outcome = _value(entry, who)
        arn = str(entry.get("ARN"))
        outcomes |= {str(entry.get("Name")): outcome, arn: outcome, arn[:-7]: outcome}
    for entry in objects(answer.get("Errors") or [], "Errors"):
        message = clean(str(entry.get("Message") or ""))
        fault = Fault("answer", str(entry.get("ErrorCode")), message, status=400)
        # A secret that AWS fails to read is left out here, and read by a call of its own.
        if not (fault.is_transient or fault.code.startswith("Internal")):
            outcomes[str(entry.get("SecretId"))] = refusal(fault, who)
    return outcomes, answer.get("NextToken")


def _value(entry: Mapping[str, Any], who: str) -> SecretValue | ProviderError:
    try:
        return read_value(entry)
    except Fault as fault:
        return GET.refused(fault, who)
