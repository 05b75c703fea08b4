"""Days and months that are kept for years: read for reports, and replaced by whoever worked them out anew.

The evaluator owns a partition's buckets, and this is somebody else's write. So one script compares what is
there with what the change starts from, raises the fence, writes days and the sums of their months, and logs:
an owner is superseded at its next commit and reads everything anew.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import date, timedelta
from hashlib import sha1
from typing import Final

from domain.aggregator import ON_ITS_WAY
from domain.bucket import Bucket, Resolution, decode, merged
from domain.bucket_store import Slot, days_in, month_of
from domain.corrections import (
    LINE,
    BucketChange,
    Correction,
    Hours,
    Replaced,
    SettledDays,
    beginning,
    day_of,
    day_slot,
)
from domain.period_kpis import Days, Months, months_of
from domain.queue_ref import QueueRef
from services.evaluator.state_store import MONTHS, EvaluatorStore, keeps_months
from shared.calendar import Calendar
from shared.config.model import CityFile
from shared.redis import keys
from shared.redis.connection import RedisClient
from shared.redis.scripts import BELOW_HIGH_WATER
from shared.stored_state import sound

PAGE: Final = 1000
"""Lines of the log read in one go."""

TRIES: Final = 20
"""How often a month is added up again because live work added to it meanwhile. That stops at the first time,
for as long as an owner takes to read everything anew."""

_REPLACE: Final = (
    BELOW_HIGH_WATER
    + """
-- KEYS: fence, lease, corrections, then the hashes of days and months.
-- ARGV: the correction's id, its line in the log, how many days, then for these and the sums of their months:
--       hash (its number), field, SHA-1 of what is expected there and what is to come in its place ('' =
--       nothing), the beginning of its line ('' = a sum, which has none).
-- Returns the numbers of those that are not as expected; then nothing is written. Where these are months, to
-- which live work adds, the fence is raised all the same: there is time to add them up again.
local last = redis.call('XREVRANGE', KEYS[3], '+', '-', 'COUNT', 1)[1]
if last and string.find(last[2][2], ARGV[1], 1, true) then return {} end  -- done, and the answer got lost
local strange = {}
local function compare(first, last)
  for i = first, last, 5 do
    local there = redis.call('HGET', KEYS[3 + tonumber(ARGV[i])], ARGV[i + 1])
    if (there and redis.sha1hex(there) or '') ~= ARGV[i + 2] then table.insert(strange, (i - 4) / 5 + 1) end
  end
