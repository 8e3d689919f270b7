"""Asks a daemon for `Version` through its socket, for exec probes, and says why it cannot.

Uses no library: grpc alone would cost a probe 21 MiB beside the daemon, and seconds of start-up
under a CPU limit of 50m. One gRPC call is a few frames of HTTP/2 (RFC 9113), and the answer needs
no decoding of headers (HPACK): it is good if it has data of the API version.
"""

import errno
import socket
from pathlib import Path

API_VERSION = b"v1alpha1"
METHOD = "/v1alpha1.CSIDriverProvider/Version"

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_HEADER = 9
_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _GOAWAY = 0, 1, 3, 4, 7
_END_STREAM, _END_HEADERS = 1, 4
_STREAM = 1
_MOST_FRAMES = 16
_MOST_BYTES = 16 * 1024
"""Of a frame, as HTTP/2 has it by default."""


def probe(path: Path, timeout: float) -> str | None:
    """What is wrong with the daemon at the socket, in one line; None if it answers.

    `timeout` is in seconds, for each of the few steps.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(timeout)
            client.connect(str(path))
            client.sendall(_request())
            is_answered = _is_answered(client)
    except OSError as error:
        return why_absent(error, path)
    return None if is_answered else f"the process at {path} does not answer Version"


def why_absent(error: OSError, path: Path | str) -> str:
    """Why there is no answer through a Unix socket: one line with its path, for people."""
    match error.errno:
        case errno.ENOENT:
            return f"there is no socket at {path}"
        case errno.ECONNREFUSED:
            return f"no process listens at {path}: the daemon has ended, or this is not its socket"
        case errno.EACCES | errno.EPERM:
            return f"permission denied for {path}: the socket is for root only"
        case _:
            why = "it took too long" if isinstance(error, TimeoutError) else error.strerror or error
            return f"no answer through {path}: {why}"


def _request() -> bytes:
    """All bytes of a connection with one unary call."""
    headers = {
        ":method": "POST",
        ":scheme": "http",
        ":path": METHOD,
        ":authority": "localhost",
        "content-type": "application/grpc",
        "te": "trailers",
    }
    block = b"".join(
        b"\x00" + _sized(name.encode()) + _sized(text.encode()) for name, text in headers.items()
    )
    return (
        _PREFACE
        + _frame(_SETTINGS, 0, 0, b"")
        + _frame(_HEADERS, _END_HEADERS, _STREAM, block)
        + _frame(_DATA, _END_STREAM, _STREAM, bytes(5))  # an empty message
    )


def _sized(text: bytes) -> bytes:
    return bytes([len(text)]) + text


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return (
        len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload
    )


def _is_answered(client: socket.socket) -> bool:
    """Whether the frames that come hold the answer."""
    with client.makefile("rb") as received:
        for _ in range(_MOST_FRAMES):
            header = received.read(_HEADER)
            size = int.from_bytes(header[:3], "big")
            if len(header) < _HEADER or size > _MOST_BYTES:
                return False
            payload, kind = received.read(size), header[3]
            if kind == _DATA:
                return API_VERSION in payload
            if kind in (_RST_STREAM, _GOAWAY):
                return False
    return False
