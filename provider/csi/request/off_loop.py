"""Parses Mount requests without holding the event loop.

A request whose class is in the cache, or is short, is parsed on the loop in less than five
milliseconds. Any other is parsed in a thread, one at a time for each namespace.
"""

from functools import partial

from provider.csi.request.attributes import (
    DecodedRequest,
    RawRequest,
    decode_mount,
    namespace_of,
    parse_decoded,
)
from provider.csi.request.class_cache import ClassCache
from provider.csi.request.model import MountSpec
from provider.runtime.offload import Offload

_INLINE_JSON = 32 * 1024
"""Characters of attributes and secrets that are decoded on the loop: 0.2 ms for 1 KiB at worst."""
_INLINE_CLASS = 1024
"""Characters of a class that is parsed on the loop: 5 ms for 1 KiB at worst."""


async def decode_off_loop(
    raw: RawRequest, *, default_region: str | None, offload: Offload
) -> DecodedRequest:
    """As `decode_mount`; raises `Overloaded` too, if the namespace has too many requests."""
    decode = partial(decode_mount, raw, default_region=default_region)
    if len(raw.attributes) + len(raw.secrets) <= _INLINE_JSON:
        return decode()
    return await offload.run(namespace_of(raw.attributes), decode)


async def parse_off_loop(
    request: DecodedRequest, *, cache: ClassCache, offload: Offload
) -> MountSpec:
    """As `parse_decoded`; raises `Overloaded` too, if the namespace has too many requests."""
    parse = partial(parse_decoded, request, cache.parse)
    if request.text in cache or request.text.characters <= _INLINE_CLASS:
        return parse()
    return await offload.run(request.pod.namespace, parse)
