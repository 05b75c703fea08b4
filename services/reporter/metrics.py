"""What the reporter tells Prometheus. Every label set exists from the start."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from shared.process.backoff import Backoff, InternalErrors
from shared.process.metrics_server import TolerantRegistry

MAKING_EDGES_S: Final = (0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)


class ReportOutcome(StrEnum):
    """What became of a report."""

    HANDED_OVER = "handed_over"
    TAKEN = "taken"
    """Another reporter was first."""
    FAILED = "failed"


class ReporterMetrics:
    """The metrics of one process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = TolerantRegistry()
        self.at_work: list[Backoff] = []
        """What our own code may fail in."""
        self.registry.register(InternalErrors(self.at_work))
        self._reports = Counter(
            "wachtpost_reports", "Monthly reports, by what became of them", ["result"], registry=self.registry
        )
        self.seconds = Histogram(
            "wachtpost_report_seconds",
            "Time that making one report took",
            registry=self.registry,
            buckets=MAKING_EDGES_S,
        )
        self.next = Gauge(
            "wachtpost_report_next_timestamp_seconds",
            "When the next monthly report is due",
            registry=self.registry,
        )
        self.overdue = Gauge(
            "wachtpost_report_overdue",
            "1 while a monthly report is due and not handed to the notifier",
            registry=self.registry,
        )
        for outcome in ReportOutcome:
            self._reports.labels(outcome.value)

    def became(self, outcome: ReportOutcome) -> None:
        """Count a report."""
        self._reports.labels(outcome.value).inc()
