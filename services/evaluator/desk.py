"""The desk: one partition's facts, counted exactly.

What the desk holds is a function of the stream up to the committed offset, and of nothing else:
whether a fact is a duplicate, too late or from the future is judged by when it *arrived on the
stream* (the entry's id), never by the clock of whoever reads it. So any batch split, any kill and
any take-over leads to the same buckets. Only which contacts are unfinished depends on time; the
instant until which that was judged (``cursor``) is committed with the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple, assert_never

from services.evaluator.books import (
    COARSE_S,
    FINE_S,
    REACH_S,
    SINCE_START,
    Books,
    Slot,
)
from services.evaluator.buckets import Bucket, Resolution
from services.evaluator.contacts import ContactKey, Lapse, OpenContacts, Place
from services.evaluator.facts import Counted, ms_of, tally
from services.evaluator.latest import Latest, Offer, Staff
from shared.calendar import Calendar
from shared.config import CityFile, Queue, QueueKind, Site
from shared.dead_letters import DeadLetter, Reason
from shared.events import (
    AppointmentBooked,
    AppointmentOffer,
    CallAnswered,
    CallEnded,
    CallMissed,
    CallQueued,
    Event,
    SourceHeartbeat,
    SourceRestarted,
    StaffChanged,
    VisitArrived,
    VisitCalled,
    VisitLeft,
)

TIDY_EVERY_MS: Final = 60_000
"""How far stream time moves on before memory of the past is tidied up."""


_UNLOAD_AFTER_S: Final = 2 * 86_400
"""Days stay in memory this much longer than any fact may still arrive for them."""


class Arrival(NamedTuple):
    """A fact as it stands on the stream."""

    entry: str
    """The entry's id; its first part is the arrival time."""
    arrived: int
    """UTC ms."""
    fact: Event


@dataclass(slots=True)
class Counts:
    """What the pipeline itself did, kept over restarts."""

    read: int = 0
    """Stream entries processed since the beginning."""
    duplicates: int = 0
    dead: dict[Reason, int] = field(default_factory=dict)

    @classmethod
    def of(cls, state: Mapping[str, str]) -> Counts:
        """Return the counts that ``fields`` wrote."""
        return cls(
            read=int(state.get("read", 0)),
            duplicates=int(state.get("duplicates", 0)),
            dead={reason: int(state[f"dead:{reason}"]) for reason in Reason if f"dead:{reason}" in state},
        )

    def fields(self) -> dict[str, str]:
        """Return the counts as fields of the state hash."""
        dead = {f"dead:{reason}": str(count) for reason, count in self.dead.items()}
        return {"read": str(self.read), "duplicates": str(self.duplicates), **dead}


@dataclass(frozen=True, slots=True)
class Changes:
    """What a commit has to write."""

    state: dict[str, str]
    """Fields of the state hash."""
    buckets: list[tuple[Slot, Bucket]]
    dropped: list[Slot]
    dead: list[DeadLetter]


