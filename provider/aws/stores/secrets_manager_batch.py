"""AWS Secrets Manager as a store, up to twenty secrets a call, by `BatchGetSecretValue`.

An identity that lacks this action reads each secret by `GetSecretValue`, and the action is tried
again after an hour. A batch has current versions only: other versions and labels are read one by
one as well. A secret that is marked for deletion is missing.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from time import monotonic
from typing import Any

from provider.aws.client import AwsClient
from provider.aws.faults import Fault, clean
from provider.aws.operations import Operation
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

BATCH = Operation("secretsmanager", "BatchGetSecretValue", has_resource=False)

BATCH_SIZE = 20
DENIED_SECONDS = 3600.0
"""How long a denial of the batch action is remembered."""
SINGLE_CALLS = 24
"""Single calls in flight for one identity that a namespace uses, in a region: the engine counts all
that belong to one batch as one call."""
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
_ByName = dict[str, SecretValue | ProviderError]
"""Outcomes by name, ARN and partial ARN."""


class SecretsManagerBatch(Store):
    """Up to twenty secrets a call; `clock` is `time.monotonic`.

    It describes nothing: a batch of values costs one call, their versions one call each.
    """

    batch_size = BATCH_SIZE

    def __init__(self, client: AwsClient, clock: Callable[[], float] = monotonic) -> None:
        self._client = client
        self._clock = clock
        self._single = SecretsManager(client)
        self._single_calls: KeyedLimit[tuple[Identity, str, str]] = KeyedLimit(SINGLE_CALLS)
        self._denied_at: Lru[_Caller, float | None] = Lru(_MOST_CALLERS)
        """When each caller was denied the batch action; None: it is allowed."""
        self._first: KeyedLimit[_Caller] = KeyedLimit(1)

    async def read(self, refs: Sequence[SecretRef], access: Access) -> Outcomes:
        current = [ref for ref in refs if _is_current(ref)]
        others = [self._alone(ref, access) for ref in refs if not _is_current(ref)]
        return await merged([self._together(current, access), *others])

    def _is_denied(self, caller: _Caller) -> bool:
        at = self._denied_at.get(caller)
        if at is not None and self._clock() >= at + DENIED_SECONDS:
            del self._denied_at[caller]
            return False
        return at is not None

    async def _together(self, refs: Sequence[SecretRef], access: Access) -> Outcomes:
        """After a failure of the whole batch each secret is read alone, unless it is transient."""
        names = list(dict.fromkeys(ref.name for ref in refs))
        found = await self._found(names, access) if len(refs) > 1 else {}
        outcomes = {ref: found[ref.name] for ref in refs if ref.name in found}
        rest = [self._alone(ref, access) for ref in refs if ref not in outcomes]
        return {**outcomes, **await merged(rest)}

    async def _found(self, names: Sequence[str], access: Access) -> _ByName:
        """The outcomes of a batch, none where it is refused."""
        caller = access.identity, access.region
        if self._is_denied(caller):
            return {}
        if caller in self._denied_at:
            return await self._try(names, access)
        async with self._first.slot(caller):  # the others wait for the first answer
            if caller not in self._denied_at:
                return await self._try(names, access)
        return await self._found(names, access)  # another batch has found out

    async def _try(self, names: Sequence[str], access: Access) -> _ByName:
        """As `_found`; notes whether the batch action is denied."""
        denied_at = None
        try:
            return await self._batch(names, access)
        except (CredentialsExpired, Unavailable):
            raise
        except ProviderError as error:
            if isinstance(error, AccessDenied):
                denied_at = self._clock()
            return {}
        finally:
            self._denied_at.put((access.identity, access.region), denied_at)

    async def _alone(self, ref: SecretRef, access: Access) -> Outcomes:
        async with self._single_calls.slot((access.identity, access.region, access.tenant)):
            try:
                return await self._single.read([ref], access)
            except CredentialsExpired:
                raise
            except ProviderError as error:
                fault, who = error.__cause__, str(access.identity)
                return {ref: refusal(fault, who) if isinstance(fault, Fault) else error}

    async def _batch(self, names: Sequence[str], access: Access) -> _ByName:
        body: dict[str, Any] = {"SecretIdList": names}
        outcomes: _ByName = {}
        read = partial(_read, who=str(access.identity))
        for _ in range(MAX_PAGES):
            page, token = await self._client.ask(BATCH, body, access, read)
            outcomes |= page
            if not token:
                break
            body["NextToken"] = token
        return outcomes


def _is_current(ref: SecretRef) -> bool:
    return ref.version is None and ref.label in (None, CURRENT)


def _read(answer: Mapping[str, Any], who: str) -> tuple[_ByName, Any]:
    """The outcomes of one page, and the token of the next one."""
    outcomes: _ByName = {}
    for entry in objects(answer.get("SecretValues") or [], "SecretValues"):
        outcome: SecretValue | ProviderError
        try:
            outcome = read_value(entry)
        except Fault as undecodable:
            outcome = GET.refused(undecodable, who)
        name, arn = (str(entry.get(key) or "") for key in ("Name", "ARN"))
        outcomes |= dict.fromkeys((name, arn, arn[:-7]), outcome)
    for entry in objects(answer.get("Errors") or [], "Errors"):
        message = clean(str(entry.get("Message") or ""))
        fault = Fault("answer", str(entry.get("ErrorCode")), message, status=400)
        # A secret that AWS fails to read is left out here, and read by a call of its own.
        if not (fault.is_transient or fault.code.startswith("Internal")):
            outcomes[str(entry.get("SecretId"))] = refusal(fault, who)
    return outcomes, answer.get("NextToken")
