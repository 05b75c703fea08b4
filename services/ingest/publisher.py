"""Events onto the stream, dead letters beside it. Every write is a script; what it covers happens together.

A write whose answer got lost is repeated by the client, and done once. Where the client gives up, the sender
repeats it: the same facts with the same ids may then stand on the stream twice, and the evaluator counts them
once.
A write names the newest entry that this process knows of. Where that is gone, Redis has gone back to an older
state, and nothing is written until somebody has said so (``services.ingest.went_back``).
Errors are redis-py's own (``redis.exceptions.RedisError``): whoever called tries again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from redis.exceptions import ResponseError

from shared.contract.dead_letters import KEEP, DeadLetter
from shared.contract.events import Event, encode
from shared.process.clock import Clock
from shared.redis import keys
from shared.redis.connection import RedisClient, WentBack
from shared.redis.scripts import OnceScript, call_name
from shared.redis.set_aside import SetAside
from shared.redis.stream_entries import BEGINNING, order
from shared.stored_state import UnreadableField

T = TypeVar("T")

CHUNK: Final = 500
"""Events a script adds at once: fast (4 × a pipeline) and short enough that nobody waits behind it."""

_WENT_BACK: Final = "WENTBACK"
_MOVED: Final = "CHECKPOINTMOVED"

_STILL_THERE: Final = f"""
local function newest(stream)
  local last = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
  return last and last[1] or '{BEGINNING}'
end
local function info(stream, name)
  local told = redis.call('XINFO', 'STREAM', stream)
  for i = 1, #told, 2 do
    if told[i] == name then return told[i + 1] end
  end
end
local function still_there(stream, entry)
  if entry == '{BEGINNING}' or #redis.call('XRANGE', stream, entry, entry) > 0 then return end
  local left = redis.call('XREVRANGE', stream, entry, '-', 'COUNT', 1)[1]
  if not left and newest(stream) ~= '{BEGINNING}' then
    -- Trimming takes the oldest, going back the newest; and an emptied Redis begins to count anew.
    if info(stream, 'entries-added') > info(stream, 'length') then return end
  end
  error({{err = '{_WENT_BACK} ' .. (left and left[1] or '{BEGINNING}')}})
end
"""
"""Lua. What another replica writes may be counted, and ours trimmed, while we are away: no entry stays for
ever but the one that the evaluator counted last, and what came after."""

_ADD: Final = (
    _STILL_THERE
    + f"""
-- KEYS[2] on: stream [, checkpoint]
-- ARGV[2] on: the newest entry known, arrival in ms or '*', the checkpoint before ('' = none),
--             the checkpoint after, field, event, event, ...   Returns what was the newest
--             entry before, unless one was known, and the last of these.
local kept = #KEYS > 2 and redis.call('GET', KEYS[3]) or ''
if #KEYS > 2 and kept == ARGV[5] then return end  -- done: no two batches end there
still_there(KEYS[2], ARGV[2])
if kept ~= ARGV[4] then error({{err = '{_MOVED}'}}) end
local before = ARGV[2] == '{BEGINNING}' and newest(KEYS[2]) or ARGV[2]
local id, added = ARGV[3], before
if id ~= '*' then
  -- A stream's ids only rise: when the given clock is behind the last entry, that entry's time is used.
  local ms = tonumber(id)
  if redis.call('EXISTS', KEYS[2]) == 1 then
    ms = math.max(ms, tonumber(string.match(info(KEYS[2], 'last-generated-id'), '^%d+')))
  end
  id = string.format('%.0f', ms) .. '-*'
end
for i = 7, #ARGV do
  added = redis.call('XADD', KEYS[2], id, ARGV[6], ARGV[i])
end
if #KEYS > 2 then
  redis.call('SET', KEYS[3], ARGV[5])
end
return before .. ' ' .. added
"""
)

_LOOK: Final = (
    _STILL_THERE
    + """
