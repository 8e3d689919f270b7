"""One control plane for all workers of a test session, held by a process of its own."""

import contextlib
import fcntl
import json
import os
import select
import subprocess
import sys
from pathlib import Path

from testbed.cluster import Address
from testbed.control_plane import NotAvailable, control_plane, stop_at_sigterm


def shared(state: Path, while_process: int) -> Address:
    """The control plane of a test session, started by the first worker that asks.

    `state` is a folder that the workers have in common. A process of its own holds the control
    plane and stops it when the process `while_process` has ended, however it ends.
    """
    state.mkdir(parents=True, exist_ok=True)
    known = state / "address.json"
    with (state / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not known.exists():
            _start_holder(known, while_process)
    return Address.from_json(json.loads(known.read_text()))


def _start_holder(known: Path, while_process: int) -> None:
    command = [sys.executable, "-m", "testbed.shared_control_plane", str(known), str(while_process)]
    log = known.with_name("holder.log")
    with log.open("wb") as output:
        done = subprocess.run(  # noqa: S603 (our own module)
            command,
            cwd=Path(__file__).parents[1],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            check=False,
        )
    if done.returncode or not known.exists():
        raise NotAvailable(log.read_text(errors="replace")[-2000:])


def _hold(known: Path, while_process: int) -> int:
    """Start a control plane in a child; return once its address is written to `known`."""
    ready, report = os.pipe()
    if child := os.fork():
        os.close(report)
        with os.fdopen(ready, "rb") as pipe:
            is_ready = bool(pipe.read())
        if not is_ready:
            os.waitpid(child, 0)
        return 0 if is_ready else 1
    os.setsid()
    os.close(ready)
    with control_plane() as address:
        known.write_text(json.dumps(address.to_json()))
        try:
            os.write(report, b"ready")
            os.close(report)
            _wait_for_end(while_process)
        finally:
            known.unlink(missing_ok=True)
    return 0


def _wait_for_end(process: int) -> None:
    """Return when `process` has ended."""
    try:
        handle = os.pidfd_open(process)
    except ProcessLookupError:
        return
    select.select([handle], [], [])
    os.close(handle)


if __name__ == "__main__":
    stop_at_sigterm()
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(_hold(Path(sys.argv[1]), int(sys.argv[2])))
