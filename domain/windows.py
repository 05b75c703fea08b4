"""What happened at queues over a window: back over time or over so many contacts, or in the calendar so far.

A rolling window is [t - W, t) by outcome time, t on a boundary of the ring's step. A window by count is the
smallest one on such boundaries that holds n of the contacts that a KPI rests on, at most since opening. All
are functions of the buckets: the order in which things were heard of, and how often, changes none. Pure.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from itertools import groupby
from operator import itemgetter

from domain import kpi
from domain.aggregator import Aggregator
from domain.bucket import Bucket, Resolution
from domain.bucket_store import COARSE_S, FINE_S, BucketStore, Slot
from domain.kpi import KpiValue
from domain.queue_ref import QueueRef
from shared.config.model import CityFile
from shared.config.types import FINE_REACH, LastContacts
from shared.contract.kpis import Kpi


class RunningPeriod(StrEnum):
    """A stretch of the calendar that a value can be about, so far. The value is the window's label."""

    TODAY = "today"
    MONTH = "month"
    YEAR = "year"


Window = timedelta | LastContacts | RunningPeriod
"""A rolling window, one by count, or a calendar period so far."""


@dataclass(frozen=True, slots=True)
class WindowCount:
    """What happened over a window, as the city counts it. The bucket is not to be added to."""

    bucket: Bucket
    since_s: int | None = None
    """Of a window by count: where it begins, epoch seconds; with fewer contacts than it wants: at opening."""
    newest_s: int | None = None
    """Of a window by count: where the step begins in which its newest contact is; none: it has no contact."""


