"""Hands a report to the notifier: once for each month, however many reporters there are."""

from __future__ import annotations

from typing import Final

from shared import streams
from shared.redis_connection import RedisClient
from shared.reports import PARTITION, Document, ReportReady, encode

_HAND_OVER: Final = """
-- KEYS: reports, documents, breaches. ARGV: month ('' = an extra one), id, document, word.
-- Returns 1, or 0 when that month's report was handed over before; then nothing is written.
if ARGV[1] ~= '' then
  if redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[4]) == 0 then return 0 end
elseif redis.call('HEXISTS', KEYS[2], ARGV[2]) == 1 then
  return 1  -- done, and the answer got lost
end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
redis.call('XADD', KEYS[3], '*', '__data__', ARGV[4])
return 1
"""


class Handing:
    """What the reporter writes. Raises ``redis.RedisError`` when Redis cannot be reached."""

    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis
        self._reports = streams.reports(PARTITION)
        self._hand_over = redis.register_script(_HAND_OVER)

    async def sent(self) -> frozenset[str]:
        """Return the months that were handed over, by name."""
        names = await self._redis.hkeys(self._reports)
        return frozenset(name.decode() if isinstance(name, bytes) else name for name in names)

    async def hand_over(self, document: Document, word: ReportReady, *, counts: bool) -> bool:
        """Give a report to the notifier; returns whether it was not there before.

        With ``counts`` it is the month's own: only the first one is taken.
        """
        keys = [self._reports, streams.notifier(PARTITION, "documents"), streams.breaches(PARTITION)]
        month = word.period if counts else ""
        answer = await self._hand_over(keys=keys, args=[month, word.id, encode(document), encode(word)])
        return bool(answer)
