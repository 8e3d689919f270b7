"""The audit log: one JSON object a line on stdout; the log of the process is on stderr."""

import json
import logging
import sys
from time import time
from typing import Any, TextIO

from provider.runtime.log import timestamp

logger = logging.getLogger("provider_audit")
"""A logger of its own: level and format of the process' log do not apply to it."""


def set_up(stream: TextIO | None = None) -> None:
    """Write audit lines to `stream` (default: stdout) from now on."""
    handler = logging.StreamHandler(sys.stdout if stream is None else stream)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger.handlers[:] = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False


def write(event: str, **about: Any) -> None:
    """Write a line: the time, the event, and what it is about."""
    logger.info("%s", json.dumps({"time": timestamp(time()), "event": event, **about}))
