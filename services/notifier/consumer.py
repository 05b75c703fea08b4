"""What the owner of a partition does: hear, decide, remember, deliver.

One event's way: ``handover`` (batch) → ``hear`` → ``policy`` → commit (records, parcels and offset in one
script) → ``deliver`` → commit (gone from the outbox, a line in the log). A crash before the first commit
decides again with the same ids; one before the second delivers again with the same key.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

import structlog
from faststream.redis import RedisBroker
from faststream.redis.subscriber.usecases.stream_subscriber import StreamBatchSubscriber
from pydantic import ValidationError
from redis.exceptions import RedisError

from services.notifier import engine, outbox
from services.notifier.commands import WORD, Acknowledge, CreateSilence, ExpireSilence, Word
from services.notifier.delivery_log import decision_line, delivery_line, failure_line
from services.notifier.engine import Decision, NotifierPolicy
from services.notifier.metrics import NotifierMetrics
from services.notifier.model import (
    Breach,
    Delivery,
    DeliveryFailed,
    Notification,
    PermanentFailure,
    TransientFailure,
    UnexplainedFailure,
)
from services.notifier.outbox import Attempt
from services.notifier.report_delivery import send_report
from services.notifier.state import NotifierState, changes
from services.notifier.state_store import NotifierChanges, NotifierStore
from shared.config.model import CityFile
from shared.contract.breach_events import BreachChanged, BreachProgress
from shared.contract.dead_letters import DeadLetterReason
from shared.contract.report_events import ReportReady
from shared.process.backoff import Backoff
from shared.process.clock import Clock
from shared.process.code_failures import CodeFailure, attempt, attempted
from shared.process.shutdown import END, cancel, heed_cancellation
from shared.redis import keys
from shared.redis.lease import Superseded
from shared.redis.partition_owner import WENT_WRONG, OwnerRole, PartitionOwner, wait
from shared.redis.poison_entries import TRIES
from shared.redis.stream_entries import Batch
from shared.redis.stream_reader import StreamReader, break_off, breaking, trouble, unsubscribe

BATCH: Final = 500
TICK: Final = timedelta(seconds=1)
"""How often time alone is looked at: reminders, waits that are over, parcels to be tried again."""

RENEWALS: Final = 3
"""How often within a lease the owner renews it, at least."""

OURS_AGAIN: Final = timedelta(minutes=1)
"""When a parcel is tried again that our own code failed on."""

FINISH: Final = END - timedelta(seconds=2)
"""How long deliveries under way may take at an orderly end. What takes longer is cut off, and handed over
again by the next owner with the same key; the rest of ``END`` is for giving the lease up."""

ANNOTATE_AGAIN: Final = timedelta(seconds=15)
"""How long an annotation waits after Grafana did not take it."""

ANNOTATE_WITHIN: Final = timedelta(days=7)
"""A Grafana that was away for longer does without."""

log = structlog.stdlib.get_logger(__name__)

Deliver = Callable[[Delivery], Awaitable[None]]
"""Hands a parcel over; raises ``TransientFailure`` or ``PermanentFailure``."""

Annotate = Callable[[Breach], Awaitable[None]]
"""Writes a breach into Grafana; raises ``TransientFailure`` or ``PermanentFailure``."""


@dataclass(slots=True)
class PendingAnnotation:
    """A breach that Grafana is to hear of."""

    breach: Breach
    at: float = 0.0
    """When, on the monotonic clock."""
    failures: int = 0
    """How often our own code failed on it."""


@dataclass(slots=True)
class NotifierSession:
    """What is known and on its way, the offset it stands at, and the subscription that feeds it."""

    state: NotifierState
    outbox: dict[str, Delivery]
    offset: str
    subscription: StreamBatchSubscriber | None = None
    broken: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    under_way: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    owed: dict[str, PendingAnnotation] = field(default_factory=dict)
    """What Grafana is to hear, by breach."""
    annotating: asyncio.Task[None] | None = None
    unread: int = 0
    """Entries of the stream that waited to be heard at the last tick."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What comes of decisions."""

    state: NotifierState
    notices: Sequence[Notification]
    written: NotifierChanges


