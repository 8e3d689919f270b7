"""A command imports only what it needs: the start must be fast with 50m of CPU."""

import subprocess
import sys

import pytest

from provider.cli.commands import COMMANDS

HEAVY = {"aiohttp", "asyncio", "boto3", "botocore", "grpc", "jmespath", "uvloop"}


def imported(*arguments: str) -> set[str]:
    """The modules that are loaded after a command has run."""
    code = (
        "import io, sys\n"
        "from provider.cli.main import main\n"
        "sys.stdout = io.StringIO()\n"
        f"try: main({list(arguments)!r})\n"
        "except SystemExit: pass\n"
        "print(*sys.modules, file=sys.__stdout__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    return set(done.stdout.split())


def test_a_wrong_option_loads_nothing_heavy() -> None:
    assert not imported("--nonsense") & HEAVY


def test_the_probe_loads_nothing_heavy() -> None:
    modules = imported("health", "--provider-volume=/nonexistent")
    assert not modules & {*HEAVY, "dataclasses", "yaml", "provider.csi.config"}


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "serve"])
def test_the_help_of_a_command_loads_no_engine(name: str) -> None:
    assert not imported(name, "--help") & {"aiohttp", "boto3", "botocore", "grpc", "uvloop"}


def test_the_daemon_loads_no_tool() -> None:
    code = "import provider.csi.app, sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    modules = done.stdout.split()
    assert [name for name in modules if name.startswith(("provider.tools", "provider.cli"))] == []
