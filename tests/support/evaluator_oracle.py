"""What the evaluator must arrive at, by plain arithmetic over the whole list of stream entries.

Shares no code with ``services.evaluator``: buckets are found by filtering, histogram cells by looking
along a written-out list of edges, waiting contacts by matching brackets, days and opening hours by
``zoneinfo``. It is slow and has no state.

Open contacts: it takes for granted that whatever ends an entry arrives while the entry is remembered
(``pipeline.dedup``); what happens past that is told by tests of its own.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from shared.config.model import CityFile, Queue
from shared.contract.events import (
    AppointmentBooked,
    AppointmentOffer,
    CallAnswered,
    CallEnded,
    CallMissed,
    CallQueued,
    Event,
    Outcome,
    SourceHeartbeat,
    SourceRestarted,
    VisitArrived,
    VisitCalled,
    VisitLeft,
)
from shared.contract.kpis import QueueKind

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MS = timedelta(milliseconds=1)
EDGES: list[int] = [*range(601), *range(610, 3601, 10), *range(3660, 8 * 86_400 + 1, 60)]
"""Edges of the wait histogram in seconds, written out."""

Figures = dict[str, int | dict[int, int]]
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


class Entered(NamedTuple):
    """A contact without outcome: where, since when, and when it stops waiting. UTC ms."""

    site: str
    queue: str
    at: int
    deadline: int


@dataclass
class Verdict:
    """What became of the entries."""

    counted: list[Event] = field(default_factory=list)
    duplicates: int = 0
    refused: Counter[str] = field(default_factory=Counter)


def at_ms(instant: datetime) -> int:
    """UTC ms since 1970, rounded down."""
    return (instant - EPOCH) // MS


def judge(entries: Iterable[Entry], city: CityFile) -> Verdict:
    """Tell facts from duplicates and refusals."""
    verdict, seen = Verdict(), set[str]()
    for arrived, event, reason in entries:
        if event is None:
            verdict.refused[reason] += 1
        elif at_ms(event.at) < arrived - city.pipeline.dedup / MS:
            verdict.refused["late"] += 1
        elif at_ms(event.at) > arrived + city.pipeline.future_tolerance / MS:
            verdict.refused["future"] += 1
        elif not _placed(event, city):
            verdict.refused["unknown_queue"] += 1
        elif event.id in seen:
            verdict.duplicates += 1
        else:
            seen.add(event.id)
            verdict.counted.append(event)
    return verdict


def buckets(counted: Sequence[Event], city: CityFile, now: int) -> dict[Cell, Figures]:
    """Every bucket that is not empty, with the contacts that were unfinished by ``now`` (UTC ms)."""
    sums: dict[Cell, _Sum] = defaultdict(_Sum)
    for event in counted:
        if isinstance(event, _COUNTED):
            anytime = isinstance(event, AppointmentBooked)
            for cell in _cells(city, event.site, event.queue, at_ms(event.at), anytime):
                _add(event, sums[cell], city)
    for contact in unanswered(counted, city):
        if contact.deadline <= now:
            for cell in _cells(city, contact.site, contact.queue, contact.deadline):
                sums[cell].count("unfinished")
    return {cell: figures for cell, amount in sums.items() if (figures := amount.figures())}


def window(
    counted: Sequence[Event], city: CityFile, queue_ref: tuple[str, str], start: int, end: int, now: int
) -> Figures:
    """What happened at a place in [start, end), within its opening hours. UTC ms."""
    amount, queue = _Sum(), _queue(city, *queue_ref)
    for event in counted:
        if isinstance(event, _COUNTED) and (event.site, event.queue) == queue_ref:
            at = at_ms(event.at)
            if start <= at < end and (isinstance(event, AppointmentBooked) or is_open(city, queue, at)):
                _add(event, amount, city)
    for contact in unanswered(counted, city):
        inside = start <= contact.deadline < end and contact.deadline <= now
        if inside and contact[:2] == queue_ref and is_open(city, queue, contact.deadline):
            amount.count("unfinished")
    return amount.figures()


def waiting(counted: Sequence[Event], city: CityFile, now: int) -> list[tuple[str, str, int]]:
    """Site, queue and entry (UTC ms) of everyone who waits at ``now``, sorted."""
    return sorted(
        entered[:3] for entered in unanswered(counted, city) if entered.at <= now < entered.deadline
    )


def unanswered(counted: Iterable[Event], city: CityFile) -> Iterator[Entered]:
    """Every entry into a queue that no outcome ended: an outcome closes the latest one before it."""
    steps: dict[tuple[str, str, str, str], list[tuple[int, int]]] = defaultdict(list)
    restarts: dict[str, list[int]] = defaultdict(list)
    for event in counted:
        if isinstance(event, SourceRestarted):
            restarts[event.source].append(at_ms(event.at))
        elif isinstance(event, _ENTERING) or (isinstance(event, _ENDING) and event.contact is not None):
            key = (event.site, event.queue, event.source, event.contact or "")
            steps[key].append((at_ms(event.at), 1 if isinstance(event, _ENDING) else 0))
    timeout = city.pipeline.open_timeout // MS
    for (site, queue, source, _), timeline in steps.items():
        stack: list[int] = []
        for at, ends in sorted(timeline):
            if not ends:
                stack.append(at)
            elif stack:
                stack.pop()
        for at in stack:
            later = [restart for restart in restarts[source] if restart > at]
            yield Entered(site, queue, at, min([at + timeout, *later]))


def is_open(city: CityFile, queue: Queue | None, at: int) -> bool:
    """Whether a queue is open; holidays and closing days are another module's story."""
    if queue is None or queue.hours is None:
        return True
    local = (EPOCH + at * MS).astimezone(city.city.zone)
    minute = local.hour * 60 + local.minute
    spans = city.hours[queue.hours].by_weekday[local.weekday()]
    return any(span.start_minute <= minute < span.end_minute for span in spans)


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

    def count(self, name: str, amount: int = 1) -> None:
        self.sums[name] += amount

    def wait(self, prefix: str, histogram: str, wait: int) -> None:
        self.sums[f"{prefix}wait_ms"] += wait
        self.histograms[histogram][cell_up_to(wait)] += 1

    def figures(self) -> Figures:
        histograms = {name: dict(cells) for name, cells in self.histograms.items()}
        all_of_them: Figures = {**self.sums, **histograms}
        return not_empty(all_of_them)