end
local months = 4 + 5 * tonumber(ARGV[3])
compare(4, months - 1)
if #strange > 0 then return strange end
local turn = tonumber(string.match(redis.call('GET', KEYS[1]) or '0', '^%d+')) + 1
redis.call('SET', KEYS[1], turn .. ':history')
redis.call('DEL', KEYS[2])
compare(months, #ARGV)
if #strange > 0 then return strange end
local function log(line) redis.call('XADD', KEYS[3], '*', '__data__', line) end
log(ARGV[2])
for i = 4, #ARGV, 5 do
  local key, field, after = KEYS[3 + tonumber(ARGV[i])], ARGV[i + 1], ARGV[i + 3]
  local before = redis.call('HGET', key, field) or 'null'
  if after == '' then
    redis.call('HDEL', key, field)
    after = 'null'
  else
    redis.call('HSET', key, field, after)
  end
  if ARGV[i + 4] ~= '' then log(ARGV[i + 4] .. '"before":' .. before .. ',"after":' .. after .. '}') end
end
return {}
"""
)


class ChangedUnderneathError(Exception):
    """A day is no longer what a change starts from; nothing of that partition was replaced."""

    def __init__(self, slot: Slot) -> None:
        super().__init__(f"{slot.queue_ref.site}/{slot.queue_ref.queue} {slot.start} was changed meanwhile")
        self.slot = slot


class Archive:
    """Days and months of all sites of a city. Raises ``redis.RedisError`` when Redis cannot be reached."""

    def __init__(self, redis: RedisClient, city: CityFile) -> None:
        self._redis = redis
        self._city = city
        self._replace = redis.register_script(_REPLACE)

    @property
    def queue_refs(self) -> list[QueueRef]:
        """The places of the city file, in its order."""
        return [QueueRef(site.id, queue.id) for site in self._city.sites for queue in site.queues]

    async def read(self, first: date, last: date) -> Days:
        """Return the days from ``first`` to ``last``, both included, within opening hours."""
        days: dict[QueueRef, dict[date, Bucket]] = {queue_ref: {} for queue_ref in self.queue_refs}
        for slot, text in (await self._written(first, last, (Hours.INSIDE,))).items():
            days[slot.queue_ref][day_of(slot)] = decode(text)
        return days

    async def months(self, first: date, last: date) -> Months:
        """Return the months from that of ``first``, the first day, to that of ``last``, within opening hours.

        Where a release that kept no months has left them behind, they are added up from their days.
        """
        for partition in range(self._city.pipeline.partitions):
            fields = await self._redis.hmget(keys.state(partition), [MONTHS, "commit"])
            if not keeps_months(*fields):
                return months_of(await self.read(first, last))
        pipeline = self._redis.pipeline(transaction=False)
        for queue_ref in self.queue_refs:
            pipeline.hgetall(self._name(Slot(queue_ref, Resolution.MONTH, "")))
        until = f"{last:%Y-%m}".encode()
        return {
            queue_ref: {month.decode(): decode(text) for month, text in found.items() if month <= until}
            for queue_ref, found in zip(self.queue_refs, await pipeline.execute(), strict=True)
        }

    async def written(self, first: date, last: date) -> dict[Slot, bytes]:
        """Return the same days as they are written down, with those outside opening hours."""
        return await self._written(first, last, tuple(Hours))

    async def first_day(self) -> date | None:
        """Return the oldest day on which anything was counted."""
        return min(await self._known_days(), default=None)

    async def last_day(self) -> date | None:
        """Return the youngest day on which anything was counted."""
        return max(await self._known_days(), default=None)

    async def settled(self, calendar: Calendar, now: int) -> dict[int, SettledDays]:
        """Return, by partition, which days nothing may still change by itself. ``now`` in UTC ms."""
        found = {}
        for partition in range(self._city.pipeline.partitions):
            store = EvaluatorStore(self._redis, partition, "", self._city.pipeline.lease)
            _, oldest = await store.lag(0, await store.offset())
            cursor = await self._redis.hget(keys.state(partition), "cursor")
            found[partition] = SettledDays.at(
                calendar,
                now,
                self._city.pipeline.dedup + ON_ITS_WAY,
                oldest,
                None if cursor is None else int(cursor),
            )
        return found

    async def replace(self, correction: Correction, changes: Sequence[BucketChange]) -> None:
        """Write the changes and log them, each partition all at once; only days that are settled.

        Raises ``ChangedUnderneathError`` when a day is not what its change starts from any more. Then nothing
        of that partition is written; those before it (by number) are.
        """
        shares: dict[int, list[BucketChange]] = {}
        for change in changes:
            shares.setdefault(self.partition_of(change.slot), []).append(change)
        for partition, share in sorted(shares.items()):
            await self._replace_share(partition, correction, share)

    def partition_of(self, slot: Slot) -> int:
        """Return the partition that keeps a day."""
        return keys.partition_of(slot.queue_ref.site, self._city.pipeline.partitions)

    async def corrections(self) -> list[Correction]:
        """Return what was ever replaced, the oldest first; over several partitions, each once."""
        found = {line.id: line async for line in self._log() if isinstance(line, Correction)}
        return sorted(found.values(), key=lambda correction: correction.at)

    async def replaced(self, correction: str) -> list[Replaced]:
        """Return the buckets of one correction, before and after, by day and place."""
        found = [
            line async for line in self._log() if isinstance(line, Replaced) and line.correction == correction
        ]
        return sorted(found, key=lambda line: (line.day, line.queue_ref, line.hours))

    async def _replace_share(
        self, partition: int, correction: Correction, changes: Sequence[BucketChange]
    ) -> None:
        after = {change.slot: change.after for change in changes}
        months = {slot: await self._sum(slot, after) for slot in dict.fromkeys(map(month_of, after))}
        line = correction.__pydantic_serializer__.to_json(correction)
        named = [keys.fence(partition), keys.lease(partition), keys.corrections(partition)]
        strange: list[Slot] = []
        for _ in range(TRIES):
            touched: dict[str, int] = {}
            args: list[str | bytes | int] = [correction.id, line, len(changes)]
            everything = [*changes, *months.values()]
            for change in everything:
                args += (
                    touched.setdefault(self._name(change.slot), len(touched) + 1),
                    str(change.slot.start),
                )
                args.append(
                    "" if change.before is None else sha1(change.before, usedforsecurity=False).hexdigest()
                )
                args += (change.after or b"", b"" if change.slot in months else beginning(correction, change))
            answer = await self._replace(keys=[*named, *touched], args=args)
            strange = [everything[int(number) - 1].slot for number in answer]
            if not strange:
                return
            if strange[0] not in months:
                break
            for slot in strange:
                months[slot] = await self._sum(slot, after)
        raise ChangedUnderneathError(strange[0])

    async def _sum(self, month: Slot, after: Mapping[Slot, bytes | None]) -> BucketChange:
        """Return the change to a month's sum when some of its days become others.

        The sum is read before the days: as long as it is that, they are these.
        """
        days = days_in(month)
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.hget(self._name(month), str(month.start))
        pipeline.hmget(self._name(days[0]), [str(day.start) for day in days])
        before, there = await pipeline.execute()
        texts = [
            (str(day.start).encode(), after.get(day, text)) for day, text in zip(days, there, strict=True)
        ]
        fields = [(day, text) for day, text in texts if text is not None]
        # A day that cannot be read is in no sum: the evaluator sets it aside when it comes to it.
        total = merged(sound(self._name(days[0]), fields, lambda _, text: decode(text), []))
        return BucketChange(month, before, None if total == Bucket() else total.encode())

    async def _written(self, first: date, last: date, hours: Iterable[Hours]) -> dict[Slot, bytes]:
        days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        if not days:
            return {}
        asked = [(queue_ref, part) for queue_ref in self.queue_refs for part in hours]
        pipeline = self._redis.pipeline(transaction=False)
        for queue_ref, part in asked:
            pipeline.hmget(self._name(day_slot(queue_ref, first, part)), [day.isoformat() for day in days])
        return {
            day_slot(queue_ref, day, part): text
            for (queue_ref, part), answer in zip(asked, await pipeline.execute(), strict=True)
            for day, text in zip(days, answer, strict=True)
            if text is not None
        }

    async def _known_days(self) -> set[date]:
        pipeline = self._redis.pipeline(transaction=False)
        for queue_ref in self.queue_refs:
            for part in Hours:
                pipeline.hkeys(self._name(day_slot(queue_ref, date.min, part)))
        return {date.fromisoformat(day.decode()) for days in await pipeline.execute() for day in days}

    async def _log(self) -> AsyncIterator[Correction | Replaced]:
        for partition in range(self._city.pipeline.partitions):
            store = keys.corrections(partition)
            first = "-"
            while True:
                entries: list[tuple[bytes, dict[bytes, bytes]]] = await self._redis.execute_command(
                    "XRANGE", store, first, "+", "COUNT", PAGE
                )
                for _, fields in entries:
                    yield LINE.validate_json(fields[keys.DATA_FIELD.encode()])
                if len(entries) < PAGE:
                    break
                first = f"({entries[-1][0].decode()}"

    def _name(self, slot: Slot) -> str:
        return keys.buckets(self.partition_of(slot), slot.resolution.value, *slot.queue_ref)
