"""How a command ends: its exit code, and what stderr says about a failure."""

import sys
from collections.abc import Callable

from provider.tools.arguments import UsageError
from provider.tools.output import OutputFailed, replaced_streams
from provider.tools.terminal import Paint, printable

_BROKEN_PIPE = 141
_INTERRUPTED = 130
_NOT_WRITTEN = 74
"""EX_IOERR of sysexits.h."""


class CommandFailed(Exception):
    """The command cannot go on. The message, of one or more lines, goes to stderr."""

    def __init__(self, code: int, text: str, hint: str = "") -> None:
        super().__init__(text)
        self.code = code
        self.hint = hint


def exit_code(program: str, command: Callable[[], int]) -> int:
    """Run `command` and return its exit code; report failures on stderr, without a traceback."""
    with replaced_streams():
        return _run(program, command)


def _run(program: str, command: Callable[[], int]) -> int:
    try:
        code = _left(command)
        sys.stdout.flush()
        return code
    except UsageError as error:
        sys.stderr.write(f"{program}: {printable(str(error), lines=True)} (see {program} --help)\n")
        return 2
    except CommandFailed as failure:
        _report(program, failure)
        return failure.code
    except OutputFailed as failure:
        if isinstance(failure.cause, BrokenPipeError):  # the reader is gone, as in `… | head`
            return _BROKEN_PIPE
        sys.stderr.write(f"{program}: cannot write to stdout: {failure.cause.strerror}\n")
        return _NOT_WRITTEN
    except KeyboardInterrupt:
        return _INTERRUPTED


def _left(command: Callable[[], int]) -> int:
    """The exit code of a command, also of one that leaves by itself, as after `--help`."""
    try:
        return command()
    except SystemExit as left:
        if isinstance(left.code, str):
            raise
        return left.code or 0


def _report(program: str, failure: CommandFailed) -> None:
    paint = Paint.for_stream(sys.stderr)
    first, *rest = printable(str(failure), lines=True).splitlines() or [""]
    lines = [f"{program}: {paint('red', first)}", *(f"  {line}" for line in rest)]
    lines += [f"hint: {printable(failure.hint, lines=True)}"] if failure.hint else []
    sys.stderr.write("\n".join(lines) + "\n")
