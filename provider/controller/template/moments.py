"""Go's time: layouts, durations and zones."""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final
from zoneinfo import ZoneInfo

from provider.controller.resources.durations import go_nanoseconds
from provider.controller.template.errors import FunctionError
from provider.controller.template.unicode_text import from_utf8, to_utf8
from provider.controller.template.values import Moment

ZERO: Final = Moment(datetime(1, 1, 1, tzinfo=UTC))
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MONTHS: Final = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_DAYS: Final = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_LAYOUT: Final = re.compile(
    r"January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|2006|__2|_2(?!006)|_(?=2006)"
    r"|002|0[1-6]|15|1|2|3|4|5|PM|pm"
    r"|-07:00:00|-070000|-07:00|-0700|-07|Z07:00:00|Z070000|Z07:00|Z0700|Z07"
    r"|[.,]0+(?![0-9])|[.,]9+(?![0-9])"
)


def unix_moment(seconds: int) -> Moment:
    """time.Unix(seconds, 0). Raises OverflowError beyond the years 1 to 9999."""
    return Moment(_EPOCH + timedelta(seconds=seconds))


def unix_seconds(moment: Moment) -> int:
    """Time.Unix()."""
    return (moment.at - _EPOCH) // timedelta(seconds=1)


def in_zone(moment: Moment, name: str) -> Moment:
    """The same time in a zone; in UTC where the zone is unknown. Local is UTC."""
    zone = _zone(name)
    at = moment.at.astimezone(zone)
    return Moment(at, moment.nanoseconds, at.tzname() or "UTC")


def _zone(name: str) -> ZoneInfo | timezone:
    if name in ("", "UTC", "Local"):
        return UTC
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        return UTC


def add(moment: Moment, nanoseconds: int) -> Moment:
    """The time after a duration. Raises OverflowError beyond the years 1 to 9999."""
    micros, nanos = divmod(moment.nanoseconds + nanoseconds, 1000)
    return Moment(moment.at + timedelta(microseconds=micros), nanos, moment.zone)


def parse_duration(text: str) -> int | None:
    """time.ParseDuration in nanoseconds, or None where it fails."""
    try:
        return go_nanoseconds(text)
    except ValueError:
        return None


def format_duration(nanoseconds: int) -> str:
    """Duration.String()."""
    sign, rest = ("-" if nanoseconds < 0 else ""), abs(nanoseconds)
    if rest == 0:
        return "0s"
    if rest < 10**9:
        for unit, size in (("ms", 10**6), ("µs", 10**3), ("ns", 1)):
            if rest >= size:
                return f"{sign}{_decimal(rest, size)}{unit}"
    minutes, rest = divmod(rest, 60 * 10**9)
    hours, minutes = divmod(minutes, 60)
    text = f"{_decimal(rest, 10**9)}s"
    if hours or minutes:
        text = f"{minutes}m{text}"
    return sign + (f"{hours}h{text}" if hours else text)


def _decimal(number: int, size: int) -> str:
    whole, part = divmod(number, size)
    fraction = f"{part:0{len(str(size)) - 1}d}".rstrip("0") if size > 1 else ""
    return f"{whole}.{fraction}" if fraction else str(whole)


def format_moment(moment: Moment, layout: bytes) -> bytes:
    """Time.Format."""
    return to_utf8(_LAYOUT.sub(lambda match: _formatted(moment, match.group()), from_utf8(layout)))


def _formatted(moment: Moment, item: str) -> str:
    at = moment.at
    if item[0] in ".,":
        digits = f"{at.microsecond * 1000 + moment.nanoseconds:09d}"[: len(item) - 1]
        if item[1] == "9":
            digits = digits.rstrip("0")
            return item[0] + digits if digits else ""
        return item[0] + digits
    if item[0] in "-Z" and item[1:3] == "07":
        return _offset(at, item)
    hour = at.hour % 12 or 12
    values = {
        "January": _MONTHS[at.month - 1], "Jan": _MONTHS[at.month - 1][:3],
        "Monday": _DAYS[at.weekday()], "Mon": _DAYS[at.weekday()][:3],
        "MST": moment.zone, "2006": f"{at.year:04d}", "_": "_", "__2": f"{_yearday(at):3d}",
        "002": f"{_yearday(at):03d}", "_2": f"{at.day:2d}", "01": f"{at.month:02d}",
        "02": f"{at.day:02d}", "03": f"{hour:02d}", "04": f"{at.minute:02d}",
        "05": f"{at.second:02d}", "06": f"{at.year % 100:02d}", "15": f"{at.hour:02d}",
        "1": str(at.month), "2": str(at.day), "3": str(hour), "4": str(at.minute),
        "5": str(at.second), "PM": "PM" if at.hour >= 12 else "AM",
        "pm": "pm" if at.hour >= 12 else "am",
    }  # fmt: skip
    return values[item]


def _yearday(at: datetime) -> int:
    return at.timetuple().tm_yday


def _offset(at: datetime, item: str) -> str:
    offset = at.utcoffset() or timedelta()
    if item[0] == "Z" and not offset:
        return "Z"
    minutes = int(abs(offset).total_seconds()) // 60
    text = f"{'-' if offset < timedelta() else '+'}{minutes // 60:02d}"
    shape = item[3:]
    if shape:
        text += f"{':' if shape[0] == ':' else ''}{minutes % 60:02d}"
    if len(shape) > 3:
        text += ":00" if shape[0] == ":" else "00"
    return text


def parse_moment(layout: bytes, text: bytes) -> Moment:
    """time.Parse in UTC. Raises FunctionError with no part of the value."""
    return _Parser(from_utf8(text)).parse(from_utf8(layout))


