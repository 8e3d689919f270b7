"""From what was read to the keys and values of the Secret: the entries of one ExternalSecret.

`dataFrom` first, in order, then `data`, which wins. The work on values (paths, JSON, decoding,
rewriting of keys) is of a tenant's making and runs within one deadline, away from the event loop.
No error holds a value.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from provider.controller.resources.external_secret import (
    ConversionStrategy,
    Data,
    ExternalSecretSpec,
    Find,
    RemoteRef,
)
from provider.controller.resources.keys import (
    check_keys,
    check_null_bytes,
    convert_keys,
    decode_value,
    decode_values,
)
from provider.controller.resources.rewrite import Rewrite
from provider.controller.resources.store_ref import GeneratorRef, StoreRef
from provider.controller.scheduling.cpu_work import Expired
from provider.controller.values.json_object import described, read_object
from provider.controller.values.key_rewrite import rewrite_keys
from provider.controller.values.property import read_property
from provider.errors import (
    InvalidRequest,
    KeyNotFound,
    OutOfTime,
    ProviderError,
    SecretNotFound,
    SecretUnusable,
)

Values = Mapping[str, bytes]
What = Data | RemoteRef | Find | GeneratorRef
Result = bytes | Values | ProviderError
"""Of an entry: the content of one secret, the values of many, or the error."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of `data` (`what` is `Data`) or `dataFrom` (`RemoteRef` for extract)."""

    what: What
    store: StoreRef
    context: str
    """What errors begin with, in the words of External Secrets Operator."""
    missing: str
    """The message of the event where the secret does not exist."""
    rewrite: tuple[Rewrite, ...] = ()

    @property
    def remote(self) -> RemoteRef | None:
        """The secret that it reads; None for a search or a generator."""
        if isinstance(self.what, Data):
            return self.what.remote_ref
        return self.what if isinstance(self.what, RemoteRef) else None

    def failed(self, error: ProviderError) -> ProviderError:
        """The error, with the place of this entry in its text."""
        if isinstance(self.what, Find):
            error = error.in_context("error getting all secrets")
        elif isinstance(error, SecretNotFound):
            error = error.in_context("Secret does not exist")
        return error.in_context(self.context)


@dataclass(frozen=True, slots=True)
class Fetched:
    """The keys and values of the Secret, and the messages about secrets that do not exist.

    `generated` has the keys of what generators have made.
    """

    data: Values = field(repr=False)
    missing: tuple[str, ...] = ()
    generated: Mapping[GeneratorRef, tuple[str, ...]] = field(default_factory=dict)


def entries_of(spec: ExternalSecretSpec) -> list[Entry]:
    """All entries, in the order in which they are done."""
    entries = []
    for index, one in enumerate(spec.data_from):
        path, source = f"spec.dataFrom[{index}]", one.source_ref
        store = (source.store_ref if source else None) or spec.secret_store_ref
        generator = source.generator_ref if source else None
        for name, what in (
            ("find", one.find),
            ("extract", one.extract),
            ("sourceRef.generatorRef", generator),
        ):
            if what is not None:
                missing = f"secret does not exist at provider using {path}"
                context = f"error processing {path}.{name}, err"
                entries.append(Entry(what, store, context, missing, one.rewrite))
                break
    for index, value in enumerate(spec.data):
        own, key = value.source_ref, value.remote_ref.key
        store = (own.store_ref if own else None) or spec.secret_store_ref
        # "dataFrom" is External Secrets Operator's word here, too.
        missing = f"secret does not exist at provider using spec.dataFrom[{index}] (key={key})"
        context = f"error processing spec.data[{index}] (key: {key}), err"
        entries.append(Entry(value, store, context, missing))
    return entries


def assemble(
    entries: Sequence[Entry], results: Sequence[Result], *, skip_missing: bool, expired: Expired
) -> Fetched:
    """The Secret's keys and values; raises the first failure in the order of the entries.

    With `skip_missing`, secrets that do not exist are left out. `expired` returns whether the time
    is over.
    """
    data: dict[str, bytes] = {}
    missing = []
    generated: dict[GeneratorRef, tuple[str, ...]] = {}
    for entry, result in zip(entries, results, strict=True):
        if skip_missing and isinstance(result, SecretNotFound):
            missing.append(entry.missing)
            continue
        if isinstance(result, ProviderError):
            raise entry.failed(result)
        if expired():
            raise OutOfTime("the values take too long to work on: make the ExternalSecret simpler")
        try:
            added = _values(entry, result, expired)
        except ProviderError as error:
            raise error.in_context(entry.context) from error
        except ValueError as error:
            raise InvalidRequest(f"{entry.context}: {error}") from None
        data |= added
        if isinstance(entry.what, GeneratorRef):
            generated[entry.what] = (*generated.get(entry.what, ()), *added)
    return Fetched(data, tuple(missing), generated)


def _values(entry: Entry, result: bytes | Values, expired: Expired) -> Values:
    """What an entry adds to the Secret; raises ProviderError and ValueError."""
    what = entry.what
    if isinstance(what, Data) and isinstance(result, bytes):
        return _single(what, result, expired)
    if isinstance(what, RemoteRef) and isinstance(result, bytes):
        content = _narrowed(what, result, expired)
        try:
            found: Values = read_object(content)
        except SecretUnusable as error:
            raise error.in_context(f"unable to unmarshal secret {what.key}") from error
        return _decoded(what, _named(entry, found, what.conversion_strategy, expired))
    if isinstance(what, Find) and not isinstance(result, bytes):
        return _decoded(what, _named(entry, result, what.conversion_strategy, expired))
    if isinstance(what, GeneratorRef) and not isinstance(result, bytes):
        return check_keys(rewrite_keys(result, entry.rewrite, expired))
    raise TypeError("the result is not of this entry")


def _single(what: Data, content: bytes, expired: Expired) -> Values:
    ref = what.remote_ref
    value = decode_value(_narrowed(ref, content, expired), ref.decoding_strategy)
    check_null_bytes({what.secret_key: value}, ref.null_byte_policy)
    return {what.secret_key: value}


def _narrowed(ref: RemoteRef, content: bytes, expired: Expired) -> bytes:
    """The value of the property, if one is named; raises `KeyNotFound`, which lists the keys."""
    if not ref.property:
        return content
    value = read_property(content, ref.property, expired)
    if value is None:
        text = f"key {ref.property[:200]} does not exist in secret {ref.key}"
        raise KeyNotFound(f"{text}: {described(content)}")
    return value


def _named(
    entry: Entry, values: Values, conversion: ConversionStrategy, expired: Expired
) -> Values:
    """The values under keys that a Secret can hold: rewritten, or else converted."""
    if entry.rewrite:
        return check_keys(rewrite_keys(values, entry.rewrite, expired))
    try:
        converted = convert_keys(values, conversion)
    except ValueError as error:
        context = f"error applying conversion strategy {conversion} to keys"
        raise ValueError(f"{context}: {error}") from None
    return check_keys(converted)


def _decoded(what: RemoteRef | Find, values: Values) -> Values:
    decoded = decode_values(values, what.decoding_strategy)
    check_null_bytes(decoded, what.null_byte_policy)
    return decoded