class Desk:
    """Counts the facts of some sites. Not thread-safe; one owner feeds it in stream order.

    ``sites=None`` takes any site and queue as it comes and has no opening hours (offline analysis
    of a log whose queues nobody configured).
    """

    def __init__(
        self,
        city: CityFile,
        calendar: Calendar,
        sites: Iterable[Site] | None,
        books: Books | None = None,
        latest: Latest | None = None,
        counts: Counts | None = None,
        cursor: int = 0,
        rings: bool = True,
    ) -> None:
        pipeline = city.pipeline
        self.books = books if books is not None else Books()
        self.latest = latest if latest is not None else Latest()
        self.counts = counts if counts is not None else Counts()
        self.contacts = OpenContacts(_ms(pipeline.open_timeout), cursor)
        self._calendar = calendar
        self._queues: dict[Place, Queue] | None = (
            None
            if sites is None
            else {Place(site.id, queue.id): queue for site in sites for queue in site.queues}
        )
        self._sites = {place.site for place in self._queues or ()}
        self._dedup_ms = _ms(pipeline.dedup)
        self._future_ms = _ms(pipeline.future_tolerance)
        self._rings = rings
        """Live: keep ring buckets, and only the days that facts may still arrive for."""
        self._seen: set[str] = set()
        self._seen_by_hour: dict[int, list[str]] = {}
        self._days: dict[int, str] = {}
        self._cells: dict[tuple[Place, int, bool], Bucket] = {}
        self._dead: list[DeadLetter] = []
        self._stream_time = 0
        self._tidied = 0

    @property
    def places(self) -> list[Place]:
        """The configured places, in the order of the city file."""
        return list(self._queues or ())

    @property
    def has_changes(self) -> bool:
        """Whether there is anything to write."""
        return self.books.changed or bool(self._dead)

    @property
    def stream_time(self) -> int:
        """When the newest recorded entry arrived, UTC ms."""
        return self._stream_time

    def record(self, batch: Iterable[Arrival | DeadLetter]) -> None:
        """Count a batch of stream entries, in stream order: facts, and what was no fact at all."""
        newest: dict[str, int] = {}
        for arrival in batch:
            self.counts.read += 1
            if isinstance(arrival, DeadLetter):
                self._bury(arrival)
                continue
            fact, at = arrival.fact, ms_of(arrival.fact.at)
            if not self._admit(arrival, at):
                continue
            if isinstance(fact, _COUNTED):
                self._count(fact, at)
            self._book_lapses(self._follow(fact, at))
            self._note_latest(fact, at)
            if at > newest.get(fact.source, 0):
                newest[fact.source] = at
        for source, at in newest.items():
            self.latest.source(source, at)
        self._fold_cells()
        if self._stream_time - self._tidied >= TIDY_EVERY_MS:
            self._tidy()

    def recall(self, arrivals: Iterable[Arrival]) -> None:
        """Take entries that are counted already back into memory (ids, open contacts): at a take-over."""
        duplicates, dead = self.counts.duplicates, dict(self.counts.dead)
        for arrival in arrivals:
            at = ms_of(arrival.fact.at)
            if self._admit(arrival, at):
                self._follow(arrival.fact, at)
        self.counts.duplicates, self.counts.dead = duplicates, dead
        self._dead.clear()

    def advance(self, now: int) -> None:
        """Let time pass until ``now`` (ms): contacts without outcome for too long become unfinished."""
        self._book_lapses(self.contacts.advance(now))
        self._fold_cells()

    def take_changes(self) -> Changes:
        """Return what is to be written since the last call."""
        changed, dropped = self.books.take_changes()
        dead, self._dead = self._dead, []
        state = {"cursor": str(self.contacts.cursor), **self.counts.fields(), **self.latest.take_changes()}
        return Changes(state, changed, dropped, dead)

    def local_day(self, at_s: int) -> str:
        """Return the local calendar day of an instant (epoch s) as ISO text."""
        quarter = at_s // COARSE_S
        day = self._days.get(quarter)
        if day is None:
            day = self._days[quarter] = self._calendar.local_day(at_s * 1000).isoformat()
        return day

    def _admit(self, arrival: Arrival, at: int) -> bool:
        """Whether a fact is to be counted: known place, neither late, early nor seen before."""
        arrived, fact = arrival.arrived, arrival.fact
        self._stream_time = max(self._stream_time, arrived)
        if at < arrived - self._dedup_ms:
            return self._refuse(arrival, Reason.LATE, "older than pipeline.dedup when it arrived")
        if at > arrived + self._future_ms:
            return self._refuse(arrival, Reason.FUTURE, "ahead by more than pipeline.future_tolerance")
        if (why := self._misplaced(fact)) is not None:
            return self._refuse(arrival, Reason.UNKNOWN_QUEUE, why)
        if fact.id in self._seen:
            self.counts.duplicates += 1
            return False
        self._seen.add(fact.id)
        self._seen_by_hour.setdefault(at // 3_600_000, []).append(fact.id)
        return True

    def _misplaced(self, fact: Event) -> str | None:
        """Say why a fact belongs to no queue that is counted here, if so."""
        if self._queues is None:
            return None
        if isinstance(fact, SourceHeartbeat | SourceRestarted):
            return None if fact.site in self._sites else "the city file has no such site"
        queue = self._queues.get(Place(fact.site, fact.queue))
        if queue is None:
            return "the city file has no such queue"
        if isinstance(fact, _OF_CALLS) and queue.kind is not QueueKind.PHONE:
            return "a call, but the city file says the queue is a counter"
        if isinstance(fact, _OF_VISITS) and queue.kind is not QueueKind.COUNTER:
            return "a visit or an appointment, but the city file says the queue is a phone queue"
        return None

    def _refuse(self, arrival: Arrival, reason: Reason, detail: str) -> bool:
        fact = arrival.fact
        item = {"kind": fact.kind, "id": fact.id, "at": fact.at.isoformat(), "site": fact.site}
        if not isinstance(fact, SourceHeartbeat | SourceRestarted):
            item["queue"] = fact.queue
        self._bury(
            DeadLetter(
                reason=reason,
                detail=detail,
                at=datetime.fromtimestamp(arrival.arrived / 1000, UTC),
                source=fact.source,
                where=arrival.entry,
                item=item,
            )
        )
        return False

    def _bury(self, letter: DeadLetter) -> None:
        self._dead.append(letter)
        self.counts.dead[letter.reason] = self.counts.dead.get(letter.reason, 0) + 1

    def _count(self, fact: Counted, at: int) -> None:
        """Add to the batch's own cells first: many facts of a batch fall into few buckets."""
        key = (Place(fact.site, fact.queue), at // 1000 // FINE_S, isinstance(fact, AppointmentBooked))
        cell = self._cells.get(key)
        if cell is None:
            cell = self._cells[key] = Bucket()
        tally(fact, cell, self._calendar)

    def _follow(self, fact: Event, at: int) -> list[Lapse]:
        """Keep track of who waits."""
        match fact:
            case CallQueued() | VisitArrived():
                return self.contacts.queue(_key(fact, fact.contact), at)
            case CallAnswered() | CallMissed() | VisitCalled() | VisitLeft():
                if fact.contact is None:
                    return []
                return self.contacts.end(_key(fact, fact.contact), at, self._stream_time - self._dedup_ms)
            case SourceRestarted():
                return self.contacts.restart(fact.source, at)
            case CallEnded() | AppointmentBooked() | AppointmentOffer() | StaffChanged() | SourceHeartbeat():
                return []
        assert_never(fact)

    def _book_lapses(self, lapses: Iterable[Lapse]) -> None:
        for lapse in lapses:
            key = (lapse.place, lapse.at // 1000 // FINE_S, False)
            cell = self._cells.setdefault(key, Bucket())
            cell.unfinished += lapse.change

    def _note_latest(self, fact: Event, at: int) -> None:
        if isinstance(fact, AppointmentOffer):
            offer = Offer(at, ms_of(fact.first_free_at))
            self.latest.offer(Place(fact.site, fact.queue), offer)
        elif isinstance(fact, StaffChanged):
            staff = Staff(at, fact.available, fact.paused, fact.busy)
            self.latest.staff(Place(fact.site, fact.queue), staff)

    def _fold_cells(self) -> None:
        """Merge the batch's cells into every bucket they belong to."""
        floors = self._ring_floors()
        for (place, index, anytime), cell in self._cells.items():
            start = index * FINE_S
            hours = None if self._queues is None else self._queues[place].hours
            day = self.local_day(start)
            if not anytime and not self._calendar.is_open(hours, start * 1000):
                self.books.add(Slot(place, Resolution.DAY_OUTSIDE, day), cell)
                self.books.add(Slot(place, Resolution.TOTAL_OUTSIDE, SINCE_START), cell)
                continue
            if self._rings and start >= floors[Resolution.FINE]:
                self.books.add(Slot(place, Resolution.FINE, start), cell)
            coarse = start // COARSE_S * COARSE_S
            if self._rings and coarse >= floors[Resolution.COARSE]:
                self.books.add(Slot(place, Resolution.COARSE, coarse), cell)
            self.books.add(Slot(place, Resolution.DAY, day), cell)
            self.books.add(Slot(place, Resolution.TOTAL, SINCE_START), cell)
        self._cells.clear()

    def _ring_floors(self) -> Mapping[Resolution, int]:
        return {resolution: self._stream_time // 1000 - reach for resolution, reach in REACH_S.items()}

    def _tidy(self) -> None:
        """Forget what nothing that may still arrive can refer to."""
        self._tidied = self._stream_time
        horizon = self._stream_time - self._dedup_ms
        for hour in [hour for hour in self._seen_by_hour if (hour + 1) * 3_600_000 <= horizon]:
            self._seen.difference_update(self._seen_by_hour.pop(hour))
        self.contacts.forget(horizon)
        if self._rings:
            self.books.prune(self._ring_floors())
            self.books.unload_days(before=self.local_day(horizon // 1000 - _UNLOAD_AFTER_S))
        oldest = (horizon - self._dedup_ms) // 1000 // COARSE_S
        for quarter in [quarter for quarter in self._days if quarter < oldest]:
            del self._days[quarter]


_OF_CALLS: Final = (CallQueued, CallAnswered, CallMissed, CallEnded)
_OF_VISITS: Final = (VisitArrived, VisitCalled, VisitLeft, AppointmentBooked, AppointmentOffer)
_COUNTED: Final = (CallAnswered, CallMissed, CallEnded, VisitCalled, VisitLeft, AppointmentBooked)


def _key(
    fact: CallQueued | CallAnswered | CallMissed | VisitArrived | VisitCalled | VisitLeft, contact: str
) -> ContactKey:
    return ContactKey(Place(fact.site, fact.queue), fact.source, contact)


def _ms(duration: timedelta) -> int:
    return duration // timedelta(milliseconds=1)
