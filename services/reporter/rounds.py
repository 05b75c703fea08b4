"""The monthly round: look whether a report is due, make it, hand it over. Any number of these may run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from typing import Final, Protocol

import structlog
from redis.exceptions import RedisError

from services.reporter import schedule
from services.reporter.metrics import ReporterMetrics, ReportOutcome
from services.reporter.rendering import CannotMakeError, Make
from shared.calendar import Calendar
from shared.config.model import CityFile
from shared.contract.report_events import Document, ReportReady
from shared.periods import Period
from shared.process.backoff import Backoff
from shared.process.clock import Clock

LOOK_EVERY: Final = timedelta(seconds=20)
"""How often it looks; a report is not urgent, and a look costs next to nothing."""

MAKE_AGAIN: Final = timedelta(minutes=5)
"""How long to wait after a report could not be made: somebody has to mend something."""

log = structlog.stdlib.get_logger(__name__)

FirstDay = Callable[[], Awaitable[date | None]]
"""Returns the first day on which anything was counted; raises ``redis.RedisError``."""


class ReportQueue(Protocol):
    """Where reports are handed over (``publisher.ReportPublisher``)."""

    async def sent(self) -> frozenset[str]: ...

    async def hand_over(self, document: Document, ready: ReportReady, *, counts: bool) -> bool: ...


class Reporter:
    """Sees to it that each month's report is handed to the notifier once."""

    def __init__(
        self,
        city: CityFile,
        now: Clock,
        report_queue: ReportQueue,
        first_day: FirstDay,
        make: Make,
        metrics: ReporterMetrics,
    ) -> None:
        self._city = city
        self._calendar = Calendar(city)
        self._now = now
        self._report_queue = report_queue
        self._first_day = first_day
        self._make = make
        self._metrics = metrics
        self._wrong: str | None = None
        self.backoff = Backoff("report")

    async def run(self) -> None:
        """Look again and again. Ends only by being cancelled."""
        if not self._city.report.receivers:
            log.info("no_receivers")
        while True:
            wait = LOOK_EVERY
            try:
                await self.look()
                self._wrong = None
            except CannotMakeError as error:
                self._fail(str(error))
                wait = MAKE_AGAIN
            except (RedisError, TimeoutError) as error:
                log.warning("redis_away", error=type(error).__name__)
            await asyncio.sleep(wait.total_seconds())

    async def look(self) -> Period | None:
        """Hand the report over that is due, if any; returns its month when this reporter was the first.

        Raises ``CannotMakeError`` or ``redis.RedisError``.
        """
        now = self._now()
        self._metrics.next.set(schedule.upcoming(self._city, self._calendar, now).timestamp())
        month = await self._missing(now)
        self._metrics.overdue.set(month is not None)
        if month is None:
            return None
        ready = report_ready(month, self._city.report.receivers, now)
        began = time.monotonic()
        document = await self._make(ready.id, month, now)
        self._metrics.seconds.observe(time.monotonic() - began)
        was_first = await self._report_queue.hand_over(document, ready, counts=True)
        self._metrics.overdue.set(0)
        self._metrics.became(ReportOutcome.HANDED_OVER if was_first else ReportOutcome.TAKEN)
        log.info("handed_over" if was_first else "taken", period=month.name, receivers=len(ready.receivers))
        return month if was_first else None

    async def check(self, now: datetime) -> str | None:
        """Say what keeps a report from being made, if anything."""
        return self._wrong or await self.backoff.check(now)

    async def _missing(self, now: datetime) -> Period | None:
        month = schedule.missing(self._city, self._calendar, now, await self._report_queue.sent())
        if month is None or not schedule.is_ours(month, await self._first_day()):
            return None
        return month

    def _fail(self, why: str) -> None:
        self._wrong = f"the report cannot be made: {why}"
        self._metrics.became(ReportOutcome.FAILED)
        log.error("cannot_make", why=why)


def report_ready(period: Period, receivers: tuple[str, ...], now: datetime, extra: str = "") -> ReportReady:
    """Return the event of a report; ``extra`` makes the id of a repeat another one."""
    name = ":".join(filter(None, ("report", period.name, extra)))
    return ReportReady(id=name, at=now, period=period.name, receivers=receivers)
