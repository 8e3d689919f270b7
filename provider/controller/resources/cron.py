"""Cron expressions of five fields, in UTC: minute, hour, day of month, month, day of week.

With the syntax of robfig/cron, which External Secrets Operator uses: `*`, `?`, numbers, names of
months and days, ranges, steps, lists, and descriptors such as `@daily`. Without `@every` and
time zones.
"""

import re
from calendar import monthrange
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_DESCRIPTORS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_STARS = frozenset({"*", "?", "*/1", "?/1"})
_MOST_CHARACTERS = 200
_LONGEST = (0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
"""Days that each month may have."""
_DAY = 86_400
_DAYS_BACK = 8 * 366
"""Every expression that ever fires does so within eight years: 29 February skips 1900 and 2100."""


@dataclass(frozen=True, slots=True)
class Cron:
    """A parsed expression; all numbers are in descending order."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]
    """0 is Sunday."""
    any_day: bool
    """Day of month or day of week is `*`: then both must fit; else one of them."""

    def last_before(self, moment: float, most: float = _DAYS_BACK * _DAY) -> float | None:
        """The last time, at or before `moment` (seconds since 1970), when it fires.

        None if that is longer ago than `most` seconds.
        """
        limit = datetime.fromtimestamp(moment, UTC).replace(second=0, microsecond=0)
        first = limit - timedelta(days=max(0, min(most // _DAY + 2, _DAYS_BACK)))
        for day in self._days_before(limit, first.year):
            if day < first:
                return None
            if found := self._last_time(day, limit):
                return found.timestamp() if moment - found.timestamp() <= most else None
        return None

    def _days_before(self, limit: datetime, first_year: int) -> Iterator[datetime]:
        """The days on which it fires, the latest first; skips months that have no such day."""
        today = (limit.year, limit.month, limit.day)
        by_number = self.any_day and len(self.weekdays) == len(_DAYS)
        months = [one for one in self.months if not by_number or self.days[-1] <= _LONGEST[one]]
        for year in range(limit.year, first_year - 1, -1):
            for month in months:
                length = monthrange(year, month)[1]
                for number in self.days if by_number else range(length, 0, -1):
                    if number > length or (year, month, number) > today:
                        continue
                    day = datetime(year, month, number, tzinfo=UTC)
                    if self._has_day(day):
                        yield day

    def _has_day(self, day: datetime) -> bool:
        in_month, in_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return (in_month and in_week) if self.any_day else (in_month or in_week)

    def _last_time(self, day: datetime, limit: datetime) -> datetime | None:
        last_hour = limit.hour if day.date() == limit.date() else 23
        times = (
            day.replace(hour=hour, minute=minute)
            for hour in self.hours
            if hour <= last_hour
            for minute in self.minutes
        )
        return next((one for one in times if one <= limit), None)


def cron_fault(text: str) -> str | None:
    """Why a cron expression is not one; None where it is."""
    try:
        parse_cron(text)
    except ValueError as error:
        return str(error)
    return None


@lru_cache(maxsize=256)
def parse_cron(text: str) -> Cron:
    """The expression `text`; ValueError with what is wrong."""
    text = _DESCRIPTORS.get(text.strip(), text)
    fields = text.split()
    if len(text) > _MOST_CHARACTERS or len(fields) != 5:
        raise ValueError("must be a cron expression of five fields, such as 0 22 * * 1-5")
    minute, hour, day, month, weekday = fields
    return Cron(
        minutes=_numbers("minute", minute, 0, 59),
        hours=_numbers("hour", hour, 0, 23),
        days=_numbers("day of month", day, 1, 31),
        months=_numbers("month", month, 1, 12, {name: at for at, name in enumerate(_MONTHS, 1)}),
        weekdays=_numbers(
            "day of week", weekday, 0, 6, {name: at for at, name in enumerate(_DAYS)}
        ),
        any_day=not _STARS.isdisjoint([*day.split(","), *weekday.split(",")]),
    )


def _numbers(
    name: str, field: str, lowest: int, highest: int, names: Mapping[str, int] | None = None
) -> tuple[int, ...]:
    """The numbers of one field, in descending order; `name` is for the error."""
    found: set[int] = set()
    for part in field.split(","):
        bounds, slash, step = part.partition("/")
        first, dash, last = bounds.partition("-")
        if bounds in ("*", "?"):
            start, end = lowest, highest
        else:
            start = _number(first, names)
            end = _number(last, names) if dash else (highest if slash else start)
        width = _number(step, None) if slash else 1
        if not lowest <= start <= end <= highest or width < 1:
            raise ValueError(f"the {name} {part[:20]} is not within {lowest} to {highest}")
        found.update(range(start, end + 1, width))
    return tuple(sorted(found, reverse=True))


def _number(text: str, names: Mapping[str, int] | None) -> int:
    named = (names or {}).get(text.lower())
    if named is not None:
        return named
    if not re.fullmatch(r"[0-9]{1,4}", text, re.ASCII):
        raise ValueError(f"{text[:20]!r} is not a number of a cron expression")
    return int(text)