class Windows:
    """The KPIs of queues over windows, at one instant; a queue's window is added up once, whoever asks."""

    def __init__(self, city: CityFile, aggregator: Aggregator, now_ms: int) -> None:
        self._city = city
        self._aggregator = aggregator
        self._now_ms = now_ms
        self._end_s = window_end(now_ms, FINE_REACH)
        self._definition = city.live_definition
        self._counted: dict[tuple[str, tuple[QueueRef, ...], timedelta | RunningPeriod, int], Bucket] = {}
        self._buckets: dict[tuple[QueueRef, timedelta | RunningPeriod, int], Bucket] = {}
        self._last: dict[tuple[Kpi, str, tuple[QueueRef, ...], int, int, int], WindowCount] = {}

    def kpi(
        self, name: Kpi, queue: str, queue_refs: Sequence[QueueRef], window: Window, back_s: int = 0
    ) -> KpiValue:
        """Return a KPI of what ``counted`` returns; of a rolling window also as of ``back_s`` seconds ago."""
        return kpi.read(name, self.counted(name, queue, queue_refs, window, back_s).bucket, self._city)

    def counted(
        self,
        name: Kpi,
        queue: str,
        queue_refs: Sequence[QueueRef],
        window: Window,
        back_s: int = 0,
        from_s: int = 0,
    ) -> WindowCount:
        """Return what a KPI of a queue, or of a site's total (``all``), is read from.

        A window by count begins at ``from_s`` (epoch seconds) at the earliest, if not at opening.
        """
        if not isinstance(window, LastContacts):
            return WindowCount(self.bucket(queue, queue_refs, window, back_s))
        key = (name, queue, tuple(queue_refs), window.count, back_s, from_s)
        found = self._last.get(key)
        if found is None:
            found = self._last[key] = self._count_back(name, queue, queue_refs, window.count, back_s, from_s)
        return found

    def bucket(
        self, queue: str, queue_refs: Sequence[QueueRef], window: timedelta | RunningPeriod, back_s: int = 0
    ) -> Bucket:
        """Return what happened at a queue, or at those of a site's total (``all``), as the city counts it.

        Not to be added to: it may be shared.
        """
        key = (queue, tuple(queue_refs), window, back_s)
        found = self._counted.get(key)
        if found is None:
            buckets = (self._of_queue(queue_ref, window, back_s) for queue_ref in queue_refs)
            found = self._counted[key] = kpi.counted(queue, buckets, self._definition)
        return found

    def since_opening(
        self, queue: str, queue_refs: Sequence[QueueRef], back_s: int = 0, from_s: int = 0
    ) -> Iterator[tuple[int, Bucket]]:
        """Yield the steps of today in which anything happened, the newest first, with what, as the city
        counts it; of those that begin at ``from_s`` or later."""
        cells = heapq.merge(
            *(
                self._aggregator.bucket_store.newest_first(
                    queue_ref,
                    max(from_s, self._aggregator.opened_s(queue_ref, self._now_ms)),
                    self._end_s - back_s,
                )
                for queue_ref in queue_refs
            ),
            key=itemgetter(0),
            reverse=True,
        )
        for start_s, at_once in groupby(cells, key=itemgetter(0)):
            yield start_s, kpi.counted(queue, (bucket for _, bucket in at_once), self._definition)

    def _count_back(
        self, name: Kpi, queue: str, queue_refs: Sequence[QueueRef], count: int, back_s: int, from_s: int
    ) -> WindowCount:
        together, newest_s, samples = Bucket(), None, 0
        for start_s, bucket in self.since_opening(queue, queue_refs, back_s, from_s):
            together.add(bucket)
            samples = kpi.read(name, together, self._city).samples
            if newest_s is None and samples:
                newest_s = start_s
            if samples >= count:
                return WindowCount(together, start_s, newest_s)
        opened_s = min((self._aggregator.opened_s(ref, self._now_ms) for ref in queue_refs), default=None)
        return WindowCount(together, None if opened_s is None else max(opened_s, from_s), newest_s)

    def _of_queue(self, queue_ref: QueueRef, window: timedelta | RunningPeriod, back_s: int) -> Bucket:
        key = (queue_ref, window, back_s)
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = self._add_up(queue_ref, window, back_s)
        return bucket

    def _add_up(self, queue_ref: QueueRef, window: timedelta | RunningPeriod, back_s: int) -> Bucket:
        bucket_store = self._aggregator.bucket_store
        if isinstance(window, timedelta):
            return window_bucket(bucket_store, queue_ref, window, window_end(self._now_ms, window) - back_s)
        today = self._aggregator.local_day(self._now_ms // 1000)
        resolution, start = {
            RunningPeriod.TODAY: (Resolution.DAY, today),
            RunningPeriod.MONTH: (Resolution.MONTH, today[:7]),
            RunningPeriod.YEAR: (Resolution.YEAR, today[:4]),
        }[window]
        return bucket_store.get(Slot(queue_ref, resolution, start)) or Bucket()


def window_end(now_ms: int, window: timedelta) -> int:
    """Return the end t of the running window, in epoch seconds: the first boundary after ``now``.

    So a fact shows the moment it is recorded, and the newest step is simply not full yet.
    """
    step = FINE_S if window <= FINE_REACH else COARSE_S
    return (now_ms // 1000 // step + 1) * step


def window_bucket(bucket_store: BucketStore, queue_ref: QueueRef, window: timedelta, end_s: int) -> Bucket:
    """Return what happened at a queue in [end - window, end); exact when both lie on the ring's steps.

    Rings: 10 s steps for windows up to 2 h, 5 min steps above.
    """
    resolution = Resolution.FINE if window <= FINE_REACH else Resolution.COARSE
    start_s = end_s - int(window.total_seconds())
    return bucket_store.window(queue_ref, resolution, start_s, end_s)


def window_label(window: Window) -> str:
    """Return a window as in the city file and in the metrics' labels: ``15m``, ``last 20``, ``month``."""
    match window:
        case RunningPeriod():
            return window.value
        case LastContacts():
            return str(window)
    return duration_label(window)


def duration_label(duration: timedelta) -> str:
    """Return a duration as in the city file: ``15m``, ``1h``, ``90s``."""
    seconds = int(duration.total_seconds())
    for unit, size in (("h", 3600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
