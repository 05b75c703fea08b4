"""The desk: one partition's facts, counted exactly.

What the desk holds is a function of the stream up to the committed offset, and of nothing else:
whether a fact is a duplicate, too late or from the future is judged by when it *arrived on the
stream* (the entry's id), never by the clock of whoever reads it. So any batch split, any kill and
any take-over leads to the same buckets. Only which contacts are unfinished depends on time; the
instant until which that was judged (``cursor``) is committed with the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from operator import attrgetter
from sys import intern
from typing import Final, NamedTuple

from domain.bucket import MONTH_OF, Bucket, Resolution
from domain.bucket_store import COARSE_S, COUNTED_REACH_S, FINE_S, REACH_S, SINCE_START, BucketStore, Slot
from domain.contacts import Change, ContactKey, ContactKind, ContactRules, ContactStore
from domain.counts import EPOCH, MILLISECOND, What, ms_of, tally
from domain.error_budget import BUDGET_REACH, day_outcomes
from domain.facts import SECOND_MS, ContactFact, Step
from domain.known_queues import OF_CALLS, OF_VISITS, KnownQueues, Misplaced
from domain.last_reports import LastReports, Offer, Staff
from domain.queue_heads import Head
from domain.queue_ref import QueueRef
from shared.calendar import MINUTE_MS, Calendar
from shared.config.model import CityFile, Queue, Site
from shared.contract.dead_letters import DeadLetter, DeadLetterReason
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
    StaffChanged,
    VisitArrived,
    VisitCalled,
    VisitLeft,
    VisitNoShow,
    VisitServed,
)
from shared.contract.kpis import QueueKind
from shared.stored_state import as_amount

TIDY_EVERY_MS: Final = 60_000
"""How far stream time moves on before memory of the past is tidied up."""


_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS
_FINE_MS: Final = FINE_S * 1000
LOG_REACH: Final = timedelta(days=31)
"""How late the facts of a log that is followed may come: it has a checkpoint, so it tells each once, and all
that it told while nobody read it. Nor may a ticket be older that is called at last."""

ON_ITS_WAY: Final = timedelta(minutes=5)
"""How long a fact may take from the door to the stream, and how far the clock of Redis may lie from that of
the door: what the door let in as just young enough, or just old enough, is not refused behind it."""

_LOG_REACH_MS: Final = LOG_REACH // timedelta(milliseconds=1)

_UNLOAD_AFTER_S: Final = 2 * 86_400
"""Days stay in memory this much longer than any fact may still arrive for them."""

_OPEN_VISIT_MS: Final = 4 * 3_600_000
"""How long a visit may take where no closing time ends it."""

_LAST_SERVED_MS: Final = 3_600_000
"""How long after closing time those are served who are inside."""


class StreamEvent(NamedTuple):
    """A fact as it stands on the stream."""

    entry: str
    """The entry's id; its first part is the arrival time."""
    arrived: int
    """UTC ms."""
    event: Event


@dataclass(slots=True)
class PipelineCounts:
    """What the pipeline itself did, kept over restarts."""

    read: int = 0
    """Stream entries processed since the beginning."""
    duplicates: int = 0
    dead: dict[DeadLetterReason, int] = field(default_factory=dict)
    repeated: dict[str, int] = field(default_factory=dict)
    """Outcomes of contacts that have their outcome already, by source. May fall: what looks repeated may turn
    out to be of an entry of its own."""

    @classmethod
    def of(cls, state: Mapping[str, str]) -> PipelineCounts:
        """Return the counts that ``fields`` wrote. Raises ``ValueError``."""

        def count(name: str) -> int:
            return as_amount(state.get(name, "0"))

        dead = {reason: count(f"dead:{reason}") for reason in DeadLetterReason if f"dead:{reason}" in state}
        repeated = {name.removeprefix(_REPEATED): count(name) for name in state if name.startswith(_REPEATED)}
        return cls(count("read"), count("duplicates"), dead, repeated)

    def fields(self) -> dict[str, str]:
        """Return the counts as fields of the state hash."""
        dead = {f"dead:{reason}": str(count) for reason, count in self.dead.items()}
        repeated = {f"{_REPEATED}{source}": str(max(0, count)) for source, count in self.repeated.items()}
        return {"read": str(self.read), "duplicates": str(self.duplicates), **dead, **repeated}


