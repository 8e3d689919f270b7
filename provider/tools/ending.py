"""How a command ends: its exit code, and what stderr says about a failure.

With JSON output, a failure is JSON on stdout too, in one line, where programs look for results.
"""

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


def has_mistakes(owner: str, file: str, code: int = 1, *, first: object = "") -> CommandFailed:
    """The failure for a manifest with mistakes, the first of which may be given."""
    hint = f"secrets-provider-aws validate {file} shows them"
    shown = f": {first}" if first else ""
    return CommandFailed(code, f"{owner} has mistakes{shown}", hint)


def exit_code(program: str, command: Callable[[], int], *, as_json: bool) -> int:
    """Run `command` and return its exit code; report failures on stderr, without a traceback.

    With `as_json`, they are on stdout too.
    """
    with replaced_streams():
        try:
            return _run(program, command, as_json=as_json)
        except OutputFailed as failure:
            return _not_written(program, failure)


def _run(program: str, command: Callable[[], int], *, as_json: bool) -> int:
    try:
        code = _left(command)
        sys.stdout.flush()
        return code
    except UsageError as error:
        sys.stderr.write(f"{program}: {printable(str(error), lines=True)} (see {program} --help)\n")
        return _failed(2, str(error), "", as_json=as_json)
    except CommandFailed as failure:
        _report(program, failure)
        return _failed(failure.code, str(failure), failure.hint, as_json=as_json)
    except KeyboardInterrupt:
        return _INTERRUPTED


def _failed(code: int, message: str, hint: str, *, as_json: bool) -> int:
    if as_json:
        import json  # noqa: PLC0415 (the start must stay fast)

        error = {"message": message, "hint": hint, "exitCode": code}
        sys.stdout.write(json.dumps({"error": error}) + "\n")
        sys.stdout.flush()
    return code


def _not_written(program: str, failure: OutputFailed) -> int:
    if isinstance(failure.cause, BrokenPipeError):  # the reader is gone, as in `… | head`
        return _BROKEN_PIPE
    sys.stderr.write(f"{program}: cannot write to stdout: {failure.cause.strerror}\n")
    return _NOT_WRITTEN


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
