"""How FastStream hands entries over: in batches, without its own decoding of each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

import structlog
from faststream.redis import RedisBroker, StreamSub
from faststream.redis.message import BatchStreamMessage, RedisBatchStreamMessage
from faststream.redis.subscriber.usecases.stream_subscriber import StreamBatchSubscriber

from shared.process.backoff import Backoff
from shared.process.code_failures import CodeFailure, attempted
from shared.process.health import Degraded
from shared.process.shutdown import cancel
from shared.redis.partition_owner import WENT_WRONG, OwnerRole, PartitionOwner
from shared.redis.poison_entries import PoisonEntry, PoisonSearch
from shared.redis.stream_entries import Batch, batch_of

POLL_MS: Final = 1000
"""How long a read waits for entries; it returns at once when there are any."""

log = structlog.stdlib.get_logger(__name__)


class StreamSession(Protocol):
    """A session that a subscription feeds."""

    subscription: StreamBatchSubscriber | None
    broken: asyncio.Event
    """Set once nothing of it may be written any more: it may be ahead of what was committed."""
    over: asyncio.Event
    """Set once it hears no more and is to end."""
    woken: asyncio.Event

    @property
    def offset(self) -> str:
        """The entry up to which everything is committed."""


Take = Callable[[Batch], Awaitable[None]]
"""Works on entries and commits, under ``breaking``."""

SetAside = Callable[[str, CodeFailure], Awaitable[None]]
"""Makes an entry that our own code fails on a dead letter, in the commit that goes past it; likewise."""


class StreamReader:
    """Reads one stream for the owner of a partition, session after session.

    Where our own code fails on what was read, the session is broken, and the next one, which reads the
    committed state, goes on as ``poison_entries`` says: at last that one entry is set aside, and all others
    are worked on.
    """

    def __init__(self, broker: RedisBroker, stream: str, most: int, owner: PartitionOwner) -> None:
        self.backoff = Backoff("entries", stream=stream)
        self._broker = broker
        self._stream = stream
        self._most = most
        self._owner = owner
        self._poison_search = PoisonSearch()
        self._set_aside: PoisonEntry | None = None

    def subscribe(self, session: StreamSession, take: Take, set_aside: SetAside) -> StreamBatchSubscriber:
        """Return a subscription, not started, that feeds a session from its offset on, without a group."""

        async def feed(batch: Batch) -> None:
            more = len(batch.ids) >= self._most
            for portion in self._poison_search.portions(Batch(batch.ids, batch.bodies, more)):
                if session.over.is_set():
                    return
                await self._feed(session, portion, take, set_aside)

        subscription = self._broker.subscriber(
            stream=StreamSub(
                self._stream,
                batch=True,
                max_records=self._most,
                last_id=session.offset,
                polling_interval=POLL_MS,
            ),
            parser=lean_parser,
            decoder=decoder,
            persistent=False,
        )
        subscription(feed)
        return subscription

    @property
    def remark(self) -> Degraded | None:
        """What was set aside since this process began, if anything."""
        if self._set_aside is None:
            return None
        entry, failure = self._set_aside
        return Degraded(f"our own code failed on entry {entry}, which is a dead letter: {failure.place}")

    async def _feed(self, session: StreamSession, portion: Batch, take: Take, set_aside: SetAside) -> None:
        aside = self._poison_search.aside
        is_aside = aside is not None and aside.entry == portion.ids[0]
        work = set_aside(*aside) if aside is not None and is_aside else take(portion)
        try:
            failure = await attempted(work, WENT_WRONG)
        except WENT_WRONG as error:
            log.warning("commit_failed", partition=self._owner.number, error=type(error).__name__)
            end(session)
            return
        if failure is None:
            if not session.over.is_set():
                self._poison_search = self._poison_search.went_well(portion.ids)
                self._set_aside = aside if is_aside else self._set_aside
            return
        end(session)
        self._poison_search = self._poison_search.failed(portion.ids, failure)
        found = {"first": portion.ids[0], "last": portion.ids[-1]}
        if self._poison_search.is_stuck:
            self._owner.backoff.failed(failure, **found)
        else:
            self.backoff.note(failure, **found)


@contextmanager
def breaking(session: StreamSession) -> Iterator[None]:
    """Break the session when what is done with it fails: it may be ahead of what was committed."""
    done = False
    try:
        yield
        done = True
    finally:
        if not done:
            break_off(session)


def break_off(session: StreamSession) -> None:
    """Have a session end, and nothing of it be written any more."""
    session.broken.set()
    end(session)


def end(session: StreamSession) -> None:
    """Have a session end."""
    session.over.set()
    session.woken.set()


async def unsubscribe(subscription: StreamBatchSubscriber) -> None:
    """Read no more, once the batch at hand is done; returns when nothing of the subscription runs.

    FastStream cancels its tasks and goes on; where it is cancelled itself while it waits for the batch, it
    leaves them behind.
    """
    tasks = list(subscription.tasks)
    try:
        await subscription.stop()
    finally:
        await cancel(tasks)


def trouble(owner: PartitionOwner, session: StreamSession | None) -> str | None:
    """Say what keeps a partition from being owned and fed, if anything. Standing by is fine."""
    if (wrong := owner.backoff.wrong) is not None:
        return wrong
    if not owner.runs:
        return "no word from Redis for longer than the lease"
    if owner.role is OwnerRole.STANDBY:
        return None
    if session is None or session.over.is_set():
        return "reading the committed state again"
    subscription = session.subscription
    if subscription is None or not subscription.running or all(task.done() for task in subscription.tasks):
        return "the subscription is not running"
    return None


async def lean_parser(
    message: BatchStreamMessage,
    original: Callable[[BatchStreamMessage], Awaitable[RedisBatchStreamMessage]],
) -> RedisBatchStreamMessage:
    """Skip FastStream's own decoding and encoding of every entry: the batch is validated as it is."""
    parsed = await original({**message, "data": []})
    parsed.raw_message = message
    return parsed


async def decoder(message: RedisBatchStreamMessage) -> Batch:
    """Give the handler the batch."""
    raw = message.raw_message
    return batch_of(zip(raw["message_ids"], raw["data"], strict=True))
