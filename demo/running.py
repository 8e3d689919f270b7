"""What both demos share: how they run and end, and the environment of the process."""

import os
import shutil
import signal
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, NoReturn, TypeVar

from demo.screen import Screen
from testbed.control_plane import NotAvailable
from testbed.provider_process import ROOT, NotStarted, ProviderProcess

LATENCY = 0.02
"""Seconds of every call to AWS and Kubernetes."""
START_SECONDS = 15.0
NODE_KEY = "AKIADEMOOFTHENODE000"
"""Access key of the node itself, in the environment of the process: no call may be signed by it."""


@dataclass(frozen=True, slots=True)
class Started:
    """The daemon or the controller; a demo adds what else runs."""

    process: ProviderProcess
    start_seconds: float


S = TypeVar("S", bound=Started)


@dataclass(frozen=True, slots=True)
class Demo(Generic[S]):
    """What runs during a demo, in a folder for its files, and the steps that show it."""

    package: str
    about: str
    running: Callable[[Path], AbstractContextManager[S]]
    steps: Sequence[Callable[[S, Screen], None]]
    by_hand: Callable[[S, Screen], None]
    """The last step, if all stays up."""

    def play(self, screen: Screen, output: Path, *, keep: bool = False) -> None:
        """Run all steps, and print which checks failed."""
        screen.say("… everything is starting", "dim")
        with self.running(output) as stage:
            for step in self.steps:
                screen.title(step)
                step(stage, screen)
                stage.process.check()
            screen.summary(stage.process.tail)
            if keep:
                screen.title(self.by_hand)
                self.by_hand(stage, screen)
                with suppress(KeyboardInterrupt):
                    signal.pause()

    def main(self) -> NoReturn:
        """Run as a command, and exit with 0 only if every check passed."""
        about = f"{self.about} The exit code is 0 only if every check passed."
        parser = ArgumentParser(prog=f"python -m {self.package}", description=about)
        parser.add_argument("--reveal", action="store_true", help="show values (all are made up)")
        parser.add_argument("--keep", action="store_true", help="keep all running until Ctrl-C")
        options = parser.parse_args()
        # Nothing here may reach a real account, or go through a proxy.
        kept = without_ambient(os.environ)
        os.environ.clear()
        os.environ.update(kept)
        for number in (signal.SIGINT, signal.SIGTERM):  # a shell's background job ignores SIGINT
            signal.signal(number, signal.default_int_handler)
        output = ROOT / "demo-output" / self.package
        shutil.rmtree(output, ignore_errors=True)
        output.mkdir(parents=True)
        screen = Screen(reveal=options.reveal)
        try:
            self.play(screen, output, keep=options.keep)
        except (NotStarted, NotAvailable) as error:
            screen.say(f"✗ {error}", "red")
            sys.exit(1)
        except KeyboardInterrupt:
            sys.exit(130)
        sys.exit(1 if screen.wrong else 0)


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
