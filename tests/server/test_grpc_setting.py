"""gRPC knows the setting that it is given, and the environment's goes first."""

import os
import subprocess
import sys

import pytest

from provider.server import GRPC_EXPERIMENTS

SERVE = """
import os, sys
from concurrent.futures import ThreadPoolExecutor
import provider.server
import grpc
server = grpc.server(ThreadPoolExecutor(1))
server.add_insecure_port("unix:@" + sys.argv[1])
server.start()
print(os.environ["GRPC_EXPERIMENTS"])
"""


def serve(experiments: str | None) -> tuple[str, str]:
    """The setting that holds, and what gRPC says of it."""
    environment = {name: value for name, value in os.environ.items() if "GRPC" not in name}
    if experiments is not None:
        environment["GRPC_EXPERIMENTS"] = experiments
    done = subprocess.run(
        [sys.executable, "-c", SERVE, f"experiments-{os.getpid()}"],
        check=True,
        capture_output=True,
        text=True,
        env=environment,
        timeout=40,
    )
    return done.stdout.strip(), done.stderr


def test_grpc_knows_the_setting() -> None:
    assert serve(None) == (GRPC_EXPERIMENTS, "")


@pytest.mark.parametrize("given", ["", "event_engine_listener"])
def test_the_environment_decides(given: str) -> None:
    assert serve(given) == (given, "")


def test_a_setting_that_grpc_has_forgotten_shows() -> None:
    assert "Unknown experiment" in serve("no_such_thing")[1]
