"""What the evaluator must arrive at, by plain arithmetic over the whole list of stream entries.

Shares no code with ``services.evaluator``: buckets are found by filtering, histogram cells by looking
along a written-out list of edges, days and opening hours by ``zoneinfo``; what became of contacts is
``tests.support.contact_oracle``'s. It is slow and has no state.

It takes for granted that all that is said of a contact arrives while the contact is remembered
(``pipeline.dedup``); what happens past that is told by tests of its own.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from shared.config.model import CityFile, QueueLogSource
from shared.contract.events import (
    AppointmentBooked,
    AppointmentCancelled,
    AppointmentMoved,
    AppointmentOffer,
    CallAnswered,
    CallEnded,
    CallMissed,
    CallQueued,
    Event,
    SourceHeartbeat,
    SourceRestarted,
    VisitArrived,
    VisitCalled,
    VisitLeft,
    VisitNoShow,
    VisitServed,
)
from shared.contract.kpis import QueueKind
from tests.support import contact_oracle as contacts
from tests.support.contact_oracle import Contacts, Counted, is_open, queue_at
from tests.support.contact_oracle import at_ms as at_ms

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MS = timedelta(milliseconds=1)
A_MONTH = timedelta(days=31)
ON_ITS_WAY = timedelta(minutes=5)
EDGES: list[int] = [*range(3601), *range(3660, 8 * 86_400 + 1, 60)]
"""Edges of the wait histogram in seconds, written out."""

Figures = dict[str, int | dict[int, int] | dict[str, int]]
"""A bucket's fields that are not zero or empty, as ``Bucket`` names them."""


class Entry(NamedTuple):
    """One entry of the stream, in stream order; ``event`` is ``None`` for what is no event."""

    arrived: int
    """UTC ms, the first part of the entry's id."""
    event: Event | None
    reason: str = "unreadable"
    """Why it is no event, when it is none."""


class Cell(NamedTuple):
    """Which bucket: start in epoch seconds for rings, a local day or month as ISO text, or ``all``."""

    site: str
    queue: str
    resolution: str
    start: int | str


@dataclass
class Verdict:
    """What became of the entries."""

    counted: list[Event] = field(default_factory=list)
    duplicates: int = 0
    refused: Counter[str] = field(default_factory=Counter)


def judge(entries: Iterable[Entry], city: CityFile) -> Verdict:
    """Tell facts from duplicates and refusals."""
    verdict, seen = Verdict(), set[str]()
    for arrived, event, reason in entries:
        if event is None:
            verdict.refused[reason] += 1
        elif at_ms(event.at) < arrived - memory(event, city):
            verdict.refused["late"] += 1
        elif at_ms(event.at) > arrived + (city.pipeline.future_tolerance + ON_ITS_WAY) / MS:
            verdict.refused["future"] += 1
        elif (why := _misplaced(event, city)) is not None:
            verdict.refused[why] += 1
        elif event.id in seen:
            verdict.duplicates += 1
        else:
            seen.add(event.id)
            verdict.counted.append(event)
    return verdict


def memory(event: Event, city: CityFile) -> int:
    """How long ago (ms) an event may have happened: a log that is followed is never late within a month."""
    followed = {source.id for source in city.sources if isinstance(source, QueueLogSource)}
    return (A_MONTH if event.source in followed else city.pipeline.dedup + ON_ITS_WAY) // MS


def buckets(counted: Sequence[Event], city: CityFile, now: int) -> dict[Cell, Figures]:
    """Every bucket that is not empty, with what was without outcome by ``now`` (UTC ms)."""
    sums: dict[Cell, _Sum] = defaultdict(_Sum)
    for amount in amounts(counted, city, now):
        for cell in _cells(city, amount):
            amount.add_to(sums[cell], city)
    return {cell: figures for cell, amount in sums.items() if (figures := amount.figures())}


def window(
    counted: Sequence[Event], city: CityFile, queue_ref: tuple[str, str], start: int, end: int, now: int
) -> Figures:
    """What happened at a place in [start, end), within its opening hours. UTC ms."""
    within = _Sum()
    for amount in amounts(counted, city, now):
        if amount.place == queue_ref and start <= amount.at < end and _inside(city, amount):
            amount.add_to(within, city)
    return within.figures()


