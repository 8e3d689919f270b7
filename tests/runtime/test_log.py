"""Log lines, and what never gets into them."""

import asyncio
import gc
import io
import json
import logging
import threading
from collections.abc import Iterator
from typing import Any, Literal

import pytest

from provider.errors import SecretNotFound
from provider.runtime import log

CANARY = "s3cr3t-canary"


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers[:], root.level, logging.raiseExceptions, threading.excepthook
    yield
    root.handlers[:], root.level, logging.raiseExceptions, threading.excepthook = before
    logging.getLogger("provider").setLevel(logging.NOTSET)
    for name in ("botocore.hooks", "urllib3.connectionpool"):
        logging.getLogger(name).setLevel(logging.NOTSET)


def started(
    level: Literal["debug", "info", "warning", "error"] = "debug",
    log_format: Literal["auto", "json", "text"] = "json",
) -> io.StringIO:
    stream = io.StringIO()
    log.set_up(level, log_format, stream)
    return stream


def only_line(stream: io.StringIO) -> dict[str, Any]:
    (line,) = stream.getvalue().splitlines()
    parsed: dict[str, Any] = json.loads(line)
    return parsed


def test_a_json_line_has_the_fields_beside_the_message() -> None:
    stream = started()
    log.logger.info("delivered", extra=log.fields(pod="default/web", seconds=0.0123456789, files=2))
    line = only_line(stream)
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "info",
        "message": "delivered",
        "pod": "default/web",
        "seconds": 0.012346,
        "files": 2,
    }


def test_a_text_line_is_for_people() -> None:
    stream = started(log_format="text")
    log.logger.warning(
        "failed", extra=log.fields(pod="default/web", error="no such secret", id=None)
    )
    assert stream.getvalue().endswith(
        '  WARNING  failed  pod=default/web  error="no such secret"\n'
    )


def test_auto_is_json_when_stderr_is_no_terminal() -> None:
    stream = started(log_format="auto")
    log.logger.info("x")
    assert only_line(stream)["message"] == "x"


def test_a_name_cannot_forge_a_line_or_move_the_cursor() -> None:
    stream = started(log_format="text")
    log.logger.info("delivered", extra=log.fields(pod="a\n12:00 INFO forged\x1b[2J"))
    assert len(stream.getvalue().splitlines()) == 1
    assert "\x1b" not in stream.getvalue()


def test_lines_are_bounded() -> None:
    stream = started()
    log.logger.info("x" * 100_000, extra=log.fields(error="y" * 100_000))
    assert len(stream.getvalue()) < 8192


def test_the_level_counts() -> None:
    stream = started(level="warning")
    log.logger.info("quiet")
    assert stream.getvalue() == ""


def test_sdk_loggers_at_debug_say_nothing() -> None:
    stream = started()
    for name in ("botocore.hooks", "urllib3.connectionpool"):
        logging.getLogger(name).setLevel(logging.DEBUG)
        logging.getLogger(name).debug("headers: %s", {"Authorization": CANARY})
        logging.getLogger(name).info("body: " + CANARY)
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    ("message", "args"),
    [("Failed to parse headers: %s", (CANARY,)), (f"unparsed {CANARY}", ())],
    ids=["arguments", "ready-made"],
)
def test_warnings_of_other_libraries_come_without_their_data(message: str, args: Any) -> None:
    stream = started()
    logging.getLogger("urllib3.connectionpool").warning(message, *args)
    assert "urllib3.connectionpool" in stream.getvalue()
    assert CANARY not in stream.getvalue()


def leak(secret: str) -> None:
    local = {"token": secret}
    try:
        int(secret)
    except ValueError:
        raise KeyError(local["token"]) from None


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_a_traceback_shows_places_but_no_data(log_format: Literal["json", "text"]) -> None:
    stream = started(log_format=log_format)
    try:
        leak(CANARY)
    except KeyError as error:
        log.logger.error("fault", extra={"error": error})
        log.logger.exception("fault")
    assert "test_log.py" in stream.getvalue()
    assert "in leak" in stream.getvalue()
    assert "KeyError" in stream.getvalue()
    assert CANARY not in stream.getvalue()


def test_a_traceback_has_the_causes_too() -> None:
    stream = started()
    try:
        try:
            b"\xff".decode()
        except UnicodeDecodeError as error:
            raise SecretNotFound("no such secret") from error
    except SecretNotFound as error:
        log.logger.error("fault", extra={"error": error})
    kinds = [line for line in only_line(stream)["traceback"] if " in " not in line]
    assert kinds == ["UnicodeDecodeError", "SecretNotFound: no such secret"]


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (TypeError("unsupported operand"), "TypeError: unsupported operand"),
        (FileNotFoundError(2, "No such file", "/x"), "FileNotFoundError: No such file"),
        (ValueError(CANARY), "ValueError"),
        (type("Custom", (TypeError,), {})(CANARY), "Custom"),
    ],
    ids=["code", "os", "data", "foreign subclass"],
)
def test_only_errors_that_cannot_quote_data_show_their_message(error: Exception, text: str) -> None:
    assert log.describe(error) == text


def test_an_uncaught_error_in_a_thread_is_logged_without_data() -> None:
    stream = started()
    thread = threading.Thread(target=leak, args=(CANARY,))
    thread.start()
    thread.join()
    assert "KeyError" in stream.getvalue()
    assert CANARY not in stream.getvalue()


async def test_an_uncaught_error_of_a_task_is_logged_without_data() -> None:
    stream = started()
    asyncio.get_running_loop().set_exception_handler(log.log_loop_error)

    async def leaking() -> None:
        leak(CANARY)

    task = asyncio.create_task(leaking())
    await asyncio.wait([task])
    del task
    gc.collect()
    line = only_line(stream)
    assert line["message"] == "unhandled error in the event loop"
    assert line["coroutine"].endswith("leaking")
    assert line["traceback"][-1] == "KeyError"
    assert CANARY not in stream.getvalue()


async def test_an_uncaught_error_of_a_callback_is_logged_without_its_arguments() -> None:
    stream = started()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(log.log_loop_error)
    loop.call_soon(leak, CANARY)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert only_line(stream)["traceback"][-1] == "KeyError"
    assert CANARY not in stream.getvalue()
