"""How a command ends: its exit code, and what stderr says about a failure."""

import os
import sys
from collections.abc import Callable

from provider.tools.arguments import UsageError
from provider.tools.terminal import Paint, printable

_BROKEN_PIPE = 141
_INTERRUPTED = 130


class CommandFailed(Exception):
    """The command cannot go on. The message, of one or more lines, goes to stderr."""

    def __init__(self, code: int, text: str, hint: str = "") -> None:
        super().__init__(text)
        self.code = code
        self.hint = hint


def exit_code(program: str, command: Callable[[], int]) -> int:
    """Run `command` and return its exit code; report `UsageError` and `CommandFailed` on stderr."""
    try:
        return command()
    except UsageError as error:
        sys.stderr.write(f"{program}: {printable(str(error))} (see {program} --help)\n")
        return 2
    except CommandFailed as failure:
        _report(program, failure)
        return failure.code
    except BrokenPipeError:  # the reader of stdout is gone, as in `… | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE
    except KeyboardInterrupt:
        return _INTERRUPTED


def _report(program: str, failure: CommandFailed) -> None:
    paint = Paint.for_stream(sys.stderr)
    first, *rest = printable(str(failure)).splitlines() or [""]
    lines = [f"{program}: {paint('red', first)}", *(f"  {line}" for line in rest)]
    lines += [f"hint: {printable(failure.hint)}"] if failure.hint else []
    sys.stderr.write("\n".join(lines) + "\n")
