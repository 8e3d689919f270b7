"""Reads the secrets of many entries through the engine: those of one session in one call."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from provider.controller.resources.store import AwsProvider
from provider.controller.values.bounded_reads import read_all
from provider.controller.values.sync_record import Session, SyncRecord
from provider.engine.failover import Failed, Outcome, Reader, Regions, Wanted
from provider.engine.freshness import Freshness
from provider.engine.model import SecretRef, SecretValue
from provider.engine.ports import Principal
from provider.engine.values import Query
from provider.errors import CredentialsExpired, NotPossible, ProviderError, SecretNotFound

BATCHES = {"secretsmanager": 20, "ssmparameter": 10}
"""Refs that one call to a service may hold."""
_SERVICES = {"SecretsManager": "Secrets Manager", "ParameterStore": "Parameter Store"}

Answers = Mapping[SecretRef, bytes | ProviderError]


@dataclass(frozen=True, slots=True)
class Source:
    """A store that is ready to be read."""

    aws: AwsProvider
    principal: Principal

    @property
    def session(self) -> Session:
        """Its session."""
        return Session(self.principal.identity, self.aws.region)

    def failed(self, error: ProviderError) -> ProviderError:
        """The error of a call to AWS, with where and as whom the call was made."""
        identity = self.principal.identity
        where, who = f"{_SERVICES[self.aws.service]} in {self.aws.region}", str(identity)
        is_wrong_key = isinstance(error, CredentialsExpired) and identity.kind == "static"
        advice = f" Check the access keys in the Secret {identity.subject}." if is_wrong_key else ""
        context = where if who in str(error) else f"{where}, as {who}"
        return error.in_context(context, after=advice)


@dataclass(frozen=True, slots=True)
class FetchRequest:
    """What one fetch is for: the namespace, how new values must be, until when.

    `deadline` is a time of `time.monotonic`. `record` is filled with what is read.
    """

    namespace: str
    freshness: Freshness
    deadline: float
    record: SyncRecord = field(default_factory=SyncRecord, compare=False)

    def query(self, principal: Principal) -> Query:
        """The engine's query as `principal`."""
        return Query(principal, self.freshness, self.deadline, self.record.trace)


async def read_secrets(
    reader: Reader,
    source: Source,
    refs: Sequence[SecretRef],
    ahead: Iterable[SecretRef],
    asked: FetchRequest,
) -> Answers:
    """The content of each ref, or the error in its place.

    Values in memory or in flight are not requested again. If a call is sent, its last batch is
    filled up with refs of `ahead`, which then need no call of their own. The result does not wait
    for them.
    """
    query, regions = asked.query(source.principal), Regions(source.aws.region)
    wanted = [Wanted(ref) for ref in dict.fromkeys(refs)]
    known = reader.recall(wanted, regions, source.principal.identity, asked.freshness, query.trace)
    if known is not None:
        found = {one.ref: value.value for one, value in zip(wanted, known, strict=True)}
        asked.record.read(source.session, found.items())
        return {ref: value.content for ref, value in found.items()}

    def needs_call(ref: SecretRef) -> bool:
        return reader.needs_call(ref, regions.primary, query)

    own_calls = list(filter(needs_call, refs))
    more = [Wanted(ref) for ref in fill(own_calls, filter(needs_call, ahead))] if own_calls else []
    try:
        outcomes = await read_all(reader, [*wanted, *more], regions, query)
    except ProviderError as error:
        return dict.fromkeys(refs, source.failed(error))
    own = {one.ref: outcome for one, outcome in zip(wanted, outcomes, strict=False)}
    asked.record.read(source.session, _values(own))
    return {ref: _answer(outcome, source) for ref, outcome in own.items()}


def _values(outcomes: Mapping[SecretRef, Outcome]) -> Iterator[tuple[SecretRef, SecretValue]]:
    """The values that were read, without the failures."""
    for ref, outcome in outcomes.items():
        if not isinstance(outcome, Failed):
            yield ref, outcome.value


def fill(refs: Sequence[SecretRef], ahead: Iterable[SecretRef]) -> list[SecretRef]:
    """Refs of `ahead` that fit into the calls that `refs` need anyway."""
    asked = set(refs)
    others = [ref for ref in dict.fromkeys(ahead) if ref not in asked and _is_batched(ref)]
    filled: list[SecretRef] = []
    for store, size in BATCHES.items():
        own = sum(ref.store == store and _is_batched(ref) for ref in asked)
        fitting = (ref for ref in others if ref.store == store)
        filled += islice(fitting, -own % size)
    return filled


def _is_batched(ref: SecretRef) -> bool:
    """Whether a ref is read together with others; versions of secrets are read one by one."""
    is_current = ref.version is None and ref.label is None
    return ref.store == "ssmparameter" or (ref.store == "secretsmanager" and is_current)


def _answer(outcome: Outcome, source: Source) -> bytes | ProviderError:
    if isinstance(outcome, Failed):
        return source.failed(outcome.error)
    return outcome.value.content


async def check_lost_versions(
    reader: Reader, source: Source, answers: Answers, asked: FetchRequest
) -> Answers:
    """The answers; a parameter that lacks only the version or label does not count as missing.

    Parameter Store answers the same for both, but a missing parameter may have the Secret deleted.
    """
    lost = [
        ref
        for ref, answer in answers.items()
        if ref.store == "ssmparameter"
        and (ref.version or ref.label)
        and isinstance(answer, SecretNotFound)
    ]
    if not lost:
        return answers
    plain = {ref: ref._replace(version=None, label=None) for ref in lost}
    found = await read_secrets(reader, source, list(plain.values()), (), asked)
    return {
        ref: _without_version(answer, found[plain[ref]]) if ref in plain else answer
        for ref, answer in answers.items()
    }


def _without_version(
    answer: bytes | ProviderError, plain: bytes | ProviderError
) -> bytes | ProviderError:
    """The answer for a version, given that for the parameter itself."""
    if isinstance(answer, bytes) or isinstance(plain, SecretNotFound):
        return answer
    if isinstance(plain, ProviderError):
        return plain
    return NotPossible(f"the parameter exists, but not in this version: {answer}")
