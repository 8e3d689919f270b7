"""The standard streams of a command, such that no state of theirs ends in a traceback.

A stream may be closed, its disk full, its reader gone, or its encoding unable to show a character.
"""

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO


class OutputFailed(Exception):
    """Nothing more can be written to stdout. `cause` says why."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(str(cause))
        self.cause = cause


class Output(io.TextIOBase):
    """A stream that raises `OutputFailed` where it cannot be written, or says nothing of it.

    `stream` is None if it was closed before the process started.
    """

    def __init__(self, stream: TextIO | None, *, is_needed: bool) -> None:
        self._stream = stream
        self._is_needed = is_needed

    @property
    def encoding(self) -> str:  # type: ignore[override] # an attribute in typeshed
        """That of the stream."""
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
        """Whether the stream is a terminal."""
        return self._stream is not None and self._stream.isatty()

    def fileno(self) -> int:
        """The file descriptor of the stream."""
        return self._stream.fileno() if self._stream else super().fileno()

    def _fail(self, error: OSError) -> None:
        if self._stream is not None:
            _discard(self._stream)
        if self._is_needed:
            raise OutputFailed(error) from error


def _discard(stream: TextIO) -> None:
    """Let what is still buffered vanish, so that the interpreter can flush it at its end."""
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
