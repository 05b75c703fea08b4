"""Who owns a partition: a lease that runs out by itself, and a fence that rises with every take-over.

A write names the fence it was made under; when that has moved on, the script that would have written
does nothing. So an owner that was paused and wakes up late cannot harm. It names as well what must stand
there since it wrote last: where that is not so, Redis has gone back to an older state.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from shared.redis.connection import RedisClient, WentBack
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

_NOT_OURS: Final = """
-- Returns nothing while the fence is ours; 'fenced' where another has taken over; 'back' where it went down.
local function not_ours(ours)
  local fence = redis.call('GET', KEYS[1]) or '0'
  if fence == ours then return end
  local function turn(of) return tonumber(string.match(of, '^%d+')) end
  return turn(fence) > turn(ours) and 'fenced' or 'back'
end
"""

_RENEW: Final = (
    UNDER_OOM
    + _NOT_OURS
    + """
-- KEYS: fence, lease. ARGV: fence, lease in ms (0: give it up). Returns 'ok', 'fenced' or 'back'.
local wrong = not_ours(ARGV[1])
if wrong then return wrong end
if ARGV[2] == '0' then redis.call('DEL', KEYS[2]) else redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2]) end
return 'ok'
"""
)

_LOOK: Final = (
    UNDER_OOM
    + _NOT_OURS
    + """
-- KEYS: fence, state. ARGV: fence, the number of the last commit under it (0: none), offset.
local wrong = not_ours(ARGV[1])
if wrong then return wrong end
if (redis.call('HGET', KEYS[2], 'offset') or '0-0') ~= ARGV[3] then return 'back' end
if ARGV[2] == '0' or redis.call('HGET', KEYS[2], 'commit') == ARGV[1] .. ' ' .. ARGV[2] then return 'ok' end
return 'back'
"""
)

_COMMIT: Final = (
    UNDER_OOM
    + _NOT_OURS
    + """
-- KEYS: fence, state, stream, then the commit's own. ARGV: fence, the commit's number under it, offset
-- before, offset after, then the commit's own, among them lists, each led by its length.
local wrong = not_ours(ARGV[1])
if wrong then return wrong end
local fence, number = string.match(redis.call('HGET', KEYS[2], 'commit') or '', '^(%S+) (%d+)$')
number = fence == ARGV[1] and tonumber(number) or 0
if number == tonumber(ARGV[2]) then return 'ok' end  -- done, and the answer got lost
if number + 1 ~= tonumber(ARGV[2]) then return 'back' end
if (redis.call('HGET', KEYS[2], 'offset') or '0-0') ~= ARGV[3] then return 'back' end
if ARGV[4] ~= ARGV[3] and #redis.call('XRANGE', KEYS[3], ARGV[4], ARGV[4]) == 0 then return 'back' end
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
        """Keep the lease; raises ``Superseded`` or ``WentBack``."""
        _raise_unless_ok(await self._renew(keys=self._keys, args=[fence, self._lasts_ms]), fence)

    async def release(self, fence: str) -> None:
        """Give the lease up, so that a standby need not wait for it to run out."""
        await self._renew(keys=self._keys, args=[fence, 0])


class FencedScript:
    """An owner's commit: all of it or nothing, under its fence, from the offset it starts at, and once.

    Commits under a fence are numbered from 1, and the state keeps the number of the last: who says it again,
    because the answer got lost, writes nothing, also where the offset does not move. A number that does not
    come next shows that Redis lost something, and so does an entry that is not on the stream any more when a
    commit goes up to it. A state without a number is one of an older version.
    """

    def __init__(self, redis: RedisClient, fence_key: str, state_key: str, stream: str, body: str) -> None:
        """``body``: Lua; its keys begin with ``KEYS[4]``, its arguments with ``ARGV[5]``."""
        self._keys = (fence_key, state_key, stream)
        self._script = redis.register_script(_COMMIT.replace("{body}", body))
        self._look = redis.register_script(_LOOK)
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
        """Write everything, or nothing. Raises ``Superseded`` or ``WentBack``.

        After any other error nobody knows, and the session is at its end: under this fence nothing is written
        any more.
        """
        if fence != self._fence:
            self._fence, self._number = fence, 0
        self._number += 1
        arguments = [fence, self._number, before, after, *args]
        answer: bytes = await self._script(keys=[*self._keys, *keys], args=arguments)
        if answer != b"ok":
            self._fence = ""  # Redis may give out the same fence again
        _raise_unless_ok(answer, fence)

    async def look(self, fence: str, offset: str) -> None:
        """See whether Redis stands where it was left; raises ``Superseded`` or ``WentBack``."""
        number = self._number if fence == self._fence else 0
        _raise_unless_ok(await self._look(keys=self._keys[:2], args=[fence, number, offset]), fence)


def _raise_unless_ok(answer: bytes, fence: str) -> None:
    match answer:
        case b"fenced":
            raise Superseded(fence)
        case b"back":
            raise WentBack
