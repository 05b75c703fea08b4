"""What is done beside the stream: messages are delivered, breaches written into Grafana, and both noted.

Each in a task of its own: whoever is slow to take something over keeps nobody else waiting.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from typing import Final

import structlog

from services.notifier import outbox
from services.notifier.delivery_log import delivery_line
from services.notifier.metrics import NotifierMetrics
from services.notifier.model import (
    Breach,
    Delivery,
    DeliveryFailed,
    PermanentFailure,
    TransientFailure,
    UnexplainedFailure,
)
from services.notifier.outbox import Attempt
from services.notifier.session import NotifierSession, PendingAnnotation
from services.notifier.state_store import NotifierChanges, NotifierStore
from shared.contract.dead_letters import DeadLetterReason
from shared.process.backoff import Backoff
from shared.process.clock import Clock
from shared.process.code_failures import CodeFailure, attempted
from shared.redis.partition_owner import WENT_WRONG
from shared.redis.poison_entries import TRIES

OURS_AGAIN: Final = timedelta(minutes=1)
"""When a delivery is tried again that our own code failed on."""

ANNOTATE_AGAIN: Final = timedelta(seconds=15)
"""How long an annotation waits after Grafana did not take it."""

ANNOTATE_ONCE_MENDED: Final = timedelta(minutes=1)
"""How long it waits when somebody has to mend something first: a token, a right, a board, an address."""

ANNOTATE_WITHIN: Final = timedelta(days=7)
"""A Grafana that was away, or wrong, for longer does without."""

log = structlog.stdlib.get_logger(__name__)

Deliver = Callable[[Delivery], Awaitable[None]]
"""Hands a delivery over; raises ``TransientFailure`` or ``PermanentFailure``."""

Annotate = Callable[[Breach], Awaitable[None]]
"""Writes a breach into Grafana; raises ``TransientFailure`` or ``PermanentFailure``."""


class Dispatcher:
    """Sees to whatever is due in the outbox of a session, and to what is to be written into Grafana."""

    def __init__(
        self,
        lock: asyncio.Lock,
        store: NotifierStore,
        now: Clock,
        deliver: Deliver,
        annotate: Annotate | None,
        backoff: Backoff,
        metrics: NotifierMetrics,
    ) -> None:
        self._lock = lock
        self._store = store
        self._now = now
        self._deliver = deliver
        self._annotate = annotate
        self._backoff = backoff
        self._metrics = metrics

    @property
    def annotates(self) -> bool:
        """Whether there is a Grafana to write into."""
        return self._annotate is not None

    def begin(self, session: NotifierSession) -> None:
        """Begin the deliveries whose time has come, and what Grafana has not taken."""
        now = self._now()
        for delivery in outbox.due(session.outbox.values(), session.under_way, now):
            name = f"deliver {delivery.key}"
            work = self._see_through(self._attempt(session, delivery), name)
            session.under_way[delivery.key] = session.start(work, name)
        if session.annotating is None or session.annotating.done():
            work = self._see_through(self._annotate_due(session), "annotate")
            session.annotating = session.start(work, "annotate")

    async def _see_through(self, work: Awaitable[None], name: str) -> None:
        """Do what is done beside the stream; when it fails, others go on."""
        try:
            failure = await attempted(work, WENT_WRONG)
        except WENT_WRONG as error:
            log.warning("commit_failed", task=name, error=type(error).__name__)
        else:
            if failure is not None:
                self._backoff.note(failure, task=name)

    async def _attempt(self, session: NotifierSession, delivery: Delivery) -> None:
        """Hand one delivery over and write down what became of it."""
        # Should our own code fail even in writing that down, it waits, and the others go on.
        session.outbox[delivery.key] = delivery.model_copy(update={"next_try": self._now() + OURS_AGAIN})
        try:
            began = time.monotonic()
            tried = await self._try(session, delivery)
            self._metrics.tried(tried, time.monotonic() - began)
            async with self._lock:
                if not session.broken:
                    await self._remember(session, tried)
        finally:
            session.under_way.pop(delivery.key, None)
            session.woken.set()

    async def _try(self, session: NotifierSession, delivery: Delivery) -> Attempt:
        if outbox.is_obsolete(delivery, session.state):
            return Attempt(delivery, outbox.DeliveryResult.OBSOLETE, "acknowledged or over in the meantime")
        try:
            failure = await attempted(self._deliver(delivery), (TransientFailure, PermanentFailure))
        except TransientFailure as error:
            explained = not isinstance(error, UnexplainedFailure)
            return outbox.missed(delivery, str(error), error.retry_after, self._now(), explained=explained)
        except PermanentFailure as error:
            return outbox.refused(delivery, str(error))
        return outbox.delivered(delivery) if failure is None else self._failed(delivery, failure)

    def _failed(self, delivery: Delivery, failure: CodeFailure) -> Attempt:
        """Our own code fails on this one: it waits like any other, a few times, and the others go on."""
        self._backoff.note(failure, delivery=delivery.key)
        why = f"{DeadLetterReason.INTERNAL_ERROR}: {failure.place}"
        return outbox.missed(delivery, why, OURS_AGAIN.total_seconds(), self._now(), explained=False)

    async def _remember(self, session: NotifierSession, tried: Attempt) -> None:
        line = delivery_line(tried, self._now())
        gone = tried.left is None
        written = NotifierChanges(
            posted=() if tried.left is None else (tried.left,),
            taken_out=(tried.delivery.key,) if gone else (),
            log=(line,),
            dead=(line,) if tried.result is outbox.DeliveryResult.DEAD else (),
            documents_gone=outbox.documents_gone(tried, session.outbox.values()),
        )
        await session.commit(self._store, written)
        if tried.left is None:
            session.outbox.pop(tried.delivery.key, None)
        else:
            session.outbox[tried.delivery.key] = tried.left
        if tried.result is not outbox.DeliveryResult.DELIVERED:
            log.warning("not_delivered", delivery=tried.delivery.key, result=tried.result, why=tried.why)

    # Grafana ---------------------------------------------------------------------------------------------

    def annotate_soon(self, session: NotifierSession, breaches: Iterable[Breach]) -> None:
        """Note what is to be written into Grafana at once, in place of what is older."""
        for breach in breaches if self._annotate is not None else ():
            before = session.annotations.get(breach.id)
            why = "" if before is None else before.why
            session.annotations[breach.id] = PendingAnnotation(breach, why=why)

    async def _annotate_due(self, session: NotifierSession) -> None:
        """Write what is due; what Grafana does not take waits, even after the breach itself is forgotten."""
        for pending in [one for one in session.annotations.values() if one.at <= time.monotonic()]:
            # Should our own code fail even in noting why, it waits, and the others go on.
            pending.waits(ANNOTATE_AGAIN)
            if await self._annotated(pending):
                async with self._lock:
                    await self._forget(session, pending)

    async def _annotated(self, pending: PendingAnnotation) -> bool:
        """Write one breach into Grafana; returns whether that was the last try.

        It is not over with what somebody has to mend: once they have, it is still owed.
        """
        if self._annotate is None:
            return True
        try:
            failure = await attempted(self._annotate(pending.breach), (DeliveryFailed,))
        except DeliveryFailed as error:
            self._metrics.annotated("failed")
            if isinstance(error, PermanentFailure):
                pending.waits(ANNOTATE_ONCE_MENDED)
            if pending.why != str(error):
                pending.why = str(error)
                log.warning("not_annotated", breach=pending.breach.id, why=pending.why)
            return self._now() - pending.breach.at > ANNOTATE_WITHIN
        if failure is None:
            self._metrics.annotated("written")
            return True
        self._metrics.annotated("failed")
        self._backoff.note(failure, breach=pending.breach.id)
        pending.failures += 1
        return pending.failures >= TRIES

    async def _forget(self, session: NotifierSession, pending: PendingAnnotation) -> None:
        if session.broken or session.annotations.get(pending.breach.id) is not pending:
            return
        await session.commit(self._store, NotifierChanges(annotated=(pending.breach.id,)))
        session.annotations.pop(pending.breach.id, None)
