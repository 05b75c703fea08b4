"""What ingest tells Prometheus. Every label set exists from the start: a counter born at 1 hides its
first alert."""

from __future__ import annotations

import asyncio
from collections import Counter as Counts
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import structlog
from prometheus_client import Counter, Gauge

from shared.config.model import CityFile, QueueLogSource
from shared.contract.dead_letters import DeadLetter, DeadLetterReason
from shared.contract.events import Event, SourceHeartbeat
from shared.process.backoff import Backoff, InternalErrors
from shared.process.metrics_server import TolerantRegistry
from shared.redis.set_aside import set_aside_gauge
from shared.redis.went_back import went_back_gauge

STATUSES: Final = (202, 400, 401, 404, 405, 413, 415, 422, 429, 500, 503)
"""The answers a sender can get."""


EVERY: Final = timedelta(hours=1)
"""How often the log says what came."""

log = structlog.stdlib.get_logger(__name__)


class IngestMetrics:
    """The counters of one process, in a registry of their own; what came is also said in the log."""

    def __init__(self, city: CityFile) -> None:
        self.registry = TolerantRegistry()
        self.events = Counter(
            "wachtpost_ingest_events",
            "Events that Redis has, by source.",
            ["source"],
            registry=self.registry,
        )
        self.dead_letters = Counter(
            "wachtpost_dead_letters",
            "Refused items, by reason.",
            ["reason"],
            registry=self.registry,
        )
        self.requests = Counter(
            "wachtpost_ingest_requests",
            "HTTP requests, by the status they were answered with.",
            ["status"],
            registry=self.registry,
        )
        self.lines = Counter(
            "wachtpost_queue_log_lines",
            "Lines read from a queue_log, by source.",
            ["source"],
            registry=self.registry,
        )
        self.unknown_verbs = Counter(
            "wachtpost_queue_log_unknown_verbs",
            "Lines of a queue_log with a verb that we do not know; nothing is lost, but look at them.",
            ["source"],
            registry=self.registry,
        )
        self.unusable_waits = Counter(
            "wachtpost_queue_log_unusable_waits",
            "Calls whose line tells no wait that can be (negative, no number); counted all the same.",
            ["source"],
            registry=self.registry,
        )
        self.left_calls = Counter(
            "wachtpost_queue_log_left_calls",
            "Calls older than 30 days when their line was read; `history import` counts them.",
            ["source"],
            registry=self.registry,
        )
        self.clock_ahead = Gauge(
            "wachtpost_source_clock_ahead_seconds",
            "How far the clock of the exchange that writes a queue_log is ahead of ours.",
            ["source"],
            registry=self.registry,
        )
        self._came: Counts[str] = Counts()
        """Events since the log last said how many, by source; without heartbeats."""
        self._refused: Counts[str] = Counts()
        self._sources = sorted(source.id for source in city.sources)
        self.items = Backoff("items")
        """Of requests."""
        self.at_work = [self.items]
        """What our own code may fail in; more is added."""
        self.registry.register(InternalErrors(self.at_work))
        self.set_aside = set_aside_gauge(self.registry)
        self.went_back = went_back_gauge(self.registry)
        for number in range(city.pipeline.partitions):
            self.set_aside.labels(str(number))
            self.went_back.labels(str(number))
        for reason in DeadLetterReason:
            self.dead_letters.labels(reason.value)
        for status in STATUSES:
            self.requests.labels(str(status))
        for source in city.sources:
            self.events.labels(source.id)
            if isinstance(source, QueueLogSource):
                self.lines.labels(source.id)
                self.unknown_verbs.labels(source.id)
                self.unusable_waits.labels(source.id)
                self.left_calls.labels(source.id)
                self.clock_ahead.labels(source.id)

    def count(self, source: str, events: Sequence[Event]) -> None:
        """Redis has these events of a source as well."""
        self.events.labels(source).inc(len(events))
        self._came[source] += sum(not isinstance(event, SourceHeartbeat) for event in events)

    def refuse(self, source: str, letters: Sequence[DeadLetter]) -> None:
        """This of a source was refused."""
        for letter in letters:
            self.dead_letters.labels(letter.reason.value).inc()
        self._refused[source] += len(letters)

    async def say_what_came(self) -> None:
        """Say in the log every hour, and at the end, what came from each source. Until cancelled."""
        try:
            while True:
                await asyncio.sleep(EVERY.total_seconds())
                self._say_what_came()
        finally:
            self._say_what_came()

    def _say_what_came(self) -> None:
        came, refused = (
            {source: counts[source] for source in self._sources} for counts in (self._came, self._refused)
        )
        log.info("came", events=came, refused=refused)
        self._came.clear()
        self._refused.clear()
