"""What the notifier does with a partition that it owns: decide and remember; a dispatcher delivers.

One event's way: a batch → ``decide`` → ``engine`` → commit (records, deliveries and offset in one script) →
``dispatcher`` → commit (gone from the outbox, a line in the log). A crash before the first commit decides
again with the same ids; one before the second delivers again with the same key.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

import structlog
from pydantic import ValidationError

from services.notifier import engine, outbox
from services.notifier.commands import STREAM_ITEM, Acknowledge, CreateSilence, ExpireSilence, StreamItem
from services.notifier.delivery_log import encode, failure_line
from services.notifier.dispatcher import Annotate, Deliver, Dispatcher
from services.notifier.engine import Decision
from services.notifier.metrics import NotifierMetrics
from services.notifier.model import Notification, NotifierPolicy
from services.notifier.report_delivery import send_report
from services.notifier.session import NotifierSession
from services.notifier.state import NotifierState, changes
from services.notifier.state_store import NotifierChanges, NotifierStore
from shared.config.model import CityFile
from shared.contract.breach_events import BreachChanged, BreachProgress
from shared.contract.dead_letters import DeadLetterReason
from shared.contract.report_events import ReportReady
from shared.process.backoff import Backoff
from shared.process.clock import Clock
from shared.process.code_failures import CodeFailure, attempt
from shared.process.shutdown import END
from shared.redis import keys
from shared.redis.consumer import Consumer
from shared.redis.stream_entries import Batch

BATCH: Final = 500

FINISH: Final = END - timedelta(seconds=2)
"""How long deliveries under way may take at an orderly end. What takes longer is cut off, and handed over
again by the next owner with the same key; the rest of ``END`` is for giving the lease up."""

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Applied:
    """What comes of decisions."""

    state: NotifierState
    notifications: Sequence[Notification]
    written: NotifierChanges


class NotifierConsumer(Consumer[NotifierSession]):
    """Decides who is notified of what happens at some sites."""

    def __init__(
        self,
        number: int,
        city: CityFile,
        rules: NotifierPolicy,
        store: NotifierStore,
        now: Clock,
        deliver: Deliver,
        annotate: Annotate | None,
        metrics: NotifierMetrics,
    ) -> None:
        self._timing = Backoff("time", partition=number)
        self._delivering = Backoff("deliveries", partition=number)
        super().__init__(number, keys.breaches(number), BATCH, self._timing, self._delivering)
        self._city = city
        self._rules = rules
        self._store = store
        self._now = now
        self._metrics = metrics
        self._dispatcher = Dispatcher(self.lock, store, now, deliver, annotate, self._delivering, metrics)

    def wrong(self, session: NotifierSession) -> str | None:
        """Say that nobody is reminded."""
        _ = session
        return self._timing.wrong

    async def load(self, fence: str) -> NotifierSession:
        """Read what is known, what is on its way, and what Grafana has not taken."""
        stored = await self._store.load()
        session = NotifierSession(
            fence=fence,
            offset=stored.offset,
            unreadable=stored.unreadable,
            state=stored.state,
            outbox=stored.outbox,
        )
        breaches = [*(known.breach for known in stored.state.breaches.values()), *stored.unannotated]
        self._dispatcher.annotate_soon(session, breaches)
        return session

    async def finish(self, session: NotifierSession) -> None:
        """Let what is being handed over be handed over."""
        if session.under_way:
            await asyncio.wait(session.under_way.values(), timeout=FINISH.total_seconds())

    async def consume(self, session: NotifierSession, batch: Batch) -> None:
        """Decide on a batch, and begin to deliver."""
        decisions = decide(session.state, self._decoded(batch), self._now(), self._rules)
        await self._commit(session, self._outcome(session, decisions), batch.ids[-1])
        self._dispatcher.begin(session)

    async def dead_letter(self, session: NotifierSession, entry: str, failure: CodeFailure) -> None:
        """Write down what nobody is notified of."""
        # What is due goes before whatever is read. Where our own code fails on that, it is not the entry,
        # which waits.
        engine.on_time(session.state, self._now(), self._rules)
        line = failure_line(entry, failure, self._now())
        await session.commit(self._store, NotifierChanges(dead=(line,)), entry)
        self._metrics.dead_letters.labels(DeadLetterReason.INTERNAL_ERROR.value).inc()

    async def tick(self, session: NotifierSession) -> None:
        """Remind, escalate, forget, and try again what was not delivered.

        Where our own code fails on what is due, what is read is decided on all the same.
        """
        await self._store.look(session.fence, session.offset)
        session.unread = await self._store.unread(session.offset)
        outcome = None if self._timing.pause_s else attempt(self._what_is_due, session)
        if isinstance(outcome, CodeFailure):
            self._timing.failed(outcome)
        elif outcome is not None:
            await self._commit(session, outcome, session.offset)
        self._dispatcher.begin(session)

    def _decoded(self, batch: Batch) -> list[StreamItem]:
        items: list[StreamItem] = []
        for entry, body in zip(batch.ids, batch.bodies, strict=True):
            try:
                items.append(STREAM_ITEM.validate_json(body or b""))
            except ValidationError as error:
                # Nothing of ours writes such an entry; it must not stop the others.
                log.warning("unreadable_entry", partition=self.number, entry=entry, kinds=error.error_count())
                self._metrics.unreadable.inc()
        return items

    def _what_is_due(self, session: NotifierSession) -> Applied | None:
        decision = engine.on_time(session.state, self._now(), self._rules)
        return self._outcome(session, [decision]) if decision.changed or decision.notifications else None

    def _outcome(self, session: NotifierSession, decisions: Sequence[Decision]) -> Applied:
        notifications = [notification for decision in decisions for notification in decision.notifications]
        posted = outbox.posted(notifications, self._city, session.outbox.values())
        state = decisions[-1].state if decisions else session.state
        records = changes(session.state, state)
        log_lines = [encode(line) for decision in decisions for line in decision.log if line.receiver]
        changed = (key.removeprefix("breach/") for key in records if key.startswith("breach/"))
        news = [state.breaches[name].breach for name in changed if name in state.breaches]
        to_annotate = news if self._dispatcher.annotates else ()
        came = {decision.document for decision in decisions if decision.document is not None}
        written = NotifierChanges(
            records=records,
            posted=posted,
            to_annotate=to_annotate,
            log=log_lines,
            documents_gone=came - outbox.documents(posted),
        )
        return Applied(state, notifications, written)

    async def _commit(self, session: NotifierSession, outcome: Applied, after: str) -> None:
        await session.commit(self._store, outcome.written, after)
        session.state = outcome.state
        session.outbox.update({delivery.key: delivery for delivery in outcome.written.posted})
        self._dispatcher.annotate_soon(session, outcome.written.to_annotate)
        self._note_unroutable(outcome.notifications)

    def _note_unroutable(self, notifications: Iterable[Notification]) -> None:
        known = {receiver.id for receiver in self._city.receivers}
        for notification in notifications:
            if notification.receiver not in known:
                log.error("receiver_unknown", receiver=notification.receiver, notification=notification.id)


def decide(
    state: NotifierState, items: Sequence[StreamItem], now: datetime, rules: NotifierPolicy
) -> list[Decision]:
    """Return the decisions on what was read, in order; each goes on from the one before.

    Neighbouring events of the judge are decided on together: what fires in one batch is in one message.
    """
    decisions: list[Decision] = []
    for of_the_judge, run in groupby(
        items, key=lambda item: isinstance(item, BreachChanged | BreachProgress)
    ):
        at = decisions[-1].state if decisions else state
        if of_the_judge:
            events = [item for item in run if isinstance(item, BreachChanged | BreachProgress)]
            decisions.append(engine.on_events(at, events, now, rules))
            continue
        for item in run:
            at = decisions[-1].state if decisions else state
            decisions.append(_obey(at, item, now, rules))
    return decisions


def _obey(state: NotifierState, item: StreamItem, now: datetime, rules: NotifierPolicy) -> Decision:
    match item:
        case Acknowledge():
            return engine.acknowledge(state, item.breaches, item.by, now, rules)
        case CreateSilence():
            return engine.silence(state, item.silence, now, rules)
        case ExpireSilence() if item.silence in state.silences:
            return engine.expire_silence(state, item.silence, now, rules)
        case ReportReady():
            return send_report(state, item, now, rules)
    return Decision(state, state)
