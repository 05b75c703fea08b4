"""What the owner of a partition does: read events, count and judge them, commit.

A *session* is one reading of the committed state and one subscription that goes on from its
offset. Whatever goes wrong ends the session; nothing of it was written, so nothing is lost.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

import structlog
from faststream.redis import RedisBroker
from faststream.redis.subscriber.usecases.stream_subscriber import StreamBatchSubscriber
from prometheus_client import Histogram

from domain.aggregator import Aggregator, StreamEvent
from domain.queue_ref import QueueRef
from domain.tallies import ms_of
from services.evaluator.alerting.judge import NOTHING_TO_TELL, Judge, Judgement
from services.evaluator.decoder import parse, set_aside
from services.evaluator.state_store import BEGINNING, EvaluatorStore, StoredEvaluator
from shared.calendar import Calendar
from shared.config.model import CityFile, Site
from shared.contract.dead_letters import DeadLetter
from shared.process.backoff import Backoff
from shared.process.clock import Clock
from shared.process.code_failures import CodeFailure, attempt
from shared.process.shutdown import heed_cancellation
from shared.redis import keys
from shared.redis.partition_owner import OwnerRole, PartitionOwner, wait
from shared.redis.stream_entries import Batch, arrived_ms
from shared.redis.stream_reader import StreamReader, break_off, breaking, trouble, unsubscribe
from shared.stored_state import UnreadableField

BATCH: Final = 2000
"""Entries read in one go. A batch is a commit: twice as many cost an eighth less each while there is a
backlog; more than this saves little and delays what it holds (``make bench``)."""

TICK: Final = timedelta(seconds=1)
"""How often time alone is looked at: the lease, unfinished contacts, the lag."""

RENEWALS: Final = 3
"""How often within a lease the owner renews it, at least: one may come late, on a busy machine."""

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


@dataclass(slots=True)
class EvaluatorSession:
    """A desk, its judge, the offset they stand at, and the subscription that feeds them."""

    aggregator: Aggregator
    judge: Judge | None
    """``None`` after our own code failed in it, until the next session."""
    offset: str
    fence: str
    counted_from: date
    """The first local day in the desk's sums of months and years: a New Year's Day."""
    aside: Sequence[str]
    """Entries within the horizon that our own code failed on: as if they had never come."""
    subscription: StreamBatchSubscriber | None = None
    broken: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    """There is something to look at before the next tick."""
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


class EvaluatorPartition:
    """Owns, or waits to own, the events of some sites."""

    def __init__(
        self,
        number: int,
        city: CityFile,
        calendar: Calendar,
        store: EvaluatorStore,
        broker: RedisBroker,
        now: Clock,
        commit_seconds: Histogram,
    ) -> None:
        self.number = number
        self.lock = asyncio.Lock()
        """Held while the desk is ahead of what was committed; readers take it to see only what was."""
        self._sites: Sequence[Site] = city.partition_sites(number)
        self._city = city
        self._calendar = calendar
        self._store = store
        self._now = now
        self._commit_seconds = commit_seconds
        self._tick_every = min(TICK, city.pipeline.lease / RENEWALS)
        self._owner = PartitionOwner(number, store.lease, city.pipeline.lease, self._hold_session)
        self._reader = StreamReader(broker, keys.events(number), BATCH, self._owner)
        self._judging = Backoff("judging", partition=number)
        self._session: EvaluatorSession | None = None
        self.set_aside_at = 0.0
        """When something kept that could not be read was set aside last: epoch seconds; 0: never."""

    @property
    def backoff(self) -> Sequence[Backoff]:
        """Failures of our own code, by what was at work."""
        return self._owner.backoff, self._reader.backoff, self._judging

    @property
    def role(self) -> OwnerRole:
        return self._owner.role

    @property
    def session(self) -> EvaluatorSession | None:
        """The running session, while this process is the owner and may say so."""
        if self._session is None or self._session.broken.is_set() or not self._owner.runs:
            return None
        return self._session

    async def put_aside(self, session: EvaluatorSession, spoiled: Sequence[UnreadableField]) -> None:
        """Move out of the way what a session cannot read. Raises ``Superseded`` when it is another's turn."""
        self.set_aside_at = await self._store.set_aside.put(session.fence, spoiled)

    async def run(self) -> None:
        """Own the partition whenever nobody else does. Ends only by being cancelled."""
        await self._owner.run()

    async def check(self, _now: datetime) -> str | None:
        """Say what is wrong with this partition, if anything."""
        session = self._session
        if (wrong := trouble(self._owner, session)) is not None or session is None:
            return wrong
        if (wrong := self._judging.wrong) is not None:
            return wrong
        if (
            session.oldest_unread is not None
            and time.monotonic() - session.committed > STALLED.total_seconds()
        ):
            return (
                f"{session.lag_events} events wait and none has been read for {STALLED.total_seconds():g} s"
            )
        return self._reader.remark

    async def _hold_session(self, fence: str) -> None:
        """Read the committed state, go on from there, and look after it until it breaks."""
        async with self._owner.keeping(fence):
            session = await self._open(fence)
        self._session = session
        session.subscription = self._subscribe(session, fence)
        try:
            await session.subscription.start()
            self._owner.begin()
            log.info("owner", partition=self.number, offset=session.offset)
            while not session.over.is_set():
                await self._tick(session, fence)
                await wait(session.woken, self._tick_every)
                session.woken.clear()
                heed_cancellation()
        finally:
            self._session = None
            break_off(session)  # a batch that is still on its way counts in the next session
            await self._owner.shield.run(unsubscribe(session.subscription))

    async def _open(self, fence: str) -> EvaluatorSession:
        pipeline = self._city.pipeline
        now = ms_of(self._now())
        offset = await self._store.offset()
        offset_ms = now if offset == BEGINNING else arrived_ms(offset)
        reach = (pipeline.dedup + pipeline.open_timeout + timedelta(days=1)) // timedelta(milliseconds=1)
        queue_refs = [QueueRef(site.id, queue.id) for site in self._sites for queue in site.queues]
        first = self._calendar.local_day(min(now, offset_ms) - reach)
        counted_from = date(first.year, 1, 1)
        days = _days(counted_from, self._calendar.local_day(max(now, offset_ms)) + timedelta(days=1))
        kept = await self._store.load(queue_refs, days, first.isoformat())
        self.set_aside_at = await self._store.set_aside.put(fence, kept.unreadable)
        aggregator = self._aggregator(kept)
        aside = kept.state.get(ASIDE, "").split()
        await self._recall(aggregator, kept.offset, aside)
        judge = Judge(self._city, self._calendar, self._sites, kept.state)
        for rule_state in judge.unreadable:
            log.error("watch_unreadable", partition=self.number, rule_state=rule_state)
        return EvaluatorSession(
            aggregator, judge, kept.offset, fence, counted_from, aside, committed=time.monotonic()
        )

    def _aggregator(self, kept: StoredEvaluator) -> Aggregator:
        at = {site.id for site in self._sites}
        kept.last_reports.sweep(
            [source.id for source in self._city.sources if source.site in at],
            [QueueRef(site.id, queue.id) for site in self._sites for queue in site.queues],
        )
        return Aggregator(
            self._city,
            self._calendar,
            self._sites,
            bucket_store=kept.bucket_store,
            last_reports=kept.last_reports,
            counts=kept.counts,
            cursor=kept.cursor,
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
        pipeline = self._city.pipeline
        return (pipeline.dedup + pipeline.future_tolerance + TRIM_EVERY) // timedelta(milliseconds=1)

    def _subscribe(self, session: EvaluatorSession, fence: str) -> StreamBatchSubscriber:
        async def take(batch: Batch) -> None:
            await self._record(session, fence, batch)

        async def put_aside(entry: str, failure: CodeFailure) -> None:
            batch = Batch([entry], [None], more=True)
            await self._record(session, fence, batch, [set_aside(entry, failure)])

        return self._reader.subscribe(session, take, put_aside)

    async def _record(
        self, session: EvaluatorSession, fence: str, batch: Batch, in_its_place: Sequence[DeadLetter] = ()
    ) -> None:
        """Count a batch, or the dead letters in its place, and commit it."""
        async with self.lock:
            if session.broken.is_set():
                return
            with breaking(session):
                if in_its_place:
                    session.aside = self._within_horizon([*session.aside, *batch.ids])
                session.aggregator.record(in_its_place or parse(batch))
                await self._commit(session, fence, batch.ids[-1], self._judge_batch(session, batch))

    def _within_horizon(self, entries: Sequence[str]) -> list[str]:
        """Leave out entries that no take-over reads any more, seen from the last of them."""
        from_ms = arrived_ms(entries[-1]) - self._horizon_ms()
        return [entry for entry in entries if arrived_ms(entry) >= from_ms]

    async def _tick(self, session: EvaluatorSession, fence: str) -> None:
        """What time alone brings about, once a second."""
        async with self.lock:
            if session.broken.is_set():
                return
            with breaking(session):
                await self._owner.renew(fence)
                session.aggregator.advance(ms_of(self._now()))
                verdict = self._judge(session) if session.caught_up else NOTHING_TO_TELL
                due = time.monotonic() - session.trimmed > TRIM_EVERY.total_seconds()
                if due or verdict or session.aggregator.has_changes:
                    await self._commit(session, fence, session.offset, verdict, trim=due)
        counts, looked = session.aggregator.counts, ms_of(self._now())
        session.lag_events, session.oldest_unread = await self._store.lag(counts.read, session.offset)
        session.arrives_from = looked if session.oldest_unread is None else session.oldest_unread
        session.caught_up = session.caught_up or not session.lag_events
        if session.judge is None and not self._judging.pause_s:
            break_off(session)  # the next one judges again

    def _judge(self, session: EvaluatorSession) -> Judgement:
        if session.judge is None:
            return NOTHING_TO_TELL
        began = time.monotonic()
        verdict = attempt(session.judge.judge, session.aggregator, self._now())
        if isinstance(verdict, CodeFailure):
            # Half of its watches have taken a step: it is of no use any more. Counting goes on.
            self._judging.failed(verdict)
            session.judge = None
            return NOTHING_TO_TELL
        took = time.monotonic() - began
        session.judge_from = began + min(took / JUDGE_SHARE, JUDGE_EVERY_S)
        return verdict

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
        self, session: EvaluatorSession, fence: str, after: str, verdict: Judgement, trim: bool = False
    ) -> None:
        oldest = self._oldest_needed(session) if trim else ("", "")
        changes = session.aggregator.take_changes()
        if session.aside:
            changes.state[ASIDE] = " ".join(session.aside)
        with self._commit_seconds.time():
            await self._store.commit(fence, session.offset, after, changes, verdict, *oldest)
        session.offset = after
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


def _days(first: date, last: date) -> list[str]:
    return [(first + timedelta(days=n)).isoformat() for n in range((last - first).days + 1)]
