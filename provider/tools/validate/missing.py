"""What manifests name and the files do not have, with a similar name."""

from collections.abc import Collection
from difflib import get_close_matches
from itertools import islice

from provider.manifests.problems import quote

_MOST_COMPARED = 300
"""Names that one is compared with: each takes some 10 µs."""

Names = Collection[tuple[str, str]]
"""Namespace, empty if the manifest has none, and name."""


def missing(
    name: str, namespace: str, known: Names, *, kind: str, elsewhere: str = ""
) -> tuple[str, str] | None:
    """Message and suggestion for a name that is not among the known; None if it is.

    `elsewhere` says why one of another namespace is of no use.
    """
    spaces = sorted(space for space, one in known if one == name)
    if not spaces:
        meant = nearest(name, [one for _, one in known])
        hint = f"did you mean {meant}" if meant else ""
        return f"{quote(name)} is not a {kind} of these files", hint
    if not namespace or not {"", namespace}.isdisjoint(spaces):
        return None
    return f"{quote(name)} is in {' and '.join(spaces)}: {elsewhere}", ""


def nearest(name: str, names: Collection[str]) -> str:
    """The most similar name, if there is one; names of files as they are translated come first."""
    by_lower = {one.lower(): one for one in islice(names, _MOST_COMPARED)}
    for spelled in (name.lower(), name.lower().replace("/", "_"), name.lower().lstrip("/")):
        if spelled in by_lower:
            return by_lower[spelled]
    close = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[close[0]] if close else ""
