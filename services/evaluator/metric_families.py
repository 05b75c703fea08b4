"""How the evaluator's metrics are called and labelled."""

from __future__ import annotations

from typing import Final

from prometheus_client.core import GaugeHistogramMetricFamily, GaugeMetricFamily

PREFIX: Final = "wachtpost_"
AT_PLACE: Final = ("site", "queue")


def gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    """Return a gauge per queue."""
    return bare_gauge(name, text, *AT_PLACE, *labels)


def bare_gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    """Return a gauge about something else than a queue."""
    return GaugeMetricFamily(f"{PREFIX}{name}", text, labels=labels)


def gauge_histogram(name: str, text: str) -> GaugeHistogramMetricFamily:
    """Return a histogram per queue whose buckets may fall."""
    return GaugeHistogramMetricFamily(f"{PREFIX}{name}", text, labels=AT_PLACE)
