"""How a command ends: its exit code, and what stderr says about a failure.

No state of the standard streams ends in a traceback: a stream may be closed, its disk full, its
reader gone, or its encoding unable to show a character.

With JSON output, a failure is JSON on stdout too, in one line, where programs look for results.
"""

import errno
import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from provider.tools.arguments import UsageError
from provider.tools.terminal import Paint, printable


class OutputFailed(Exception):
    """Nothing more can be written to stdout. `cause` says why."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(str(cause))
        self.cause = cause


class Output(io.TextIOBase):
    """A stream that raises `OutputFailed` if it cannot be written, or ignores that.

    `stream` is None if it was closed before the process started.
    """

    def __init__(self, stream: TextIO | None, *, is_needed: bool) -> None:
        self._stream = stream
        self._is_needed = is_needed

    @property
    def encoding(self) -> str:  # type: ignore[override] # an attribute in typeshed
        return self._stream.encoding if self._stream else "utf-8"

    def write(self, text: str) -> int:
        """Write; raises `OutputFailed` if the stream is needed."""
        try:
            if self._stream is None:
                raise OSError(errno.EBADF, os.strerror(errno.EBADF))
            return self._stream.write(text)
        except OSError as error:
            self._fail(error)
            return len(text)

    def flush(self) -> None:
        """Write what is buffered; raises `OutputFailed` if the stream is needed."""
        try:
            if self._stream is not None:
                self._stream.flush()
        except OSError as error:
            self._fail(error)

    def isatty(self) -> bool:
        return self._stream is not None and self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno() if self._stream else super().fileno()

    def _fail(self, error: OSError) -> None:
        if self._stream is not None:
            _discard(self._stream)
        if self._is_needed:
            raise OutputFailed(error) from error


def _discard(stream: TextIO) -> None:
    """Drop what is still buffered, so that the interpreter can flush the stream at its end."""
    with suppress(OSError):
        descriptor = stream.fileno()
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, descriptor)
        os.close(nothing)


@contextmanager
def replaced_streams() -> Iterator[None]:
    """While it lasts, stdout raises only `OutputFailed`, and stderr nothing."""
    out, err = sys.stdout, sys.stderr
    for stream in (out, err):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.stdout = Output(out, is_needed=True)
    sys.stderr = Output(err, is_needed=False)
    try:
        yield
    finally:
        with suppress(OutputFailed):
            sys.stdout.flush()
        sys.stdout, sys.stderr = out, err


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


LOG_IN = "log in (aws sso login), or choose other credentials with --profile or AWS_PROFILE"
"""The hint for own credentials that are missing or refused."""


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
