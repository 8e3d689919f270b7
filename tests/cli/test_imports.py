"""Commands stay out of the daemon, and out of each other's way."""

import subprocess
import sys

import pytest

from provider.cli.commands import COMMANDS


def loaded(code: str) -> set[str]:
    """Modules that are there after `code`."""
    told = f"{code}\nimport sys; print(*sys.modules, file=sys.__stdout__)"
    done = subprocess.run(
        [sys.executable, "-c", told], capture_output=True, text=True, timeout=30, check=True
    )
    return set(done.stdout.splitlines()[-1].split())


def test_the_daemon_loads_no_command() -> None:
    modules = loaded("import provider.cli.main, provider.csi.app")
    assert [name for name in modules if name.startswith("provider.tools")] == []


@pytest.mark.parametrize("name", [name for name, about in COMMANDS.items() if about.parser])
def test_help_of_a_command_loads_no_engine(name: str) -> None:
    run = f"from provider.cli.main import main\ntry: main([{name!r}, '--help'])\nexcept SystemExit: pass"
    modules = loaded(f"import sys, io; sys.stdout = io.StringIO()\n{run}")
    assert not modules & {"grpc", "boto3", "moto", "kubernetes"}
