"""A command imports only what it needs: the start must be fast with 50m of CPU."""

import subprocess
import sys

from provider.cli.commands import COMMANDS

HEAVY = {"aiohttp", "asyncio", "boto3", "botocore", "grpc", "jmespath", "uvloop"}


def imported(*commands: list[str]) -> list[set[str]]:
    """The modules that are loaded after each of these commands has run, in one process."""
    code = (
        "import io, sys\n"
        "from provider.cli.main import main\n"
        f"for arguments in {commands!r}:\n"
        "  sys.stdout = io.StringIO()\n"
        "  try: main(arguments)\n"
        "  except SystemExit: pass\n"
        "  print(*sys.modules, file=sys.__stdout__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    return [set(line.split()) for line in done.stdout.splitlines()]


def test_the_probe_and_a_wrong_option_load_nothing_heavy() -> None:
    probe, mistake = imported(["health", "--provider-volume=/nonexistent"], ["--nonsense"])
    assert not probe & {*HEAVY, "dataclasses", "yaml", "provider.csi.config"}
    assert not mistake & HEAVY


def test_the_help_of_a_command_loads_no_engine() -> None:
    names = [name for name in COMMANDS if name != "serve"]
    found = zip(names, imported(*([name, "--help"] for name in names)), strict=True)
    engine = {"aiohttp", "boto3", "botocore", "grpc", "uvloop"}
    assert [(name, modules & engine) for name, modules in found if modules & engine] == []
