"""The real daemon or controller in a process whose wall clock and resolver the test controls.

The variable `CONTROL` names a folder. Its file `clock` holds the seconds by which the wall clock is
off; `resolver` holds what happens to names below `test`: `hang` or `fail`.
"""

import asyncio
import os
import socket
import sys
import time
from pathlib import Path
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any, cast

from aiohttp.resolver import AsyncResolver
from grpc._cython import cygrpc  # type: ignore[attr-defined]  # its clock has no other name

from tests.e2e.mains import hasty

FOLDER = Path(os.environ["CONTROL"])
_time, _resolve = time.time, AsyncResolver.resolve


def shifted_time() -> float:
    """The wall clock, off by the seconds in the file."""
    return _time() + float(_read("clock") or 0)


async def resolve(
    self: AsyncResolver, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
) -> Any:
    """Resolves a name; every name below `test` is this machine."""
    if not host.endswith(".test"):
        return await _resolve(self, host, port, family)
    while (mood := _read("resolver")) == "hang":
        await asyncio.sleep(0.02)
    if mood == "fail":
        raise OSError(None, "DNS server returned general failure")
    return await _resolve(self, "127.0.0.1", port, family)


def _read(name: str) -> str:
    try:
        return (FOLDER / name).read_text()
    except FileNotFoundError:
        return ""


def _shift_defaults(module: ModuleType) -> None:
    """Shift the clocks that the classes of a module take by default."""
    for made in vars(module).values():
        start: Any = vars(made).get("__init__") if isinstance(made, type) else None
        if isinstance(start, FunctionType):
            given, named = start.__defaults__ or (), start.__kwdefaults__ or {}
            start.__defaults__ = tuple(shifted_time if one is _time else one for one in given)
            start.__kwdefaults__ = {
                name: shifted_time if one is _time else one for name, one in named.items()
            }


def main(arguments: list[str]) -> int:
    """Run the command with the controlled clock and resolver."""
    # gRPC compares deadlines of the system's own clock with this.
    setattr(cygrpc, "time", SimpleNamespace(time=time.time))  # noqa: B010 - not declared
    time.time = shifted_time
    for module in [*sys.modules.values()]:
        if module.__name__ != __name__ and getattr(module, "time", None) is _time:
            vars(module)["time"] = shifted_time
            _shift_defaults(module)
    AsyncResolver.resolve = cast("Any", resolve)  # type: ignore[method-assign]  # the purpose
    return hasty(arguments)
