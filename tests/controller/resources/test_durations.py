"""Durations as Go's `time.ParseDuration` reads them; the table was made by Go 1.24."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.controller.resources.durations import go_duration

SECONDS = {
    "1h": 3600,
    "1h30m": 5400,
    "-5m": -300,
    "0": 0,
    "+0": 0,
    "-0": 0,
    "1.5h": 5400,
    ".5s": 0.5,
    "1.s": 1,
    "1µs": 1e-6,
    "1μs": 1e-6,
    "1h1h": 7200,
    "1h0m0s": 3600,
    "9223372036854775807ns": 9223372036.854775807,
}
ERRORS = {
    "1d": 'time: unknown unit "d" in duration "1d"',
    "": 'time: invalid duration ""',
    "-": 'time: invalid duration "-"',
    "5": 'time: missing unit in duration "5"',
    "1h 30m": 'time: unknown unit "h " in duration "1h 30m"',
    "1H": 'time: unknown unit "H" in duration "1H"',
    ".s": 'time: invalid duration ".s"',
    "3000000h": 'time: invalid duration "3000000h"',
    "9223372036854775808ns": 'time: invalid duration "9223372036854775808ns"',
    "1e3s": 'time: unknown unit "e" in duration "1e3s"',
    "1y2m": 'time: unknown unit "y" in duration "1y2m"',
    "h": 'time: invalid duration "h"',
    "１h": 'time: invalid duration "１h"',
}


@pytest.mark.parametrize(("text", "seconds"), SECONDS.items())
def test_reads_what_go_reads(text: str, seconds: float) -> None:
    assert go_duration(text) == seconds


@pytest.mark.parametrize(("text", "message"), ERRORS.items())
def test_refuses_what_go_refuses_in_its_words(text: str, message: str) -> None:
    with pytest.raises(ValueError, match="time: ") as caught:
        go_duration(text)
    assert str(caught.value).startswith(message)


def test_tells_how_to_write_a_day() -> None:
    with pytest.raises(ValueError, match="a day is written 24h"):
        go_duration("1d")


@given(st.text())
def test_raises_nothing_but_value_errors(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(go_duration(text), float)
