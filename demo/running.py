"""What both demos share: how they run and end, and the environment of the process."""

import os
import shutil
import signal
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from demo.screen import Screen
from testbed.control_plane import NotAvailable
from testbed.provider_process import ROOT, NotStarted

LATENCY = 0.02
"""Seconds of every call to AWS and Kubernetes."""
OUTPUT = ROOT / "demo-output"
"""Each demo has a folder here, and makes it anew."""
TIMEOUT = 120
"""Seconds of a whole demo."""
START_SECONDS = 15.0
NODE_KEY = "AKIADEMOOFTHENODE000"
"""Access key of the node itself, in the environment of the process: no call may be signed by it."""


def main(package: str, about: str, output: Path, run: Callable[[Screen, bool], None]) -> NoReturn:
    """Run a demo and exit; with 0 only if every check passed. `run` gets whether to stay up."""
    parser = ArgumentParser(prog=f"python -m {package}", description=about)
    parser.add_argument("--reveal", action="store_true", help="show values (all are made up)")
    parser.add_argument("--keep", action="store_true", help="leave everything running until Ctrl-C")
    options = parser.parse_args()
    # Nothing here may reach a real account, or go through a proxy.
    kept = without_ambient(os.environ)
    os.environ.clear()
    os.environ.update(kept)
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell's background job ignores SIGINT
        signal.signal(number, signal.default_int_handler)
    signal.signal(signal.SIGALRM, _give_up)
    signal.alarm(TIMEOUT)
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    screen = Screen(reveal=options.reveal)
    try:
        run(screen, options.keep)
    except (NotStarted, NotAvailable, TimeoutError) as error:
        screen.say(f"✗ {error}", "red")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(1 if screen.wrong else 0)


def _give_up(*_: object) -> NoReturn:
    raise TimeoutError(f"the demo did not end within {TIMEOUT} s")


def stay_up() -> None:
    """Wait for Ctrl-C."""
    signal.alarm(0)
    with suppress(KeyboardInterrupt):
        signal.pause()


def environment(endpoint: str, **more: str) -> dict[str, str]:
    """The environment: that of the caller, without AWS and proxies, with the key of the node."""
    return without_ambient(os.environ) | {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": NODE_KEY,
        "AWS_SECRET_ACCESS_KEY": "of-the-node-never-to-be-used",
        "PYTHONUNBUFFERED": "1",
        **more,
    }


def without_ambient(environ: Mapping[str, str]) -> dict[str, str]:
    """Without what leads off this machine, to a real account, or to a real cluster."""
    left_out = ("AWS_", "KUBERNETES_", "NODE_NAME")
    return {
        name: value
        for name, value in environ.items()
        if not name.startswith(left_out) and not name.lower().endswith("_proxy")
    }
