"""Keeps equal texts of many objects in memory once: names of stores, conditions, namespaces."""

from functools import lru_cache

LONGEST = 128
"""Characters; longer texts are rarely the same in two objects."""
MOST = 2048


def shared(text: str) -> str:
    """The text; equal texts are the same object, if one was read shortly before the other."""
    return _shared(text) if len(text) <= LONGEST else text


@lru_cache(MOST)
def _shared(text: str) -> str:
    return text
