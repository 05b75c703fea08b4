"""All buckets of a partition, by place and resolution, and which of them changed."""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterable, Iterator, Mapping
from datetime import date
from itertools import islice
from typing import Final, NamedTuple

from domain.bucket import DERIVED, MONTH_OF, Bucket, Resolution, merged
from domain.queue_ref import QueueRef
from shared.config.types import COARSE_REACH, COARSE_STEP, FINE_REACH, WINDOW_STEP
from shared.periods import Period

FINE_S: Final = int(WINDOW_STEP.total_seconds())
COARSE_S: Final = int(COARSE_STEP.total_seconds())

SLACK_S: Final = 600
"""Ring buckets are kept this much longer than any window reaches, so that pruning never shows."""

REACH_S: Final = {
    Resolution.FINE: int(FINE_REACH.total_seconds()) + SLACK_S,
    Resolution.COARSE: int(COARSE_REACH.total_seconds()) + SLACK_S,
}

SINCE_START: Final = "all"
"""The one field of the totals."""

COUNTED_REACH_S: Final = 25 * 3600 + SLACK_S
"""Fine buckets are kept for so long where contacts are counted since opening: a day, at most one on which the
clocks go back."""

RECENT: Final = 64
"""Changes of which it is known where they were: whoever looks after each needs the latest one."""

END_S: Final = 1 << 62
"""Later than any bucket."""

Start = int | str
"""Which bucket of a resolution: its start in epoch seconds, a local day, month or year as ISO text, or
``all``."""


_NOTHING: Final = Bucket()


class Slot(NamedTuple):
    """Where a bucket is kept."""

    queue_ref: QueueRef
    resolution: Resolution
    start: Start


def month_of(day: Slot) -> Slot:
    """Return where the sum of a day's month is kept."""
    return Slot(day.queue_ref, MONTH_OF[day.resolution], str(day.start)[: len("2026-10")])


def days_in(month: Slot) -> list[Slot]:
    """Return where the days of a month are kept."""
    (daily,) = (daily for daily, monthly in MONTH_OF.items() if monthly is month.resolution)
    return [Slot(month.queue_ref, daily, day.isoformat()) for day in Period.parse(str(month.start)).days()]


class _Sum(NamedTuple):
    start_s: int
    end_s: int
    bucket: Bucket


