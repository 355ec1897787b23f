"""Reads the part of RFC 5545's RRULE that maintenance needs: one start a day at most, always soon after the last one.

dateutil looks for the next day that a rule allows step by step, to the end of the year 9999. A rule that allows none,
such as the 30th of February, would keep it busy for seconds, each time. So only rules are accepted of which it is
certain, without looking for one, that a next day comes within a few steps.
"""

from __future__ import annotations

import calendar
import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dateutil import rrule

MAX_RULE: Final = 256
"""Most characters of a rule."""
MAX_INTERVAL: Final = 99
MAX_COUNT: Final = 1000
_MAX_VALUES = 31
_FREQUENCIES: Final = {"DAILY": rrule.DAILY, "WEEKLY": rrule.WEEKLY, "MONTHLY": rrule.MONTHLY, "YEARLY": rrule.YEARLY}
_ALWAYS: Final = ("FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST")
_PARTS: Final[Mapping[str, Sequence[str]]] = {
    "DAILY": _ALWAYS,
    "WEEKLY": (*_ALWAYS, "BYDAY"),
    "MONTHLY": (*_ALWAYS, "BYMONTH", "BYMONTHDAY", "BYDAY", "BYSETPOS"),
    "YEARLY": (*_ALWAYS, "BYMONTH", "BYMONTHDAY", "BYDAY", "BYSETPOS"),
}
_DAYS: Final = {
    "MO": rrule.MO,
    "TU": rrule.TU,
    "WE": rrule.WE,
    "TH": rrule.TH,
    "FR": rrule.FR,
    "SA": rrule.SA,
    "SU": rrule.SU,
}
_NUMBER = re.compile(r"[+-]?[0-9]{1,4}")
_DAY = re.compile(r"([+-]?[1-4])?(MO|TU|WE|TH|FR|SA|SU)")
_UNTIL = re.compile(r"([0-9]{8})(T[0-9]{6}Z?)?")
_DAYS_OF_ALL_MONTHS: Final = 28
_LEAP_YEAR: Final = 2024


class RuleInvalid(ValueError):
    """The message says what the rule must be."""


@dataclass(frozen=True, slots=True)
class RecurrenceRule:
    """A rule that was read. All times are those that the clocks of its time zone show."""

    frequency: str
    interval: int
    count: int | None
    until: dt.datetime | None
    until_is_utc: bool
    week_start: str
    months: tuple[int, ...]
    month_days: tuple[int, ...]
    days: tuple[tuple[int, str], ...]
    """Days of the week, each with which of them it is in its month or year; 0: all of them."""
    positions: tuple[int, ...]

    def require_days(self, start: dt.datetime) -> None:
        """Raise RuleInvalid unless the rule, from a start on, always has a next day within a few years."""
        month_days = self.month_days or (() if self.days else (start.day,))
        if min(map(abs, month_days), default=0) <= _DAYS_OF_ALL_MONTHS or not (self.months or self.month_days):
            return
        shortest = min(map(abs, month_days))
        if self.interval > 1 or all(_longest(month) < shortest for month in self.months or range(1, 13)):
            raise RuleInvalid(f"day {shortest} is not in the months of the rule, or not certain to be in one of them")

    def starts(self, start: dt.datetime, until: dt.datetime | None) -> rrule.rrule:
        """Return the starts from a first time on, as dateutil computes them."""
        return rrule.rrule(
            _FREQUENCIES[self.frequency],
            dtstart=start,
            interval=self.interval,
            count=self.count,
            until=until,
            wkst=_DAYS[self.week_start],
            bymonth=self.months or None,
            bymonthday=self.month_days or None,
            byweekday=[_DAYS[day](which) if which else _DAYS[day] for which, day in self.days] or None,
            bysetpos=self.positions or None,
        )