class NotifierPartition:
    """Owns, or waits to own, what there is to tell about some sites."""

    def __init__(
        self,
        number: int,
        city: CityFile,
        rules: NotifierPolicy,
        store: NotifierStore,
        broker: RedisBroker,
        now: Clock,
        deliver: Deliver,
        annotate: Annotate | None,
        metrics: NotifierMetrics,
    ) -> None:
        self.number = number
        self.store = store
        self._city = city
        self._rules = rules
        self._now = now
        self._deliver = deliver
        self._annotate = annotate
        self._metrics = metrics
        self._lock = asyncio.Lock()
        self._tick_every = min(TICK, city.pipeline.lease / RENEWALS)
        self._owner = PartitionOwner(number, store.lease, city.pipeline.lease, self._hold_session)
        self._reader = StreamReader(broker, keys.breaches(number), BATCH, self._owner)
        self._timing = Backoff("time", partition=number)
        self._delivering = Backoff("deliveries", partition=number)
        self._session: NotifierSession | None = None
        self.set_aside_at = 0.0
        """When a record that could not be read was set aside last: epoch seconds; 0: never."""

    @property
    def backoff(self) -> Sequence[Backoff]:
        """Failures of our own code, by what was at work."""
        return self._owner.backoff, self._reader.backoff, self._timing, self._delivering

    @property
    def role(self) -> OwnerRole:
        return self._owner.role

    @property
    def session(self) -> NotifierSession | None:
        """The running session, while this process is the owner and may say so."""
        if self._session is None or self._session.broken.is_set() or not self._owner.runs:
            return None
        return self._session

    async def run(self) -> None:
        """Own the partition whenever nobody else does. Ends only by being cancelled."""
        await self._owner.run()

    def is_owner(self) -> bool:
        """Whether a session of this process looks after the partition right now."""
        return self.role is OwnerRole.OWNER and self.session is not None

    def parcels(self) -> int:
        """Return how many messages are on their way."""
        return 0 if (session := self.session) is None else len(session.outbox)

    def unread(self) -> int:
        """Return how many entries of the breaches stream wait to be heard (at most a thousand)."""
        return 0 if (session := self.session) is None else session.unread

    def going_on(self) -> list[Breach]:
        """Return the breaches that fired and are not over."""
        known = () if (session := self.session) is None else session.state.breaches.values()
        return [one.breach for one in known if one.is_firing]

    async def check(self, _now: datetime) -> str | None:
        """Say what is wrong with this partition, if anything."""
        return trouble(self._owner, self._session) or self._timing.wrong or self._reader.remark

    async def _hold_session(self, fence: str) -> None:
        """Read the committed state, go on from there, and look after it until it breaks."""
        async with self._owner.keeping(fence):
            kept = await self.store.load()
            self.set_aside_at = await self.store.set_aside.put(fence, kept.unreadable)
        session = NotifierSession(kept.state, kept.outbox, kept.offset)
        self._owe(session, [*(known.breach for known in kept.state.breaches.values()), *kept.owed])
        session.subscription = self._subscribe(session, fence)
        self._session = session
        try:
            await session.subscription.start()
            self._owner.begin()
            log.info("owner", partition=self.number, offset=session.offset, outbox=len(session.outbox))
            while not session.over.is_set():
                # Cancelled in the middle of a commit, the session would be broken and could finish nothing.
                await self._owner.shield.run(self._tick(session, fence))
                self._send_what_is_due(session, fence)
                await wait(session.woken, self._tick_every)
                session.woken.clear()
                heed_cancellation()
        finally:
            self._session = None
            await self._owner.shield.run(self._end(session, session.subscription, fence))

    async def _end(self, session: NotifierSession, subscription: StreamBatchSubscriber, fence: str) -> None:
        """Let what is being handed over be handed over and written down, unless the session broke."""
        try:
            await unsubscribe(subscription)
            if session.under_way and not session.broken.is_set():
                with suppress(RedisError, Superseded):
                    async with self._owner.keeping(fence):
                        await asyncio.wait(session.under_way.values(), timeout=FINISH.total_seconds())
        finally:
            break_off(session)
            await cancel([*session.under_way.values(), *([session.annotating] if session.annotating else [])])

    def _subscribe(self, session: NotifierSession, fence: str) -> StreamBatchSubscriber:
        async def take(batch: Batch) -> None:
            async with self._lock:
                if not session.over.is_set():
                    # Where our own code fails here, what is being handed over may still be finished.
                    decisions = hear(session.state, self._words(batch), self._now(), self._rules)
                    await self._commit(session, fence, self._outcome(session, decisions), batch.ids[-1])
            self._send_what_is_due(session, fence)

        async def put_aside(entry: str, failure: CodeFailure) -> None:
            async with self._lock:
                if not session.over.is_set():
                    # What is due goes before whatever is heard. Where our own code fails on that, it is not
                    # the entry, which waits.
                    engine.on_time(session.state, self._now(), self._rules)
                    line = failure_line(entry, failure, self._now())
                    await self._write(session, fence, entry, NotifierChanges(dead=(line,)))
                    self._metrics.dead_letters.labels(DeadLetterReason.INTERNAL_ERROR.value).inc()

        return self._reader.subscribe(session, take, put_aside)

    def _words(self, batch: Batch) -> list[Word]:
        words: list[Word] = []
        for entry, body in zip(batch.ids, batch.bodies, strict=True):
            try:
                words.append(WORD.validate_json(body or b""))
            except ValidationError as error:
                # Nothing of ours writes such an entry; it must not stop the others.
                log.warning("unreadable_entry", partition=self.number, entry=entry, kinds=error.error_count())
                self._metrics.unreadable.inc()
        return words

    async def _tick(self, session: NotifierSession, fence: str) -> None:
        async with self._lock:
            if session.over.is_set():
                return
            with breaking(session):
                await self._owner.renew(fence)
                session.unread = await self.store.unread(session.offset)
                if not self._timing.pause_s:
                    await self._let_time_pass(session, fence)

    async def _let_time_pass(self, session: NotifierSession, fence: str) -> None:
        """Remind, escalate, forget. Where our own code fails in that, what is heard is told all the same."""
        outcome = attempt(self._what_is_due, session)
        if isinstance(outcome, CodeFailure):
            self._timing.failed(outcome)
        elif outcome is not None:
            await self._commit(session, fence, outcome, session.offset)

    def _what_is_due(self, session: NotifierSession) -> Applied | None:
        decision = engine.on_time(session.state, self._now(), self._rules)
        return self._outcome(session, [decision]) if decision.changed or decision.notices else None

    def _outcome(self, session: NotifierSession, decisions: Sequence[Decision]) -> Applied:
        notices = [notice for decision in decisions for notice in decision.notices]
        posted = outbox.posted(notices, self._city, session.outbox.values())
        state = decisions[-1].state if decisions else session.state
        records = changes(session.state, state)
        log_lines = [decision_line(v) for d in decisions for v in d.verdicts if v.receiver]
        changed = (key.removeprefix("breach/") for key in records if key.startswith("breach/"))
        news = [state.breaches[name].breach for name in changed if name in state.breaches]
        owed = () if self._annotate is None else news
        came = {decision.document for decision in decisions if decision.document is not None}
        spent = came - outbox.documents(posted)
        written = NotifierChanges(records=records, posted=posted, owed=owed, log=log_lines, spent=spent)
        return Applied(state, notices, written)

    async def _commit(self, session: NotifierSession, fence: str, outcome: Applied, after: str) -> None:
        await self._write(session, fence, after, outcome.written)
        session.state = outcome.state
        session.outbox.update({parcel.key: parcel for parcel in outcome.written.posted})
        self._owe(session, outcome.written.owed)
        self._note_unroutable(outcome.notices)

    async def _write(
        self, session: NotifierSession, fence: str, after: str, written: NotifierChanges
    ) -> None:
        with breaking(session):
            await self.store.commit(fence, session.offset, after, written)
            session.offset = after

    def _note_unroutable(self, notices: Iterable[Notification]) -> None:
        known = {receiver.id for receiver in self._city.receivers}
        for notice in notices:
            if notice.receiver not in known:
                log.error("receiver_unknown", receiver=notice.receiver, notice=notice.id)

    # Deliveries ----------------------------------------------------------------------------------

    def _send_what_is_due(self, session: NotifierSession, fence: str) -> None:
        """Begin the deliveries whose time has come."""
        if session.over.is_set():
            return
        now = self._now()
        for parcel in outbox.due(session.outbox.values(), session.under_way, now):
            name = f"deliver {parcel.key}"
            attempt = self._see_through(self._attempt(session, fence, parcel), name)
            session.under_way[parcel.key] = asyncio.create_task(attempt, name=name)
        if session.annotating is None or session.annotating.done():
            annotate = self._see_through(self._annotate_due(session, fence), "annotate")
            session.annotating = asyncio.create_task(annotate, name="annotate")

    async def _see_through(self, work: Awaitable[None], name: str) -> None:
        """Do what is done beside the stream; when it fails, others go on."""
        try:
            failure = await attempted(work, WENT_WRONG)
        except WENT_WRONG as error:
            log.warning("commit_failed", partition=self.number, error=type(error).__name__)
        else:
            if failure is not None:
                self._delivering.note(failure, task=name)

    async def _attempt(self, session: NotifierSession, fence: str, parcel: Delivery) -> None:
        """Hand one parcel over and write down what became of it."""
        # Should our own code fail even in writing that down, it waits, and the others go on.
        session.outbox[parcel.key] = parcel.model_copy(update={"next_try": self._now() + OURS_AGAIN})
        try:
            began = time.monotonic()
            tried = await self._try(session, parcel)
            self._metrics.tried(tried, time.monotonic() - began)
            async with self._lock:
                if not session.broken.is_set():
                    await self._remember(session, fence, tried)
        finally:
            session.under_way.pop(parcel.key, None)
            session.woken.set()

    async def _try(self, session: NotifierSession, parcel: Delivery) -> Attempt:
        if outbox.is_obsolete(parcel, session.state):
            return Attempt(parcel, outbox.DeliveryResult.OBSOLETE, "acknowledged or over in the meantime")
        try:
            failure = await attempted(self._deliver(parcel), (TransientFailure, PermanentFailure))
        except TransientFailure as error:
            explained = not isinstance(error, UnexplainedFailure)
            return outbox.missed(parcel, str(error), error.retry_after, self._now(), explained=explained)
        except PermanentFailure as error:
            return outbox.refused(parcel, str(error))
        return outbox.delivered(parcel) if failure is None else self._failed(parcel, failure)

    def _failed(self, parcel: Delivery, failure: CodeFailure) -> Attempt:
        """Our own code fails on this one: it waits like any other, a few times, and the others go on."""
        self._delivering.note(failure, parcel=parcel.key)
        why = f"{DeadLetterReason.INTERNAL_ERROR}: {failure.place}"
        return outbox.missed(parcel, why, OURS_AGAIN.total_seconds(), self._now(), explained=False)

    async def _remember(self, session: NotifierSession, fence: str, tried: Attempt) -> None:
        line = delivery_line(tried, self._now())
        gone = tried.left is None
        written = NotifierChanges(
            posted=() if tried.left is None else (tried.left,),
            taken_out=(tried.parcel.key,) if gone else (),
            log=(line,),
            dead=(line,) if tried.result is outbox.DeliveryResult.DEAD else (),
            spent=outbox.spent(tried, session.outbox.values()),
        )
        await self._write(session, fence, session.offset, written)
        if tried.left is None:
            session.outbox.pop(tried.parcel.key, None)
        else:
            session.outbox[tried.parcel.key] = tried.left
        if tried.result is not outbox.DeliveryResult.DELIVERED:
            log.warning("not_delivered", parcel=tried.parcel.key, result=tried.result, why=tried.why)

    # Grafana -------------------------------------------------------------------------------------

    def _owe(self, session: NotifierSession, breaches: Iterable[Breach]) -> None:
        """Note what Grafana is to hear at once; newer news replaces older."""
        if self._annotate is not None:
            session.owed.update({breach.id: PendingAnnotation(breach) for breach in breaches})

    async def _annotate_due(self, session: NotifierSession, fence: str) -> None:
        """Write what is due; what Grafana does not take waits, even after the breach itself is forgotten."""
        for owed in [owed for owed in session.owed.values() if owed.at <= time.monotonic()]:
            owed.at = time.monotonic() + ANNOTATE_AGAIN.total_seconds()
            if await self._annotated(owed):
                async with self._lock:
                    await self._settle(session, fence, owed)

    async def _annotated(self, owed: PendingAnnotation) -> bool:
        """Write one breach into Grafana; returns whether nothing is owed of it any more."""
        if self._annotate is None:
            return True
        try:
            failure = await attempted(self._annotate(owed.breach), (DeliveryFailed,))
        except DeliveryFailed as error:
            self._metrics.annotated("failed")
            log.warning("not_annotated", breach=owed.breach.id, why=str(error))
            return isinstance(error, PermanentFailure) or self._now() - owed.breach.at > ANNOTATE_WITHIN
        if failure is None:
            self._metrics.annotated("written")
            return True
        self._metrics.annotated("failed")
        self._delivering.note(failure, breach=owed.breach.id)
        owed.failures += 1
        return owed.failures >= TRIES

    async def _settle(self, session: NotifierSession, fence: str, owed: PendingAnnotation) -> None:
        if session.broken.is_set() or session.owed.get(owed.breach.id) is not owed:
            return
        await self._write(session, fence, session.offset, NotifierChanges(settled=(owed.breach.id,)))
        session.owed.pop(owed.breach.id, None)


