"""The days that a session does not hold: read behind its back, month by month, the newest first.

A session reads the running year at a take-over (``EvaluatorConsumer``), for that is what rules are about.
Older months and years are only shown, so nobody waits for them: a task of its own reads them once the session
has caught up, and keeps no sums, only what they come to. Nothing live can change those days any more; a
``history import`` ends the session, and with it everything that was read for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby
from typing import Final

import structlog

from domain.bucket import Bucket, Resolution, merged
from domain.bucket_store import Slot
from domain.corrections import SettledDays
from domain.error_budget import RATE_REACH
from domain.period_kpis import Days
from domain.queue_ref import QueueRef
from domain.tallies import ms_of
from services.evaluator.consumer import EvaluatorSession
from services.evaluator.period_figures import PeriodFigures, figures, outcomes
from services.evaluator.state_store import EvaluatorStore
from shared.calendar import DAY, Calendar
from shared.config.model import CityFile, Site
from shared.contract.kpis import QueueKind
from shared.periods import MONTHS, Period
from shared.process.backoff import Backoff
from shared.process.clock import Clock
from shared.process.health import Degraded
from shared.process.shutdown import heed_cancellation
from shared.redis.partition_owner import TICK, WENT_WRONG, PartitionOwner
from shared.stored_state import UnreadableField

MONTHS_TOLD: Final = 25
"""The running one, and two years to hold it against. Years are told for as long as there are days."""

log = structlog.stdlib.get_logger(__name__)


@dataclass(slots=True)
class SessionHistory:
    """What was read for one session."""

    session: EvaluatorSession
    until: date
    """Nothing can change the days before this one any more: ``days`` has them, the session has the others."""
    figures: dict[tuple[str, Period], PeriodFigures] = field(default_factory=dict)
    """By site: months and years that are over for good."""
    days: dict[str, dict[date, Bucket]] = field(default_factory=dict)
    """By site: its phones' outcomes, all queues together, of the running year and of the last six weeks."""
    whole: bool = False
    """Whether everything that there was has been read."""


