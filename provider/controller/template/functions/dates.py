"""sprig's dates. The local zone is UTC."""

from datetime import UTC, datetime

from provider.controller.template import moments
from provider.controller.template.errors import FunctionError
from provider.controller.template.limits import Budget
from provider.controller.template.numbers import nearest_int
from provider.controller.template.registry import Functions
from provider.controller.template.unicode_text import from_utf8
from provider.controller.template.values import Int64, Moment, Value

TABLE = Functions()
add = TABLE.add
_DATE = b"2006-01-02"
_ITEM_STEPS = 4
"""For one item of a layout, which may be a single byte."""


@add("now")
def _now() -> Moment:
    return Moment(datetime.now(UTC))


def _moment_of(value: Value) -> Moment:
    """The time of a value: a time, or seconds since 1970; for anything else the current time."""
    if isinstance(value, Moment):
        return value
    if type(value) in (int, Int64):
        return moments.unix_moment(int(value))  # type: ignore[call-overload]  # an int by its type
    return _now()


def _format(budget: Budget, layout: bytes, value: Value, zone: bytes = b"UTC") -> bytes:
    budget.step(_ITEM_STEPS * len(layout))
    return moments.format_moment(moments.in_zone(_moment_of(value), from_utf8(zone)), layout)


add("date", "string any", budget=True)(_format)
add("date_in_zone dateInZone", "string any string", budget=True)(_format)
add("htmlDate", "any", budget=True)(lambda budget, value: _format(budget, _DATE, value))
add("htmlDateInZone", "any string", budget=True)(
    lambda budget, value, zone: _format(budget, _DATE, value, zone)
)
add("unixEpoch", "time")(lambda moment: b"%d" % moments.unix_seconds(moment))


@add("date_modify dateModify", "string time")
def _modify(duration: bytes, moment: Moment) -> Moment:
    nanoseconds = moments.parse_duration(from_utf8(duration))
    return moment if nanoseconds is None else moments.add(moment, nanoseconds)


@add("must_date_modify mustDateModify", "string time")
def _must_modify(duration: bytes, moment: Moment) -> Moment:
    nanoseconds = moments.parse_duration(from_utf8(duration))
    if nanoseconds is None:
        raise FunctionError("time: invalid duration")
    return moments.add(moment, nanoseconds)


@add("mustToDate", "string string", budget=True)
def _must_to_date(budget: Budget, layout: bytes, text: bytes) -> Moment:
    budget.step(_ITEM_STEPS * len(layout))
    return moments.parse_moment(layout, text)


@add("toDate", "string string", budget=True)
def _to_date(budget: Budget, layout: bytes, text: bytes) -> Moment:
    try:
        return _must_to_date(budget, layout, text)
    except FunctionError:
        return moments.ZERO


@add("ago", "any")
def _ago(value: Value) -> bytes:
    seconds = (datetime.now(UTC) - _moment_of(value).at).total_seconds()
    return moments.format_duration(round(seconds) * 10**9).encode()


@add("duration", "any")
def _duration(value: Value) -> bytes:
    seconds = 0
    if isinstance(value, bytes):
        seconds = nearest_int(from_utf8(value))
    elif isinstance(value, Int64):
        seconds = int(value)
    nanoseconds = (seconds * 10**9 + (1 << 63)) % (1 << 64) - (1 << 63)
    return moments.format_duration(nanoseconds).encode()


_ROUNDED = (
    ("y", 365 * 86400), ("mo", 30 * 86400), ("d", 86400), ("h", 3600), ("m", 60), ("s", 1),
)  # fmt: skip


@add("durationRound", "any")
def _duration_round(value: Value) -> bytes:
    nanoseconds = 0
    if isinstance(value, bytes):
        nanoseconds = moments.parse_duration(from_utf8(value)) or 0
    elif isinstance(value, Int64):
        nanoseconds = int(value)
    elif isinstance(value, Moment):
        since = int((datetime.now(UTC) - value.at).total_seconds() * 10**9)
        nanoseconds = max(-(1 << 63), min(since, (1 << 63) - 1))
    for unit, seconds in _ROUNDED:
        if abs(nanoseconds) > seconds * 10**9:
            return f"{abs(nanoseconds) // (seconds * 10**9)}{unit}".encode()
    return b"0s"
