"""A day at all desks of a city."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from datetime import date, datetime
from random import Random
from typing import Final

from shared.calendar import DAY, Calendar
from shared.config.model import CityFile, Site
from shared.contract.events import Event, SourceHeartbeat
from shared.contract.kpis import QueueKind
from simulator.counter import Diary, bookings_day, offers_day, visits_day
from simulator.events import SOURCE, EventWriter, in_order, utc
from simulator.phone import phone_day
from simulator.rhythm import OpenDay, open_day, rush_minutes

CALLS: Final = 120
"""Of a usual day at volume 1, at all phones: 15 to 20 an hour, as Lier's information number rang (2014)."""
VISITS: Final = 200
BOOKINGS: Final = 80
"""Of a usual day at the counters, at any volume of calls: 43,000 visits a year, as in Lier."""

SPREAD: Final = {QueueKind.PHONE: 1.0, QueueKind.COUNTER: 1.5}
"""The n-th queue of a kind gets n to the power of minus this, relative to the first."""

HEARTBEAT_MINUTES: Final = 1
AROUND: Final = 30
"""The source says every minute that it lives, from so many minutes before opening until after closing."""


def simulate(
    city: CityFile, day: date, seed: int, load: float = 1.0, *, volume: float = 1.0
) -> Iterator[Event]:
    """Yield what happens on a local day at all queues of a city, in order of ``at`` (UTC).

    The same arguments always give the same events. ``volume`` is how many times as much its phones ring as
    Lier's, and are staffed for; 10 is a large contact centre. ``load`` multiplies the people and not the
    staff: 1 is a usual day with one bad spell (from ``rush_start``), 2 is a bad day. In the spell a small
    phone desk stands empty for a while, and a large one is called more than it can answer. A day on which
    every queue is closed yields only appointments being made.
    """
    calendar = Calendar(city)
    sites = len(city.sites)
    streams: list[Iterator[Event]] = []
    for site in city.sites:
        days = [open_day(city, calendar, site, queue, day) for queue in site.queues]
        streams.append(_heartbeats(site, days, day, seed))
        for kind in QueueKind:
            queues = [one for one in days if one.queue.kind is kind]
            for one, share in zip(queues, shares(len(queues), SPREAD[kind]), strict=True):
                streams += _queue_streams(city, calendar, one, day, seed, share / sites, load, volume)
    return heapq.merge(*streams, key=lambda event: event.at)


def rush_start(city: CityFile, day: date) -> datetime:
    """Return when the bad spell of a day begins (UTC), at the first site."""
    calendar = Calendar(city)
    site = city.sites[0]
    one = open_day(city, calendar, site, site.queues[0], day)
    return utc(one.instant(rush_minutes(calendar, site, day)[0]))


def next_working_day(city: CityFile, day: date) -> date:
    """Return the first day from ``day`` on (inclusive) on which people work and a queue is open.

    Where no queue ever opens within a month: ``day`` itself.
    """
    calendar = Calendar(city)
    for ahead in range(31):
        candidate = day + ahead * DAY
        if calendar.is_working_day(candidate) and _anyone_open(city, calendar, candidate):
            return candidate
    return day


def _anyone_open(city: CityFile, calendar: Calendar, day: date) -> bool:
    queues = (queue for site in city.sites for queue in site.queues)
    return any(queue.hours is None or calendar.spans(queue.hours, day) for queue in queues)


def shares(queues: int, spread: float) -> list[float]:
    """Return how a day's people spread over queues: the first gets most. They add up to 1."""
    weights = [(number + 1) ** -spread for number in range(queues)]
    return [weight / sum(weights) for weight in weights]


def _queue_streams(
    city: CityFile,
    calendar: Calendar,
    one: OpenDay,
    day: date,
    seed: int,
    share: float,
    load: float,
    volume: float,
) -> list[Iterator[Event]]:
    """Every stream has dice of its own: a queue's day does not depend on which other queues there are."""
    by = EventWriter(one.site, one.queue.id, day, seed)

    def dice(what: str) -> Random:
        return Random(f"{by.site}/{by.queue}/{day}/{seed}/{what}")  # noqa: S311

    if one.queue.kind is QueueKind.PHONE:
        return [phone_day(dice("calls"), one, CALLS * volume * share, load, by)]
    diary = Diary(city, calendar, one.queue.hours)
    return [
        visits_day(dice("visits"), one, VISITS * share, load, by),
        bookings_day(dice("bookings"), one, diary, BOOKINGS * share * load, by),
        offers_day(dice("offers"), one, diary, by),
    ]


def _heartbeats(site: Site, days: list[OpenDay], day: date, seed: int) -> Iterator[Event]:
    by = EventWriter(site.id, "heartbeat", day, seed)
    spans = [span for one in days for span in one.spans]
    first = max(0, min((start for start, _ in spans), default=0) - AROUND)
    last = max((end + AROUND for _, end in spans), default=0)
    return in_order(
        SourceHeartbeat(id=by.id(f"m{minute}"), at=utc(days[0].instant(minute)), source=SOURCE, site=site.id)
        for minute in range(first, last, HEARTBEAT_MINUTES)
    )
