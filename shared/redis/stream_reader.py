"""How FastStream hands entries over: in batches, without a group and without its own decoding of each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from faststream.redis import RedisBroker, StreamSub
from faststream.redis.message import BatchStreamMessage, RedisBatchStreamMessage
from faststream.redis.subscriber.usecases.stream_subscriber import StreamBatchSubscriber

from shared.process.shutdown import cancel
from shared.redis.stream_entries import Batch, batch_of

POLL_MS: Final = 1000
"""How long a read waits for entries; it returns at once when there are any."""


def subscribe(
    broker: RedisBroker, stream: str, most: int, offset: str, take: Callable[[Batch], Awaitable[None]]
) -> StreamBatchSubscriber:
    """Return a subscription, not started, that hands over what comes after an offset, ``most`` at a time."""

    async def feed(batch: Batch) -> None:
        await take(Batch(batch.ids, batch.bodies, more=len(batch.ids) >= most))

    subscription = broker.subscriber(
        stream=StreamSub(stream, batch=True, max_records=most, last_id=offset, polling_interval=POLL_MS),
        parser=lean_parser,
        decoder=decoder,
        persistent=False,
    )
    subscription(feed)
    return subscription


def is_running(subscription: StreamBatchSubscriber | None) -> bool:
    """Whether anything is read at all."""
    if subscription is None or not subscription.running:
        return False
    return not all(task.done() for task in subscription.tasks)


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
