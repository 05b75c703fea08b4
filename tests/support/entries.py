"""What stands on a stream, as tests want to see it."""

from __future__ import annotations

from typing import cast

import redis
from redis.asyncio import Redis

from shared.redis.keys import DATA_FIELD

_Raw = list[tuple[bytes, dict[bytes, bytes]]]


async def entries(client: Redis, stream: str, first: str = "-") -> list[tuple[str, bytes]]:
    """Return the id and the JSON of every entry from ``first`` on, oldest first."""
    return _told(cast("_Raw", await client.xrange(stream, first)))


async def put(client: Redis, stream: str, *ids: str) -> None:
    """Have entries stand on a stream, in that order: a commit goes up to one that is there."""
    for entry in ids:
        await client.xadd(stream, {DATA_FIELD: "{}"}, id=entry)


def entries_now(client: redis.Redis, stream: str) -> list[tuple[str, bytes]]:
    """The same, with a synchronous client."""
    return _told(cast("_Raw", client.xrange(stream)))


def _told(raw: _Raw) -> list[tuple[str, bytes]]:
    return [(entry.decode(), fields[DATA_FIELD.encode()]) for entry, fields in raw]
