"""Parses Mount requests without holding the event loop.

A request whose class is in the cache, or is short, is parsed on the loop in less than five
milliseconds. Any other is parsed in a thread, one at a time for each namespace.
"""

from functools import partial

from provider.csi.request.attributes import RawRequest, decode_mount, parse_decoded
from provider.csi.request.class_cache import ClassCache
from provider.csi.request.model import MountSpec
from provider.runtime.offload import Offload

_INLINE_JSON = 32 * 1024
"""Characters of attributes and secrets that are decoded on the loop: 0.2 ms for 1 KiB at worst."""
_INLINE_CLASS = 1024
"""Characters of a class that is parsed on the loop: 5 ms for 1 KiB at worst."""
_LARGE_REQUESTS = ""
"""The tenant of requests that are too large for the loop to find out their namespace."""


async def parse_mount_off_loop(
    raw: RawRequest, *, default_region: str | None, cache: ClassCache, offload: Offload
) -> MountSpec:
    """As `parse_mount`; raises `Overloaded` too, if the namespace has too many requests waiting."""
    decode = partial(decode_mount, raw, default_region=default_region)
    is_small = len(raw.attributes) + len(raw.secrets) <= _INLINE_JSON
    request = decode() if is_small else await offload.run(_LARGE_REQUESTS, decode)
    parse = partial(parse_decoded, request, cache)
    if request.text in cache or request.text.characters <= _INLINE_CLASS:
        return parse()
    return await offload.run(request.pod.namespace, parse)
