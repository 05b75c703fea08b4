"""What the notifier tells Prometheus. Every label set exists from the start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from prometheus_client import Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from services.notifier.model import Breach
from services.notifier.outbox import Attempt, DeliveryResult
from services.notifier.session import NotifierSession
from shared.config.model import CityFile
from shared.contract.dead_letters import DeadLetterReason
from shared.process.backoff import Backoff, InternalErrors
from shared.process.metrics_server import Drops, TolerantRegistry
from shared.redis.partition_owner import PartitionOwner

DELIVERY_EDGES_S: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


OF_A_BREACH: Final = ("site", "queue", "rule", "measure", "severity")


class NotifierMetrics:
    """The metrics of one process, in a registry of their own."""

    def __init__(self, city: CityFile) -> None:
        self.registry = TolerantRegistry()
        self.at_work: list[Backoff] = []
        """What our own code may fail in."""
        self.registry.register(InternalErrors(self.at_work))
        self.partitions: list[PartitionOwner[NotifierSession]] = []
        """Asked at each scrape."""
        self.registry.register(_Partitions(self.partitions, self.registry.drops))
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
        self.dead_letters = Counter(
            "wachtpost_dead_letters",
            "Entries of the breaches stream that were set aside, by reason",
            ["reason"],
            registry=self.registry,
        )
        self.dead_letters.labels(DeadLetterReason.INTERNAL_ERROR.value)
        for kind in set(self._channels.values()):
            self._seconds.labels(kind)
            for result in DeliveryResult:
                self._notifications.labels(kind, result.value)
        for outcome in ("written", "failed"):
            self._annotations.labels(outcome)

    def tried(self, tried: Attempt, seconds: float) -> None:
        """Count a try."""
        kind = self._channels.get((tried.delivery.notification.receiver, tried.delivery.channel), "gone")
        self._notifications.labels(kind, tried.result.value).inc()
        self._seconds.labels(kind).observe(seconds)

    def annotated(self, result: str) -> None:
        """Count an annotation."""
        self._annotations.labels(result).inc()


class _Partitions(Collector):
    """What the partitions say of themselves, and a row for every breach that is going on."""

    def __init__(self, partitions: Sequence[PartitionOwner[NotifierSession]], drops: Drops) -> None:
        self._partitions = partitions
        self._drops = drops

    def collect(self) -> Iterator[Metric]:
        outbox = _gauge("outbox_deliveries", "Messages on their way", "partition")
        unread = _gauge("notifier_unread_entries", "Breach events not heard yet, at most 1000", "partition")
        owner = _gauge("notifier_lease_owner", "1 while this process owns the partition", "partition")
        count = _gauge("breaches_open", "Breaches going on", "partition", "acknowledged")
        opened = _gauge(
            "breach_opened_timestamp_seconds", "When a breach that is going on began", *OF_A_BREACH
        )
        taken = _gauge(
            "breach_acknowledged_timestamp_seconds",
            "When somebody took on a breach that is going on, and which role",
            *OF_A_BREACH,
            "by",
        )
        for shown in self._partitions:
            number = str(shown.number)
            with self._drops("partition", number):
                session = shown.session
                owner.add_metric([number], int(shown.is_owner))
                outbox.add_metric([number], len(session.outbox) if session else 0)
                unread.add_metric([number], session.unread if session else 0)
                breaches = session.going_on if session else ()
                for acknowledged in (True, False):
                    of_these = sum((one.acknowledged is not None) is acknowledged for one in breaches)
                    count.add_metric([number, str(acknowledged).lower()], of_these)
                for breach in breaches:
                    with self._drops("breach", breach.id):
                        _tell(breach, opened, taken)
        yield from (outbox, unread, owner, count, opened, taken)


def _tell(breach: Breach, opened: GaugeMetricFamily, taken: GaugeMetricFamily) -> None:
    opened.add_metric(breach.labels, breach.opened_at.timestamp())
    if breach.acknowledged is not None:
        taken.add_metric([*breach.labels, breach.acknowledged.by], breach.acknowledged.at.timestamp())


def _gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"wachtpost_{name}", text, labels=labels)
