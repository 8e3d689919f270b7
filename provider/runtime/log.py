"""The daemon's log: one logger, `provider`, on stderr, as JSON or as text.

What must not be logged cannot be: of other libraries' records only warnings get through, and of
these neither arguments nor ready-made texts (urllib3 and botocore put headers, bodies and tokens
there); tracebacks show places and kinds of errors, and messages of those kinds only that never
quote data.
"""

import json
import logging
import sys
import threading
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Literal, TextIO

from provider.errors import ProviderError

Value = str | int | float | bool | None

MAX_MESSAGE = 4096
MAX_FIELD = 1024
MAX_FRAMES = 40
MAX_CAUSES = 8

TELLING = (AttributeError, ImportError, NameError, NotImplementedError, TypeError)
"""Errors of Python whose messages name code, not data. A ValueError quotes what it could not read,
a KeyError the key, a UnicodeError the bytes."""

logger = logging.getLogger("provider")


def fields(**values: Value) -> dict[str, Any]:
    """What a line says beside its message: `logger.info("…", extra=fields(pod=…))`."""
    return {"fields": values}


def set_up(
    level: Literal["debug", "info", "warning", "error"],
    log_format: Literal["auto", "json", "text"],
    stream: TextIO | None = None,
) -> None:
    """Log to `stream` (stderr) from now on; uncaught errors of threads too."""
    stream = sys.stderr if stream is None else stream
    as_text = log_format == "text" or (log_format == "auto" and stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(TextLines() if as_text else JsonLines())
    handler.addFilter(lambda record: _is_ours(record) or record.levelno >= logging.WARNING)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logger.setLevel(level.upper())
    logging.raiseExceptions = False  # a closed stderr is no reason to fail, nor to print records
    threading.excepthook = _log_thread_error
    sys.excepthook = _log_error


def _log_thread_error(args: threading.ExceptHookArgs) -> None:
    logger.error("a thread ended by an error", extra={"error": args.exc_value})


def _log_error(
    _kind: type[BaseException], error: BaseException, _traceback: TracebackType | None
) -> None:
    logger.critical("ended by an error", extra={"error": error})


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, message, then what the line says beside it."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "message": _cut(_message(record), MAX_MESSAGE),
            **{name: _bounded(value) for name, value in _fields(record).items()},
        }
        if error := _error(record):
            line["traceback"] = list(_safe_traceback(error))
        return json.dumps(line, default=lambda value: type(value).__name__)


class TextLines(logging.Formatter):
    """For people: time, level, message, fields as `name=value`, then the traceback, indented."""

    def format(self, record: logging.LogRecord) -> str:
        """The line or, with a traceback, lines; without an end."""
        said = [_time(record)[11:-1], f"{record.levelname:7}", _cut(_message(record), MAX_MESSAGE)]
        said += [
            f"{name}={_plain(_bounded(value))}"
            for name, value in _fields(record).items()
            if value not in (None, "")
        ]
        lines = ["  ".join(_printable(part) for part in said)]
        if error := _error(record):
            lines += [f"    {_printable(line)}" for line in _safe_traceback(error)]
        return "\n".join(lines)


def _is_ours(record: logging.LogRecord) -> bool:
    return record.name == "provider" or record.name.startswith("provider.")


def _message(record: logging.LogRecord) -> str:
    """What the record says; of a foreign one only the template, which holds no data."""
    if _is_ours(record):
        return record.getMessage()
    template = record.msg if record.args and isinstance(record.msg, str) else "(text withheld)"
    return f"{record.name}, line {record.lineno}: {template}"


def _fields(record: logging.LogRecord) -> dict[str, Value]:
    return getattr(record, "fields", None) or {}


def _error(record: logging.LogRecord) -> BaseException | None:
    error = getattr(record, "error", None) or (record.exc_info and record.exc_info[1])
    return error if isinstance(error, BaseException) else None


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
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
    """One line that moves no cursor, whatever a pod's author put into a name."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def _safe_traceback(error: BaseException) -> Iterator[str]:
    """Kinds and places, innermost last; no local variable, no message that may quote data."""
    for caused in reversed(list(_causes(error))):
        for frame in traceback.extract_tb(caused.__traceback__)[-MAX_FRAMES:]:
            yield f"{frame.filename}:{frame.lineno} in {frame.name}"
        yield describe(caused)


def describe(error: BaseException) -> str:
    """An error's kind, and its message where that cannot quote data."""
    kind = type(error).__name__
    if isinstance(error, ProviderError) or type(error) in TELLING:
        return f"{kind}: {_cut(str(error), MAX_FIELD)}"
    if isinstance(error, OSError) and error.strerror:
        return f"{kind}: {_cut(str(error.strerror), MAX_FIELD)}"
    return kind


def _causes(error: BaseException) -> Iterator[BaseException]:
    current: BaseException | None = error
    for _ in range(MAX_CAUSES):
        if current is None:
            return
        yield current
        current = current.__cause__ or (
            None if current.__suppress_context__ else current.__context__
        )
