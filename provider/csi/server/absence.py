"""Why there is no answer through a Unix socket, for people who run a tool. Does not import grpc."""

import errno
from pathlib import Path


def reason(error: OSError, path: Path | str) -> str:
    """One line that names the path and what is wrong with it."""
    match error.errno:
        case errno.ENOENT:
            return f"there is no socket at {path}"
        case errno.ECONNREFUSED:
            return f"no process listens at {path}: it has ended"
        case errno.EACCES | errno.EPERM:
            return f"permission denied for {path}: the socket is for root only"
        case _:
            return f"no answer through {path}: {error.strerror or 'it took too long'}"
