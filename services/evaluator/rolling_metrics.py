"""The rolling figures, with how many contacts they rest on, and how sure they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from prometheus_client.core import Metric

from domain import kpi
from domain.bucket import Bucket
from domain.how_sure import Range, Verdict, range_of, verdict
from domain.kpi import KpiValue
from domain.queue_ref import QueueRef
from domain.windows import RunningPeriod, WindowCount, Windows, window_label
from services.evaluator.metric_families import gauge
from shared.config.model import CityFile, Site
from shared.config.types import LastContacts
from shared.contract.kpis import KPIS, Kpi, kpis_of
from shared.process.metrics_server import Drops

VERDICTS: Final[Mapping[Verdict, int]] = {Verdict.WITHIN: 0, Verdict.UNDECIDED: 1, Verdict.BEYOND: 2}


class RollingFigures:
    """The families of rolling figures, filled place by place."""

    def __init__(self, city: CityFile) -> None:
        self._city = city
        self._least = city.live.min_samples or 1
        self._values = {
            name: gauge(
                KPIS[name].metric, f"Rolling {name.replace('_', ' ')}; absent when insufficient", "window"
            )
            for name in Kpi
        }
        self._walk_ins = gauge("walk_in_wait_mean_seconds", "Rolling mean wait without appointment", "window")
        self._service = gauge("service_time_mean_seconds", "Rolling mean service time of visitors", "window")
        self._shares = gauge(
            "speed_category_ratio", "Share of answered calls per range of waits", "window", "category"
        )
        of_kpi = ("kpi", "window")
        self._samples = gauge("kpi_samples", "Contacts that a rolling figure rests on", *of_kpi)
        self._parts = gauge("kpi_part", "Of a ratio, how many of these contacts make it", *of_kpi)
        self._lows = gauge("kpi_low", "The true figure is at least this, of few contacts", *of_kpi)
        self._highs = gauge("kpi_high", "The true figure is at most this, of few contacts", *of_kpi)
        self._verdicts = gauge(
            "kpi_verdict", "Against the target: 0 within, 1 not yet to say, 2 beyond", *of_kpi
        )
        self._starts = gauge(
            "kpi_window_start_timestamp_seconds", "Where a window of the latest contacts begins", *of_kpi
        )

    def add(self, site: Site, windows: Windows, drops: Drops) -> None:
        """Work a site's figures out at the instant of ``windows``, of its queues and its total."""
        for window in (*self._city.shown_windows, RunningPeriod.TODAY):
            for name, queues in site.with_total:
                at, refs = QueueRef(site.id, name), [QueueRef(site.id, queue.id) for queue in queues]
                label = window_label(window)
                with drops("rolling figures", *at, label):
                    for one in kpis_of(queue.kind for queue in queues):
                        self._add_kpi(at, one, label, windows.counted(one, name, refs, window))
                    if not isinstance(window, LastContacts):
                        self._add_visitors(at, label, windows.bucket(name, refs, window))

    def families(self) -> Iterator[Metric]:
        """Yield every family, once all is added."""
        yield from self._values.values()
        yield from (self._walk_ins, self._service, self._shares, self._samples)
        yield from (self._parts, self._lows, self._highs, self._verdicts, self._starts)

    def _add_kpi(self, at: QueueRef, name: Kpi, window: str, counted: WindowCount) -> None:
        bucket = counted.bucket
        reading = kpi.read(name, bucket, self._city)
        labels = [*at, name, window]
        self._samples.add_metric(labels, reading.samples)
        if reading.value is None or reading.samples < self._least:
            return
        self._values[name].add_metric([*at, window], reading.value)
        if reading.part is not None:
            self._parts.add_metric(labels, reading.part)
        if counted.since_s is not None:
            self._starts.add_metric(labels, counted.since_s)
        self._add_how_sure(at, name, window, reading, range_of(name, bucket, self._city))
        if name is Kpi.CALL_WAIT_MEAN:
            for category, count in kpi.speed_categories(bucket, self._city.speed_categories.bounds).items():
                self._shares.add_metric([*at, window, category], count / bucket.answered)

    def _add_how_sure(
        self, at: QueueRef, name: Kpi, window: str, reading: KpiValue, likely: Range | None
    ) -> None:
        labels = [*at, name, window]
        if likely is not None:
            self._lows.add_metric(labels, likely.low)
            self._highs.add_metric(labels, likely.high)
        limit = self._city.promise(name, *at)
        if limit is not None and (found := verdict(name, reading, likely, limit)) is not None:
            self._verdicts.add_metric(labels, VERDICTS[found])

    def _add_visitors(self, at: QueueRef, window: str, bucket: Bucket) -> None:
        """The means of visitors that are no KPI, and of which no window by count can tell its contacts."""
        means = (
            (self._walk_ins, kpi.walk_in_wait_mean(bucket)),
            (self._service, kpi.service_time_mean(bucket)),
        )
        for family, mean in means:
            if mean.value is not None and mean.samples >= self._least:
                family.add_metric([*at, window], mean.value)
