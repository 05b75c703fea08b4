"""What the notifier tells Prometheus. Every label set exists from the start."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from services.notifier.notice import Breach
from services.notifier.outbox import Result, Tried
from shared.breaches import rule_label
from shared.config import CityFile
from shared.process import metrics_registry

DELIVERY_EDGES_S: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class NotifierMetrics:
    """The metrics of one process, in a registry of their own."""

    def __init__(self, city: CityFile) -> None:
        self.registry = metrics_registry()
        self.going_on: list[Callable[[], Sequence[Breach]]] = []
        """Asked at each scrape: the breaches that are going on, of each partition."""
        self.registry.register(_GoingOn(self.going_on))
        self._channels: Mapping[tuple[str, int], str] = {
            (receiver.id, position): channel.kind
            for receiver in city.receivers
            for position, channel in enumerate(receiver.channels)
        }
        self._notifications = Counter(
            "wachtpost_notifications",
            "Tries to hand a message over, by channel and result",
            ["channel", "result"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "wachtpost_delivery_seconds",
            "Time that one try took",
            ["channel"],
            registry=self.registry,
            buckets=DELIVERY_EDGES_S,
        )
        self._annotations = Counter(
            "wachtpost_annotations",
            "Breaches written into Grafana, by result",
            ["result"],
            registry=self.registry,
        )
        self.unreadable = Counter(
            "wachtpost_notifier_unreadable",
            "Entries of the breaches stream that are none of ours",
            registry=self.registry,
        )
        self.outbox = Gauge(
            "wachtpost_outbox_parcels", "Messages on their way", ["partition"], registry=self.registry
        )
        self.open = Gauge(
            "wachtpost_breaches_open",
            "Breaches going on",
            ["partition", "acknowledged"],
            registry=self.registry,
        )
        self.owner = Gauge(
            "wachtpost_notifier_lease_owner",
            "1 while this process owns the partition",
            ["partition"],
            registry=self.registry,
        )
        for kind in set(self._channels.values()):
            self._seconds.labels(kind)
            for result in Result:
                self._notifications.labels(kind, result.value)
        for outcome in ("written", "failed"):
            self._annotations.labels(outcome)

    def tried(self, tried: Tried, seconds: float) -> None:
        """Count a try."""
        kind = self._channels.get((tried.parcel.notice.receiver, tried.parcel.channel), "gone")
        self._notifications.labels(kind, tried.result.value).inc()
        self._seconds.labels(kind).observe(seconds)

    def annotated(self, result: str) -> None:
        """Count an annotation."""
        self._annotations.labels(result).inc()


class _GoingOn(Collector):
    """A row for every breach that is going on, for as long as it does."""

    def __init__(self, sources: Sequence[Callable[[], Sequence[Breach]]]) -> None:
        self._sources = sources

    def collect(self) -> Iterator[Metric]:
        labels = ("site", "queue", "rule", "kpi", "severity")
        opened = GaugeMetricFamily(
            "wachtpost_breach_opened_timestamp_seconds", "When a breach that is going on began", labels=labels
        )
        taken = GaugeMetricFamily(
            "wachtpost_breach_acknowledged_timestamp_seconds",
            "When somebody took on a breach that is going on, and which role",
            labels=(*labels, "by"),
        )
        for breach in (breach for source in self._sources for breach in source()):
            rule = rule_label(breach.rule, breach.level)
            at = [breach.site, breach.queue, rule, breach.measure, breach.severity]
            opened.add_metric(at, breach.opened_at.timestamp())
            if breach.acknowledged is not None:
                taken.add_metric([*at, breach.acknowledged.by], breach.acknowledged.at.timestamp())
        yield from (opened, taken)
