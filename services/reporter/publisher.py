"""Hands a report to the notifier: once for each month, however many reporters there are."""

from __future__ import annotations

from typing import Final

from shared.contract.report_events import PARTITION, Document, ReportReady, encode
from shared.redis import keys
from shared.redis.connection import RedisClient
from shared.redis.scripts import OnceScript, call_name

_HAND_OVER: Final = """
-- KEYS[2] on: reports, documents, breaches. ARGV[2] on: month ('' = an extra one), id, document, event.
-- Returns 1, or 0 when that month's report was handed over before; then nothing is written.
if ARGV[2] ~= '' and redis.call('HSETNX', KEYS[2], ARGV[2], ARGV[5]) == 0 then return 0 end
redis.call('HSET', KEYS[3], ARGV[3], ARGV[4])
redis.call('XADD', KEYS[4], '*', '__data__', ARGV[5])
return 1
"""


class ReportPublisher:
    """What the reporter writes. Raises ``redis.RedisError`` when Redis cannot be reached."""

    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis
        self._reports = keys.reports(PARTITION)
        self._hand_over = OnceScript(redis, _HAND_OVER)

    async def sent(self) -> frozenset[str]:
        """Return the months that were handed over, by name."""
        names = await self._redis.hkeys(self._reports)
        return frozenset(name.decode() if isinstance(name, bytes) else name for name in names)

    async def hand_over(self, document: Document, ready: ReportReady, *, counts: bool) -> bool:
        """Give a report to the notifier; returns whether it was not there before.

        With ``counts`` it is the month's own: only the first one is taken.
        """
        touched = [self._reports, keys.notifier(PARTITION, "documents"), keys.breaches(PARTITION)]
        month, name = (ready.period, call_name()) if counts else ("", ready.id)
        args: list[str | bytes] = [month, ready.id, encode(document), encode(ready)]
        return await self._hand_over(PARTITION, name, touched, args) == b"1"
