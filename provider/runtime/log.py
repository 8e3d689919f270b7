"""The log of the process: one logger, `provider`, on stderr, as JSON or as text.

Secrets and tokens cannot reach it. Records of other libraries are dropped below the level of a
warning, and shown without their arguments and without formatted texts, because libraries put
headers, bodies and tokens there. A traceback shows places and classes of errors, and the message
only of classes that never quote data.
"""

import asyncio
import json
import logging
import sys
import threading
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, TextIO

from provider.errors import ProviderError
from provider.runtime.option_values import LogFormat, LogLevel

Value = str | int | float | bool | None

MAX_MESSAGE = 4096
MAX_FIELD = 1024
MAX_FRAMES = 40
MAX_CAUSES = 8

ABOUT_CODE = (AttributeError, ImportError, NameError, NotImplementedError, TypeError)
"""Python's errors whose messages name code, not data. A ValueError quotes the text that it cannot
read, a KeyError the key, a UnicodeError the bytes."""

logger = logging.getLogger("provider")


def fields(**values: Value) -> dict[str, Any]:
    """Fields of a line beside its message: `logger.info("…", extra=fields(pod=…))`."""
    return {"fields": values}


def set_up(level: LogLevel, log_format: LogFormat, stream: TextIO | None = None) -> None:
    """Log to `stream` (default: stderr) from now on, uncaught errors of threads included.

    `auto` is `text` on a terminal, else `json`. See `log_loop_error` too.
    """
    stream = sys.stderr if stream is None else stream
    as_text = log_format == "text" or (log_format == "auto" and stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(TextLines() if as_text else JsonLines())
    handler.addFilter(
        lambda record: record.name == logger.name or record.levelno >= logging.WARNING
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logger.setLevel(level.upper())
    logging.raiseExceptions = False  # a closed stderr must neither fail a request nor print records
    threading.excepthook = lambda args: logger.error(
        "unhandled error in a thread", extra={"error": args.exc_value}
    )
    sys.excepthook = lambda _kind, error, _traceback: logger.critical(
        "unhandled error", extra={"error": error}
    )


def log_loop_error(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """The exception handler of an event loop: logs the errors that nobody handles in it.

    Neither asyncio's own text nor the callback appears: both contain the arguments.
    """
    task = context.get("task") or context.get("future")
    coroutine = task.get_coro() if isinstance(task, asyncio.Task) else None
    logger.error(
        "unhandled error in the event loop",
        extra=fields(coroutine=getattr(coroutine, "__qualname__", None))
        | {"error": context.get("exception")},
    )


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, message, fields, traceback."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": timestamp(record.created),
            "level": record.levelname.lower(),
            "message": _message(record),
            **_fields(record),
        }
        if error := _error(record):
            line["traceback"] = list(_safe_traceback(error))
        return _encode(line)


class TextLines(logging.Formatter):
    """For people: time, level, message, fields as `name=value`; the traceback indented below."""

    def format(self, record: logging.LogRecord) -> str:
        about = {name: one for name, one in _fields(record).items() if one not in (None, "")}
        parts = [timestamp(record.created)[11:-1], f"{record.levelname:7}", _message(record)]
        parts += [f"{name}={_plain(value)}" for name, value in about.items()]
        lines = ["  ".join(_printable(part) for part in parts)]
        if error := _error(record):
            lines += [f"    {_printable(line)}" for line in _safe_traceback(error)]
        return "\n".join(lines)


_encode = json.JSONEncoder(default=lambda value: type(value).__name__).encode


def _message(record: logging.LogRecord) -> str:
    """The text; of another library's record only its template, which contains no data."""
    if record.name == logger.name:
        return _cut(record.getMessage(), MAX_MESSAGE)
    template = record.msg if record.args and isinstance(record.msg, str) else "(text withheld)"
    return _cut(f"{record.name}, line {record.lineno}: {template}", MAX_MESSAGE)


def _fields(record: logging.LogRecord) -> dict[str, Value]:
    return {name: _bounded(value) for name, value in getattr(record, "fields", {}).items()}


def _error(record: logging.LogRecord) -> BaseException | None:
    error = getattr(record, "error", None) or (record.exc_info and record.exc_info[1])
    return error if isinstance(error, BaseException) else None


def timestamp(seconds: float) -> str:
    """A time of `time.time` in RFC 3339: UTC, with milliseconds."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"


def _bounded(value: Value) -> Value:
    if isinstance(value, float):
        return round(value, 6)
    return _cut(value, MAX_FIELD) if isinstance(value, str) else value


def _plain(value: Value) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if set(text) & set(' "=\n') else text


def _printable(text: str) -> str:
    """The text without control characters, which a name chosen by a user may contain."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def _safe_traceback(error: BaseException) -> Iterator[str]:
    """Places and classes, the first cause first; no local variables, no message with data."""
    for cause in reversed(list(_causes(error))):
        for frame in traceback.extract_tb(cause.__traceback__)[-MAX_FRAMES:]:
            yield f"{frame.filename}:{frame.lineno} in {frame.name}"
        yield describe(cause)


def describe(error: BaseException) -> str:
    """The class of an error, and its message where that cannot quote data."""
    name = type(error).__name__
    if isinstance(error, ProviderError) or type(error) in ABOUT_CODE:
        return f"{name}: {_cut(str(error), MAX_FIELD)}"
    if isinstance(error, OSError) and error.strerror:
        return f"{name}: {_cut(str(error.strerror), MAX_FIELD)}"
    return name


def _causes(error: BaseException) -> Iterator[BaseException]:
    current: BaseException | None = error
    for _ in range(MAX_CAUSES):
        if current is None:
            return
        yield current
        current = current.__cause__ or (
            None if current.__suppress_context__ else current.__context__
        )
