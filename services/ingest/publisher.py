"""Events onto the stream, dead letters beside it. Every write is a script; what it covers happens together.

A write whose answer got lost is repeated by the client, and done once. Where the client gives up, the sender
repeats it: the same facts with the same ids may then stand on the stream twice, and the evaluator counts them
once.
Errors are redis-py's own (``redis.exceptions.RedisError``): whoever called tries again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from shared.contract.dead_letters import KEEP, DeadLetter
from shared.contract.events import Event, encode
from shared.process.clock import Clock
from shared.redis import keys
from shared.redis.connection import RedisClient
from shared.redis.scripts import OnceScript, call_name
from shared.redis.set_aside import SetAside
from shared.stored_state import UnreadableField

CHUNK: Final = 500
"""Events a script adds at once: fast (4 × a pipeline) and short enough that nobody waits behind it."""

_ADD: Final = """
-- KEYS[2] on: stream [, checkpoint]   ARGV[2] on: arrival in ms or '*', checkpoint, field, event, event, ...
if #KEYS > 2 and redis.call('GET', KEYS[3]) == ARGV[3] then return end  -- done: no two batches end there
local id = ARGV[2]
if id ~= '*' then
  -- A stream's ids only rise: when the given clock is behind the last entry, that entry's time is used.
  local ms = tonumber(id)
  if redis.call('EXISTS', KEYS[2]) == 1 then
    local told = redis.call('XINFO', 'STREAM', KEYS[2])
    for i = 1, #told, 2 do
      if told[i] == 'last-generated-id' then
        ms = math.max(ms, tonumber(string.match(told[i + 1], '^%d+')))
      end
    end
  end
  id = string.format('%.0f', ms) .. '-*'
end
for i = 5, #ARGV do
  redis.call('XADD', KEYS[2], id, ARGV[4], ARGV[i])
end
if #KEYS > 2 then
  redis.call('SET', KEYS[3], ARGV[3])
end
"""

_BURY: Final = """
-- KEYS[2]: dead-letter stream   ARGV[2] on: how many to keep, field, letter, letter, ...
for i = 4, #ARGV do
  redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[2], '*', ARGV[3], ARGV[i])
end
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
        self._add = OnceScript(redis, _ADD)
        self._bury = OnceScript(redis, _BURY)

    async def set_aside(self, partition: int, source: str, checkpoint: bytes, why: str) -> float:
        """Move a checkpoint that cannot be read out of the way; returns when (epoch seconds)."""
        key = keys.checkpoint(partition, source)
        aside = SetAside(self._redis, keys.set_aside(partition), key)
        return await aside.put("", [UnreadableField(key, b"", checkpoint, why)])

    async def write(
        self,
        partition: int,
        events: Sequence[Event],
        read_up_to: ReadUpTo | None = None,
        name: str | None = None,
    ) -> None:
        """Return once Redis has all events, in this order.

        With a checkpoint, both are written by one script call, so whoever passes one keeps its batches
        small. Without, a long batch takes several calls, and an error may leave the first of them written.
        Whoever tries again after an error gives both tries the same ``name`` (``shared.redis.scripts``).
        """
        name = name or call_name()
        touched, checkpoint = [keys.events(partition)], b""
        entries = [encode(event) for event in events]
        chunks = _chunks(entries)
        if read_up_to is not None:
            touched.append(keys.checkpoint(partition, read_up_to.source))
            checkpoint, chunks = read_up_to.checkpoint, iter([entries])
        for number, chunk in enumerate(chunks):
            args: list[str | bytes] = [self._arrival(), checkpoint, keys.DATA_FIELD, *chunk]
            await self._add(partition, f"{name}-{number}", touched, args)

    async def bury(self, partition: int, letters: Sequence[DeadLetter], name: str | None = None) -> None:
        """Return once Redis has the dead letters; the oldest of too many go. ``name``: as for ``write``."""
        name = name or call_name()
        touched = [keys.dead_letters(partition)]
        for number, chunk in enumerate(_chunks([letter.encode() for letter in letters])):
            await self._bury(partition, f"{name}-{number}", touched, [KEEP, keys.DATA_FIELD, *chunk])

    async def checkpoint(self, partition: int, source: str) -> bytes | None:
        """Return how far a source was read, or nothing the first time."""
        value = await self._redis.get(keys.checkpoint(partition, source))
        return value.encode() if isinstance(value, str) else value

    def _arrival(self) -> str:
        return "*" if self._stamp is None else str(int(self._stamp().timestamp() * 1000))


def _chunks(entries: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    for start in range(0, len(entries), CHUNK):
        yield entries[start : start + CHUNK]
