"""Scripts of writers that nobody fences: a call is done once, however often the client sends it.

redis-py says a command again when the connection is cut before the answer came, and Redis may have done what
the first one said. So every call bears a name. Redis remembers it for a while, with the answer: who says the
same again gets the same answer and nothing else. (The owner of a partition numbers its commits instead, see
``shared.redis.lease.FencedScript``.)
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from shared.redis import keys
from shared.redis.connection import RedisClient

UNDER_OOM: Final = "#!lua flags=allow-oom"
"""The first line of a script that a full Redis is to run all the same: it is small, or makes room."""

AS_A_WRITE: Final = "#!lua"
"""The first line of a script that is to be refused wherever writes are, though it writes nothing itself."""

HIGH_WATER: Final = 0.9
"""From this share of Redis' memory on, nothing new comes in: the rest is for those who make room."""

REMEMBERED: Final = timedelta(minutes=2)
"""How long a call's name is remembered: the client gives up repeating after three times 13 s."""

IS_FULL: Final = f"""
local function is_full()
  local info = redis.call('INFO', 'memory')
  local function bytes(name) return tonumber(string.match(info, name .. ':(%d+)')) or 0 end
  local used, limit = bytes('used_memory') - bytes('mem_not_counted_for_evict'), bytes('maxmemory')
  return limit > 0 and used >= {HIGH_WATER} * limit
end
"""
"""Lua, 3 µs; a ``maxmemory`` of 0 means no limit."""

BELOW_HIGH_WATER: Final = (
    IS_FULL
    + f"""
if is_full() then error({{err = 'OOM used memory > {HIGH_WATER:.0%} of maxmemory'}}) end
"""
)
"""The beginning of a script that brings what is new. The error is of Redis' own kind, only earlier."""

_ONCE: Final = """
-- KEYS: the call's name, then its own. ARGV: how long the name is remembered in ms, then its own.
local before = redis.call('GET', KEYS[1])
if before then return before end  -- done, and the answer got lost
{check}
local function work()
{work}
end
local answer = tostring(work() or '')
redis.call('SET', KEYS[1], answer, 'PX', ARGV[1])
return answer
"""


class OnceScript:
    """A script; its own keys begin with ``KEYS[2]``, its arguments with ``ARGV[2]``."""

    def __init__(self, redis: RedisClient, work: str, *, when_full: bool = False) -> None:
        """``when_full``: go on in a full Redis. Others raise ``OutOfMemoryError`` from ``HIGH_WATER`` on."""
        first_line, check = (UNDER_OOM, "") if when_full else ("", BELOW_HIGH_WATER)
        self._script = redis.register_script(
            first_line + _ONCE.replace("{check}", check).replace("{work}", work)
        )

    async def __call__(
        self, partition: int, name: str, touched: Sequence[str], args: Sequence[str | bytes | int]
    ) -> bytes:
        """Do what it says, once for each ``name``, and return its answer, as text."""
        marker = keys.once(partition, name)
        remembered_ms = REMEMBERED // timedelta(milliseconds=1)
        answer: bytes = await self._script(keys=[marker, *touched], args=[remembered_ms, *args])
        return answer


def call_name() -> str:
    """Return a name that no other call has."""
    return secrets.token_hex(8)
