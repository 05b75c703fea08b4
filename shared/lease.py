"""Who owns a partition: a lease that runs out by itself, and a fence that rises with every take-over.

A write names the fence it was made under; when that has moved on, the script that would have written
does nothing. So an owner that was paused and wakes up late cannot harm.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from shared.redis_connection import RedisClient

_CLAIM: Final = """
-- KEYS: fence, lease. ARGV: owner, lease in ms, the fence that the owner holds ('' = none).
-- Returns the new fence, or false while another owner's lease runs.
local lease = redis.call('GET', KEYS[2])
if lease and lease ~= ARGV[3] then return false end
local turn = tonumber(string.match(redis.call('GET', KEYS[1]) or '0', '^%d+')) + 1
local fence = turn .. ':' .. ARGV[1]
redis.call('SET', KEYS[1], fence)
redis.call('SET', KEYS[2], fence, 'PX', ARGV[2])
return fence
"""

_RENEW: Final = """
-- KEYS: fence, lease. ARGV: fence, lease in ms (0: give it up). Returns 1 while the fence is ours.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then redis.call('DEL', KEYS[2]) else redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2]) end
return 1
"""


class Superseded(Exception):  # noqa: N818 - it is no error: another owner has taken over
    """The fence has moved on: somebody else owns the partition now."""


class OffsetMoved(Exception):  # noqa: N818 - Redis lost or restored data: read the state again
    """The committed offset is not the one that a commit starts from."""


class Lease:
    """The lease of one partition of one room. Raises ``redis.RedisError`` when Redis cannot be reached."""

    def __init__(
        self, redis: RedisClient, fence_key: str, lease_key: str, owner: str, lasts: timedelta
    ) -> None:
        self._owner = owner
        self._lasts_ms = lasts // timedelta(milliseconds=1)
        self._keys = (fence_key, lease_key)
        self._claim = redis.register_script(_CLAIM)
        self._renew = redis.register_script(_RENEW)

    async def claim(self, held: str | None = None) -> str | None:
        """Become the owner and return the fence, or ``None`` while somebody else is.

        Who is the owner already, and says so by the fence it holds, gets a new one.
        """
        fence = await self._claim(keys=self._keys, args=[self._owner, self._lasts_ms, held or ""])
        return fence.decode() if isinstance(fence, bytes) else fence

    async def renew(self, fence: str) -> None:
        """Keep the lease; raises ``Superseded``."""
        if not await self._renew(keys=self._keys, args=[fence, self._lasts_ms]):
            raise Superseded(fence)

    async def release(self, fence: str) -> None:
        """Give the lease up, so that a standby need not wait for it to run out."""
        await self._renew(keys=self._keys, args=[fence, 0])
