"""How much a desk has to do while it is open: what its rules are chosen by. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from domain import kpi, shift
from domain.bucket import Bucket
from shared.calendar import Calendar
from shared.config.model import ALL_QUEUES, CityFile, Queue
from shared.config.types import WEEKDAYS, joined
from shared.contract.kpis import QueueKind

WEEKS: Final = 50
"""Of a year, without its holidays."""

FEWEST: Final = 100
"""Contacts from which on a volume, and a mean wait, are taken for the usual ones."""

FEWEST_DAYS: Final = 10
"""Or days from which on a volume is: two weeks of a desk with a handful of contacts a day."""

HOUR_MS: Final = timedelta(hours=1) // timedelta(milliseconds=1)


@dataclass(frozen=True)
class Volume:
    """What the queues of one kind have at a site."""

    per_hour: float
    """Contacts in an hour in which the desk is open, on average."""
    hours_a_week: float
    """For how many hours it is open; a desk that never shuts has 168."""
    missed: float | None = None
    """The usual share of missed calls; ``None``: of counters, or too few calls to tell."""
    wait_s: float | None = None
    """The mean wait of the queue that is waited for longest, in seconds; ``None``: too few to tell."""

    days_a_week: int = 5
    """On how many days of a week it is open."""

    @property
    def a_day(self) -> float:
        """Contacts of a day on which it is open."""
        return self.per_hour * self.hours_a_week / max(self.days_a_week, 1)

    @property
    def a_year(self) -> float:
        """Contacts of a year."""
        return self.per_hour * self.hours_a_week * WEEKS


LIER: Final = {QueueKind.PHONE: Volume(18, 38), QueueKind.COUNTER: Volume(20, 30)}
"""What a desk is taken to have of which nothing is known: Lier's information number (15 to 20 calls an hour,
2014), and its counters (43,000 visits a year, at six of them)."""


def open_hours(calendar: Calendar, queues: Collection[Queue], days: Collection[date]) -> float:
    """Return for how many hours any of these queues was open, on these days together."""
    return (
        sum(
            end - start
            for day in days
            for start, end in joined(
                stretch
                for hours in {queue.hours for queue in queues}
                for stretch in calendar.stretches(hours, day)
            )
        )
        / HOUR_MS
    )


def hours_a_week(city: CityFile, queues: Collection[Queue]) -> float:
    """Return for how many hours of a usual week any of these queues is open."""
    names = {queue.hours for queue in queues}
    if None in names:
        return 7 * 24.0
    weeks = [city.hours[name].by_weekday for name in names if name is not None]
    return (
        sum(
            end - start
            for day in range(7)
            for start, end in joined(
                (span.start_minute, span.end_minute) for week in weeks for span in week[day]
            )
        )
        / 60
    )


def days_a_week(city: CityFile, queues: Collection[Queue]) -> int:
    """Return on how many days of a usual week any of these queues is open."""
    weeks = [city.hours[queue.hours].by_weekday for queue in queues if queue.hours is not None]
    if len(weeks) < len(queues):
        return len(WEEKDAYS)
    return sum(any(of_day) for of_day in zip(*weeks, strict=True))


def volume_of(
    city: CityFile,
    calendar: Calendar,
    kind: QueueKind,
    queues: Collection[Queue],
    buckets: Mapping[str, Bucket],
    days: Collection[date],
) -> Volume | None:
    """Return what queues of one kind had together on the days that were seen; ``None``: too little to tell.

    ``buckets``: of each queue by its id.
    """
    had = [buckets[queue.id] for queue in queues if queue.id in buckets]
    opened = open_hours(calendar, queues, days)
    contacts = sum(contacts_of(kind, bucket) for bucket in had)
    if not opened or (contacts < FEWEST and len(days) < FEWEST_DAYS):
        return None
    waits = [wait for bucket in had if (wait := usual_wait(kind, bucket)) is not None]
    return Volume(
        contacts / opened,
        hours_a_week(city, queues),
        shift.usual_share([kpi.counted(ALL_QUEUES, had, city.live_definition)], city.live_definition)
        if kind is QueueKind.PHONE
        else None,
        max(waits, default=None),
        days_a_week(city, queues),
    )


def contacts_of(kind: QueueKind, bucket: Bucket) -> int:
    """Return how many contacts a queue had."""
    return bucket.offered if kind is QueueKind.PHONE else bucket.visitors


def usual_wait(kind: QueueKind, bucket: Bucket) -> float | None:
    """Return the mean wait of a queue in seconds; ``None`` where too few waited to tell."""
    readings = (
        [kpi.call_wait_mean(bucket)]
        if kind is QueueKind.PHONE
        else [kpi.visit_wait_mean(bucket), kpi.walk_in_wait_mean(bucket)]
    )
    return max(
        (one.value for one in readings if one.value is not None and one.samples >= FEWEST), default=None
    )
