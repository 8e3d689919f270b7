"""The memory of delivered values is bounded, in bytes, and forgets the least used first."""

from provider.memory import ENTRY_OVERHEAD, Key, Memory, Remembered
from provider.store import SecretValue
from tests.engine import REGION, identity, secret


def key(name: str) -> Key:
    return Key(identity(), REGION, secret(name))


def remembered(content: bytes = b"x", at: float = 1.0) -> Remembered:
    return Remembered(SecretValue(content, "1"), at, at)


def test_the_least_used_goes_first() -> None:
    memory = Memory(2 * (ENTRY_OVERHEAD + 1))
    memory.put(key("a"), remembered())
    memory.put(key("b"), remembered())
    memory.get(key("a"))
    memory.put(key("c"), remembered())
    assert memory.get(key("a"))
    assert memory.get(key("b")) is None
    assert memory.get(key("c"))


def test_bytes_are_counted_and_given_back() -> None:
    memory = Memory(1 << 20)
    memory.put(key("a"), remembered(b"x" * 100))
    memory.put(key("a"), remembered(b"x" * 10, at=2))
    assert memory.size() == (1, ENTRY_OVERHEAD + 10)
    memory.forget(key("a"))
    memory.forget(key("a"))
    assert memory.size() == (0, 0)


def test_what_is_larger_than_the_memory_is_not_remembered_and_evicts_nothing() -> None:
    memory = Memory(2 * ENTRY_OVERHEAD)
    memory.put(key("a"), remembered())
    memory.put(key("big"), remembered(b"x" * 10_000))
    assert memory.get(key("big")) is None
    assert memory.get(key("a"))


def test_size_zero_remembers_nothing() -> None:
    memory = Memory(0)
    memory.put(key("a"), remembered(b""))
    assert memory.get(key("a")) is None


def test_older_knowledge_does_not_replace_newer() -> None:
    memory = Memory(1 << 20)
    memory.put(key("a"), remembered(b"new", at=2))
    memory.put(key("a"), remembered(b"old", at=1))
    known = memory.get(key("a"))
    assert known is not None
    assert known.value.content == b"new"


def test_a_remembered_value_does_not_print() -> None:
    assert "s3cr3t" not in repr(remembered(b"s3cr3t"))
