"""Runs commands as users do."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from provider.cli.main import main


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Result]


def runner(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `secrets-provider-aws` with any arguments."""

    def run(*arguments: object) -> Result:
        try:
            code = main([*map(str, arguments)])
        except SystemExit as left:  # after --help
            code = int(left.code or 0)
        return Result(code, *capsys.readouterr())

    return run


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Run:
    """See `runner`."""
    return runner(capsys)