def parse_rule(text: str) -> RecurrenceRule:
    """Read a rule such as `FREQ=WEEKLY;BYDAY=SU`. Raises RuleInvalid."""
    if len(text) > MAX_RULE:
        raise RuleInvalid(f"must have at most {MAX_RULE} characters")
    parts: dict[str, str] = {}
    for part in text.upper().split(";"):
        name, equals, value = part.partition("=")
        if not equals or not value or name in parts:
            raise RuleInvalid("must be parts such as FREQ=WEEKLY;BYDAY=SU, each of them once")
        parts[name] = value
    frequency = parts.get("FREQ", "")
    if frequency not in _PARTS:
        raise RuleInvalid(f"needs FREQ, one of {', '.join(_PARTS)}")
    for name in parts:
        if name not in _PARTS[frequency]:
            raise RuleInvalid(f"cannot have {name[:20]!r} with FREQ={frequency}; use {', '.join(_PARTS[frequency])}")
    if "COUNT" in parts and "UNTIL" in parts:
        raise RuleInvalid("ends by COUNT or by UNTIL, not by both")
    until, until_is_utc = _until(parts["UNTIL"]) if "UNTIL" in parts else (None, False)
    rule = RecurrenceRule(
        frequency=frequency,
        interval=_number("INTERVAL", parts.get("INTERVAL", "1"), range(1, MAX_INTERVAL + 1)),
        count=_number("COUNT", parts["COUNT"], range(1, MAX_COUNT + 1)) if "COUNT" in parts else None,
        until=until,
        until_is_utc=until_is_utc,
        week_start=parts.get("WKST", "MO"),
        months=_values(parts, "BYMONTH", lambda value: _number("BYMONTH", value, range(1, 13))),
        month_days=_values(parts, "BYMONTHDAY", lambda value: _number("BYMONTHDAY", value, range(-31, 32))),
        days=_values(parts, "BYDAY", _day),
        positions=_values(parts, "BYSETPOS", lambda value: _number("BYSETPOS", value, range(-4, 5))),
    )
    _check(rule)
    return rule


def _check(rule: RecurrenceRule) -> None:
    """Refuse what may leave dateutil without a day."""
    if rule.week_start not in _DAYS:
        raise RuleInvalid(f"WKST must be one of {', '.join(_DAYS)}")
    ordinal = any(which for which, _ in rule.days)
    if ordinal and not all(which for which, _ in rule.days):
        # dateutil takes only days that are among both, and there are none.
        raise RuleInvalid("BYDAY has numbers with all of its days, or with none")
    if ordinal and rule.frequency == "WEEKLY":
        raise RuleInvalid("BYDAY of a week has no numbers")
    if rule.days and rule.month_days:
        raise RuleInvalid("has BYDAY or BYMONTHDAY, not both")
    if rule.positions and (ordinal or not rule.days):
        raise RuleInvalid("BYSETPOS chooses among the days of a BYDAY without numbers")
    if rule.months and rule.frequency == "MONTHLY" and rule.interval > 1:
        raise RuleInvalid("BYMONTH needs INTERVAL=1, or FREQ=YEARLY")


def _values(parts: Mapping[str, str], name: str, read: Callable[[str], object]) -> tuple:  # type: ignore[type-arg]  # of what `read` returns
    texts = parts[name].split(",") if name in parts else []
    if len(texts) > _MAX_VALUES:
        raise RuleInvalid(f"{name} has at most {_MAX_VALUES} values")
    return tuple(map(read, texts))


def _number(name: str, text: str, allowed: range) -> int:
    if not _NUMBER.fullmatch(text) or int(text) not in allowed or (allowed.start < 0 and int(text) == 0):
        zero = ", but not 0" if allowed.start < 0 else ""
        raise RuleInvalid(f"{name} must be a number from {allowed.start} to {allowed.stop - 1}{zero}")
    return int(text)


def _day(text: str) -> tuple[int, str]:
    match = _DAY.fullmatch(text)
    if match is None:
        raise RuleInvalid("BYDAY has values such as SU, 2TU for the second Tuesday, or -1FR for the last Friday")
    return int(match[1] or 0), match[2]


def _until(text: str) -> tuple[dt.datetime, bool]:
    """Return the last time at which a start may be, and whether that is in UTC."""
    match = _UNTIL.fullmatch(text)
    try:
        if match is not None and match[2] is None:
            return dt.datetime.strptime(f"{text}T235959", "%Y%m%dT%H%M%S"), False  # noqa: DTZ007 - of the time zone
        if match is not None:
            return dt.datetime.strptime(text.rstrip("Z"), "%Y%m%dT%H%M%S"), text.endswith("Z")  # noqa: DTZ007 - as above
    except ValueError:
        pass
    raise RuleInvalid("UNTIL must be a day such as 20270131, or a time such as 20270131T220000Z")


def _longest(month: int) -> int:
    return calendar.monthrange(_LEAP_YEAR, month)[1]
