"""`dataFrom[].rewrite`: changes of all keys of an entry, one after the other.

Patterns, templates and documents are a tenant's, so work and output are bounded. Called away from
the event loop.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from provider.controller.resources.rewrite import Rewrite, RewriteMerge
from provider.controller.template import go_json
from provider.controller.template.errors import FunctionError, LimitExceeded
from provider.controller.template.limits import Budget, Expired, Limits
from provider.controller.template.numbers import format_float
from provider.controller.template.unicode_text import from_utf8, to_utf8
from provider.controller.template.values import List, Map, Value
from provider.controller.values.rewrite import (
    compile_transform,
    regexp_rewriter,
    rewritten,
    transform_rewriter,
)
from provider.errors import InvalidRequest, OutOfTime, ProviderError
from provider.manifests.problems import quote

Data = Mapping[str, bytes]

LONGEST_KEY = 2048
"""Characters of a key that is rewritten; names in AWS are not longer."""
LONGEST_TARGET = 512
"""Characters of the target of a regular expression."""
_LIMITS = Limits()


def rewrite_keys(data: Data, rewrites: Sequence[Rewrite], expired: Expired) -> Data:
    """The data under the new keys; of two keys that become the same the last in order wins.

    `expired` returns whether the time is over. Raises `InvalidRequest` for what cannot be done, and
    `OutOfTime`.
    """
    for index, one in enumerate(rewrites):
        try:
            data = _rewrite(data, one, expired)
        except ProviderError as error:
            context = f"error applying rewrite to keys: failed rewrite operation[{index}]"
            raise error.in_context(context) from error
    return data


def _rewrite(data: Data, one: Rewrite, expired: Expired) -> Data:
    if one.merge is not None:
        return _merge(data, one.merge, expired)
    if one.regexp is not None:
        if len(one.regexp.target) > LONGEST_TARGET:
            raise InvalidRequest(f"the target is longer than {LONGEST_TARGET} characters")
        rename = regexp_rewriter(
            one.regexp.source, one.regexp.target, _check(expired), _before(expired)
        )
        return rewritten(data, _bounded(rename, expired))
    if one.transform is not None:
        template = compile_transform(one.transform.template, expired)
        return rewritten(data, _bounded(transform_rewriter(template, expired=expired), expired))
    return data


def _bounded(rename: Callable[[str], str], expired: Expired) -> Callable[[str], str]:
    """`rename` for keys of bounded length, as long as there is time."""

    check = _check(expired)

    def bounded(key: str) -> str:
        check(len(key))
        new = rename(key)
        check(len(new))
        return new

    return bounded


def _before(expired: Expired) -> Callable[[int], None]:
    """A function that raises when there is no time for so many steps."""

    def before(steps: int) -> None:
        if expired(steps):
            raise OutOfTime("rewriting the keys takes too long")

    return before


def _check(expired: Expired) -> Callable[[int], None]:
    """A function that raises when the time is over, or for the length of a key that is too long."""

    def check(length: int) -> None:
        if expired():
            raise OutOfTime("rewriting the keys takes too long")
        if length > LONGEST_KEY:
            raise InvalidRequest(f"a key is longer than {LONGEST_KEY} characters")

    return check


def _merge(data: Data, merge: RewriteMerge, expired: Expired) -> Data:
    """All values, which are JSON objects, as one; a later one wins."""
    budget = Budget(_LIMITS, expired)
    merged: dict[bytes, Value] = {}
    conflicts: set[bytes] = set()
    try:
        for name in _in_order(data, merge):
            found = _object(name, data[name], budget)
            conflicts |= merged.keys() & found.keys()
            merged |= found
        if conflicts and merge.conflict_policy == "Error":
            raise InvalidRequest(f"merge failed with conflicts: {_listed(conflicts)}")
        if merge.strategy == "JSON":
            document = go_json.encode(Map(merged), budget, escape_html=False)
            return {**data, merge.into: document}
        return {from_utf8(name): _content(value, budget) for name, value in merged.items()}
    except (FunctionError, LimitExceeded, RecursionError) as error:
        raise InvalidRequest(f"merge failed: {error}") from None


def _in_order(data: Data, merge: RewriteMerge) -> Iterator[str]:
    """The keys in the order in which their values are merged: those of `priority` at the end."""
    yield from sorted(data.keys() - set(merge.priority))
    for name in merge.priority:
        if name in data:
            yield name
        elif merge.priority_policy == "Strict":
            raise InvalidRequest(f"merge failed with key {quote(name)} not found in input map")


def _object(name: str, content: bytes, budget: Budget) -> dict[bytes, Value]:
    try:
        document = go_json.decode(content, budget)
    except FunctionError:
        document = False  # anything that is no object
    if document is None:
        return {}
    if not isinstance(document, Map):
        what = f"the value of key {quote(name)} is no JSON object"
        raise InvalidRequest(f"merge failed with failed to unmarshal JSON: {what}")
    return dict(document.items)


def _content(value: Value, budget: Budget) -> bytes:
    """A value of a merged object as the value of a key."""
    if isinstance(value, bytes):
        return value
    if value is None:
        return b""
    if isinstance(value, List | Map) or not isinstance(value, float):
        return go_json.encode(value, budget)
    return to_utf8(format_float(value, "f"))


def _listed(names: Iterable[bytes]) -> str:
    shown = sorted(from_utf8(name) for name in names)
    more = f" and {len(shown) - 20} more" if len(shown) > 20 else ""
    return ", ".join(quote(name)[1:-1] for name in shown[:20]) + more
