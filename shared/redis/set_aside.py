"""What cannot be read is set aside: moved, as it is, to a stream where people can look at it.

Never trimmed, for nobody else has it; a fault that would fill it raises an alarm first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from prometheus_client import CollectorRegistry, Gauge

from shared.process.health import Check, Degraded
from shared.redis.connection import RedisClient
from shared.redis.lease import Superseded
from shared.redis.scripts import UNDER_OOM
from shared.redis.stream_entries import arrived_ms
from shared.stored_state import UnreadableField

_MOVE: Final = (
    UNDER_OOM
    + """
-- KEYS: the stream, fence, then where the fields are. ARGV: fence ('' = nobody's), then for every field: its
-- key's number, field ('' = a plain value), value, why. Only what is still so is moved: said again, this does
-- nothing.
-- Returns the id of the last that was ever set aside, or ''.
if ARGV[1] ~= '' and redis.call('GET', KEYS[2]) ~= ARGV[1] then return 'fenced' end
for i = 2, #ARGV, 4 do
  local key, field, value = KEYS[2 + tonumber(ARGV[i])], ARGV[i + 1], ARGV[i + 2]
  local plain = field == ''
  if (plain and redis.call('GET', key) or not plain and redis.call('HGET', key, field)) == value then
    redis.call('XADD', KEYS[1], '*', 'key', key, 'field', field, 'value', value, 'why', ARGV[i + 3])
    if plain then redis.call('DEL', key) else redis.call('HDEL', key, field) end
  end
end
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
return last and last[1] or ''
"""
)

SHOWN_FOR: Final = timedelta(days=3)
"""So long health says so, as the alarm does: time to look, and mostly nothing to mend."""

METRIC: Final = "wachtpost_state_set_aside_timestamp_seconds"

log = structlog.stdlib.get_logger(__name__)


def set_aside_gauge(registry: CollectorRegistry) -> Gauge:
    """Return the gauge that says when something was set aside last; one label, the partition."""
    text = "When stored state that could not be read was set aside last; 0: never"
    return Gauge(METRIC, text, ["partition"], registry=registry)


def set_aside_check(latest: Callable[[], Iterable[float]]) -> Check:
    """Return the ``Check`` that nothing was set aside lately; ``latest`` says when, in epoch seconds or 0."""

    async def all_was_read(now: datetime) -> str | None:
        last = max(latest(), default=0.0)
        if now.timestamp() - last > SHOWN_FOR.total_seconds():
            return None
        at = datetime.fromtimestamp(last, UTC)
        return Degraded(f"stored state could not be read and was set aside, last at {at:%Y-%m-%dT%H:%M:%SZ}")

    return all_was_read


class SetAside:
    """The stream of a partition of a service. Raises ``redis.RedisError`` when Redis cannot be reached."""

    def __init__(self, redis: RedisClient, stream: str, fence_key: str) -> None:
        self._stream = stream
        self._fence_key = fence_key
        self._move = redis.register_script(_MOVE)

    async def put(self, fence: str, unreadable: Sequence[UnreadableField]) -> float:
        """Move these, under the owner's fence (empty: nobody owns them), and log each.

        Returns when anything was ever set aside here last: epoch seconds, or 0. Raises ``Superseded``.
        """
        keys: dict[str, int] = {}
        args: list[str | bytes | int] = [fence]
        for one in unreadable:
            args += (keys.setdefault(one.key, len(keys) + 1), one.field, one.value, one.why)
        last: bytes = await self._move(keys=[self._stream, self._fence_key, *keys], args=args)
        if last == b"fenced":
            raise Superseded(fence)
        for one in unreadable:
            name = one.field.decode(errors="replace")
            log.error("state_set_aside", redis_key=one.key, field=name, why=one.why, stream=self._stream)
        return arrived_ms(last.decode()) / 1000 if last else 0.0