-- KEYS: stream. ARGV: the newest entry known. Returns the newest entry.
still_there(KEYS[1], ARGV[1])
return newest(KEYS[1])
"""
)

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
    before: bytes | None = None
    """The checkpoint that it goes on from, which Redis must have; ``None``: it must have none."""


class CheckpointMoved(Exception):  # noqa: N818 - it happened in Redis; saying the same again does not help
    """Redis does not have the checkpoint that the batch goes on from: nothing was written."""


@dataclass
class StreamMemory:
    """What this process knows a partition's stream to have had."""

    newest: str = BEGINNING
    """The newest entry, as far as known."""
    since: str | None = None
    """What was the newest when this memory began (``None``: it has not): nobody knows whose those are."""
    accepted: dict[str, str] = field(default_factory=dict)
    """The newest entry by source."""

    def begin(self, newest: str) -> None:
        """Begin anew, knowing of a newest entry alone."""
        self.newest = self.since = newest
        self.accepted.clear()

    def note(self, before: str, entry: str, sources: Collection[str] = ()) -> None:
        """Remember an entry that Redis has, the newest ``before``, and whose events lie between the two."""
        self.since = before if self.since is None else self.since
        self.newest = _later(entry, self.newest)
        for source in sources:
            self.accepted[source] = _later(entry, self.accepted.get(source, entry))

    def lost_until(self, source: str, left: str) -> str | None:
        """Return up to which entry events of a source are gone that Redis said yes to, if any may be.

        ``left``: up to which entry all are there.
        """
        last = self.accepted.get(source, self.since)
        return None if last is None or _later(last, left) == left else last


class Publisher:
    """Writes to the streams of all partitions.

    Entry ids carry the time of arrival, by Redis' own clock; ``stamp`` puts a simulated one in its place.
    """

    def __init__(self, redis: RedisClient, stamp: Clock | None = None) -> None:
        self._redis = redis
        self._stamp = stamp
        self._memory: defaultdict[int, StreamMemory] = defaultdict(StreamMemory)
        self._look = redis.register_script(_LOOK)
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
        Raises ``WentBack``, and ``CheckpointMoved`` where Redis has another checkpoint than ``before``.
        """
        name = name or call_name()
        touched, kept, after = [keys.events(partition)], b"", b""
        chunks = _chunks(events)
        if read_up_to is not None:
            touched.append(keys.checkpoint(partition, read_up_to.source))
            kept, after, chunks = read_up_to.before or b"", read_up_to.checkpoint, iter([events])
        memory = self._memory[partition]
        for number, chunk in enumerate(chunks):
            args: list[str | bytes] = [memory.newest, self._arrival(), kept, after, keys.DATA_FIELD]
            args += [encode(event) for event in chunk]
            try:
                answer = await self._add(partition, f"{name}-{number}", touched, args)
            except ResponseError as error:
                raise _meant(error) from error
            if answer:
                before, added = answer.decode().split()
                memory.note(before, added, {event.source for event in chunk})

    async def look(self, partition: int) -> None:
        """See whether all is still there that was; raises ``WentBack``."""
        memory = self._memory[partition]
        try:
            answer: bytes = await self._look(keys=[keys.events(partition)], args=[memory.newest])
        except ResponseError as error:
            raise _meant(error) from error
        memory.note(answer.decode(), answer.decode())

    def memory(self, partition: int) -> StreamMemory:
        """Return what Redis is known to have had."""
        return self._memory[partition]

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


def _chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), CHUNK):
        yield items[start : start + CHUNK]


def _later(entry: str, other: str) -> str:
    return max(entry, other, key=order)


def _meant(error: ResponseError) -> Exception:
    """Return what one of our scripts says by its error; Redis adds where in the script."""
    match str(error).split():
        case [said, left, *_] if said == _WENT_BACK:
            return WentBack(left)
        case [said, *_] if said == _MOVED:
            return CheckpointMoved()
    return error
