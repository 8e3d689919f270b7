"""Why nobody answers through a Unix socket, for people who run a tool at it. Loads no gRPC."""

import errno
from pathlib import Path


def reason(error: OSError, path: Path) -> str:
    """In one line, with the path."""
    match error.errno:
        case errno.ENOENT:
            return f"there is no socket at {path}"
        case errno.ECONNREFUSED:
            return f"nobody listens at {path}: the daemon has ended"
        case errno.EACCES | errno.EPERM:
            return f"may not connect to {path}: the socket is for root only"
        case _:
            return f"no answer through {path}: {error.strerror or 'it took too long'}"
