"""What happened in one queue during one stretch of time, as integers that merge by addition.

Because merging is addition, neither the order of events, nor how they were split over batches, nor who
added them up can change a bucket; and what turns out to have been otherwise is taken back by subtraction.

Wait histograms have a fixed, fine grid, finer than any bound a city may configure. So a bucket
written years ago still answers exactly how many waited at most 45 seconds, whatever was
configured at the time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from operator import attrgetter
from typing import Final, TypeVar

from pydantic import TypeAdapter
from pydantic_core import to_json

from shared.contract.events import Outcome
from shared.stored_state import Amount, Change

Histogram = dict[Amount, Amount]
"""Cell in whole seconds → how many. Empty cells are absent."""

_FINE_TO_S: Final = 3600
_COARSE_STEP_S: Final = 60


def cell_up_to(wait_ms: int) -> int:
    """Return the cell (from, to] of a wait by its upper edge in seconds; a wait of 0 has its own, 0.

    Edges: every second to 1 h, every minute above. (Once it was every 10 s from 10 min on: cells of that time
    are edges of this grid, and so are all bounds that a city may configure.)
    """
    seconds = -(-wait_ms // 1000)
    return seconds if seconds <= _FINE_TO_S else -(-seconds // _COARSE_STEP_S) * _COARSE_STEP_S


def cell_from(wait_ms: int) -> int:
    """Return the cell [from, to) of a wait by its lower edge in seconds, on the same edges.

    Abandons are kept this way round, because *quicker than 5 s* excludes exactly 5 s.
    """
    seconds = wait_ms // 1000
    return seconds if seconds < _FINE_TO_S else seconds // _COARSE_STEP_S * _COARSE_STEP_S


@dataclass(slots=True)
class Bucket:
    """Counts of contacts by the moment of their outcome. Waits and talk times in milliseconds.

    Calls are counted as *entries*: one stay in one queue each. ``callers`` holds by how much the same calls
    differ when they are counted as *callers*: one each, however many queues they passed.
    """

    # Calls.
    answered: Amount = 0
    wait_ms: Amount = 0
    """Sum of the waits of answered calls."""
    abandoned: Amount = 0
    timed_out: Amount = 0
    no_agents: Amount = 0
    left_by_key: Amount = 0
    closed: Amount = 0
    blocked: Amount = 0
    cut_off: Amount = 0
    """Thrown out by the exchange itself. Touches no KPI."""
    unfinished: Change = 0
    """Queued, and no outcome in time: calls at a phone queue, visits at a counter. Touches no KPI."""
    ended: Amount = 0
    """Conversations of known length, and how long they took together."""
    talk_ms: Amount = 0
    # Visits with an appointment, then walk-ins.
    visits: Amount = 0
    visit_wait_ms: Amount = 0
    walk_ins: Amount = 0
    walk_in_wait_ms: Amount = 0
    early: Amount = 0
    """Called before the booked time: no wait to speak of, and not a negative one either."""
    left: Amount = 0
    """Left before being called."""
    no_shows: Amount = 0
    """Called, and did not come."""
    served: Amount = 0
    service_ms: Amount = 0
    """Sum of the service times of the visitors that were served."""
    # Appointments.
    booked: Amount = 0
    lead_days: Amount = 0
    """Sum of the lead times in working days."""
    moved: Amount = 0
    cancelled: Amount = 0
    # Histograms.
    waits: Histogram = field(default_factory=dict)
    """Answered calls by ``cell_up_to`` their wait."""
    abandon_waits: Histogram = field(default_factory=dict)
    """Abandoned calls by ``cell_from`` their wait."""
    visit_waits: Histogram = field(default_factory=dict)
    walk_in_waits: Histogram = field(default_factory=dict)
    leads: Histogram = field(default_factory=dict)
    """Appointments by lead time in working days."""
    callers: dict[str, Change] = field(default_factory=dict)
    """Callers minus entries, by the field of calls (``answered``) or its cell (``waits/30``), where not zero.

    A bucket that was written before callers were told apart has nothing here: its callers are its entries.
    """

    @property
    def unanswered(self) -> int:
        """Calls that did not reach staff and ended by an outcome that a definition may count."""
        return (
            self.abandoned + self.timed_out + self.no_agents + self.left_by_key + self.closed + self.blocked
        )

    @property
    def offered(self) -> int:
        """Calls that entered the queue; each is answered, unanswered, cut off or unfinished in the end."""
        return self.answered + self.unanswered + self.cut_off + self.unfinished

    @property
    def visitors(self) -> int:
        """Visitors who were called, left or did not come; who is unfinished is none of these."""
        return self.visits + self.walk_ins + self.early + self.left + self.no_shows

    @property
    def outcomes(self) -> dict[Outcome, int]:
        """Unanswered calls by outcome, but for those that the exchange cut off: no definition counts them."""
        return {
            Outcome.ABANDONED: self.abandoned,
            Outcome.TIMED_OUT: self.timed_out,
            Outcome.NO_AGENTS: self.no_agents,
            Outcome.LEFT_BY_KEY: self.left_by_key,
            Outcome.CLOSED: self.closed,
            Outcome.BLOCKED: self.blocked,
        }

    def add(self, other: Bucket) -> None:
        """Merge ``other`` into this bucket."""
        # Most fields are empty most of the time: read all in one go, touch only what is there.
        for name, amount in zip(_SUMS, _sums_of(other), strict=True):
            if amount:
                setattr(self, name, getattr(self, name) + amount)
        for name, counts in zip(_MAPS, _maps_of(other), strict=True):
            if counts:
                _merge(getattr(self, name), counts)

    def remove(self, other: Bucket) -> None:
        """Take ``other``, which was merged into this bucket, out of it again."""
        for name, amount in zip(_SUMS, _sums_of(other), strict=True):
            if amount:
                setattr(self, name, getattr(self, name) - amount)
        for name, counts in zip(_MAPS, _maps_of(other), strict=True):
            if counts:
                _merge(getattr(self, name), {cell: -count for cell, count in counts.items()})

    def differ(self, calls: Bucket, times: int) -> None:
        """Add calls to what callers differ by from entries, or take them off (``times`` 1 or -1)."""
        changes = {name: times * count for name, count in zip(_SUMS, _sums_of(calls), strict=True) if count}
        for name in ("waits", "abandon_waits"):
            cells: Histogram = getattr(calls, name)
            changes |= {f"{name}/{cell}": times * count for cell, count in cells.items()}
        _merge(self.callers, changes)

    def as_callers(self) -> Bucket:
        """Return the same contacts with the calls counted as callers. Not to be added to."""
        if not self.callers:
            return self
        made = replace(self, callers={}, waits=dict(self.waits), abandon_waits=dict(self.abandon_waits))
        for name, change in self.callers.items():
            sums, slash, cell = name.partition("/")
            if slash:
                _merge(getattr(made, sums), {int(cell): change})
            else:
                setattr(made, sums, getattr(made, sums) + change)
        return made

    def encode(self) -> bytes:
        """Return the bucket as JSON; zeros are left out.

        Equal buckets have equal bytes, in whatever order things happened: cells are sorted. What would be
        less than nothing is nothing: a day that was replaced meanwhile may lack what is taken back from it.
        """
        amounts: dict[str, object] = {
            name: value
            for name, value in zip(_SUMS, _sums_of(self), strict=True)
            if value > 0 or (value and name in _CHANGES)
        }
        for name, cells in zip(_MAPS, _maps_of(self), strict=True):
            kept = {c: cells[c] for c in sorted(cells) if cells[c] > 0 or name in _CHANGES} if cells else None
            if kept:
                amounts[name] = kept
        return to_json(amounts)


_MAPS: Final = ("waits", "abandon_waits", "visit_waits", "walk_in_waits", "leads", "callers")
_SUMS: Final = tuple(f.name for f in fields(Bucket) if f.name not in _MAPS)
_CHANGES: Final = frozenset({"unfinished", "callers"})
"""What may be below zero."""
_sums_of: Final = attrgetter(*_SUMS)
_maps_of: Final = attrgetter(*_MAPS)
_BUCKET: Final = TypeAdapter(Bucket)

_Cell = TypeVar("_Cell", int, str)


def _merge(mine: dict[_Cell, int], changes: Mapping[_Cell, int]) -> None:
    """Add cell by cell; a cell that comes to nothing goes, as if it had never been."""
    if not mine:  # nearly always, where buckets are added up
        mine.update(changes)
        return
    for cell, change in changes.items():
        count = mine.get(cell, 0) + change
        if count:
            mine[cell] = count
        else:
            mine.pop(cell, None)


def decode(text: bytes) -> Bucket:
    """Return the bucket that ``encode`` wrote; raises ``pydantic.ValidationError`` for anything else."""
    return _BUCKET.validate_json(text)


def merged(buckets: Iterable[Bucket]) -> Bucket:
    """Return the sum of ``buckets``."""
    total = Bucket()
    for bucket in buckets:
        total.add(bucket)
    return total


def count_up_to(histogram: Mapping[int, int], seconds: int) -> int:
    """How many waited at most ``seconds``; exact on an edge (``shared.config.model.on_histogram_edge``)."""
    return sum(count for cell, count in histogram.items() if cell <= seconds)


def count_below(histogram: Mapping[int, int], seconds: int) -> int:
    """How many of a ``cell_from`` histogram waited less than ``seconds``; exact on an edge."""
    return sum(count for cell, count in histogram.items() if cell < seconds)


def longest_s(histogram: Mapping[int, int]) -> int | None:
    """Return the upper edge in seconds of the longest wait's cell, ``None`` when empty.

    At most one cell (1 s up to 1 h) too high. A maximum of its own could not be taken back when a contact
    turns out to have ended otherwise.
    """
    return max(histogram, default=None)


def quantile_up_to(histogram: Mapping[int, int], share: float) -> int | None:
    """Return the upper edge in seconds of the cell that holds the quantile, ``None`` when empty.

    An upper bound that is at most one cell (1 s up to 1 h) too high.
    """
    wanted = share * sum(histogram.values())
    passed = 0
    for cell in sorted(histogram):
        passed += histogram[cell]
        if passed >= wanted:
            return cell
    return None


class Resolution(StrEnum):
    """How long a bucket's stretch of time is. The value names the Redis hash."""

    FINE = "10s"
    COARSE = "5min"
    DAY = "day"
    """One local calendar day, within opening hours; kept for years."""
    DAY_OUTSIDE = "day-outside"
    """The same day's contacts outside opening hours, counted apart."""
    MONTH = "month"
    """One local calendar month, within opening hours: the sum of its days, written down with them."""
    MONTH_OUTSIDE = "month-outside"
    YEAR = "year"
    """The local year so far, within opening hours. Not written down: the sum of its months."""
    TOTAL = "total"
    """Since the beginning: what Prometheus is shown as gauges, as a correction takes away from it."""
    TOTAL_OUTSIDE = "total-outside"


DERIVED: Final = frozenset({Resolution.YEAR})
"""Kept in memory alone, and added up at a take-over."""

MONTH_OF: Final = {Resolution.DAY: Resolution.MONTH, Resolution.DAY_OUTSIDE: Resolution.MONTH_OUTSIDE}
"""Where the sum of so many days is kept."""
