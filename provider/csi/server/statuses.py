"""A failed mount as a gRPC status: code and text, within what the driver deals with well."""

import grpc

from provider.errors import ProviderError

STATUSES = frozenset(
    (
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.INTERNAL,
    )
)
"""The only statuses that a failed mount may have."""

MAX_DETAILS = 4000
"""Bytes of a status' text on the wire, percent-encoded; gRPC peers refuse headers over 8 KiB."""


def status_of(failure: ProviderError) -> grpc.StatusCode:
    status = getattr(grpc.StatusCode, failure.status, None)
    return status if status in STATUSES else grpc.StatusCode.INTERNAL


def details(text: str, id_: str) -> str:
    """The text of a status: what failed, and under which id the log tells more."""
    return f"{bounded(text)} [id {id_}]"


def bounded(text: str, limit: int = MAX_DETAILS) -> str:
    """As many whole lines of `text` as a status can carry, and at least the start of the first."""
    if _wire_size(text) <= limit:
        return text
    lines = text.split("\n")
    kept: list[str] = []
    room = limit - 64
    for line in lines:
        room -= _wire_size(line) + 3
        if room < 0:
            break
        kept.append(line)
    if not kept:
        # Three bytes a character is the most that ASCII, and twelve that anything, can take.
        per_character = 3 if text.isascii() else 12
        return lines[0][: (limit - 64) // per_character] + "…"
    return "\n".join([*kept, f"… and {len(lines) - len(kept)} more lines in the provider's log"])


def _wire_size(text: str) -> int:
    """Bytes of `text` percent-encoded, as gRPC sends it."""
    return sum(1 if 0x20 <= byte <= 0x7E and byte != 0x25 else 3 for byte in text.encode())
