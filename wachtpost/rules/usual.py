"""Days as they usually are: the rules over chance alone, at the city's own volume. Pure.

What files say of contacts is drawn again: as many come in each hour as on the city's usual days, each for
itself (Poisson), and each waits, and is missed, as one of those was. So whatever fires is a false alarm; what
comes of contacts that hold each other up is rarer here than at a real desk.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count, islice
from math import exp
from random import Random
from typing import Final

from domain.aggregator import StreamEvent
from domain.counts import EPOCH, MILLISECOND, ms_of
from domain.queue_ref import QueueRef
from domain.windows import RunningPeriod
from services.evaluator.alerting.rules import Rule
from shared.calendar import DAY, Calendar
from shared.config.model import CityFile
from shared.contract.breach_events import BreachState
from shared.contract.events import (
    CallAnswered,
    CallMissed,
    CallQueued,
    Event,
    Outcome,
    VisitArrived,
    VisitCalled,
)
from shared.contract.kpis import Measure
from wachtpost.rules.simulation import Simulation

DAYS: Final = 60
"""Open days that are made up."""

LEAST_DAYS: Final = 3
"""So many are made up at a desk however busy."""

MOST_WORK: Final = 200_000
"""Looks at a rule, after which no further day is made up: a quarter of a minute's work. No clock is asked, so
that whoever asks twice gets the same answer."""

OPEN_DAYS: Final = 250
"""Of a year."""

SEED: Final = 12
"""Whoever asks twice gets the same answer."""

UNTRIED: Final = frozenset(
    {Measure.NO_DATA, Measure.NOBODY_AVAILABLE, Measure.HANDLE_TIME_MEAN, Measure.LEAD_TIME_MEAN}
)
"""What such days say nothing of: when sources speak, who serves, how long people talk, appointments."""

MOST_CLOSED: Final = 366
"""After so many days on which nobody came a desk does not open any more."""

_HOUR_MS: Final = 3_600_000
_LARGE: Final = 100


@dataclass(frozen=True, slots=True)
class Contact:
    """One contact of the past."""

    entered: int
    """UTC ms."""
    wait_ms: int
    outcome: Outcome | None = None
    """Of a missed call."""
    is_visit: bool = False
    ahead_ms: int | None = None
    """How long after the visitor came the appointment was; none without one."""


@dataclass(frozen=True, slots=True)
class ByChance:
    """How often rules fire on usual days."""

    days: int
    """So many were made up."""
    learnt_from: int
    """From so many of the city's own."""
    missed: float
    """The share of the calls that was missed on these."""
    fired: Mapping[str, int]
    """By ``RuleKey.name``; rules that such days can say something of."""

    def a_year(self, name: str) -> float | None:
        """Return how often a rule fires by chance in a year."""
        return None if name not in self.fired else self.fired[name] * OPEN_DAYS / self.days


_Day = Mapping[QueueRef, Sequence[Contact]]


class PastContacts:
    """The contacts of the past, by local day and queue."""

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar
        self._days: dict[date, dict[QueueRef, list[Contact]]] = {}

    def watch(self, arrivals: Iterable[StreamEvent]) -> Iterator[StreamEvent]:
        """Pass facts on, and take note of the contacts that they are about."""
        for arrival in arrivals:
            found = _contact_of(arrival.event)
            if found is not None:
                queue_ref, contact = found
                day = self._days.setdefault(self._calendar.local_day(contact.entered), {})
                day.setdefault(queue_ref, []).append(contact)
            yield arrival

    @property
    def days(self) -> list[date]:
        """The local days on which anybody came."""
        return sorted(self._days)

    def most_a_day(self, queue_refs: Collection[QueueRef]) -> int:
        """Return how many contacts these queues had on the day on which they had most."""
        return max(
            (sum(len(day.get(ref, ())) for ref in queue_refs) for day in self._days.values()), default=0
        )

    def on(self, day: date) -> list[Contact]:
        """Return the contacts that came on a local day."""
        return [one for found in self._days.get(day, {}).values() for one in found]

    def usual(self) -> list[_Day]:
        """Return the days in the middle: neither the quarter with the most missed calls, nor that with the
        fewest."""
        days = sorted(self._days.values(), key=lambda day: _missed_share([day]))
        quarter = len(days) // 4
        return list(days[quarter : len(days) - quarter])


def by_chance(
    city: CityFile, calendar: Calendar, contacts: PastContacts, days: int = DAYS
) -> ByChance | None:
    """Judge made-up days as usual ones are, ``days`` of them at most; ``None`` where there are none to learn
    from."""
    usual = contacts.usual()
    simulation = Simulation(city, calendar, city.sites)
    fired = {name: 0 for name, rule in simulation.rules.items() if _can_be_tried(rule)}
    done = work = 0

    def facts() -> Iterator[StreamEvent]:
        nonlocal done
        for day in islice(_made_up(calendar, city, usual) if usual else (), days):
            yield from day
            done += 1
            if work > MOST_WORK and done >= LEAST_DAYS:
                return

    for look in simulation.run(facts()):
        work += len(look.names)
        for event in look.events:
            if event.name in fired and event.state is BreachState.FIRING and event.fired_at == event.at:
                fired[event.name] += 1
    return ByChance(done, len(usual), _missed_share(usual), fired) if done else None


