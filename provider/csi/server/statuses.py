"""A failed mount as a gRPC status: code and text.

The driver retries UNAVAILABLE, and version 1.6 reports success on an empty volume after CANCELLED,
DEADLINE_EXCEEDED, UNAVAILABLE, RESOURCE_EXHAUSTED or ABORTED. None of these is ever given.
"""

from collections.abc import Mapping

import grpc

from provider.errors import Kind, ProviderError

STATUSES: Mapping[Kind, grpc.StatusCode] = {
    "invalid": grpc.StatusCode.INVALID_ARGUMENT,
    "unauthenticated": grpc.StatusCode.UNAUTHENTICATED,
    "denied": grpc.StatusCode.PERMISSION_DENIED,
    "not_found": grpc.StatusCode.NOT_FOUND,
    "precondition": grpc.StatusCode.FAILED_PRECONDITION,
    "unavailable": grpc.StatusCode.INTERNAL,
}
"""The only statuses of a failed mount."""

MAX_DETAILS = 4000
"""Bytes of a status text on the wire, percent-encoded; gRPC peers reject headers over 8 KiB."""


def status_of(failure: ProviderError) -> grpc.StatusCode:
    """The status code of a failure; INTERNAL if its kind is unknown."""
    return STATUSES.get(failure.kind, grpc.StatusCode.INTERNAL)


def details(text: str, id_: str) -> str:
    """The text of a status: what failed, and the id of the mount in the log."""
    return f"{bounded(text)} [id {id_}]"


def bounded(text: str) -> str:
    """As many whole lines of `text` as fit into a status, at least the start of the first one."""
    if len(text) <= MAX_DETAILS and _wire_size(text) <= MAX_DETAILS:
        return text
    lines = text.split("\n")
    kept: list[str] = []
    room = MAX_DETAILS - 64
    for line in lines:
        room -= _wire_size(line) + 3
        if room < 0:
            break
        kept.append(line)
    if not kept:
        # Percent-encoding makes 3 bytes of an ASCII character, at most 12 of any other one.
        per_character = 3 if text.isascii() else 12
        return lines[0][: (MAX_DETAILS - 64) // per_character] + "…"
    return "\n".join([*kept, f"… and {len(lines) - len(kept)} more lines in the provider's log"])


def _wire_size(text: str) -> int:
    """Bytes of `text` percent-encoded, as gRPC sends it."""
    return sum(1 if 0x20 <= byte <= 0x7E and byte != 0x25 else 3 for byte in text.encode())