_REPEATED: Final = "repeated:"


@dataclass(frozen=True, slots=True)
class AggregatorChanges:
    """What a commit has to write."""

    state: dict[str, str]
    """Fields of the state hash."""
    buckets: list[tuple[Slot, Bucket]]
    dropped: list[Slot]
    dead: list[DeadLetter]
    gone: Collection[str] = ()
    """State fields that go."""


@dataclass(slots=True)
class _QueueCells:
    """A place, and the cells (``FINE_S`` long, by index) that the batch at hand adds to."""

    queue_ref: QueueRef
    hours: str | None
    inside: dict[int, Bucket] = field(default_factory=dict)
    outside: dict[int, Bucket] = field(default_factory=dict)
    """Of contacts outside opening hours."""
    is_open: dict[int, bool] = field(default_factory=dict)
    """Whether the queue is open, by minute, as far as it was asked."""
    opens: int = 0
    closes: int = 0
    """The opening hours that were asked of last, UTC ms."""


def memory(city: CityFile) -> timedelta:
    """How long after they arrived facts are remembered: to tell duplicates, and until a contact is over."""
    pipeline = city.pipeline
    if not any(queue.kind is QueueKind.COUNTER for site in city.sites for queue in site.queues):
        return pipeline.dedup + ON_ITS_WAY
    return max(pipeline.dedup + ON_ITS_WAY, pipeline.visit_timeout or _A_DAY_OF_VISITS)


_A_DAY_OF_VISITS: Final = timedelta(hours=25)
"""From the first minute of a day until those are served who are inside at its end."""