def waiting(counted: Sequence[Event], city: CityFile, now: int) -> list[tuple[str, str, int]]:
    """Site, queue and entry (UTC ms) of everyone who waits at ``now``, sorted."""
    known = Contacts.of(counted)
    return sorted([*contacts.waiting(known, city, now), *contacts.visits_waiting(known, city, now)])


def amounts(counted: Sequence[Event], city: CityFile, now: int) -> Iterator[Amount]:
    """What there is to add up: contacts, and events that say nothing about how a contact ended."""
    known = Contacts.of(counted)
    for entry in contacts.entries(known, city, now):
        yield Amount(entry.place, entry.at, entry.entered, entry, is_caller=False)
    for caller in contacts.callers(known, city, now):
        yield Amount(caller.place, caller.at, caller.entered, caller, is_caller=True)
    for visit, event in contacts.visits(known, city, now):
        yield Amount(visit.place, visit.at, visit.entered, visit if event is None else event)
    for told in (*contacts.talks(known), *contacts.appointments(counted)):
        at = at_ms(told.at)
        began = at - (told.talk_ms or 0) if isinstance(told, CallEnded) else at
        yield Amount((told.site, told.queue), at, began, told)


def lead_days(booked: datetime, starts: datetime, city: CityFile) -> int:
    """Weekdays d with booked day < d ≤ appointment day."""
    first, last = (at.astimezone(city.city.zone).date() for at in (booked, starts))
    days = (first + timedelta(days=n) for n in range(1, (last - first).days + 1))
    return sum(day.weekday() < 5 for day in days)


def cell_up_to(wait_ms: int) -> int:
    """The first edge (s) that is not below a wait."""
    return min(edge for edge in _near(wait_ms) if edge * 1000 >= wait_ms)


def cell_from(wait_ms: int) -> int:
    """The last edge (s) that is not above a wait."""
    return max(edge for edge in _near(wait_ms) if edge * 1000 <= wait_ms)


