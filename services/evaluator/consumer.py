"""What the evaluator does with a partition that it owns: count and judge events, commit both."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

import structlog
from prometheus_client import Histogram

from domain.aggregator import LOG_REACH, ON_ITS_WAY, Aggregator, StreamEvent, memory
from domain.bucket_store import BucketStore
from domain.counts import ms_of
from domain.error_budget import RATE_REACH
from domain.queue_ref import QueueRef
from domain.site_kpis import ShownPeriods
from services.evaluator.alerting.judge import NOTHING_TO_TELL, Judge, Judgement
from services.evaluator.decoder import parse, set_aside
from services.evaluator.state_store import EvaluatorStore, StoredEvaluator
from shared.calendar import DAY, Calendar
from shared.config.model import CityFile, Site
from shared.contract.kpis import QueueKind
from shared.periods import Period
from shared.process.backoff import Backoff
from shared.process.clock import Clock
from shared.process.code_failures import CodeFailure, attempt
from shared.redis import keys
from shared.redis.consumer import Consumer, Session
from shared.redis.partition_owner import WENT_WRONG
from shared.redis.stream_entries import BEGINNING, Batch, arrived_ms
from shared.stored_state import UnreadableField

BATCH: Final = 2000
"""Entries read in one go. A batch is a commit: twice as many cost an eighth less each while there is a
backlog; more than this saves little and delays what it holds (``make bench``)."""

RECALL: Final = 5000
"""Entries read in one go at a take-over."""

JUDGE_SHARE: Final = 0.25
"""Under load, the share of the time that judging takes, at most. A look at ten queues takes milliseconds."""

JUDGE_EVERY_S: Final = 0.05
"""So long a batch waits to be judged at most, even where a look takes longer."""

ASIDE: Final = "aside"
"""The field of the state with the entries that were set aside."""

TRIM_EVERY: Final = timedelta(minutes=1)

STALLED: Final = timedelta(seconds=10)
"""Entries may wait this long unread before the subscription counts as dead."""

log = structlog.stdlib.get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class EvaluatorSession(Session):
    """An aggregator and its judge."""

    aggregator: Aggregator
    judge: Judge | None
    """``None`` after our own code failed in it, until the next session."""
    shown: ShownPeriods
    unsummed: Sequence[Period]
    """Months whose days have not been added up yet, in order: a release that kept no months left them."""
    aside: Sequence[str]
    """Entries within the horizon that our own code failed on: as if they had never come."""
    caught_up: bool = False
    """Whether everything that waited at the take-over has been read: half of it is no fair sample."""
    judge_from: float = 0.0
    """When a batch may be judged again, on the monotonic clock."""
    lag_events: int = 0
    oldest_unread: int | None = None
    arrives_from: int = 0
    """Whatever is read from now on arrived at this instant (UTC ms) or later."""
    committed: float = 0.0
    """When something was last committed, on the monotonic clock."""
    trimmed: float = 0.0

    def shown_at(self, now: datetime) -> datetime:
        """Return the instant whose figures are shown: the judge's last look, else ``now``.

        So a board and an alarm say the same to the digit, however long after the look somebody asks.
        """
        return now if self.judge is None or self.judge.looked_at is None else self.judge.looked_at


class EvaluatorConsumer(Consumer[EvaluatorSession]):
    """Counts and judges the events of some sites."""

    def __init__(
        self,
        number: int,
        city: CityFile,
        calendar: Calendar,
        store: EvaluatorStore,
        now: Clock,
        commit_seconds: Histogram,
    ) -> None:
        self._judging = Backoff("judging", partition=number)
        super().__init__(number, keys.events(number), BATCH, self._judging)
        self._sites: Sequence[Site] = city.partition_sites(number)
        self._queue_refs = [QueueRef(site.id, queue.id) for site in self._sites for queue in site.queues]
        self._city = city
        self._calendar = calendar
        self._store = store
        self._now = now
        self._commit_seconds = commit_seconds

    def wrong(self, session: EvaluatorSession) -> str | None:
        """Say that nothing is judged, or that nothing is read."""
        if self._judging.wrong is not None:
            return self._judging.wrong
        stalled_s = STALLED.total_seconds()
        if session.oldest_unread is None or time.monotonic() - session.committed <= stalled_s:
            return None
        return f"{session.lag_events} events wait and none has been read for {stalled_s:g} s"

    # Taking over -----------------------------------------------------------------------------------------

    async def load(self, fence: str) -> EvaluatorSession:
        """Read what was counted, and the part of the stream that later entries are held against."""
        pipeline = self._city.pipeline
        now = ms_of(self._now())
        offset = await self._store.offset()
        oldest = (await self._store.lag(0, offset))[1] if offset == BEGINNING else arrived_ms(offset)
        offset_ms = now if oldest is None else oldest
        reach = (LOG_REACH + pipeline.open_timeout + timedelta(days=1)) // timedelta(milliseconds=1)
        today = self._calendar.local_day(now)
        first = self._calendar.local_day(min(now, offset_ms) - reach)
        new_year = date(first.year, 1, 1)
        days = _days(first, self._calendar.local_day(max(now, offset_ms)) + DAY)
        stored = await self._store.load(self._queue_refs, [day.isoformat() for day in days])
        unreadable = [*stored.unreadable]
        unsummed = [] if stored.summed else await self._unsummed(stored.bucket_store, new_year, unreadable)
        stored.bucket_store.sum_years()
        aggregator = self._aggregator(stored, first)
        budgeted = _days(min(date(today.year, 1, 1), today - RATE_REACH), first - DAY)
        await self._recall_days(aggregator, budgeted, unreadable)
        aside = stored.state.get(ASIDE, "").split()
        await self._recall(aggregator, stored.offset, aside)
        judge = Judge(self._city, self._calendar, self._sites, stored.state)
        for rule_state in judge.unreadable:
            log.error("rule_state_unreadable", partition=self.number, rule_state=rule_state)
        return EvaluatorSession(
            fence=fence,
            offset=stored.offset,
            unreadable=unreadable,
            aggregator=aggregator,
            judge=judge,
            shown=ShownPeriods(self._city, self._sites, aggregator, new_year, today),
            unsummed=unsummed,
            aside=aside,
            committed=time.monotonic(),
        )

    async def _unsummed(
        self, bucket_store: BucketStore, new_year: date, unreadable: list[UnreadableField]
    ) -> list[Period]:
        """Add the months up in which live work counts, and return those before them, which can wait."""
        await self._store.forget_months()  # before one that cannot be read is set aside
        months = await self._store.months(self._queue_refs, unreadable)
        for month in months:
            if month.first >= new_year:
                for slot, bucket in await self._store.add_up(self._queue_refs, month, unreadable):
                    bucket_store.add(slot, bucket)
        return [month for month in months if month.first < new_year]

    async def _recall_days(
        self, aggregator: Aggregator, days: Sequence[date], unreadable: list[UnreadableField]
    ) -> None:
        """Take what error budgets ask of days that are over into memory."""
        for site in self._sites:
            for queue in site.of_kind(QueueKind.PHONE):
                queue_ref = QueueRef(site.id, queue.id)
                for day, bucket in (await self._store.days(queue_ref, days, unreadable)).items():
                    aggregator.day_over(queue_ref, day, bucket)

    def _aggregator(self, stored: StoredEvaluator, days_from: date) -> Aggregator:
        at = {site.id for site in self._sites}
        stored.last_reports.sweep(
            [source.id for source in self._city.sources if source.site in at], self._queue_refs
        )
        return Aggregator(
            self._city,
            self._calendar,
            self._sites,
            bucket_store=stored.bucket_store,
            last_reports=stored.last_reports,
            counts=stored.counts,
            cursor=stored.cursor,
            days_from=days_from.isoformat(),
        )

    async def _recall(self, aggregator: Aggregator, offset: str, aside: Sequence[str]) -> None:
        """Take the ids and open contacts of the dedup horizon back into memory."""
        if offset == BEGINNING:
            return
        first = f"{max(0, arrived_ms(offset) - self._horizon_ms())}-0"
        while True:
            batch = await self._store.entries(first, offset, RECALL)
            known = parse(batch.without(aside))
            aggregator.recall(item for item in known if isinstance(item, StreamEvent))
            if len(batch.ids) < RECALL:
                return
            first = f"({batch.ids[-1]}"

    def _horizon_ms(self) -> int:
        """How far behind the next arrival entries are still needed to know duplicates and open contacts."""
        tolerance = self._city.pipeline.future_tolerance + ON_ITS_WAY
        return (memory(self._city) + tolerance + TRIM_EVERY) // timedelta(milliseconds=1)

    # Events and time -------------------------------------------------------------------------------------

    async def consume(self, session: EvaluatorSession, batch: Batch) -> None:
        """Count a batch, and judge with it."""
        session.aggregator.record(parse(batch))
        await self._commit(session, batch.ids[-1], self._judge_batch(session, batch))

    async def dead_letter(self, session: EvaluatorSession, entry: str, failure: CodeFailure) -> None:
        """Count an entry as refused, and remember it for take-overs."""
        from_ms = arrived_ms(entry) - self._horizon_ms()
        session.aside = [one for one in [*session.aside, entry] if arrived_ms(one) >= from_ms]
        session.aggregator.record([set_aside(entry, failure)])
        await self._commit(session, entry, NOTHING_TO_TELL)

    async def tick(self, session: EvaluatorSession) -> None:
        """Close what time closes, judge, trim the stream, and see how much of it waits."""
        await self._store.look(session.fence, session.offset)
        if session.unsummed and not session.tasks:
            session.start(self._add_up(session), "months")
        session.aggregator.advance(ms_of(self._now()))
        judgement = self._judge(session) if session.caught_up else NOTHING_TO_TELL
        due = time.monotonic() - session.trimmed > TRIM_EVERY.total_seconds()
        if due or judgement or session.aggregator.has_changes:
            await self._commit(session, session.offset, judgement, trim=due)
        counts, looked = session.aggregator.counts, ms_of(self._now())
        session.lag_events, session.oldest_unread = await self._store.lag(counts.read, session.offset)
        session.arrives_from = looked if session.oldest_unread is None else session.oldest_unread
        session.caught_up = session.caught_up or not session.lag_events
        if session.judge is None and not self._judging.pause_s:
            session.end()  # the next one judges again

    async def _add_up(self, session: EvaluatorSession) -> None:
        """Make the sums of months that lack them, the newest first; live work goes on in between."""
        unreadable: list[UnreadableField] = []
        with suppress(*WENT_WRONG), session.breaking():
            for month in reversed(session.unsummed):
                sums = await self._store.add_up(self._queue_refs, month, unreadable)
                async with self.lock:
                    for slot, bucket in sums:
                        session.aggregator.bucket_store.add(slot, bucket)
            await self._store.set_aside.put(session.fence, unreadable)
            async with self.lock:
                if session.over:
                    return
                session.unsummed = ()
                await self._commit(session, session.offset, NOTHING_TO_TELL)
            session.end()  # the next one shows them

    def _judge(self, session: EvaluatorSession) -> Judgement:
        if session.judge is None:
            return NOTHING_TO_TELL
        began = time.monotonic()
        judgement = attempt(session.judge.judge, session.aggregator, self._now())
        if isinstance(judgement, CodeFailure):
            # Half of its rules have taken a step: it is of no use any more. Counting goes on.
            self._judging.failed(judgement)
            session.judge = None
            return NOTHING_TO_TELL
        took = time.monotonic() - began
        session.judge_from = began + min(took / JUDGE_SHARE, JUDGE_EVERY_S)
        return judgement

    def _judge_batch(self, session: EvaluatorSession, batch: Batch) -> Judgement:
        """Judge with the batch, so that an alert needs no tick; but not in the middle of a backlog, nor
        more often than anybody could notice."""
        if batch.more:
            return NOTHING_TO_TELL
        session.caught_up = True
        rest = session.judge_from - time.monotonic()
        if rest <= 0:
            return self._judge(session)
        asyncio.get_running_loop().call_later(rest, session.woken.set)
        return NOTHING_TO_TELL

    async def _commit(
        self, session: EvaluatorSession, after: str, judgement: Judgement, trim: bool = False
    ) -> None:
        oldest = self._oldest_needed(session) if trim else ("", "")
        changes = session.aggregator.take_changes()
        if session.aside:
            changes.state[ASIDE] = " ".join(session.aside)
        with session.committing(after), self._commit_seconds.time():
            summed = not session.unsummed
            await self._store.commit(
                session.fence, session.offset, after, changes, judgement, *oldest, summed=summed
            )
        session.committed = time.monotonic()
        if trim:
            session.trimmed = session.committed

    def _oldest_needed(self, session: EvaluatorSession) -> tuple[str, str]:
        """Return the oldest entry that is to stay, and the oldest that must stay though Redis is full.

        The first goes by the stream alone. Of a full Redis that takes nothing new in, the stream would stand
        still, and nothing would ever go: there the clock tells how old entries have become.
        """
        if session.offset == BEGINNING:
            return "", ""
        read = arrived_ms(session.offset)
        stays = max(0, read - self._horizon_ms())
        must_stay = max(stays, min(read, session.arrives_from - self._horizon_ms()))
        return f"{stays}-0", f"{must_stay}-0"


def _days(first: date, last: date) -> list[date]:
    return [first + number * DAY for number in range((last - first).days + 1)]