class PeriodHistory:
    """What one partition knows of days gone by, once a session is there to show it."""

    def __init__(
        self,
        partition: PartitionOwner[EvaluatorSession],
        store: EvaluatorStore,
        city: CityFile,
        calendar: Calendar,
        now: Clock,
    ) -> None:
        self.partition = partition
        self.backoff = Backoff("past", partition=partition.number)
        self._store = store
        self._city = city
        self._calendar = calendar
        self._now = now
        self._sites: Sequence[Site] = city.partition_sites(partition.number)
        self._known: SessionHistory | None = None

    def of(self, session: EvaluatorSession) -> SessionHistory | None:
        """Return what was read for a session so far, if anything."""
        return self._known if self._known is not None and self._known.session is session else None

    async def check(self, now: datetime) -> str | None:
        """Say what is wrong with the partition, or what keeps its days gone by from being shown."""
        wrong = await self.partition.check(now)
        if wrong is None and self.backoff.wrong is not None:
            return Degraded(self.backoff.wrong)  # the live figures are none the worse for it
        return wrong

    async def run(self) -> None:
        """Read whatever the session of the moment lacks. Ends only by being cancelled."""
        while True:
            session = self.partition.session
            if session is not None and session.caught_up:
                try:
                    await self._keep_up(session)
                except WENT_WRONG as error:
                    log.warning("past_unread", partition=self.partition.number, error=type(error).__name__)
            await asyncio.sleep(TICK.total_seconds())
            heed_cancellation()

    def figures(self, site: Site, session: EvaluatorSession, period: Period) -> PeriodFigures | None:
        """Return a month or year of a site, running or past; ``None`` while it has not been read yet.

        Synchronous, from what is in memory; only between commits.
        """
        known = self.of(session)
        if known is not None and (found := known.figures.get((site.id, period))) is not None:
            return found
        if period.first < session.counted_from:
            return None
        resolution = Resolution.MONTH if period.is_month else Resolution.YEAR
        bucket_store = session.aggregator.bucket_store
        sums = {
            queue.id: bucket
            for queue in site.queues
            if (bucket := bucket_store.get(Slot(QueueRef(site.id, queue.id), resolution, period.name)))
            is not None
        }
        made = figures(self._city, site, sums)
        if known is not None and period.last < known.until:
            known.figures[site.id, period] = made
        return made

    def years(self, site: Site, session: EvaluatorSession, today: date) -> list[Period]:
        """Return the years of a site that can be told, the oldest first."""
        known = self.of(session)
        read = {period for name, period in known.figures if name == site.id} if known else set()
        running = range(session.counted_from.year, today.year + 1)
        years = {period for period in read if period.is_year} | {Period.parse(str(year)) for year in running}
        return sorted(years)

    def phone_days(self, site: Site, session: EvaluatorSession, today: date) -> Days | None:
        """Return what ``error_budget`` asks for; ``None`` while it has not been read yet.

        All phones of the site together, under the first of them: a budget is theirs together.
        """
        known, phones = self.of(session), site.of_kind(QueueKind.PHONE)
        if known is None or not known.whole or not phones:
            return None
        shelf = dict(known.days.get(site.id, {}))
        for day in _days(known.until, today + DAY):
            slots = (Slot(QueueRef(site.id, queue.id), Resolution.DAY, day.isoformat()) for queue in phones)
            found = [
                bucket for slot in slots if (bucket := session.aggregator.bucket_store.get(slot)) is not None
            ]
            if found:
                shelf[day] = merged(outcomes(bucket, self._city.live_definition) for bucket in found)
        return {QueueRef(site.id, phones[0].id): shelf}

    # Reading ---------------------------------------------------------------------------------------------

    async def _keep_up(self, session: EvaluatorSession) -> None:
        now = ms_of(self._now())
        today = self._calendar.local_day(now)
        cursor, dedup = session.aggregator.contacts.cursor, self._city.pipeline.dedup
        settled = SettledDays.at(self._calendar, now, dedup, session.oldest_unread, cursor).before
        known = self.of(session)
        if known is None or not known.whole:  # not begun, or Redis went away in the middle of it
            known = self._known = SessionHistory(session, settled)
            await self._read_all(known, today)
        elif known.until < settled:
            unreadable: list[UnreadableField] = []
            await self._read_days(known, _days(known.until, settled), unreadable)
            await self._put_aside(known, unreadable)
            known.until = settled
            _forget(known, before=_budgets_from(today))

    async def _read_all(self, known: SessionHistory, today: date) -> None:
        unreadable: list[UnreadableField] = []
        days = await self._store.known_days(self._queue_refs(tuple(QueueKind)), unreadable)
        there = sorted((day for day in days if day < known.until), reverse=True)
        for year, of_year in groupby(there, key=lambda day: day.year):
            sums: dict[QueueRef, Bucket] = {}
            for first, of_month in groupby(of_year, key=lambda day: day.replace(day=1)):
                if self.partition.session is not known.session:
                    return
                in_month = list(of_month)
                budgeted = [day for day in in_month if day >= _budgets_from(today)]
                await self._read_days(known, budgeted, unreadable)
                if first < known.session.counted_from:
                    month = await self._sums(in_month, unreadable)
                    if first >= first_month(today).first:
                        self._tell(known, Period.month_of(first), month)
                    for queue_ref, bucket in month.items():
                        sums.setdefault(queue_ref, Bucket()).add(bucket)
            if year < known.session.counted_from.year:
                self._tell(known, Period.parse(str(year)), sums)
        await self._put_aside(known, unreadable)
        known.whole = True
        log.info("past_read", partition=self.partition.number, days=len(there))

    async def _put_aside(self, known: SessionHistory, unreadable: Sequence[UnreadableField]) -> None:
        if unreadable:
            await self.partition.put_aside(known.session, unreadable)

    async def _read_days(
        self, known: SessionHistory, days: Iterable[date], unreadable: list[UnreadableField]
    ) -> None:
        wanted = list(days)
        read: dict[tuple[str, date], Bucket] = {}
        for queue_ref in self._queue_refs((QueueKind.PHONE,)):
            for day, bucket in (await self._store.days(queue_ref, wanted, unreadable)).items():
                of_day = read.setdefault((queue_ref.site, day), Bucket())
                of_day.add(outcomes(bucket, self._city.live_definition))
        for (site, day), bucket in read.items():  # all of them or, when Redis goes away, none
            known.days.setdefault(site, {})[day] = bucket

    async def _sums(self, days: Sequence[date], unreadable: list[UnreadableField]) -> dict[QueueRef, Bucket]:
        """Add days up by place; a month of one place at a time, so that no commit has to wait for long."""
        return {
            queue_ref: merged(iter((await self._store.days(queue_ref, days, unreadable)).values()))
            for queue_ref in self._queue_refs(tuple(QueueKind))
        }

    def _tell(self, known: SessionHistory, period: Period, sums: Mapping[QueueRef, Bucket]) -> None:
        for site in self._sites:
            of_site = {
                queue_ref.queue: bucket for queue_ref, bucket in sums.items() if queue_ref.site == site.id
            }
            known.figures[site.id, period] = figures(self._city, site, of_site)

    def _queue_refs(self, kinds: Container[QueueKind]) -> list[QueueRef]:
        return [
            QueueRef(site.id, queue.id)
            for site in self._sites
            for queue in site.queues
            if queue.kind in kinds
        ]


def first_month(today: date) -> Period:
    """Return the oldest month that is told."""
    months_ago = today.year * MONTHS + today.month - MONTHS_TOLD  # counted from January of the year 0
    return Period.month_of(date(months_ago // MONTHS, months_ago % MONTHS + 1, 1))


def _budgets_from(today: date) -> date:
    """The first day that error budgets rest upon: their period's, or that of the weeks before now."""
    return min(date(today.year, 1, 1), today - RATE_REACH)


def _forget(known: SessionHistory, before: date) -> None:
    for shelf in known.days.values():
        for day in [day for day in shelf if day < before]:
            del shelf[day]


def _days(first: date, until: date) -> Iterator[date]:
    for number in range((until - first).days):
        yield first + number * DAY
