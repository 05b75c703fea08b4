"""How FastStream hands entries over: in batches, without its own decoding of each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from faststream.redis.message import BatchStreamMessage, RedisBatchStreamMessage

from shared.entries import Batch, batch_of


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
