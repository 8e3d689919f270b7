"""The bounded dictionary."""

from provider.runtime.lru import Lru


def test_the_entry_that_was_put_longest_ago_is_dropped() -> None:
    kept: Lru[str, int] = Lru(2)
    kept.put("a", 1)
    kept.put("b", 2)
    kept.put("a", 3)
    kept.put("c", 4)
    assert dict(kept) == {"a": 3, "c": 4}


def test_an_entry_that_was_used_is_kept() -> None:
    kept: Lru[str, int] = Lru(2)
    kept.put("a", 1)
    kept.put("b", 2)
    kept.move_to_end("a")
    kept.put("c", 3)
    assert dict(kept) == {"a": 1, "c": 3}