def _add(event: Event, to: _Sum, city: CityFile) -> None:
    match event:
        case CallAnswered():
            to.count("answered")
            to.wait("", "waits", event.wait_ms)
        case CallMissed():
            to.count(event.outcome.value)
            if event.outcome is Outcome.ABANDONED:
                to.histograms["abandon_waits"][cell_from(event.wait_ms)] += 1
        case CallEnded():
            if event.talk_ms is not None:
                to.count("ended")
                to.count("talk_ms", event.talk_ms)
        case VisitCalled():
            _add_visit(event, to)
        case VisitLeft():
            to.count("left")
        case AppointmentBooked():
            days = lead_days(event.booked_at, event.starts_at, city)
            to.count("booked")
            to.count("lead_days", days)
            to.histograms["leads"][days] += 1


def _add_visit(event: VisitCalled, to: _Sum) -> None:
    called, booked = event.at, event.appointment_at
    if booked is not None and called < booked:
        to.count("early")
        return
    begin = event.arrived_at if booked is None else max(event.arrived_at, booked)
    kind = "walk_in" if booked is None else "visit"
    to.count(f"{kind}s")
    to.wait(f"{kind}_", f"{kind}_waits", max(0, (called - begin) // MS))


def _cells(city: CityFile, site: str, queue: str, at: int, anytime: bool = False) -> Iterator[Cell]:
    second, day = at // 1000, _day(city, at).isoformat()
    if anytime or is_open(city, _queue(city, site, queue), at):
        yield Cell(site, queue, "10s", second - second % 10)
        yield Cell(site, queue, "5min", second - second % 300)
        yield Cell(site, queue, "day", day)
        yield Cell(site, queue, "month", day[:7])
        yield Cell(site, queue, "total", "all")
    else:
        yield Cell(site, queue, "day-outside", day)
        yield Cell(site, queue, "month-outside", day[:7])
        yield Cell(site, queue, "total-outside", "all")


def _day(city: CityFile, at: int) -> date:
    return (EPOCH + at * MS).astimezone(city.city.zone).date()


def _queue(city: CityFile, site: str, queue: str) -> Queue | None:
    for known in city.sites:
        for queue_ref in known.queues:
            if (known.id, queue_ref.id) == (site, queue):
                return queue_ref
    return None


def _placed(event: Event, city: CityFile) -> bool:
    if isinstance(event, _SITE_WIDE):
        return any(site.id == event.site for site in city.sites)
    queue = _queue(city, event.site, event.queue)
    if queue is None:
        return False
    of_calls = isinstance(event, CallQueued | CallAnswered | CallMissed | CallEnded)
    of_visits = isinstance(
        event, VisitArrived | VisitCalled | VisitLeft | AppointmentBooked | AppointmentOffer
    )
    wanted = QueueKind.COUNTER if of_visits else QueueKind.PHONE
    return queue.kind is wanted or not (of_calls or of_visits)


def not_empty(bucket: Mapping[str, int | dict[int, int]]) -> Figures:
    """A bucket's fields as ``Figures``, to be held against the oracle's."""
    return {name: value for name, value in bucket.items() if value}


_SITE_WIDE = (SourceHeartbeat, SourceRestarted)
_COUNTED = (CallAnswered, CallMissed, CallEnded, VisitCalled, VisitLeft, AppointmentBooked)
_ENTERING = (CallQueued, VisitArrived)
_ENDING = (CallAnswered, CallMissed, VisitCalled, VisitLeft)
