"""How the evaluator's metrics are called and labelled."""

from __future__ import annotations

from typing import Final

from prometheus_client.core import GaugeHistogramMetricFamily, GaugeMetricFamily

PREFIX: Final = "wachtpost_"
AT_PLACE: Final = ("site", "queue")


class StoredCounts:
    """Counts that are kept in Redis, as counters of this process: they go on when Redis goes back.

    ``increase()`` takes a counter that fell for one begun anew and adds all of it: dead letters of last year
    would ring an alarm.
    """

    def __init__(self) -> None:
        self._stored: dict[tuple[str, ...], int] = {}
        self._lost: dict[tuple[str, ...], int] = {}

    def counter(self, stored: int, *key: str) -> int:
        """Return what to show of a count: never less than before."""
        if (fell := self._stored.get(key, 0) - stored) > 0:
            self._lost[key] = self._lost.get(key, 0) + fell
        self._stored[key] = stored
        return stored + self._lost.get(key, 0)


def gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    """Return a gauge per queue."""
    return bare_gauge(name, text, *AT_PLACE, *labels)


def bare_gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    """Return a gauge about something else than a queue."""
    return GaugeMetricFamily(f"{PREFIX}{name}", text, labels=labels)


def gauge_histogram(name: str, text: str) -> GaugeHistogramMetricFamily:
    """Return a histogram per queue whose buckets may fall."""
    return GaugeHistogramMetricFamily(f"{PREFIX}{name}", text, labels=AT_PLACE)