class Aggregator:
    """Counts the facts of some sites. Not thread-safe; one owner feeds it in stream order.

    ``sites=None`` takes any site and queue as it comes and has no opening hours (offline analysis
    of a log whose queues nobody configured).
    """

    def __init__(
        self,
        city: CityFile,
        calendar: Calendar,
        sites: Iterable[Site] | None,
        bucket_store: BucketStore | None = None,
        last_reports: LastReports | None = None,
        counts: PipelineCounts | None = None,
        cursor: int = 0,
        rings: bool = True,
        days_from: str = "",
    ) -> None:
        pipeline = city.pipeline
        self.bucket_store = bucket_store if bucket_store is not None else BucketStore()
        self.last_reports = last_reports if last_reports is not None else LastReports()
        self.counts = counts if counts is not None else PipelineCounts()
        self.contacts = ContactStore(
            ContactRules(
                memory_ms=_ms(memory(city)),
                open_timeout_ms=_ms(pipeline.open_timeout),
                tolerance_ms=_ms(pipeline.clock_tolerance),
                closing=self._closing,
                visit_end=self._visit_end,
            ),
            cursor,
        )
        self._calendar = calendar
        self._queues: dict[QueueRef, Queue] | None = (
            None
            if sites is None
            else {QueueRef(site.id, queue.id): queue for site in sites for queue in site.queues}
        )
        self._known = None if sites is None else KnownQueues.of(sites)
        self._latest_ms = _ms(pipeline.dedup + ON_ITS_WAY)
        self._memory_ms = _ms(memory(city))
        self._logs = {source.id for source in city.sources if source.kind == "queue_log"}
        self._visit_ms = None if pipeline.visit_timeout is None else _ms(pipeline.visit_timeout)
        self._by_entry = pipeline.hours_by == "entry"
        self._future_ms = _ms(pipeline.future_tolerance + ON_ITS_WAY)
        self._reach_s = dict(REACH_S)
        if city.counts_contacts:
            self._reach_s[Resolution.FINE] = COUNTED_REACH_S
        self._rings = rings
        """Live: keep ring buckets, and only the days that facts may still arrive for."""
        self.days_from = days_from
        """The first local day (ISO text) that is in memory whole: earlier ones are over for good."""
        self._definition = city.live_definition
        self._days_over: dict[QueueRef, dict[date, Bucket]] = {}
        self._seen: set[str] = set()
        self._seen_by_hour: dict[int, list[str]] = {}
        self._days: dict[int, str] = {}
        self._spots: dict[tuple[type[Event], str, str], _QueueCells] = {}
        """By kind, site and queue: kinds that do not belong to a queue's kind have no spot."""
        self._spot_at: dict[QueueRef, _QueueCells] = {}
        self._touched: set[QueueRef] = set()
        self._dead: list[DeadLetter] = []
        self._stream_time = 0
        self._tidied = 0

    @property
    def queue_refs(self) -> list[QueueRef]:
        """The configured places, in the order of the city file."""
        return list(self._queues or ())

    @property
    def counters(self) -> frozenset[QueueRef]:
        """The queues of which visits or appointments have been recorded, and no calls."""
        of_visits = {QueueRef(site, queue) for kind, site, queue in self._spots if kind in OF_VISITS}
        of_calls = {QueueRef(site, queue) for kind, site, queue in self._spots if kind in OF_CALLS}
        return frozenset(of_visits - of_calls)

    @property
    def has_changes(self) -> bool:
        """Whether there is anything to write."""
        return self.bucket_store.changed or bool(self._dead)

    def record(self, batch: Iterable[StreamEvent | DeadLetter]) -> None:
        """Count a batch of stream entries, in stream order: facts, and what was no fact at all."""
        facts: dict[str, int] = {}
        heartbeats: dict[str, int] = {}
        for arrival in batch:
            self.counts.read += 1
            if not isinstance(arrival, StreamEvent):  # pydantic models answer isinstance slowly
                self._stream_time = max(self._stream_time, ms_of(arrival.at))
                self._bury(arrival)
                continue
            event = arrival.event
            at = (event.at - EPOCH) // MILLISECOND
            spot = self._admit(arrival, at)
            if spot is None:
                continue
            self._count(self.contacts.advance(self._stream_time))
            self._count(self._take_in(event, at, spot), spot)
            newest = heartbeats if type(event) is SourceHeartbeat else facts
            if at > newest.get(event.source, 0):
                newest[event.source] = at
        self.last_reports.heard(facts, heartbeats)
        # Time passes with the stream: whatever is about to be forgotten has been judged.
        self._count(self.contacts.advance(self._stream_time))
        self._fold_cells()
        if self._stream_time - self._tidied >= TIDY_EVERY_MS:
            self._tidy()

    def recall(self, arrivals: Iterable[StreamEvent]) -> None:
        """Take entries that are counted already back into memory (ids, open contacts): at a take-over."""
        duplicates, dead = self.counts.duplicates, dict(self.counts.dead)
        for arrival in arrivals:
            at = ms_of(arrival.event.at)
            if (spot := self._admit(arrival, at)) is not None:
                self._take_in(arrival.event, at, spot)
        self.counts.duplicates, self.counts.dead = duplicates, dead
        self._dead.clear()

    def advance(self, now: int) -> None:
        """Let time pass until ``now`` (ms): contacts without outcome for too long become unfinished."""
        self._count(self.contacts.advance(now))
        self._fold_cells()

    def take_changes(self) -> AggregatorChanges:
        """Return what is to be written since the last call."""
        changed, dropped = self.bucket_store.take_changes()
        dead, self._dead = self._dead, []
        state = {
            "cursor": str(self.contacts.cursor),
            **self.counts.fields(),
            **self.last_reports.take_changes(),
        }
        return AggregatorChanges(state, changed, dropped, dead, self.last_reports.take_gone())

    def local_day(self, at_s: int) -> str:
        """Return the local calendar day of an instant (epoch s) as ISO text."""
        quarter = at_s // COARSE_S
        day = self._days.get(quarter)
        if day is None:
            day = self._days[quarter] = self._calendar.local_day(at_s * 1000).isoformat()
        return day

    def opened_s(self, queue_ref: QueueRef, now_ms: int) -> int:
        """Return since when the contacts of a queue are those of today: epoch seconds, on a boundary.

        Since it opened this local day; or since the hours that are on began, of a night desk the day before,
        and of one that does not shut a day ago: at midnight nothing begins there. Without hours nobody can
        tell it from a desk that is shut at night, and it is since midnight. What lies outside its hours is in
        no ring anyway.
        """
        queue = (self._queues or {}).get(queue_ref)
        hours = None if queue is None else queue.hours
        today = self._calendar.local_day(now_ms)
        midnight, _ = self._calendar.day_bounds(today)
        since = next(
            (start for start, _ in self._calendar.stretches(hours, today) if start <= now_ms), midnight
        )
        if hours is not None and self._calendar.is_open(hours, now_ms):
            opened = self._calendar.opened(hours, now_ms) or 0
            since = min(since, max(opened, now_ms - _DAY_MS))
        return since // 1000 // FINE_S * FINE_S

    def days(self, queue_ref: QueueRef) -> dict[date, Bucket]:
        """Return a queue's days within opening hours; of those that are over, the outcomes of calls alone."""
        whole = self.bucket_store.days(queue_ref)
        return self._days_over.get(queue_ref, {}) | whole

    def day_over(self, queue_ref: QueueRef, day: date, bucket: Bucket) -> None:
        """Remember of a day that is over what error budgets ask of it."""
        self._days_over.setdefault(queue_ref, {})[day] = day_outcomes(bucket, self._definition)

    def _admit(self, arrival: StreamEvent, at: int) -> _QueueCells | None:
        """Return where a fact is counted; nowhere when it is late, early, misplaced or seen before."""
        arrived, event = arrival.arrived, arrival.event
        if arrived > self._stream_time:
            self._stream_time = arrived
        if at < arrived - (_LOG_REACH_MS if event.source in self._logs else self._latest_ms):
            self._refuse(arrival, DeadLetterReason.LATE, "older than pipeline.dedup when it arrived")
            return None
        if at > arrived + self._future_ms:
            self._refuse(arrival, DeadLetterReason.FUTURE, "ahead by more than pipeline.future_tolerance")
            return None
        located = (type(event), event.site, getattr(event, "queue", ""))
        spot = self._spots.get(located)
        if spot is None:
            if self._known is not None and (wrong := self._known.misplaced(event)) is not None:
                self._refuse(arrival, *_MISPLACED[wrong])
                return None
            spot = self._spots[located] = self._spot_of(located[1], located[2])
        if event.id in self._seen:
            self.counts.duplicates += 1
            return None
        self._seen.add(event.id)
        hour = max(at, arrived) // _HOUR_MS
        if hour not in self._seen_by_hour:
            self._seen_by_hour[hour] = []
        self._seen_by_hour[hour].append(event.id)
        return spot

    def _spot_of(self, site: str, queue: str) -> _QueueCells:
        queue_ref = QueueRef(site, queue)
        spot = self._spot_at.get(queue_ref)
        if spot is None:
            hours = (
                None
                if self._queues is None or queue_ref not in self._queues
                else self._queues[queue_ref].hours
            )
            spot = self._spot_at[queue_ref] = _QueueCells(queue_ref, hours)
        return spot

    def _refuse(self, arrival: StreamEvent, reason: DeadLetterReason, detail: str) -> None:
        event = arrival.event
        item = {"kind": event.kind, "id": event.id, "at": event.at.isoformat(), "site": event.site}
        if not isinstance(event, SourceHeartbeat | SourceRestarted):
            item["queue"] = event.queue
        self._bury(
            DeadLetter(
                reason=reason,
                detail=detail,
                at=datetime.fromtimestamp(arrival.arrived / 1000, UTC),
                source=event.source,
                where=arrival.entry,
                item=item,
            )
        )

    def _bury(self, letter: DeadLetter) -> None:
        self._dead.append(letter)
        self.counts.dead[letter.reason] = self.counts.dead.get(letter.reason, 0) + 1

    def _cell(self, spot: _QueueCells, cells: dict[int, Bucket], at: int) -> Bucket:
        index = at // _FINE_MS
        cell = cells.get(index)
        if cell is None:
            cell = cells[index] = Bucket()
            self._touched.add(spot.queue_ref)
        return cell

    def _take_in(self, event: Event, at: int, spot: _QueueCells) -> Iterable[Change]:
        """Take a fact into memory; returns what changes by it."""
        kind = type(event)
        arrived = self._stream_time
        if (step := _STEPS.get(kind)) is None:
            if isinstance(event, SourceRestarted):
                return self.contacts.restart(event.source, at, arrived)
            self._report(event, at, spot)
            return ()
        contact_kind, contact_of, fact = step
        contact = contact_of(event) or f"\n{event.id}"  # without an id: a contact of its own
        site, queue = spot.queue_ref  # not the event's own, of which there would be one a fact in memory
        visited = queue if contact_kind is ContactKind.VISIT else ""
        key = ContactKey(contact_kind, site, intern(event.source), contact, visited)
        changes = self.contacts.record(key, fact(event, arrived, queue, at, self._calendar))
        if (head_of := _HEADS.get(kind)) is not None and (head := head_of(event, arrived, at)) is not None:
            return [*changes, *self.contacts.at_head(key, queue, head)]
        return changes

    def _report(self, event: Event, at: int, spot: _QueueCells) -> None:
        """Note what holds from now on."""
        if isinstance(event, AppointmentOffer):
            self.last_reports.offer(spot.queue_ref, Offer(at, ms_of(event.first_free_at)))
        elif isinstance(event, StaffChanged):
            self.last_reports.staff(spot.queue_ref, Staff(at, event.available, event.paused, event.busy))

    def _count(self, changes: Iterable[Change], usual: _QueueCells | None = None) -> None:
        """Add what changed to the cells of its queues; most of it to those of the usual one."""
        for key, count, times in changes:
            if count.what is What.REPEATED:
                repeated = self.counts.repeated
                repeated[key.source] = repeated.get(key.source, 0) + times
                continue
            spot = usual
            if spot is None or spot.queue_ref != (key.site, count.queue):
                spot = self._spot_of(key.site, count.queue)
            cells = spot.inside if self._is_inside(spot, count.began, count.at) else spot.outside
            tally(count, self._cell(spot, cells, count.at), times)

    def _is_inside(self, spot: _QueueCells, began: int | None, at: int) -> bool:
        """Whether a contact counts as one of opening hours."""
        if spot.hours is None or began is None:
            return True
        minute = (began if self._by_entry else at) // MINUTE_MS
        known = spot.is_open.get(minute)
        if known is None:
            known = spot.is_open[minute] = self._calendar.is_open(spot.hours, minute * MINUTE_MS)
        return known

    def _closing(self, site: str, queue: str, at: int) -> int | None:
        """Return when the queue shuts that is open at a moment."""
        spot = self._spot_of(site, queue)
        if spot.hours is None:
            return None
        if not spot.opens <= at < spot.closes:
            stretches = self._calendar.stretches(spot.hours, self._calendar.local_day(at))
            spot.opens, spot.closes = next(
                ((opens, closes) for opens, closes in stretches if opens <= at < closes), (0, 0)
            )
        return spot.closes or None

    def _visit_end(self, site: str, queue: str, arrived: int) -> tuple[int, int]:
        """Return until when a visitor is seen waiting, and is served at the latest."""
        hours = self._spot_of(site, queue).hours
        stretches = (
            () if hours is None else self._calendar.stretches(hours, self._calendar.local_day(arrived))
        )
        closes = stretches[-1][1] if stretches and arrived < stretches[-1][1] else None
        if self._visit_ms is not None:
            bound = arrived + self._visit_ms
        else:
            bound = arrived + _OPEN_VISIT_MS if closes is None else closes + _LAST_SERVED_MS
        return min(bound, closes or bound), bound

    def _fold_cells(self) -> None:
        """Merge the batch's cells into every bucket they belong to."""
        floors = self._ring_floors()
        for queue_ref in self._touched:
            spot = self._spot_at[queue_ref]
            inside: dict[int, Bucket] = {}
            outside: dict[int, Bucket] = {}
            for index, cell in spot.inside.items():
                start = index * FINE_S
                self._fold_fine(queue_ref, start, cell, floors)
                _gather(inside, start, cell)
            for index, cell in spot.outside.items():
                _gather(outside, index * FINE_S, cell)
            self._fold_inside(queue_ref, inside, floors)
            self._fold_outside(queue_ref, outside)
            spot.inside.clear()
            spot.outside.clear()
        self._touched.clear()

    def _fold_fine(
        self, queue_ref: QueueRef, start: int, cell: Bucket, floors: Mapping[Resolution, int]
    ) -> None:
        if self._rings and start >= floors[Resolution.FINE]:
            self.bucket_store.add(Slot(queue_ref, Resolution.FINE, start), cell)

    def _fold_inside(
        self, queue_ref: QueueRef, gathered: Mapping[int, Bucket], floors: Mapping[Resolution, int]
    ) -> None:
        for start, amount in gathered.items():
            if self._rings and start >= floors[Resolution.COARSE]:
                self.bucket_store.add(Slot(queue_ref, Resolution.COARSE, start), amount)
            day = self.local_day(start)
            self.bucket_store.add(Slot(queue_ref, Resolution.DAY, day), amount)
            self.bucket_store.add(Slot(queue_ref, Resolution.TOTAL, SINCE_START), amount)
            if self._rings:
                self.bucket_store.add(Slot(queue_ref, Resolution.MONTH, day[:7]), amount)
                self.bucket_store.add(Slot(queue_ref, Resolution.YEAR, day[:4]), amount)

    def _fold_outside(self, queue_ref: QueueRef, gathered: Mapping[int, Bucket]) -> None:
        for start, amount in gathered.items():
            day = self.local_day(start)
            self.bucket_store.add(Slot(queue_ref, Resolution.DAY_OUTSIDE, day), amount)
            self.bucket_store.add(Slot(queue_ref, Resolution.TOTAL_OUTSIDE, SINCE_START), amount)
            if self._rings:
                self.bucket_store.add(Slot(queue_ref, Resolution.MONTH_OUTSIDE, day[:7]), amount)

    def _ring_floors(self) -> Mapping[Resolution, int]:
        return {resolution: self._stream_time // 1000 - reach for resolution, reach in self._reach_s.items()}

    def _tidy(self) -> None:
        """Forget what nothing that may still arrive can refer to."""
        self._tidied = self._stream_time
        horizon = self._stream_time - self._memory_ms
        for hour in [hour for hour in self._seen_by_hour if (hour + 1) * _HOUR_MS <= horizon]:
            self._seen.difference_update(self._seen_by_hour.pop(hour))
        self.contacts.forget(horizon)
        if self._rings:
            self.bucket_store.prune(self._ring_floors())
            before = self.local_day((self._stream_time - _LOG_REACH_MS) // 1000 - _UNLOAD_AFTER_S)
            self.days_from = max(self.days_from, before)
            for slot, bucket in self.bucket_store.unload(MONTH_OF, before):
                if slot.resolution is Resolution.DAY and bucket.offered:
                    self.day_over(slot.queue_ref, date.fromisoformat(str(slot.start)), bucket)
        for shelf in self._days_over.values():
            needed_from = max(shelf) - BUDGET_REACH
            for day in [day for day in shelf if day < needed_from]:
                del shelf[day]
        oldest = (self._stream_time - 2 * _LOG_REACH_MS) // 1000 // COARSE_S
        for quarter in [quarter for quarter in self._days if quarter < oldest]:
            del self._days[quarter]
        for spot in self._spot_at.values():
            spot.is_open.clear()


def _gather(gathered: dict[int, Bucket], start: int, cell: Bucket) -> None:
    """Add a cell up with the others of its ``COARSE_S``, which lie in one local day: one merge into
    each of the larger buckets will do for all. The cell itself is not to be used any more."""
    coarse = start // COARSE_S * COARSE_S
    if coarse in gathered:
        gathered[coarse].add(cell)
    else:
        gathered[coarse] = cell


_MISPLACED: Final = {
    Misplaced.SITE: (DeadLetterReason.UNKNOWN_QUEUE, "the city file has no such site"),
    Misplaced.QUEUE: (DeadLetterReason.UNKNOWN_QUEUE, "the city file has no such queue"),
    Misplaced.KIND: (DeadLetterReason.WRONG_KIND, "a call at a counter, or a visit at a phone queue"),
}
"""The door asks the same: only where it knows another city file, does a fact come so far."""

# Called with the event, when it arrived, its queue, its moment and the calendar. A table and no ``match``:
# pydantic models answer ``isinstance`` slowly, and this is asked for every event.


def _queued(_event: CallQueued, arrived: int, queue: str, at: int, _calendar: Calendar) -> ContactFact:
    return ContactFact(arrived, Step.QUEUED, queue, at)


def _answered(event: CallAnswered, arrived: int, queue: str, at: int, _calendar: Calendar) -> ContactFact:
    return ContactFact(arrived, Step.ANSWERED, queue, at, event.wait_ms)


def _missed(event: CallMissed, arrived: int, queue: str, at: int, _calendar: Calendar) -> ContactFact:
    return ContactFact(arrived, Step.MISSED, queue, at, event.wait_ms, event.outcome)


def _ended(event: CallEnded, arrived: int, queue: str, at: int, _calendar: Calendar) -> ContactFact:
    return ContactFact(arrived, Step.ENDED, queue, at, event.talk_ms)


def _called(event: VisitCalled, arrived: int, queue: str, at: int, _calendar: Calendar) -> ContactFact:
    booked = None if event.appointment_at is None else ms_of(event.appointment_at)
    return ContactFact(arrived, Step.CALLED, queue, at, since=ms_of(event.arrived_at), appointment=booked)


def _served(event: VisitServed, arrived: int, queue: str, at: int, _calendar: Calendar) -> ContactFact:
    return ContactFact(arrived, Step.SERVED, queue, at, event.service_ms)


def _booked(event: AppointmentBooked, arrived: int, queue: str, at: int, calendar: Calendar) -> ContactFact:
    return ContactFact(arrived, Step.BOOKED, queue, at, calendar.lead_days(event.booked_at, event.starts_at))


def _plain(step: Step) -> Callable[[Event, int, str, int, Calendar], ContactFact]:
    return lambda _event, arrived, queue, at, _calendar: ContactFact(arrived, step, queue, at)


_contact_of: Final = attrgetter("contact")
_appointment_of: Final = attrgetter("appointment")

_STEPS: Final[
    Mapping[type[Event], tuple[ContactKind, Callable[[Event], str | None], Callable[..., ContactFact]]]
] = {
    CallQueued: (ContactKind.CALL, _contact_of, _queued),
    CallAnswered: (ContactKind.CALL, _contact_of, _answered),
    CallMissed: (ContactKind.CALL, _contact_of, _missed),
    CallEnded: (ContactKind.CALL, _contact_of, _ended),
    VisitArrived: (ContactKind.VISIT, _contact_of, _plain(Step.ARRIVED)),
    VisitCalled: (ContactKind.VISIT, _contact_of, _called),
    VisitLeft: (ContactKind.VISIT, _contact_of, _plain(Step.LEFT)),
    VisitNoShow: (ContactKind.VISIT, _contact_of, _plain(Step.NO_SHOW)),
    VisitServed: (ContactKind.VISIT, _contact_of, _served),
    AppointmentBooked: (ContactKind.APPOINTMENT, _appointment_of, _booked),
    AppointmentMoved: (ContactKind.APPOINTMENT, _appointment_of, _plain(Step.MOVED)),
    AppointmentCancelled: (ContactKind.APPOINTMENT, _appointment_of, _plain(Step.CANCELLED)),
}
"""What a fact is of, how to read the id of it, and what it says."""


def _ms(duration: timedelta) -> int:
    return duration // timedelta(milliseconds=1)


def _head_joined(event: CallQueued, arrived: int, at: int) -> Head | None:
    return Head(at, at, arrived) if event.position == 1 else None


def _head_left(event: CallMissed, arrived: int, at: int) -> Head | None:
    return Head(at, at - event.wait_ms - SECOND_MS, arrived) if event.position == 1 else None


_HEADS: Final[Mapping[type[Event], Callable[..., Head | None]]] = {
    CallQueued: _head_joined,
    CallMissed: _head_left,
}
"""What a fact says of the head of its queue."""
