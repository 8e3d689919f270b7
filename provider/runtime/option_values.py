"""The syntax of option values: durations and booleans as in Go, sizes as in Kubernetes.

Each function raises ValueError with a text that says what it expects.
"""

import re
from pathlib import Path
from typing import Literal, cast

LogFormat = Literal["auto", "json", "text"]
LogLevel = Literal["debug", "info", "warning", "error"]


def _match(pattern: str, text: str, expected: str) -> re.Match[str]:
    if found := re.fullmatch(pattern, text, re.ASCII):
        return found
    raise ValueError(f"expected {expected}")


def boolean(text: str) -> bool:
    """A boolean as Go's flag package reads it."""
    if text in ("1", "t", "T", "true", "TRUE", "True"):
        return True
    if text in ("0", "f", "F", "false", "FALSE", "False"):
        return False
    raise ValueError("expected true or false")


UNITS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
}
DURATION_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
DURATION = re.compile(rf"(?:{DURATION_PART.pattern})+", re.ASCII)
LONGEST = 100 * 365 * 24 * 3600.0
"""Go's durations end after 292 years; more than a hundred years are a typo."""


def duration(text: str) -> float:
    """Seconds of a Go duration such as `2m`, `1h30m` or `100ms`."""
    if text in ("0", "+0"):
        return 0.0
    if len(text) > 64 or not DURATION.fullmatch(text.removeprefix("+")):
        raise ValueError("expected a duration such as 100ms, 30s, 2m or 1h30m")
    seconds = sum(float(number) * UNITS[unit] for number, unit in DURATION_PART.findall(text))
    if seconds > LONGEST:
        raise ValueError("is longer than a hundred years")
    return float(seconds)


def positive_duration(text: str) -> float:
    """Seconds of a Go duration above 0."""
    if (seconds := duration(text)) <= 0:
        raise ValueError("must be longer than 0s")
    return seconds


def optional_duration(text: str) -> float | None:
    """Seconds of a Go duration above 0; None for an empty text."""
    return positive_duration(text) if text else None


def whole_number(text: str) -> int:
    """A decimal number, 0 or more."""
    return int(_match(r"\d{1,9}", text, "a whole number")[0])


def count(text: str) -> int:
    """A decimal number, 1 or more."""
    if (number := whole_number(text)) < 1:
        raise ValueError("must be at least 1")
    return number


SCALES = {"": 1, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "k": 10**3, "M": 10**6, "G": 10**9}


def size(text: str) -> int:
    """Bytes, plain or as a Kubernetes quantity such as `16Mi`."""
    match = _match(r"(\d{1,12})(|Ki|Mi|Gi|k|M|G)", text, "bytes, such as 1048576 or 16Mi")
    return int(match[1]) * SCALES[match[2]]


def globs(text: str) -> tuple[str, ...] | None:
    """Names and globs, separated by commas; None for an empty text."""
    found = tuple(filter(None, (one.strip() for one in text.split(","))))
    if text and not found:
        raise ValueError("expected names or globs, separated by commas")
    return found or None


def optional_path(text: str) -> Path | None:
    """A path; None for an empty text."""
    return folder(text) if text else None


def file_name(text: str) -> str:
    if text in ("", ".", "..") or "/" in text or "\0" in text:
        raise ValueError("expected a file name without slashes")
    return text


def folder(text: str) -> Path:
    if not text or "\0" in text:
        raise ValueError("expected a path")
    return Path(text)


def address(text: str) -> tuple[str, int] | None:
    """Host and port to listen on, as in `:8989` or `127.0.0.1:0`; None for an empty text."""
    if not text:
        return None
    expected = "host:port, such as :8989 or 127.0.0.1:8989"
    match = _match(r"(?:\[([0-9a-fA-F:.%]+)\]|([^:\[\]/\s]*)):(\d{1,5})", text, expected)
    if int(match[3]) > 65535:
        raise ValueError(f"expected {expected}")
    return match[1] or match[2] or "", int(match[3])


def abstract_socket(text: str) -> str:
    """A name of the abstract namespace of Unix sockets, after `@`, or an empty text."""
    return _match(r"(@[!-~]{1,100})?", text, "a name after @, such as @secrets-controller-aws")[0]


def object_name(text: str) -> str:
    pattern = r"(?=.{1,253}$)[a-z0-9]([-a-z0-9.]*[a-z0-9])?"
    return _match(pattern, text, "a name of lower case letters, digits, - and .")[0]


def url(text: str) -> str:
    """An http or https URL without a slash at its end, or an empty text."""
    found = _match(r"(https?://[^\s/]+(/\S*)?)?", text, "a URL, such as https://10.96.0.1:443")
    return found[0].rstrip("/")


def log_format(text: str) -> LogFormat:
    if text not in ("auto", "json", "text"):
        raise ValueError("expected auto, json or text")
    return cast("LogFormat", text)


def log_level(text: str) -> LogLevel:
    if text.lower() not in ("debug", "info", "warning", "error"):
        raise ValueError("expected debug, info, warning or error")
    return cast("LogLevel", text.lower())