def hear(state: NotifierState, words: Sequence[Word], now: datetime, rules: NotifierPolicy) -> list[Decision]:
    """Return the decisions on what was heard, in order; each goes on from the one before.

    Neighbouring events of the judge are decided on together: what fires in one batch is told in one message.
    """
    decisions: list[Decision] = []
    for of_the_judge, run in groupby(
        words, key=lambda word: isinstance(word, BreachChanged | BreachProgress)
    ):
        at = decisions[-1].state if decisions else state
        if of_the_judge:
            events = [word for word in run if isinstance(word, BreachChanged | BreachProgress)]
            decisions.append(engine.on_events(at, events, now, rules))
            continue
        for word in run:
            at = decisions[-1].state if decisions else state
            decisions.append(_obey(at, word, now, rules))
    return decisions


def _obey(state: NotifierState, word: Word, now: datetime, rules: NotifierPolicy) -> Decision:
    match word:
        case Acknowledge():
            return engine.acknowledge(state, word.breaches, word.by, now, rules)
        case CreateSilence():
            return engine.silence(state, word.silence, now, rules)
        case ExpireSilence() if word.silence in state.silences:
            return engine.expire_silence(state, word.silence, now, rules)
        case ReportReady():
            return send_report(state, word, now, rules)
    return Decision(state, state)
