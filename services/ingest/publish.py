"""Events onto the stream, dead letters beside it. Every write is a script; what it covers happens together.

A write whose answer got lost is repeated, by the client or by the sender: the same facts with the
same ids may then stand on the stream twice, and the evaluator counts them once.
Errors are redis-py's own (``redis.exceptions.RedisError``): whoever called tries again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from shared import streams
from shared.clock import Clock
from shared.dead_letters import KEEP, DeadLetter
from shared.events import Event, encode
from shared.redis_connection import RedisClient

CHUNK: Final = 500
"""Events a script adds at once: fast (4 × a pipeline) and short enough that nobody waits behind it."""

_ADD: Final = """
-- KEYS: stream [, checkpoint]   ARGV: arrival in ms or '*', checkpoint, field, event, event, ...
local id = ARGV[1]
if id ~= '*' then
  -- A stream's ids only rise: when the given clock is behind the last entry, that entry's time is used.
  local ms = tonumber(id)
  if redis.call('EXISTS', KEYS[1]) == 1 then
    local told = redis.call('XINFO', 'STREAM', KEYS[1])
    for i = 1, #told, 2 do
      if told[i] == 'last-generated-id' then
        ms = math.max(ms, tonumber(string.match(told[i + 1], '^%d+')))
      end
    end
  end
  id = string.format('%.0f', ms) .. '-*'
end
for i = 4, #ARGV do
  redis.call('XADD', KEYS[1], id, ARGV[3], ARGV[i])
end
if #KEYS > 1 then
  redis.call('SET', KEYS[2], ARGV[2])
end
return #ARGV - 3
"""

_BURY: Final = """
-- KEYS: dead-letter stream   ARGV: how many to keep, field, letter, letter, ...
for i = 3, #ARGV do
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', ARGV[2], ARGV[i])
end
return #ARGV - 2
"""


@dataclass(frozen=True)
class ReadUpTo:
    """How far a source has been read, to be written together with what was read."""

    source: str
    checkpoint: bytes


class Publisher:
    """Writes to the streams of all partitions.

    Entry ids carry the time of arrival, by Redis' own clock; ``stamp`` puts a simulated one in its place.
    """

    def __init__(self, redis: RedisClient, stamp: Clock | None = None) -> None:
        self._redis = redis
        self._stamp = stamp
        self._add = redis.register_script(_ADD)
        self._bury = redis.register_script(_BURY)

    async def write(
        self, partition: int, events: Sequence[Event], read_up_to: ReadUpTo | None = None
    ) -> None:
        """Return once Redis has all events, in this order.

        With a checkpoint, both are written by one script call, so whoever passes one keeps its batches
        small. Without, a long batch takes several calls, and an error may leave the first of them written.
        """
        stream = streams.events(partition)
        entries = [encode(event) for event in events]
        if read_up_to is not None:
            keys = [stream, streams.checkpoint(partition, read_up_to.source)]
            await self._add(
                keys=keys, args=[self._arrival(), read_up_to.checkpoint, streams.DATA_FIELD, *entries]
            )
            return
        for chunk in _chunks(entries):
            await self._add(keys=[stream], args=[self._arrival(), b"", streams.DATA_FIELD, *chunk])

    async def bury(self, partition: int, letters: Sequence[DeadLetter]) -> None:
        """Return once Redis has the dead letters; the oldest of too many go."""
        stream = streams.dead_letters(partition)
        for chunk in _chunks([letter.encode() for letter in letters]):
            await self._bury(keys=[stream], args=[KEEP, streams.DATA_FIELD, *chunk])

    async def checkpoint(self, partition: int, source: str) -> bytes | None:
        """Return how far a source was read, or nothing the first time."""
        value = await self._redis.get(streams.checkpoint(partition, source))
        return value.encode() if isinstance(value, str) else value

    def _arrival(self) -> str:
        return "*" if self._stamp is None else str(int(self._stamp().timestamp() * 1000))


def _chunks(entries: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    for start in range(0, len(entries), CHUNK):
        yield entries[start : start + CHUNK]
