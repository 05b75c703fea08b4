"""How FastStream hands entries over: in batches, without its own decoding of each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from faststream.redis import RedisBroker, StreamSub
from faststream.redis.message import BatchStreamMessage, RedisBatchStreamMessage
from faststream.redis.subscriber.usecases.stream_subscriber import StreamBatchSubscriber

from shared.ending import cancel
from shared.entries import Batch, batch_of
from shared.tenancy import Role, Tenancy

POLL_MS: Final = 1000
"""How long a read waits for entries; it returns at once when there are any."""


class Fed(Protocol):
    """A session that a subscription feeds."""

    subscription: StreamBatchSubscriber | None
    broken: asyncio.Event


def subscribe(
    broker: RedisBroker, stream: str, offset: str, most: int, on_batch: Callable[[Batch], Awaitable[None]]
) -> StreamBatchSubscriber:
    """Return a subscription, not started, that reads a stream without a group from an offset on.

    ``on_batch`` gets up to ``most`` entries; what it raises is swallowed, so it has to say itself that its
    session is at its end.
    """
    subscription = broker.subscriber(
        stream=StreamSub(stream, batch=True, max_records=most, last_id=offset, polling_interval=POLL_MS),
        parser=lean_parser,
        decoder=decoder,
        persistent=False,
    )
    subscription(on_batch)
    return subscription


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


def trouble(tenancy: Tenancy, session: Fed | None) -> str | None:
    """Say what keeps a partition from being owned and fed, if anything. Standing by is fine."""
    if not tenancy.runs:
        return "no word from Redis for longer than the lease"
    if tenancy.role is Role.STANDBY:
        return None
    if session is None or session.broken.is_set():
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
