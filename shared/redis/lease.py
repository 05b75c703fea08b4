"""Who owns a partition: a lease that runs out by itself, and a fence that rises with every take-over.

A write names the fence it was made under; when that has moved on, the script that would have written
does nothing. So an owner that was paused and wakes up late cannot harm.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from shared.redis.connection import RedisClient
from shared.redis.scripts import UNDER_OOM, call_name

_CLAIM: Final = (
    UNDER_OOM
    + """
-- KEYS: fence, lease. ARGV: owner, lease in ms, the fence that the owner holds ('' = none), the claim's name.
-- Returns the new fence, or false while another owner's lease runs. The lease says which claim got it.
local fence, claim = string.match(redis.call('GET', KEYS[2]) or '', '^(%S*) ?(.*)$')
if claim ~= ARGV[4] then  -- else it was done, and the answer got lost
  if fence ~= '' and fence ~= ARGV[3] then return false end
  local turn = tonumber(string.match(redis.call('GET', KEYS[1]) or '0', '^%d+')) + 1
  fence = turn .. ':' .. ARGV[1]
  redis.call('SET', KEYS[1], fence)
end
redis.call('SET', KEYS[2], fence .. ' ' .. ARGV[4], 'PX', ARGV[2])
return fence
"""
)

_RENEW: Final = (
    UNDER_OOM
    + """
-- KEYS: fence, lease. ARGV: fence, lease in ms (0: give it up). Returns 1 while the fence is ours.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then redis.call('DEL', KEYS[2]) else redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2]) end
return 1
"""
)

_COMMIT: Final = (
    UNDER_OOM
    + """
-- KEYS: fence, state, then the commit's own. ARGV: fence, the commit's number under it, offset before, offset
-- after, then the commit's own, among them lists, each led by its length.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'fenced' end
local fence, number = string.match(redis.call('HGET', KEYS[2], 'commit') or '', '^(%S+) (%d+)$')
number = fence == ARGV[1] and tonumber(number) or 0
if number == tonumber(ARGV[2]) then return 'ok' end  -- done, and the answer got lost
if number + 1 ~= tonumber(ARGV[2]) then return 'moved' end
if (redis.call('HGET', KEYS[2], 'offset') or '0-0') ~= ARGV[3] then return 'moved' end
local at
local function items(width)
  local first, count = at + 1, tonumber(ARGV[at])
  at = at + 1 + count * width
  return first, at - 1
end
local from, to
{body}
redis.call('HSET', KEYS[2], 'offset', ARGV[4], 'commit', ARGV[1] .. ' ' .. ARGV[2])
return 'ok'
"""
)


class Superseded(Exception):  # noqa: N818 - it is no error: another owner has taken over
    """The fence has moved on: somebody else owns the partition now."""


class OffsetMoved(Exception):  # noqa: N818 - Redis lost or restored data: read the state again
    """The committed offset is not the one that a commit starts from."""


class Lease:
    """The lease of one partition of one service. Raises ``redis.RedisError`` when Redis cannot be reached."""

    def __init__(
        self, redis: RedisClient, fence_key: str, lease_key: str, owner: str, lasts: timedelta
    ) -> None:
        self.lasts = lasts
        """How long after the last renewal another may claim it."""
        self._owner = owner
        self._lasts_ms = lasts // timedelta(milliseconds=1)
        self._keys = (fence_key, lease_key)
        self._unanswered: str | None = None
        """The claim of which nobody knows what became of it."""
        self._claim = redis.register_script(_CLAIM)
        self._renew = redis.register_script(_RENEW)

    async def claim(self, held: str | None = None) -> str | None:
        """Become the owner and return the fence, or ``None`` while somebody else is.

        Who is the owner already, and says so by the fence it holds, gets a new one. After an error the next
        claim is the same claim again: an owner need not wait for a lease of its own to run out.
        """
        claim = self._unanswered = self._unanswered or call_name()
        fence = await self._claim(keys=self._keys, args=[self._owner, self._lasts_ms, held or "", claim])
        self._unanswered = None
        return fence.decode() if isinstance(fence, bytes) else fence

    async def renew(self, fence: str) -> None:
        """Keep the lease; raises ``Superseded``."""
        if not await self._renew(keys=self._keys, args=[fence, self._lasts_ms]):
            raise Superseded(fence)

    async def release(self, fence: str) -> None:
        """Give the lease up, so that a standby need not wait for it to run out."""
        await self._renew(keys=self._keys, args=[fence, 0])


class FencedScript:
    """An owner's commit: all of it or nothing, under its fence, from the offset it starts at, and once.

    Commits under a fence are numbered from 1, and the state keeps the number of the last: who says it again,
    because the answer got lost, writes nothing, also where the offset does not move. A number that does not
    come next shows that Redis lost something. A state without a number is one of an older version.
    """

    def __init__(self, redis: RedisClient, body: str) -> None:
        """``body``: Lua; its keys begin with ``KEYS[3]``, its arguments with ``ARGV[5]``."""
        self._script = redis.register_script(_COMMIT.replace("{body}", body))
        self._fence = ""
        self._number = 0

    async def __call__(
        self,
        fence: str,
        before: str,
        after: str,
        keys: Sequence[str],
        args: Sequence[str | bytes | int],
    ) -> None:
        """Write everything, or nothing. Raises ``Superseded`` or ``OffsetMoved``.

        After any other error nobody knows, and the session is at its end: under this fence nothing is written
        any more.
        """
        if fence != self._fence:
            self._fence, self._number = fence, 0
        self._number += 1
        answer = await self._script(keys=keys, args=[fence, self._number, before, after, *args])
        match answer:
            case b"fenced":
                self._number -= 1
                raise Superseded(fence)
            case b"moved":
                self._number -= 1
                raise OffsetMoved(before)