def _can_be_tried(rule: Rule) -> bool:
    months = {RunningPeriod.MONTH, RunningPeriod.YEAR}
    return not any(one.measure in UNTRIED or months & {*one.windows} for one in rule.conditions)


def _missed_share(days: Iterable[_Day]) -> float:
    calls = [one for day in days for found in day.values() for one in found if not one.is_visit]
    return sum(one.outcome is not None for one in calls) / len(calls) if calls else 0.0


def _contact_of(event: Event) -> tuple[QueueRef, Contact] | None:
    match event:
        case CallAnswered():
            contact = Contact(ms_of(event.at) - event.wait_ms, event.wait_ms)
        case CallMissed() if event.outcome is not Outcome.CUT_OFF:
            contact = Contact(ms_of(event.at) - event.wait_ms, event.wait_ms, event.outcome)
        case VisitCalled():
            arrived, booked = ms_of(event.arrived_at), event.appointment_at
            ahead = None if booked is None else ms_of(booked) - arrived
            contact = Contact(arrived, ms_of(event.at) - arrived, None, True, ahead)
        case _:
            return None
    return QueueRef(event.site, event.queue), contact


@dataclass(frozen=True, slots=True)
class _Habit:
    """How a queue usually is."""

    pool: Sequence[Contact]
    by_hour: Sequence[float]
    """How many come in an hour of the local day."""


def _habits(calendar: Calendar, usual: Sequence[_Day], refs: Iterable[QueueRef]) -> dict[QueueRef, _Habit]:
    habits: dict[QueueRef, _Habit] = {}
    for ref in refs:
        pool = [one for day in usual for one in day.get(ref, ())]
        hours = Counter(_hour(calendar, one.entered) for one in pool)
        habits[ref] = _Habit(pool, [hours[hour] / len(usual) for hour in range(24)])
    return habits


def _made_up(calendar: Calendar, city: CityFile, usual: Sequence[_Day]) -> Iterator[list[StreamEvent]]:
    """Yield the facts of open days, one by one, from the day after the last one of the past on."""
    dice = Random(SEED)  # noqa: S311 - chance, not secrecy
    hours = {QueueRef(site.id, queue.id): queue.hours for site in city.sites for queue in site.queues}
    habits = _habits(calendar, usual, hours)
    first = calendar.local_day(max(one.entered for day in usual for found in day.values() for one in found))
    number = newest = closed = 0
    for ahead in count(1):
        told: list[tuple[int, Event]] = []
        for ref, habit in habits.items():
            for stretch in calendar.stretches(hours[ref], first + ahead * DAY):
                for at, contact in _drawn(dice, habit, stretch, calendar):
                    number += 1
                    told += _facts(ref, at, contact, f"usual-{number}")
        closed = 0 if told else closed + 1
        if closed > MOST_CLOSED:
            return
        arrivals = []
        for at, event in sorted(told, key=lambda one: one[0]):
            newest = max(newest, at)
            arrivals.append(StreamEvent(event.id, newest, event))
        if arrivals:
            yield arrivals


def _drawn(
    dice: Random, habit: _Habit, stretch: tuple[int, int], calendar: Calendar
) -> Iterator[tuple[int, Contact]]:
    """Yield when who comes in a stretch of opening hours."""
    opens, closes = stretch
    for start in range(opens, closes, _HOUR_MS) if habit.pool else ():
        part = min(_HOUR_MS, closes - start)
        for _ in range(_poisson(dice, habit.by_hour[_hour(calendar, start)] * part / _HOUR_MS)):
            yield start + int(dice.random() * part), dice.choice(habit.pool)


def _hour(calendar: Calendar, at: int) -> int:
    return (EPOCH + at * MILLISECOND).astimezone(calendar.zone).hour


def _poisson(dice: Random, mean: float) -> int:
    """Return how many come when so many come on average (Knuth's way, which bears no large mean)."""
    if mean > _LARGE:
        return _poisson(dice, mean / 2) + _poisson(dice, mean / 2)
    came, passed, until = 0, dice.random(), exp(-mean)
    while passed > until:
        came, passed = came + 1, passed * dice.random()
    return came


def _facts(ref: QueueRef, at: int, contact: Contact, name: str) -> Iterator[tuple[int, Event]]:
    common = {"source": "usual", "site": ref.site, "queue": ref.queue, "contact": name}
    entered, ended = EPOCH + at * MILLISECOND, at + max(0, contact.wait_ms)
    left = EPOCH + ended * MILLISECOND
    if contact.is_visit:
        booked = None if contact.ahead_ms is None else entered + timedelta(milliseconds=contact.ahead_ms)
        yield at, VisitArrived(id=f"{name}-a", at=entered, appointment_at=booked, **common)
        called = {"arrived_at": entered, "appointment_at": booked}
        yield ended, VisitCalled(id=f"{name}-c", at=left, **called, **common)
        return
    yield at, CallQueued(id=f"{name}-q", at=entered, **common)
    if contact.outcome is None:
        yield ended, CallAnswered(id=f"{name}-a", at=left, wait_ms=contact.wait_ms, **common)
    else:
        missed = {"wait_ms": contact.wait_ms, "outcome": contact.outcome}
        yield ended, CallMissed(id=f"{name}-m", at=left, **missed, **common)
