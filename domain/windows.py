"""What happened at queues over a window: a rolling one, or the calendar period so far. Pure.

A rolling window is [t - W, t) by outcome time, t on a boundary of the ring's step.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum

from domain import kpi
from domain.aggregator import Aggregator
from domain.bucket import Bucket, Resolution
from domain.bucket_store import COARSE_S, FINE_S, BucketStore, Slot
from domain.kpi import KpiValue
from domain.queue_ref import QueueRef
from shared.config.model import CityFile
from shared.config.types import FINE_REACH
from shared.contract.kpis import Kpi


class RunningPeriod(StrEnum):
    """A stretch of the calendar that a value can be about, so far. The value is the window's label."""

    TODAY = "today"
    MONTH = "month"
    YEAR = "year"


Window = timedelta | RunningPeriod
"""A rolling window, or a calendar period so far."""


class Windows:
    """The KPIs of queues over windows, at one instant; a queue's window is added up once, whoever asks."""

    def __init__(self, city: CityFile, aggregator: Aggregator, now_ms: int) -> None:
        self._city = city
        self._aggregator = aggregator
        self._now_ms = now_ms
        self._buckets: dict[tuple[QueueRef, Window, int], Bucket] = {}

    def kpi(
        self, name: Kpi, queue: str, queue_refs: Iterable[QueueRef], window: Window, back_s: int = 0
    ) -> KpiValue:
        """Return a KPI of what ``bucket`` returns; of a rolling window also as of ``back_s`` seconds ago."""
        return kpi.read(name, self.bucket(queue, queue_refs, window, back_s), self._city)

    def bucket(self, queue: str, queue_refs: Iterable[QueueRef], window: Window, back_s: int = 0) -> Bucket:
        """Return what happened at a queue, or at those of a site's total (``all``), as the city counts it.

        Not to be added to: it may be shared.
        """
        buckets = (self._of_queue(queue_ref, window, back_s) for queue_ref in queue_refs)
        return kpi.counted(queue, buckets, self._city.live_definition)

    def _of_queue(self, queue_ref: QueueRef, window: Window, back_s: int) -> Bucket:
        key = (queue_ref, window, back_s)
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = self._add_up(queue_ref, window, back_s)
        return bucket

    def _add_up(self, queue_ref: QueueRef, window: Window, back_s: int) -> Bucket:
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
    """Return a window as in the city file and in the metrics' labels: ``15m``, ``1h``, ``month``."""
    return window.value if isinstance(window, RunningPeriod) else duration_label(window)


def duration_label(duration: timedelta) -> str:
    """Return a duration as in the city file: ``15m``, ``1h``, ``90s``."""
    seconds = int(duration.total_seconds())
    for unit, size in (("h", 3600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