class BucketStore:
    """Buckets by slot. Mutable; whoever writes it down asks ``take_changes`` what to write."""

    def __init__(self, kept: Iterable[tuple[Slot, Bucket]] = ()) -> None:
        self._shelves: dict[tuple[QueueRef, Resolution], dict[Start, Bucket]] = {}
        self._sums: dict[tuple[QueueRef, Resolution], dict[int, _Sum]] = {}
        """Windows as they were added up last, without their newest step; by length in seconds."""
        self._revisions: dict[QueueRef, int] = {}
        self._changed_last: dict[QueueRef, deque[int]] = {}
        """Where the fine buckets begin that changed, the latest change last; of the latest ``RECENT``."""
        self._changed: set[Slot] = set()
        self._dropped: set[Slot] = set()
        for slot, bucket in kept:
            self.put(slot, bucket)

    def put(self, slot: Slot, bucket: Bucket) -> None:
        """Put a bucket where it was written down."""
        self._shelf(slot.queue_ref, slot.resolution)[slot.start] = bucket
        self._forget_sums(slot)

    def add(self, slot: Slot, amount: Bucket) -> None:
        """Merge an amount into the bucket of a slot."""
        shelf = self._shelf(slot.queue_ref, slot.resolution)
        bucket = shelf.get(slot.start)
        if bucket is None:
            bucket = shelf[slot.start] = Bucket()
        bucket.add(amount)
        self._forget_sums(slot)
        if slot.resolution not in DERIVED:
            self._changed.add(slot)

    def revision(self, queue_ref: QueueRef) -> int:
        """Return a number that is another one after any change of a queue's fine buckets."""
        return self._revisions.get(queue_ref, 0)

    def changed_from(self, queue_ref: QueueRef, revision: int, start_s: int) -> int:
        """Return where the first of a queue's fine buckets begins that changed since a revision.

        Of those from ``start_s`` on: that where it is too long ago to tell, ``END_S`` where none did.
        """
        changes = self.revision(queue_ref) - revision
        recent = self._changed_last.get(queue_ref, deque[int]())
        if changes > len(recent):
            return start_s
        return min((at for at in islice(reversed(recent), changes) if at >= start_s), default=END_S)

    def newest_first(self, queue_ref: QueueRef, start_s: int, end_s: int) -> Iterator[tuple[int, Bucket]]:
        """Yield a queue's fine buckets in [start_s, end_s), on boundaries, the newest first, with starts."""
        shelf = self._shelf(queue_ref, Resolution.FINE)
        if len(shelf) < (end_s - start_s) // FINE_S:
            starts = sorted(
                (at for at in shelf if isinstance(at, int) and start_s <= at < end_s), reverse=True
            )
            yield from ((at, shelf[at]) for at in starts)
        else:
            for at in range(end_s - FINE_S, start_s - 1, -FINE_S):
                if (bucket := shelf.get(at)) is not None:
                    yield at, bucket

    def sum_years(self) -> None:
        """Add months up to the years that are kept in memory alone."""
        months = [one for one in self.slots() if one[0].resolution is Resolution.MONTH]
        for slot, bucket in months:
            self.add(Slot(slot.queue_ref, Resolution.YEAR, str(slot.start)[:4]), bucket)

    @property
    def changed(self) -> bool:
        """Whether there is anything to write."""
        return bool(self._changed or self._dropped)

    def get(self, slot: Slot) -> Bucket | None:
        """Return the bucket of a slot, if anything ever happened in it. Read only."""
        return self._shelf(slot.queue_ref, slot.resolution).get(slot.start)

    def total(self, queue_ref: QueueRef, resolution: Resolution = Resolution.TOTAL) -> Bucket:
        """Return what happened at a place since the beginning."""
        return self.get(Slot(queue_ref, resolution, SINCE_START)) or Bucket()

    def days(self, queue_ref: QueueRef) -> dict[date, Bucket]:
        """Return a queue's days within opening hours that are in memory. Read only."""
        shelf = self._shelf(queue_ref, Resolution.DAY)
        return {date.fromisoformat(str(day)): bucket for day, bucket in shelf.items()}

    def between(
        self, queue_ref: QueueRef, resolution: Resolution, start_s: int, end_s: int
    ) -> Iterator[Bucket]:
        """Yield the ring buckets that start in [start_s, end_s), epoch seconds."""
        shelf = self._shelf(queue_ref, resolution)
        step = FINE_S if resolution is Resolution.FINE else COARSE_S
        if len(shelf) < (end_s - start_s) // step:
            yield from (b for at, b in shelf.items() if isinstance(at, int) and start_s <= at < end_s)
        else:
            for at in range(start_s, end_s, step):
                if (bucket := shelf.get(at)) is not None:
                    yield bucket

    def window(self, queue_ref: QueueRef, resolution: Resolution, start_s: int, end_s: int) -> Bucket:
        """Return the sum of the ring buckets that start in [start_s, end_s). Read only.

        What is older than the newest step is added up once, and again only when something comes late: the
        judge asks many times a second. Where the window moves on, what it left is taken out.
        """
        newest_s = end_s - (FINE_S if resolution is Resolution.FINE else COARSE_S)
        sums = self._sums.setdefault((queue_ref, resolution), {})
        known = sums.get(end_s - start_s)
        if known is None or not known.start_s <= start_s < known.end_s:
            older = merged(self.between(queue_ref, resolution, start_s, newest_s))
            known = sums[end_s - start_s] = _Sum(start_s, newest_s, older)
        elif known.start_s != start_s:
            come = self.between(queue_ref, resolution, known.end_s, newest_s)
            older = merged((known.bucket, *come))
            for left in self.between(queue_ref, resolution, known.start_s, start_s):
                older.remove(left)
            known = sums[end_s - start_s] = _Sum(start_s, newest_s, older)
        newest = self._shelf(queue_ref, resolution).get(newest_s)
        return known.bucket if newest is None else merged(iter((known.bucket, newest)))

    def _forget_sums(self, slot: Slot) -> None:
        """Forget what was added up with the slot in it."""
        if slot.resolution is Resolution.FINE and isinstance(slot.start, int):
            self._revisions[slot.queue_ref] = self._revisions.get(slot.queue_ref, 0) + 1
            self._changed_last.setdefault(slot.queue_ref, deque(maxlen=RECENT)).append(slot.start)
        sums = self._sums.get((slot.queue_ref, slot.resolution))
        if not sums or not isinstance(slot.start, int):
            return
        for length in [length for length, known in sums.items() if known.start_s <= slot.start < known.end_s]:
            del sums[length]

    def slots(self) -> Iterator[tuple[Slot, Bucket]]:
        """Yield every bucket that is written down, with its slot."""
        for (queue_ref, resolution), shelf in self._shelves.items():
            if resolution not in DERIVED:
                for start, bucket in shelf.items():
                    yield Slot(queue_ref, resolution, start), bucket

    def prune(self, before_s: Mapping[Resolution, int]) -> None:
        """Drop ring buckets that start before the given second, per resolution."""
        for (queue_ref, resolution), shelf in self._shelves.items():
            limit = before_s.get(resolution)
            if limit is None:
                continue
            for start in [at for at in shelf if isinstance(at, int) and at < limit]:
                del shelf[start]
                slot = Slot(queue_ref, resolution, start)
                self._forget_sums(slot)
                self._changed.discard(slot)
                self._dropped.add(slot)

    def unload(self, resolutions: Container[Resolution], before: str) -> list[tuple[Slot, Bucket]]:
        """Let go of days, months or years that ended before a day (ISO text) and are written down, where they
        stay. Returns them."""
        gone: list[tuple[Slot, Bucket]] = []
        for (queue_ref, resolution), shelf in self._shelves.items():
            if resolution not in resolutions:
                continue
            for start in [at for at in shelf if isinstance(at, str) and at < before[: len(at)]]:
                slot = Slot(queue_ref, resolution, start)
                if slot not in self._changed:
                    gone.append((slot, shelf.pop(start)))
        return gone

    def take_changes(self) -> tuple[list[tuple[Slot, Bucket]], list[Slot]]:
        """Return the changed buckets and the dropped slots since the last call.

        A bucket to which what was added was taken back in the end (a late outcome) is dropped: whatever came
        about in another way, or in another order, is written down as if it always had been so.
        """
        dropped = list(self._dropped)
        changed = []
        for slot in self._changed:
            bucket = self._shelves[slot.queue_ref, slot.resolution][slot.start]
            if bucket == _NOTHING:
                dropped.append(slot)
            else:
                changed.append((slot, bucket))
        self._changed.clear()
        self._dropped.clear()
        return changed, dropped

    def _shelf(self, queue_ref: QueueRef, resolution: Resolution) -> dict[Start, Bucket]:
        shelf = self._shelves.get((queue_ref, resolution))
        if shelf is None:
            shelf = self._shelves[queue_ref, resolution] = {}
        return shelf
