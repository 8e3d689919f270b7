"""The cache of values is bounded by what its entries really take, and fair to identities."""

import tracemalloc

from provider.engine.freshness import Freshness
from provider.engine.model import SecretValue
from provider.engine.value_cache import (
    ENTRY_OVERHEAD,
    MOST_SECONDS,
    MOST_VALIDATIONS,
    Key,
    Remembered,
    ValueCache,
    is_fresh,
)
from tests.fakes.engine import REGION, identity, secret


def key(name: str, owner: str = "web") -> Key:
    return Key(identity(owner), REGION, secret(name))


def remembered(content: bytes = b"x", at: float = 1.0) -> Remembered:
    return Remembered(SecretValue(content, "1"), at, at)


def room_for(entries: int) -> ValueCache:
    cache = ValueCache(1 << 20)
    cache.put(key("a"), remembered())
    return ValueCache(entries * cache.bytes)


def test_the_least_recently_used_entry_goes_first() -> None:
    cache = room_for(2)
    cache.put(key("a"), remembered())
    cache.put(key("b"), remembered())
    cache.get(key("a"))
    cache.put(key("c"), remembered())
    assert cache.get(key("a"))
    assert cache.get(key("b")) is None
    assert cache.get(key("c"))


def test_bytes_are_counted_and_given_back() -> None:
    cache = ValueCache(1 << 20)
    cache.put(key("a"), remembered(b"x" * 100))
    before = cache.bytes
    cache.put(key("a"), remembered(b"x" * 10, at=2))
    assert (len(cache), before - cache.bytes) == (1, 90)
    cache.forget(key("a"))
    cache.forget(key("a"))
    assert (len(cache), cache.bytes) == (0, 0)


def test_long_names_count() -> None:
    short, long = ValueCache(1 << 20), ValueCache(1 << 20)
    short.put(key("a"), remembered())
    long.put(key("a" * 1001), remembered())
    assert long.bytes - short.bytes == 1000


def test_what_is_larger_than_the_cache_is_not_remembered_and_evicts_nothing() -> None:
    cache = room_for(2)
    cache.put(key("a"), remembered())
    cache.put(key("big"), remembered(b"x" * 100_000))
    assert cache.get(key("big")) is None
    assert cache.get(key("a"))


def test_size_zero_remembers_nothing() -> None:
    cache = ValueCache(0)
    cache.put(key("a"), remembered(b""))
    assert cache.get(key("a")) is None


def test_older_knowledge_does_not_replace_newer() -> None:
    cache = ValueCache(1 << 20)
    cache.put(key("a"), remembered(b"new", at=2))
    cache.put(key("a"), remembered(b"old", at=1))
    known = cache.get(key("a"))
    assert known is not None
    assert known.value.content == b"new"


def test_an_identity_that_fills_the_cache_evicts_its_own_entries() -> None:
    cache = room_for(10)
    cache.put(key("theirs", "honest"), remembered())
    for number in range(50):
        cache.put(key(f"s{number}", "greedy"), remembered())
    assert cache.get(key("theirs", "honest"))


def test_a_namespace_of_many_identities_evicts_its_own_entries() -> None:
    cache, honest = room_for(10), identity(subject="bank/web")
    kept = [Key(honest, REGION, secret(name)) for name in "abcd"]
    for one in kept:
        cache.put(one, remembered())
    for number in range(50):
        cache.put(key("a", f"greedy-{number}"), remembered())
    assert all(map(cache.get, kept))
    assert cache.get(key("a", "greedy-49"))


def test_the_bound_holds_for_what_entries_really_take() -> None:
    size = 1 << 18
    cache = ValueCache(size)
    tracemalloc.start()
    try:
        for number in range(1_000):
            value = SecretValue(b"%d" % number, f"version-{number}")
            cache.put(Key(identity(), REGION, secret(f"name-{number}")), Remembered(value, 1, 1))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size / 2 < cache.bytes <= size
    assert taken < 1.25 * size
    assert ENTRY_OVERHEAD > 0


def test_a_remembered_value_does_not_print() -> None:
    assert "hunter2" not in repr(remembered(b"hunter2"))


def test_after_many_validations_or_a_long_time_a_value_is_to_be_read_again() -> None:
    once = remembered(at=0)
    assert not once.needs_reading(MOST_SECONDS - 1)
    assert once.needs_reading(MOST_SECONDS)
    for _ in range(MOST_VALIDATIONS):
        assert not once.needs_reading(1)
        once = once.validated(1)
    assert once.needs_reading(1)


def test_only_a_version_id_of_secrets_manager_needs_no_validation() -> None:
    stale = remembered(at=0)
    wanted = Freshness.validated_since(100)
    pinned = secret("a", version="v1")
    parameter = pinned._replace(store="ssmparameter")
    assert is_fresh(stale, pinned, wanted, now=100)
    assert not is_fresh(stale, parameter, wanted, now=100)
    assert not is_fresh(stale, secret("a"), wanted, now=100)
    assert not is_fresh(stale, pinned, Freshness.asked_since(100), now=100)
    assert not is_fresh(stale, pinned, wanted, now=MOST_SECONDS)
