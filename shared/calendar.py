"""The city's calendar: local days, opening hours, working days. The only place that knows the time zone.

Instants come in as UTC; opening hours are wall-clock times of the city and follow the clock on the
wall when it changes: an instant has exactly one local time, so a span inside the skipped hour is
simply never reached, and one inside the repeated hour is open both times.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

import holidays

from shared.config.model import CityFile, ClosingDay
from shared.config.types import MIDNIGHT as MIDNIGHT
from shared.config.types import WeekHours
from shared.config.types import joined as joined

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND: Final = timedelta(milliseconds=1)
DAY: Final = timedelta(days=1)
DAY_MS: Final = DAY // MILLISECOND
MINUTE_MS: Final = 60_000
SATURDAY: Final = 5
LAST_YEAR: Final = 2199
"""Lead times look no further: a slip such as the year 9026 must cost neither seconds nor the desk."""

OPEN_FOR_EVER_MS: Final = 400 * DAY_MS
"""A desk that has been open for longer than this does not close: looking further back tells nothing."""

LOOKS_AHEAD: Final = 14 * DAY
"""A desk that neither opens nor closes for longer, as over the summer, shows nothing of it yet."""

Minutes = tuple[int, int]
"""Part of a local day, from inclusive to exclusive, in minutes of the wall clock."""

Stretch = tuple[int, int]
"""From inclusive to exclusive, UTC ms."""


class Calendar:
    """What day it is, who is open, what is a working day. A pure function of the city file.

    Keeps what it worked out per day and year; a ``CityFile`` is frozen, so that never goes stale.
    """

    def __init__(self, city: CityFile) -> None:
        self.zone = city.city.zone
        """The only place that knows it."""
        self._hours = city.hours
        self._country = city.calendar.public_holidays
        self._closing_days = city.calendar.closing_days
        self._spans: dict[tuple[str, date], tuple[Minutes, ...]] = {}
        self._stretches: dict[tuple[str, date], tuple[Stretch, ...]] = {}
        self._holidays: dict[int, frozenset[date]] = {}
        self._working_days: dict[int, tuple[int, ...]] = {}

    def local_day(self, at_ms: int) -> date:
        """Return the city's calendar day of an instant (UTC, ms since 1970).

        Raises ``OverflowError`` outside the years 1 to 9999.
        """
        return self._local(at_ms).date()

    def day_bounds(self, day: date) -> tuple[int, int]:
        """Return a local day as UTC ms, from inclusive to exclusive: 23, 24 or 25 hours."""
        return self._midnight_ms(day), self._midnight_ms(day + DAY)

    def is_open(self, hours: str | None, at_ms: int) -> bool:
        """Whether the opening hours of that name are on at an instant (UTC ms); ``None`` is always open.

        Raises ``KeyError`` for a name the city file does not have.
        """
        if hours is None:
            return True
        local = self._local(at_ms)
        minute = local.hour * 60 + local.minute
        return any(start <= minute < end for start, end in self.spans(hours, local.date()))

    def opened(self, hours: str | None, at_ms: int) -> int | None:
        """Return when the desk that is open at an instant opened (both UTC ms): spans that touch are one.

        Over midnight, over a clock change and over as many days as it takes. ``None`` when it is shut, or
        never shuts. Raises ``KeyError`` for a name the city file does not have.
        """
        if hours is None:
            return None
        day = self.local_day(at_ms)
        since = next((start for start, end in self.stretches(hours, day) if start <= at_ms < end), None)
        while since is not None:
            day -= DAY
            before = self.stretches(hours, day)
            if not before or before[-1][1] != since:
                return since
            since = before[-1][0] if at_ms - since < OPEN_FOR_EVER_MS else None
        return None

    def next_change(self, desks: Collection[str | None], at_ms: int) -> int | None:
        """Return when desks with these hours next open or close (UTC ms): they are shut when none is open.

        ``None`` when nothing changes within two weeks. Raises ``KeyError`` like ``opened``.
        """
        today = self.local_day(at_ms)
        open_until = None
        for ahead in range(LOOKS_AHEAD // DAY):
            day = today + ahead * DAY
            for start, end in joined(one for hours in desks for one in self.stretches(hours, day)):
                if end <= at_ms:
                    continue
                if start > (open_until or at_ms):
                    return open_until or start
                open_until = end
        return open_until if open_until != self.day_bounds(day)[1] else None

    def stretches(self, hours: str | None, day: date) -> tuple[Stretch, ...]:
        """Return when in a local day the hours are on (UTC ms), in order; those that touch are one.

        ``None`` is always open. Raises ``KeyError`` for a name the city file does not have.
        """
        if hours is None:
            return (self.day_bounds(day),)
        known = self._stretches.get((hours, day))
        if known is None:
            known = self._stretches[hours, day] = self._work_out_stretches(hours, day)
        return known

    def local_hour(self, at_ms: int) -> int:
        """Return when the hour on the city's clock that an instant is in began, both UTC ms."""
        local = self._local(at_ms)
        return at_ms // MINUTE_MS * MINUTE_MS - local.minute * MINUTE_MS

    def spans(self, hours: str, day: date) -> tuple[Minutes, ...]:
        """Return the opening hours of a day, after holidays, closing days and half days; may be empty.

        In order, and those that touch are one.
        """
        known = self._spans.get((hours, day))
        if known is None:
            known = self._spans[hours, day] = self._work_out_spans(self._hours[hours], day)
        return known

    def is_working_day(self, day: date) -> bool:
        """Whether a day counts for lead times: no weekend, public holiday or whole closing day.

        A half day is a working day.
        """
        return day.weekday() < SATURDAY and self._closes_at(day) > 0

    def lead_days(self, booked: datetime, starts: datetime) -> int:
        """Return the lead time: the working days d with booked day < d ≤ appointment day (design §2).

        0 for an appointment on the booked day or before it. Local days, whatever zone the two are given in.
        """
        first, last = (self._day_within_reach(at) for at in (booked, starts))
        return sum(
            bisect_right(days, last.toordinal()) - bisect_right(days, first.toordinal())
            for days in map(self._working_days_of, range(first.year, last.year + 1))
            if last > first
        )

    def _local(self, at_ms: int) -> datetime:
        return (EPOCH + timedelta(milliseconds=at_ms)).astimezone(self.zone)

    def _midnight_ms(self, day: date) -> int:
        # Where a clock change skips midnight, zoneinfo reads it with the offset before the change:
        # that is the change itself, the day's first instant. Where midnight comes twice: the first one.
        return (datetime.combine(day, time.min, self.zone) - EPOCH) // MILLISECOND

    def _work_out_spans(self, week: WeekHours, day: date) -> tuple[Minutes, ...]:
        usual = week.by_weekday[day.weekday()]
        latest = MIDNIGHT if week.on_holidays else self._closes_at(day)
        return joined(
            (span.start_minute, min(span.end_minute, latest)) for span in usual if span.start_minute < latest
        )

    def _work_out_stretches(self, hours: str, day: date) -> tuple[Stretch, ...]:
        first, end = self.day_bounds(day)
        if end - first == DAY_MS:
            return tuple(
                (first + opens * MINUTE_MS, first + closes * MINUTE_MS)
                for opens, closes in self.spans(hours, day)
            )
        # A clock change, which skips minutes of the wall clock or repeats them: each as it comes.
        minutes = range(first, end, MINUTE_MS)
        return joined((at, at + MINUTE_MS) for at in minutes if self.is_open(hours, at))

    def _closes_at(self, day: date) -> int:
        """The minute after which the calendar closes a day: 0 on a holiday, 1440 on a usual day."""
        if day in self._holidays_of(day.year):
            return 0
        return min((_closing_minute(d) for d in self._closing_days if _falls_on(d, day)), default=MIDNIGHT)

    def _holidays_of(self, year: int) -> frozenset[date]:
        if not self._country:
            return frozenset()
        known = self._holidays.get(year)
        if known is None:
            known = self._holidays[year] = frozenset(holidays.country_holidays(self._country, years=year))
        return known

    def _working_days_of(self, year: int) -> tuple[int, ...]:
        known = self._working_days.get(year)
        if known is None:
            first = date(year, 1, 1)
            days = (first + number * DAY for number in range((date(year + 1, 1, 1) - first).days))
            known = self._working_days[year] = tuple(d.toordinal() for d in days if self.is_working_day(d))
        return known

    def _day_within_reach(self, at: datetime) -> date:
        latest = datetime(LAST_YEAR, 12, 30, tzinfo=UTC)
        return min(max(at, EPOCH), latest).astimezone(self.zone).date()


def _falls_on(closing: ClosingDay, day: date) -> bool:
    return closing.on == day or closing.every_year == f"{day:%m-%d}"


def _closing_minute(closing: ClosingDay) -> int:
    return 0 if closing.closes_at is None else closing.closes_at.hour * 60 + closing.closes_at.minute
