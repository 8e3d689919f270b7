"""The real daemon in a process whose wall clock and resolver obey a test.

Both are the system's own and cannot be bent from outside without root. `BENT` names a folder:
`clock` in it holds the seconds that the wall clock is off by, and `resolver` what happens to names
below `test`: `hang` or `fail`.
"""

import os
import runpy
import socket
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from grpc import _server

FOLDER = Path(os.environ["BENT"])
_time, _getaddrinfo = time.time, socket.getaddrinfo


def bent_time() -> float:
    """The wall clock, off by what the file says."""
    return _time() + float(_read("clock") or 0)


def bent_getaddrinfo(host: bytes, *args: Any, **kwargs: Any) -> Any:
    """The resolver; every name below `test` is this machine."""
    if kwargs.get("flags", 0) & socket.AI_NUMERICHOST or not host.endswith(b".test"):
        return _getaddrinfo(host, *args, **kwargs)
    while (mood := _read("resolver")) == "hang":
        time.sleep(0.02)
    if mood == "fail":
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
    return _getaddrinfo("127.0.0.1", *args, **kwargs)


def _read(name: str) -> str:
    try:
        return (FOLDER / name).read_text()
    except FileNotFoundError:
        return ""


if __name__ == "__main__":
    # gRPC's core reads the system's own clock, and its Python part compares with that.
    setattr(_server, "time", SimpleNamespace(time=time.time))  # noqa: B010 - not declared
    time.time = bent_time
    socket.getaddrinfo = cast("Any", bent_getaddrinfo)
    runpy.run_module("provider", run_name="__main__")
