"""How commands end: with an exit code, and what stderr says of it."""

import os
import sys
from collections.abc import Callable

from provider.tools.arguments import UsageError
from provider.tools.terminal import Paint, printable


class Ended(Exception):
    """The command is over; the text, of one or more lines, goes to stderr."""

    def __init__(self, code: int, text: str, hint: str = "") -> None:
        super().__init__(text)
        self.code = code
        self.hint = hint


def ending(program: str, command: Callable[[], int]) -> int:
    """The exit code of `command`, after saying on stderr why it is over if it is before its end."""
    try:
        return command()
    except UsageError as error:
        sys.stderr.write(f"{program}: {printable(str(error))} (see {program} --help)\n")
        return 2
    except Ended as ended:
        _say(program, ended)
        return ended.code
    except BrokenPipeError:  # whoever read stdout has seen enough: `… | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        return 130


def _say(program: str, ended: Ended) -> None:
    paint = Paint.for_stream(sys.stderr)
    first, *rest = printable(str(ended)).splitlines() or [""]
    lines = [f"{program}: {paint('red', first)}", *(f"  {line}" for line in rest)]
    lines += [f"hint: {printable(ended.hint)}"] if ended.hint else []
    sys.stderr.write("\n".join(lines) + "\n")
