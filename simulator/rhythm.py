"""When people come: the shape of a day, and arrivals drawn from it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

from shared.calendar import EPOCH, MIDNIGHT, MILLISECOND, Calendar, Minutes
from shared.config.model import CityFile, Queue, Site

SECOND: Final = 1_000
MINUTE: Final = 60 * SECOND
"""Milliseconds."""

USUAL_MINUTES: Final = 7 * 60
"""Opening time of a usual day; who is open for less of it gets less of a usual day's people."""

RUSH_AFTER: Final = 90
RUSH_LASTS: Final = 40
"""The busy spell: so many minutes after the first opening, for so many minutes."""

Shape = Callable[[float], float]
"""How busy a minute of the day is, relative to others."""


@dataclass(frozen=True)
class OpenDay:
    """A queue's local day: when it is open, as minutes on the wall and as instants (UTC ms)."""

    site: str
    queue: Queue
    spans: tuple[Minutes, ...]
    day: date
    zone: ZoneInfo
    rush: Minutes

    def instant(self, minute: float) -> int:
        """Return the instant (UTC ms) of a minute on the wall clock."""
        return (on_the_wall(self.day, minute, self.zone) - EPOCH) // MILLISECOND

    @property
    def open_minutes(self) -> int:
        return sum(end - start for start, end in self.spans)

    @property
    def share_of_usual(self) -> float:
        """1 for a day of usual length (or longer), 0 for a closed one."""
        return min(1.0, self.open_minutes / USUAL_MINUTES)


def on_the_wall(day: date, minute: float, zone: ZoneInfo) -> datetime:
    """Return the instant (UTC) at which the clock on the wall shows a minute of a local day."""
    wall = datetime.combine(day, time.min) + timedelta(minutes=minute)
    return wall.replace(tzinfo=zone).astimezone(UTC)


def open_day(city: CityFile, calendar: Calendar, site: Site, queue: Queue, day: date) -> OpenDay:
    """Return a queue's opening on a day, and the site's busy spell."""
    return OpenDay(
        site=site.id,
        queue=queue,
        spans=_spans(calendar, queue, day),
        day=day,
        zone=city.city.zone,
        rush=rush_minutes(calendar, site, day),
    )


def rush_minutes(calendar: Calendar, site: Site, day: date) -> Minutes:
    """Return the busy spell of a site's day, a while after the first queue opens."""
    usual_opening = 9 * 60  # a queue that is always open has no rush of its own making
    opened = [s[0][0] for q in site.queues if q.hours and (s := calendar.spans(q.hours, day))]
    start = min(opened, default=usual_opening) + RUSH_AFTER
    return start, start + RUSH_LASTS


def _spans(calendar: Calendar, queue: Queue, day: date) -> tuple[Minutes, ...]:
    return ((0, MIDNIGHT),) if queue.hours is None else calendar.spans(queue.hours, day)


def _hump(minute: float, at: float, width: float) -> float:
    return math.exp(-(((minute - at) / width) ** 2) / 2)


def two_humps(minute: float) -> float:
    """People call and come mid-morning, fewer at noon, again after lunch; hardly anyone at night."""
    daytime = 0.4 if 8 * 60 <= minute < 18 * 60 else 0.02
    return daytime + _hump(minute, at=10 * 60, width=60) + 0.7 * _hump(minute, at=14.25 * 60, width=60)


def with_rush(shape: Shape, rush: Minutes, factor: float) -> Shape:
    """Return the same shape with a busy spell of ``factor`` times as many people."""

    def rushed(minute: float) -> float:
        return shape(minute) * (factor if rush[0] <= minute < rush[1] else 1.0)

    return rushed


def arrivals(rng: Random, day: OpenDay, shape: Shape, volume: float) -> list[int]:
    """Draw about ``volume`` arrivals within the opening hours, as instants (UTC ms) in order.

    A Poisson process whose rate follows ``shape``, by thinning. ``volume`` is what an undisturbed
    two-hump day would bring: a rush comes on top of it.
    """
    minutes = [minute for start, end in day.spans for minute in range(start, end)]
    usual = sum(map(two_humps, minutes))
    if not usual or volume <= 0:
        return []
    weights = {minute: shape(minute) * volume / usual for minute in minutes}
    peak = max(weights.values())
    drawn: list[int] = []
    for start, end in day.spans:
        minute = start + rng.expovariate(peak)
        while minute < end:
            if rng.random() * peak < weights[int(minute)]:
                drawn.append(day.instant(minute))
            minute += rng.expovariate(peak)
    return sorted(drawn)  # in the night of a clock change the wall is not in order


def log_normal(rng: Random, median_s: float, sigma: float) -> int:
    """Draw a duration (ms, at least a second): half are longer than the median, a few much longer."""
    return max(SECOND, round(SECOND * median_s * math.exp(rng.gauss(0, sigma))))