def _near(wait_ms: int) -> list[int]:
    """The edges around a wait: there is one at least every minute."""
    first, last = (bisect_left(EDGES, wait_ms // 1000 + far) for far in (-60, 62))
    return EDGES[first : last + 1]


class _Sum:
    """Figures that are being added up."""

    def __init__(self) -> None:
        self.sums: Counter[str] = Counter()
        self.histograms: dict[str, Counter[int]] = defaultdict(Counter)
        self.callers: Counter[str] = Counter()
        """By how much callers are more than entries: a field, or ``histogram/cell``."""

    def count(self, name: str, amount: int = 1) -> None:
        self.sums[name] += amount

    def wait(self, prefix: str, histogram: str, wait: int) -> None:
        self.sums[f"{prefix}wait_ms"] += wait
        self.histograms[histogram][cell_up_to(wait)] += 1

    def call(self, contact: Counted, *, is_caller: bool) -> None:
        """A call that ended: as an entry, which no caller has matched yet, or as the caller."""
        amount: Counter[str] = Counter({contact.what: 1})
        if contact.what == "answered":
            amount["wait_ms"] = contact.wait
            amount[f"waits/{cell_up_to(contact.wait)}"] = 1
        elif contact.what == "abandoned":
            amount[f"abandon_waits/{cell_from(contact.wait)}"] = 1
        if is_caller:
            self.callers.update(amount)
            return
        self.callers.subtract(amount)
        for name, number in amount.items():
            histogram, _, cell = name.partition("/")
            if cell:
                self.histograms[histogram][int(cell)] += number
            else:
                self.sums[name] += number

    def figures(self) -> Figures:
        histograms = {name: dict(cells) for name, cells in self.histograms.items()}
        callers = {name: more for name, more in self.callers.items() if more}
        all_of_them: Figures = {**self.sums, **histograms, "callers": callers}
        return not_empty(all_of_them)


@dataclass(frozen=True)
class Amount:
    """Something to count: of which queue, when, and which moment opening hours are asked of."""

    place: tuple[str, str]
    at: int
    entered: int
    what: Counted | Event
    is_caller: bool | None = None
    """Of a call: whether it is told of the caller, or of one of his entries."""

    def add_to(self, to: _Sum, city: CityFile) -> None:
        """Count it."""
        if isinstance(self.what, Counted):
            if self.is_caller is None:
                to.count(self.what.what)
            else:
                to.call(self.what, is_caller=self.is_caller)
        else:
            _add(self.what, to, city)


def _add(event: Event, to: _Sum, city: CityFile) -> None:
    match event:
        case CallEnded():
            if event.talk_ms is not None:
                to.count("ended")
                to.count("talk_ms", event.talk_ms)
        case VisitCalled():
            _add_visit(event, to)
        case VisitServed():
            to.count("served")
            to.count("service_ms", event.service_ms)
        case AppointmentMoved():
            to.count("moved")
        case AppointmentCancelled():
            to.count("cancelled")
        case AppointmentBooked():
            days = lead_days(event.booked_at, event.starts_at, city)
            to.count("booked")
            to.count("lead_days", days)
            to.histograms["leads"][days] += 1


def _add_visit(event: VisitCalled, to: _Sum) -> None:
    called, begin = at_ms(event.at), at_ms(event.arrived_at)
    kind = "walk_in"
    if event.appointment_at is not None:
        kind, booked = "visit", at_ms(event.appointment_at)
        if called < booked:
            to.count("early")
            return
        begin = max(begin, booked)
    to.count(f"{kind}s")
    to.wait(f"{kind}_", f"{kind}_waits", max(0, called - begin))


def _cells(city: CityFile, amount: Amount) -> Iterator[Cell]:
    (site, queue), second = amount.place, amount.at // 1000
    day = _day(city, amount.at).isoformat()
    if _inside(city, amount):
        yield Cell(site, queue, "10s", second - second % 10)
        yield Cell(site, queue, "5min", second - second % 300)
        yield Cell(site, queue, "day", day)
        yield Cell(site, queue, "month", day[:7])
        yield Cell(site, queue, "total", "all")
    else:
        yield Cell(site, queue, "day-outside", day)
        yield Cell(site, queue, "month-outside", day[:7])
        yield Cell(site, queue, "total-outside", "all")


def _inside(city: CityFile, amount: Amount) -> bool:
    """Whether it counts as within opening hours: appointments are made at any hour."""
    if isinstance(amount.what, _AT_ANY_HOUR):
        return True
    asked = amount.entered if city.pipeline.hours_by == "entry" else amount.at
    return is_open(city, amount.place, asked)


def _day(city: CityFile, at: int) -> date:
    return (EPOCH + at * MS).astimezone(city.city.zone).date()


def _misplaced(event: Event, city: CityFile) -> str | None:
    """Why a fact belongs to no queue."""
    if isinstance(event, _SITE_WIDE):
        return None if any(site.id == event.site for site in city.sites) else "unknown_queue"
    queue = queue_at(city, (event.site, event.queue))
    if queue is None:
        return "unknown_queue"
    of_calls = isinstance(event, CallQueued | CallAnswered | CallMissed | CallEnded)
    of_visits = isinstance(
        event,
        VisitArrived
        | VisitCalled
        | VisitLeft
        | VisitNoShow
        | VisitServed
        | AppointmentOffer
        | AppointmentBooked
        | AppointmentMoved
        | AppointmentCancelled,
    )
    wanted = QueueKind.COUNTER if of_visits else QueueKind.PHONE
    return "wrong_kind" if queue.kind is not wanted and (of_calls or of_visits) else None


def not_empty(bucket: Mapping[str, int | dict[int, int] | dict[str, int]]) -> Figures:
    """A bucket's fields as ``Figures``, to be held against the oracle's."""
    return {name: value for name, value in bucket.items() if value}


_SITE_WIDE = (SourceHeartbeat, SourceRestarted)
_AT_ANY_HOUR = (AppointmentBooked, AppointmentMoved, AppointmentCancelled)
