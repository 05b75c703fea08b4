"""Which month's report is due: the one that ended, on the n-th working day after it, at a local time. Pure.

::

    October          November
    ─────────────────┬──1──2──3───────────────────┬───
                     │     ▲ n-th working day, 08:00 on the city's clock: October is due
                     │     └─ until then September is the latest, sent late if nobody was there

Only the latest month whose moment has come is ever due. So whoever was away for half a year sends one report,
and nobody gets a flood on the first day.
"""

from __future__ import annotations

from collections.abc import Container
from datetime import UTC, date, datetime

from shared.calendar import DAY, Calendar
from shared.config.model import CityFile
from shared.periods import Period


def moment(city: CityFile, calendar: Calendar, month: Period) -> datetime:
    """Return when the report of a month is due, in UTC.

    In a month with fewer working days than asked for it is the last of them, and without any its last day.
    A local time that the clock skips is as long after midnight as it says; of one that comes twice the first
    counts.
    """
    following = Period.month_of(month.last + DAY)
    working = [day for day in following.days() if calendar.is_working_day(day)] or [following.last]
    day = working[min(city.report.working_day, len(working)) - 1]
    return datetime.combine(day, city.report.at, city.city.zone).astimezone(UTC)


def latest(city: CityFile, calendar: Calendar, now: datetime) -> Period:
    """Return the latest month whose moment has come."""
    month = Period.month_of(now.astimezone(city.city.zone).date()).before()
    return month if moment(city, calendar, month) <= now else month.before()


def upcoming(city: CityFile, calendar: Calendar, now: datetime) -> datetime:
    """Return the next moment at which a report will be due, in UTC."""
    month = Period.month_of(latest(city, calendar, now).last + DAY)
    return moment(city, calendar, month)


def missing(city: CityFile, calendar: Calendar, now: datetime, sent: Container[str]) -> Period | None:
    """Return the month whose moment has come and that was not sent; ``sent`` has names of periods.

    ``None`` also when the city file names nobody to send it to.
    """
    if not city.report.receivers:
        return None
    month = latest(city, calendar, now)
    return None if month.name in sent else month


def is_ours(month: Period, first_day: date | None) -> bool:
    """Whether a month ended after the first day on which anything was counted."""
    return first_day is not None and first_day < month.last
