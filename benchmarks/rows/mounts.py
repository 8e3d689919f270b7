"""One pod at a time: the first of its identity, and the next."""

import time
from collections.abc import Iterator

from benchmarks.figures import Figure
from benchmarks.stage import Stage

SIZES = (1, 5, 20)
REPEATS = 9
APART = 0.6
"""Seconds after which a first mount takes nothing that was asked for by another pod."""


def row(stage: Stage) -> Iterator[Figure]:
    """First and next mounts of 1, 5 and 20 secrets, over connections that are open already."""
    repeats = stage.times(REPEATS)
    first: dict[int, list[float]] = {size: [] for size in SIZES}
    following: dict[int, list[float]] = {size: [] for size in SIZES}
    identities = 2 + len(repeats) * len(SIZES)
    with stage.fakes(identities=identities, secrets=20) as fakes, stage.daemon(fakes) as daemon:
        mount, request = daemon.caller.mount, stage.pods.request
        coldest = mount(request(0, 20)) * 1000
        mount(request(1, 20))
        unseen = iter(range(2, identities))
        for _ in repeats:
            pairs = [(size, next(unseen)) for size in SIZES]
            for size, identity in pairs:
                first[size].append(mount(request(identity, size)) * 1000)
            time.sleep(APART)
            for size, identity in pairs:
                following[size].append(mount(request(identity, size)) * 1000)
        assert daemon.caller.files(request(0, 20)) == 20
    for size in SIZES:
        text = f"first mount of an identity, {_secrets(size)}"
        yield Figure.of(f"mount.first.{size}", text, first[size], "ms")
    for size in SIZES:
        text = f"next mount of that identity, {_secrets(size)}"
        yield Figure.of(f"mount.next.{size}", text, following[size], "ms")
    yield Figure("mount.coldest", "the daemon's very first mount, 20 secrets", coldest, "ms")


def _secrets(number: int) -> str:
    return f"{number} secret{'s' if number > 1 else ''}"