_PATTERNS: Final = {
    "2006": r"(\d{4})", "01": r"(\d{2})", "02": r"(\d{2})", "03": r"(\d{2})", "04": r"(\d{2})",
    "05": r"(\d{2})", "06": r"(\d{2})", "15": r"(\d{2}|\d)", "1": r"(\d{1,2})",
    "2": r"(\d{1,2})", "_2": r" ?(\d{1,2})", "3": r"(\d{1,2})", "4": r"(\d{1,2})",
    "5": r"(\d{1,2})", "002": r"(\d{3})", "__2": r" {0,2}(\d{1,3})", "PM": r"(AM|PM)",
    "pm": r"(am|pm)", "MST": r"([A-Z]{3,4}(?:[+-]\d{1,2})?|[+-]\d{2})", "_": r"(_)",
    "January": "(?i:(" + "|".join(_MONTHS) + "))",
    "Jan": "(?i:(" + "|".join(m[:3] for m in _MONTHS) + "))",
    "Monday": "(?i:(" + "|".join(_DAYS) + "))",
    "Mon": "(?i:(" + "|".join(d[:3] for d in _DAYS) + "))",
}  # fmt: skip
_OFFSET: Final = {
    "07:00:00": r"[+-]\d{2}:\d{2}:\d{2}", "070000": r"[+-]\d{6}", "07:00": r"[+-]\d{2}:\d{2}",
    "0700": r"[+-]\d{4}", "07": r"[+-]\d{2}",
}  # fmt: skip


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._found: dict[str, str] = {}

    def parse(self, layout: str) -> Moment:
        end = 0
        for match in _LAYOUT.finditer(layout):
            self._literal(layout[end : match.start()])
            self._item(match.group())
            end = match.end()
        self._literal(layout[end:])
        if self._at != len(self._text):
            raise FunctionError("cannot parse the time: extra text")
        return self._moment()

    def _literal(self, text: str) -> None:
        if not self._text.startswith(text, self._at):
            raise FunctionError("cannot parse the time: it does not match the layout")
        self._at += len(text)

    def _item(self, item: str) -> None:
        if item[0] in ".,":
            pattern = rf"[.,](\d{{{len(item) - 1}}})" if item[1] == "0" else r"(?:[.,](\d+))?"
        elif item[0] in "-Z" and item[1:3] == "07":
            pattern = f"({'Z|' if item[0] == 'Z' else ''}{_OFFSET[item[1:]]})"
        else:
            pattern = _PATTERNS[item]
        match = re.compile(pattern, re.ASCII).match(self._text, self._at)
        if not match:
            raise FunctionError("cannot parse the time: it does not match the layout")
        self._at = match.end()
        name = "fraction" if item[0] in ".," else "offset" if item[1:3] == "07" else item
        if match.group(1):
            self._found[name] = match.group(1)
        if item in ("05", "5"):
            self._fraction()

    def _fraction(self) -> None:
        """Go accepts a fraction behind the seconds though the layout has none."""
        match = re.compile(r"[.,](\d+)", re.ASCII).match(self._text, self._at)
        if match:
            self._found["fraction"] = match.group(1)
            self._at = match.end()

    def _number(self, *names: str, default: int) -> int:
        for name in names:
            if name in self._found:
                return int(self._found[name])
        return default

    def _moment(self) -> Moment:
        nanoseconds = int(self._found.get("fraction", "0")[:9].ljust(9, "0"))
        micros, nanos = divmod(nanoseconds, 1000)
        try:
            at = datetime(
                self._year(), self._month(), self._number("02", "2", "_2", default=1),
                self._hour(), self._number("04", "4", default=0),
                self._number("05", "5", default=0), micros, tzinfo=self._zone(),
            )  # fmt: skip
            if "002" in self._found or "__2" in self._found:
                at = at.replace(month=1, day=1) + timedelta(
                    days=self._number("002", "__2", default=1) - 1
                )
        except (ValueError, OverflowError):
            raise FunctionError("cannot parse the time: out of range") from None
        return Moment(at, nanos, self._found.get("MST", self._zone_name(at)))

    def _year(self) -> int:
        if "06" in self._found:
            short = int(self._found["06"])
            return short + (1900 if short >= 69 else 2000)
        return self._number("2006", default=1)  # Go's year 0 does not exist here

    def _month(self) -> int:
        for name in ("January", "Jan"):
            if name in self._found:
                found = self._found[name].lower()[:3]
                return [month[:3].lower() for month in _MONTHS].index(found) + 1
        return self._number("01", "1", default=1)

    def _hour(self) -> int:
        hour = self._number("15", "03", "3", default=0)
        half = self._found.get("PM", self._found.get("pm", "")).lower()
        if half and ("03" in self._found or "3" in self._found):
            if hour > 12:
                raise FunctionError("cannot parse the time: out of range")
            hour = hour % 12 + (12 if half == "pm" else 0)
        return hour

    def _zone(self) -> timezone:
        offset = self._found.get("offset", "Z").replace(":", "")
        if offset == "Z" or not offset[1:].strip("0"):
            return UTC
        seconds = int(offset[1:3]) * 3600 + int(offset[3:5] or 0) * 60 + int(offset[5:7] or 0)
        return timezone(timedelta(seconds=-seconds if offset[0] == "-" else seconds))

    def _zone_name(self, at: datetime) -> str:
        offset = self._found.get("offset")
        if offset is None or at.tzinfo == UTC:
            return "UTC"
        return offset.replace(":", "")[:5]
