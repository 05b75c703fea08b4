"""What rules must say at an instant, by plain arithmetic over everything that is known by then.

Written from the words of ``docs`` (definitions, glossary, decisions), and shares no code with ``domain`` or
``services.evaluator``: windows by count are found by walking back cell by cell, a shift is added up from the
morning on, a range is held against the equation that it solves; what became of contacts is
``tests.support.contact_oracle``'s. It is slow and remembers nothing.

All instants in UTC ms unless a name says otherwise.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple

from shared.config.model import CityFile, MissedDefinition
from shared.config.types import ALL_QUEUES
from shared.contract.events import Event, StaffChanged, VisitCalled
from shared.contract.kpis import Kpi, Measure, QueueKind
from tests.support import contact_oracle as contacts
from tests.support.contact_oracle import Contacts, Counted, Place, is_open
from tests.support.evaluator_oracle import at_ms

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MS = timedelta(milliseconds=1)
CELL = 10_000
"""Windows begin and end on such a boundary."""

A_DAY = 24 * 3_600_000
MINUTE = 60_000


class Told(NamedTuple):
    """A contact that a figure rests on."""

    at: int
    counts: bool
    """Whether it is in the numerator: missed, answered in time, late; of a mean: no meaning."""
    wait: int
    """ms; of a ratio: no meaning."""


class Figure(NamedTuple):
    """A figure, and what it rests on."""

    value: float | None
    samples: int
    part: int | None
    """Of a ratio: how many of the samples it counts."""
    since: int
    """Where its window begins."""


class Shift(NamedTuple):
    """Where a shift stands: the score, in thousandths of a nat, and the contacts since it was last 0."""

    score: int
    part: int
    samples: int
    since: int | None
    """Where the first cell of those begins; none: the score is 0."""


# Contacts ---------------------------------------------------------------------------------------------


def queues_of(city: CityFile, site: str, queue: str, kind: QueueKind) -> list[Place]:
    """The queues that a name stands for: itself, or all of that kind of the site."""
    (found,) = [one for one in city.sites if one.id == site]
    return [(site, one.id) for one in found.queues if one.kind is kind and queue in {one.id, ALL_QUEUES}]


def told_of(
    events: Sequence[Event],
    city: CityFile,
    site: str,
    queue: str,
    measure: Kpi | Measure,
    now: int,
    within: timedelta = timedelta(0),
) -> list[Told]:
    """The contacts within opening hours that a figure of a queue (or ``all``) rests on, in the order of time.

    ``within``: from when on an answer is late.
    """
    known = Contacts.of(events)
    if measure == Kpi.VISIT_WAIT_MEAN:
        return sorted(_visits(known, city, site, queue, now))
    places = queues_of(city, site, queue, QueueKind.PHONE)
    as_callers = queue == ALL_QUEUES and _definition(city).count == "callers"
    every = contacts.callers(known, city, now) if as_callers else contacts.entries(known, city, now)
    found: list[Told] = []
    for contact in every:
        if contact.place in places and _inside(city, contact):
            found += _judged(contact, city, measure, within)
    return sorted(found)


def _judged(contact: Counted, city: CityFile, measure: Kpi | Measure, within: timedelta) -> Iterator[Told]:
    answered = contact.what == contacts.ANSWERED
    missed = not answered and _is_missed(contact, _definition(city))
    match measure:
        case Kpi.MISSED_RATIO:
            if answered or missed:
                yield Told(contact.at, missed, contact.wait)
        case Kpi.SERVICE_LEVEL:
            if answered or missed:
                in_time = answered and contact.wait <= city.service_level.within / MS
                yield Told(contact.at, in_time, contact.wait)
        case Kpi.CALL_WAIT_MEAN:
            if answered:
                yield Told(contact.at, False, contact.wait)
        case "late_ratio":
            if answered:
                yield Told(contact.at, contact.wait > within / MS, contact.wait)
        case _:
            raise AssertionError(measure)


def _definition(city: CityFile) -> MissedDefinition:
    name = city.live.missed_definition
    return next((one for one in city.missed_definitions if one.id == name), city.live_definition)


def _is_missed(contact: Counted, definition: MissedDefinition) -> bool:
    short = contact.what == "abandoned" and contact.wait < definition.short_abandon / MS
    return contact.what in {outcome.value for outcome in definition.outcomes} and not short


def _inside(city: CityFile, contact: Counted) -> bool:
    asked = contact.entered if city.pipeline.hours_by == "entry" else contact.at
    return is_open(city, contact.place, asked)


def _visits(known: Contacts, city: CityFile, site: str, queue: str, now: int) -> Iterator[Told]:
    places = queues_of(city, site, queue, QueueKind.COUNTER)
    for visit, event in contacts.visits(known, city, now):
        if not isinstance(event, VisitCalled) or event.appointment_at is None or visit.place not in places:
            continue
        called, booked = at_ms(event.at), at_ms(event.appointment_at)
        if called >= booked and _inside(city, visit):
            yield Told(called, False, max(0, called - max(booked, at_ms(event.arrived_at))))


# Windows by count -------------------------------------------------------------------------------------


def opening(city: CityFile, places: Iterable[Place], now: int) -> int:
    """Since when a desk counts: since its first queue opened that day, or since the midnight of one that did
    not yet, or has no hours; since the hours that are on began, if that was before; a day ago at the most."""
    return min(_opened(city, place, now) for place in places)


def _midnight(city: CityFile, now: int) -> int:
    day = (EPOCH + now * MS).astimezone(city.city.zone).date()
    return (datetime.combine(day, time.min, city.city.zone) - EPOCH) // MS


def _opened(city: CityFile, place: Place, now: int) -> int:
    """Minute by minute, on a boundary of cells."""
    midnight = _midnight(city, now)
    if contacts.open_always(city, place):
        return midnight
    today = range(midnight, now + 1, MINUTE)
    since = next((minute for minute in today if is_open(city, place, minute)), midnight)
    if is_open(city, place, now):
        began = now // MINUTE * MINUTE
        while is_open(city, place, began - MINUTE) and now - began < A_DAY:
            began -= MINUTE
        since = min(since, max(began, now - A_DAY))
    return since // CELL * CELL


def end_of_window(now: int) -> int:
    """The first boundary after now: what just happened is in the window."""
    return (now // CELL + 1) * CELL


def last(count: int, told: Sequence[Told], opened: int, now: int) -> tuple[int, list[Told]]:
    """Where the smallest window of whole cells begins that holds so many contacts, and those it holds; else
    all since the desk opened."""
    end = end_of_window(now)
    before = [one for one in told if one.at < end]
    start = opened
    if count <= len(before):
        start = max(opened, before[-count].at // CELL * CELL)
    return start, [one for one in before if start <= one.at]


def rolling(length: timedelta, told: Sequence[Told], now: int) -> tuple[int, list[Told]]:
    """What a window of a length holds, and where it begins."""
    end = end_of_window(now)
    start = end - length // MS
    return start, [one for one in told if start <= one.at < end]


def figure(measure: Kpi | Measure, start: int, held: Sequence[Told]) -> Figure:
    """The figure of some contacts."""
    if not held:
        return Figure(None, 0, None, start)
    if measure in {Kpi.CALL_WAIT_MEAN, Kpi.VISIT_WAIT_MEAN}:
        return Figure(sum(one.wait for one in held) / (1000 * len(held)), len(held), None, start)
    part = sum(one.counts for one in held)
    return Figure(part / len(held), len(held), part, start)


# A shift ----------------------------------------------------------------------------------------------


class Weights(NamedTuple):
    """What a contact adds to the score, in thousandths of a nat: how much likelier it is if all is bad."""

    miss: int
    hit: int

    @classmethod
    def of(cls, usual: float, bad: float) -> Weights:
        return cls(round(1000 * math.log(bad / usual)), round(1000 * math.log((1 - usual) / (1 - bad))))


SURELY_USUAL = 3000
"""So far below its limit a score must be for a shift to be over: 20 times likelier that all is usual."""


def shift(told: Iterable[Told], weights: Weights, limit: int, opened: int, now: int) -> Shift:
    """Where the score stands, added up cell by cell since the desk opened."""
    score, part, samples, since = 0, 0, 0, None
    end = end_of_window(now)
    here = [one for one in told if opened <= one.at < end]
    for start in sorted({one.at // CELL * CELL for one in here}):
        cell = [one.counts for one in here if one.at // CELL * CELL == start]
        score += sum(cell) * weights.miss - (len(cell) - sum(cell)) * weights.hit
        score = max(0, min(limit, score))
        if score == 0:
            part, samples, since = 0, 0, None
            continue
        since = start if since is None else since
        part, samples = part + sum(cell), samples + len(cell)
    return Shift(score, part, samples, since)


@dataclass(frozen=True)
class RunLength:
    """After how many contacts a score is at its limit, worked out and not tried out."""

    mean: float
    median: int


def run_length(share: float, weights: Weights, limit: int) -> RunLength:
    """How many contacts it takes from 0 if ``share`` of them counts, one contact a cell: not tried out.

    The chance of every score is carried on from contact to contact. In the end what is left over shrinks by
    the same factor each time, so that the rest of the sum is a geometric series.
    """
    chances, left = {0: 1.0}, [1.0]
    while left[-1] > 1e-12 and len(left) <= SETTLED:
        after: dict[int, float] = defaultdict(float)
        for score, chance in chances.items():
            if score + weights.miss < limit:
                after[score + weights.miss] += chance * share
            after[max(0, score - weights.hit)] += chance * (1 - share)
        chances = {score: chance for score, chance in after.items() if chance > 1e-18}
        left.append(sum(chances.values()))
    if left[-1] <= 1e-12:
        return RunLength(sum(left), next(number for number, rest in enumerate(left) if rest <= 0.5))
    shrinks = (left[-1] / left[SETTLED // 2]) ** (1 / (len(left) - 1 - SETTLED // 2))
    median = len(left) - 1 + math.ceil(math.log(0.5 / left[-1]) / math.log(shrinks))
    return RunLength(sum(left[:-1]) + left[-1] / (1 - shrinks), median)


SETTLED = 600
"""After so many contacts nothing is left of where a score began."""


# How sure ---------------------------------------------------------------------------------------------

Z = 1.959963984540054
"""19 of 20 times a normal value is no further from its mean, in standard deviations."""


def wilson(part: int, samples: int) -> tuple[float, float]:
    """The shares for which ``part`` of ``samples`` is just not too strange, found by halving."""
    seen = part / samples

    def strange(share: float) -> bool:
        return samples * (seen - share) ** 2 > Z * Z * share * (1 - share)

    return _edge(strange, 0.0, seen), 1 - _edge(lambda rest: strange(1 - rest), 0.0, 1 - seen)


def _edge(strange: Callable[[float], bool], low: float, high: float) -> float:
    if not strange(low):
        return low
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if strange(middle) else (low, middle)
    return high


# Who waits, who serves --------------------------------------------------------------------------------


def waits(known: Contacts, city: CityFile, places: Iterable[Place], now: int) -> list[int]:
    """For how long each of those has waited who waits at some queues, in ms."""
    here = set(places)
    every = [*contacts.waiting(known, city, now), *contacts.visits_waiting(known, city, now)]
    return [now - since for site, queue, since in every if (site, queue) in here]


def serving(events: Iterable[Event], places: Iterable[Place]) -> int | None:
    """How many are free or talking, as each queue last reported; none: no queue did."""
    here: dict[Place, tuple[int, ...]] = {}
    for event in events:
        if isinstance(event, StaffChanged) and (event.site, event.queue) in set(places):
            place = (event.site, event.queue)
            said = (at_ms(event.at), event.available, event.paused, event.busy)
            here[place] = max(said, here.get(place, said))
    return sum(available + busy for _, available, _, busy in here.values()) if here else None


# When it begins, and when it is over ------------------------------------------------------------------


class Seen(NamedTuple):
    """What a rule sees at a second."""

    over: bool
    back: bool
    measured: bool = True
    """Whether there is a figure at all."""
    somebody_waits: bool = False
    """Beyond the limit, where that is one of seconds."""
    is_open: bool = True


@dataclass
class Machine:
    """A rule from second to second: docs/definitions.md, *breach*."""

    hold: int = 0
    keep: int = 0
    stale: int | None = None
    """ms."""
    state: str = "ok"
    since: int = 0
    unmeasured: int | None = None
    ended: int = 0
    """When its last breach did: contacts before that open no other."""
    told: list[tuple[int, str, str]] = field(default_factory=list)
    """When, the state, and why."""

    def look(self, now: int, seen: Seen) -> None:
        """A second goes by."""
        if not seen.is_open:
            if self.state != "ok":
                self._go("ok", "closed", now)
            return
        if not seen.measured:
            self._unmeasured(now, seen)
            return
        self.unmeasured = None
        while self._went_on(now, seen):
            pass

    def _unmeasured(self, now: int, seen: Seen) -> None:
        if self.state == "ok":
            return
        self.unmeasured = now if self.unmeasured is None else self.unmeasured
        patient = self.stale is None or now - self.unmeasured < self.stale
        if not patient and not seen.somebody_waits:
            self._go("ok", "no_reading", now)

    def _went_on(self, now: int, seen: Seen) -> bool:
        before, held = self.state, now - self.since
        if self.state == "ok" and seen.over:
            self._go("pending", "over", now)
        elif self.state == "pending" and not seen.over:
            self._go("ok", "back", now)
        elif self.state == "pending" and held >= self.hold:
            self._go("firing", "held", now)
        elif self.state == "firing" and seen.back:
            self._go("clearing", "back", now)
        elif self.state == "clearing" and not seen.back:
            self._go("firing", "over", now)
        elif self.state == "clearing" and held >= self.keep:
            self._go("ok", "stayed_back", now)
        return self.state != before

    def _go(self, state: str, why: str, now: int) -> None:
        if state == "ok" and self.state in {"firing", "clearing"}:
            self.ended = now
        self.state, self.since, self.unmeasured = state, now, None
        self.told.append((now, state, why))
