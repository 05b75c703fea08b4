"""A partition's durable state in Redis: read at take-over, written by one fenced script.

Every take-over raises the *fence*, and so does an owner that reads the state anew. A commit names the
fence it was made under and the offset it starts from; when either has moved on, nothing is written. So
a paused owner that wakes up late cannot harm, and nothing is ever counted twice or half.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from typing import Final

from domain.aggregator import AggregatorChanges, PipelineCounts
from domain.bucket import DERIVED, MONTH_OF, Bucket, Resolution, decode, merged
from domain.bucket_store import BucketStore, Slot, Start
from domain.last_reports import LastReports
from domain.queue_ref import QueueRef
from services.evaluator.alerting.judge import FIELD, NOTHING_TO_TELL, STORED_RULE_STATE, Judgement
from shared.contract.breach_events import encode
from shared.contract.dead_letters import KEEP
from shared.instants import EARLIEST, END, END_MS
from shared.periods import Period
from shared.redis import keys
from shared.redis.connection import RedisClient, WentBack
from shared.redis.lease import FencedScript, Lease
from shared.redis.scripts import IS_FULL
from shared.redis.set_aside import SetAside
from shared.redis.stream_entries import BEGINNING, Batch, batch_of, order
from shared.stored_state import UnreadableField, sound

MONTHS: Final = "months"
"""The field of the state with the last commit by which months were the sums of their days. A release that
kept none leaves it behind: then they are made anew."""

_COMMIT: Final = (
    IS_FULL
    + """
-- KEYS[3] on: events, dead letters, breaches, the notifier's state, then the hashes of buckets.
-- ARGV[5] on: oldest entry to keep ('' = do not trim), dead letters and breach events to keep, oldest entry
--             to keep while full, the field that says that months are sums ('' = they are not), then six
--             lists: state (field, value), state that goes (field), buckets (key, field, value), dropped
--             (key, field), dead letters (value), breach events (value).
at = 10
if ARGV[9] ~= '' then redis.call('HSET', KEYS[2], ARGV[9], ARGV[1] .. ' ' .. ARGV[2]) end
from, to = items(2)
for i = from, to, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
from, to = items(1)
for i = from, to do redis.call('HDEL', KEYS[2], ARGV[i]) end
from, to = items(3)
for i = from, to, 3 do redis.call('HSET', KEYS[6 + tonumber(ARGV[i])], ARGV[i + 1], ARGV[i + 2]) end
from, to = items(2)
for i = from, to, 2 do redis.call('HDEL', KEYS[6 + tonumber(ARGV[i])], ARGV[i + 1]) end
from, to = items(1)
for i = from, to do redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[6], '*', '__data__', ARGV[i]) end
from, to = items(1)
for i = from, to do redis.call('XADD', KEYS[5], '*', '__data__', ARGV[i]) end
if ARGV[5] ~= '' then
  -- LIMIT 0: all that may go; left to itself, Redis lets 10,000 go at most, however many came meanwhile.
  redis.call('XTRIM', KEYS[3], 'MINID', '~', is_full() and ARGV[8] or ARGV[5], 'LIMIT', 0)
  local over = redis.call('XLEN', KEYS[5]) - tonumber(ARGV[7])
  local heard = redis.call('HGET', KEYS[6], 'offset')
  if over > 0 and heard then
    redis.call('XTRIM', KEYS[5], 'MINID', '~', heard, 'LIMIT', over)
  elseif over > 0 then  -- there never was a notifier, which would begin with the latest
    redis.call('XTRIM', KEYS[5], 'MAXLEN', '~', ARGV[7], 'LIMIT', 0)
  end
end
"""
)


BREACHES_KEPT: Final = 100_000
"""Breach events kept (about), years of them; and all that the notifier has not heard, however many."""


@dataclass(frozen=True, slots=True)
class StoredEvaluator:
    """What a take-over found."""

    offset: str
    cursor: int
    bucket_store: BucketStore
    last_reports: LastReports
    counts: PipelineCounts
    state: Mapping[str, str]
    """All fields of the state hash; the judge's are among them."""
    summed: bool
    """Whether months are the sums of their days; else none is there, and each is to be made anew."""
    unreadable: Sequence[UnreadableField] = ()
    """What cannot be read, and is not in the rest."""


class EvaluatorStore:
    """The state of one partition. Raises ``redis.RedisError`` when Redis cannot be reached."""

    def __init__(self, redis: RedisClient, partition: int, owner: str, lease: timedelta) -> None:
        self._redis = redis
        self._partition = partition
        self.lease = Lease(redis, keys.fence(partition), keys.lease(partition), owner, lease)
        self.set_aside = SetAside(redis, keys.set_aside(partition), keys.fence(partition))
        fence, state = keys.fence(partition), keys.state(partition)
        self._commit = FencedScript(redis, fence, state, keys.events(partition), _COMMIT)

    async def load(self, queue_refs: Sequence[QueueRef], days: Sequence[str]) -> StoredEvaluator:
        """Read what was committed: ring buckets, totals, months, and the day buckets of ``days`` (ISO)."""
        unreadable: list[UnreadableField] = []
        key = keys.state(self._partition)
        fields: Mapping[bytes, bytes] = await self._redis.execute_command("HGETALL", key)
        state = dict(sound(key, fields.items(), _state_field, unreadable))
        cursor = _cursor(state.get("cursor", "0"))
        found = await self._buckets(queue_refs, days, unreadable)
        months = {self._hash(queue_ref, monthly) for queue_ref in queue_refs for monthly in _MONTHLY}
        unreadable_months = any(one.key in months for one in unreadable)
        summed = keeps_months(state.get(MONTHS), state.get("commit")) and not unreadable_months
        return StoredEvaluator(
            offset=state.get("offset", BEGINNING),
            cursor=cursor,
            bucket_store=_bucket_store(found, summed),
            summed=summed,
            last_reports=LastReports(state),
            counts=PipelineCounts.of(state),
            state=state,
            unreadable=unreadable,
        )

    async def offset(self) -> str:
        """Return the committed offset."""
        offset = await self._redis.hget(keys.state(self._partition), "offset")
        return BEGINNING if offset is None else _text(offset)

    async def entries(self, first: str, last: str, count: int) -> Batch:
        """Read up to ``count`` stream entries from ``first`` to ``last``, both included."""
        entries: list[tuple[bytes, dict[bytes, bytes]]] = await self._redis.execute_command(
            "XRANGE", keys.events(self._partition), first, last, "COUNT", count
        )
        return batch_of(entries)

    async def lag(self, read: int, offset: str) -> tuple[int, int | None]:
        """Return how many entries wait to be read, and when the oldest of them arrived (ms).

        Raises ``WentBack`` when the stream does not reach as far as ``offset``: whatever
        comes would be passed over until it is as far again.
        """
        name = keys.events(self._partition)
        if not await self._redis.exists(name):
            return 0, None
        info = await self._redis.xinfo_stream(name)
        last = _text(info["last-generated-id"])
        if order(last) < order(offset):
            raise WentBack
        if last == offset:
            return 0, None
        unread = await self.entries(f"({offset}", "+", 1)
        if not unread.ids:
            return 0, None
        return max(1, int(info["entries-added"]) - read), int(unread.ids[0].partition("-")[0])

    async def commit(
        self,
        fence: str,
        before: str,
        after: str,
        changes: AggregatorChanges,
        verdict: Judgement = NOTHING_TO_TELL,
        trim: str = "",
        trim_when_full: str = "",
        *,
        summed: bool = False,
    ) -> None:
        """Write everything in one go, or nothing. Raises ``Superseded`` or ``WentBack``.

        ``trim``: the oldest entry of the events stream to keep; ``trim_when_full``: the same, while Redis
        takes nothing new in. ``summed``: whether all months are the sums of their days when it is written.
        """
        touched: dict[str, int] = {}

        def key(slot: Slot) -> int:
            return touched.setdefault(self._hash(slot.queue_ref, slot.resolution), len(touched) + 1)

        gone = {*changes.gone, *verdict.gone}
        state = {**changes.state, **verdict.state}
        args: list[str | bytes | int] = [trim, KEEP, BREACHES_KEPT, trim_when_full or trim]
        args += (MONTHS if summed else "", len(state))
        for name, value in state.items():
            args += (name, value)
        args += (len(gone), *gone)
        args.append(len(changes.buckets))
        for slot, bucket in changes.buckets:
            args += (key(slot), str(slot.start), bucket.encode())
        args.append(len(changes.dropped))
        for slot in changes.dropped:
            args += (key(slot), str(slot.start))
        args.append(len(changes.dead))
        args += [letter.encode() for letter in changes.dead]
        args.append(len(verdict.events))
        args += [encode(event) for event in verdict.events]
        named = [
            keys.dead_letters(self._partition),
            keys.breaches(self._partition),
            keys.notifier(self._partition, "state"),
        ]
        await self._commit(fence, before, after, [*named, *touched], args)

    async def look(self, fence: str, offset: str) -> None:
        """See whether Redis stands where the last commit left it; raises ``Superseded`` or ``WentBack``."""
        await self._commit.look(fence, offset)

    async def forget_months(self) -> None:
        """Say that months are not the sums of their days, whatever becomes of this session."""
        await self._redis.hdel(keys.state(self._partition), MONTHS)

    async def months(self, queue_refs: Sequence[QueueRef], unreadable: list[UnreadableField]) -> list[Period]:
        """Return the months on which anything was counted, in order."""
        found: set[Period] = set()
        for queue_ref in queue_refs:
            for daily in MONTH_OF:
                name = self._hash(queue_ref, daily)
                fields: list[bytes] = await self._redis.execute_command("HKEYS", name)
                strange: list[UnreadableField] = []
                days = sound(name, [(field, b"") for field in fields], _day, strange)
                found.update(map(Period.month_of, days))
                for one in strange:
                    value: bytes | None = await self._redis.execute_command("HGET", name, one.field)
                    if value is not None:
                        unreadable.append(replace(one, value=value))
        return sorted(found)

    async def add_up(
        self, queue_refs: Sequence[QueueRef], month: Period, unreadable: list[UnreadableField]
    ) -> list[tuple[Slot, Bucket]]:
        """Return the sums of a month's days; those of a queue without any are left out."""
        found: list[tuple[Slot, Bucket]] = []
        for queue_ref in queue_refs:
            for daily, monthly in MONTH_OF.items():
                days = await self.days(queue_ref, list(month.days()), unreadable, daily)
                if days:
                    found.append((Slot(queue_ref, monthly, month.name), merged(iter(days.values()))))
        return found

    async def days(
        self,
        queue_ref: QueueRef,
        days: Sequence[date],
        unreadable: list[UnreadableField],
        daily: Resolution = Resolution.DAY,
    ) -> dict[date, Bucket]:
        """Read some days of a queue; those without a bucket are left out."""
        if not days:
            return {}
        name = self._hash(queue_ref, daily)
        fields = [day.isoformat().encode() for day in days]
        found: Iterable[bytes | None] = await self._redis.execute_command("HMGET", name, *fields)
        there = [(field, text) for field, text in zip(fields, found, strict=True) if text is not None]
        return dict(sound(name, there, _day_bucket, unreadable))

    def _hash(self, queue_ref: QueueRef, resolution: Resolution) -> str:
        return keys.buckets(self._partition, resolution.value, queue_ref.site, queue_ref.queue)

    async def _buckets(
        self, queue_refs: Sequence[QueueRef], days: Sequence[str], unreadable: list[UnreadableField]
    ) -> list[tuple[Slot, Bucket]]:
        asked: list[tuple[str, QueueRef, Resolution]] = []
        pipeline = self._redis.pipeline(transaction=False)
        for queue_ref in queue_refs:
            for resolution in _WRITTEN:
                name = self._hash(queue_ref, resolution)
                if resolution in _DAILY:
                    pipeline.hmget(name, list(days))
                else:
                    pipeline.hgetall(name)
                asked.append((name, queue_ref, resolution))
        found: list[tuple[Slot, Bucket]] = []
        starts = [day.encode() for day in days]
        for (name, queue_ref, resolution), answer in zip(asked, await pipeline.execute(), strict=True):
            pairs = zip(starts, answer, strict=True) if resolution in _DAILY else answer.items()
            there = [(start, text) for start, text in pairs if text is not None]
            found += sound(name, there, partial(_bucket, queue_ref, resolution), unreadable)
        return found


def keeps_months(months: object, commit: object) -> bool:
    """Return whether the last commit kept months, from the state's fields of both names."""
    return months is not None and months == commit


def _bucket(queue_ref: QueueRef, resolution: Resolution, start: bytes, text: bytes) -> tuple[Slot, Bucket]:
    return Slot(queue_ref, resolution, _start(resolution, start)), decode(text)


def _day(name: bytes, _bucket: bytes) -> date:
    day = date.fromisoformat(name.decode())
    if not EARLIEST.date() <= day < END.date():
        raise ValueError("a day is one that cannot be meant")
    return day


def _day_bucket(name: bytes, text: bytes) -> tuple[date, Bucket]:
    return _day(name, text), decode(text)


def _state_field(name: bytes, value: bytes) -> tuple[str, str]:
    """Return a field of the state hash that its reader understands, whoever that is.

    Without the offset and the cursor nobody can go on: they are read by themselves, and stop everything.
    """
    field, text = name.decode(), value.decode()
    if field.startswith(FIELD):
        STORED_RULE_STATE.validate_json(text)
    last_reports = LastReports({field: text})
    _ = (
        last_reports.facts(),
        last_reports.heartbeats(),
        last_reports.offers(),
        last_reports.staffs(),
        PipelineCounts.of({field: text}),
    )
    return field, text


def _cursor(kept: str) -> int:
    cursor = int(kept)
    if not 0 <= cursor < END_MS:
        raise ValueError("the cursor is an instant that cannot be meant")
    return cursor


_DAILY: Final = frozenset(MONTH_OF)
_MONTHLY: Final = frozenset(MONTH_OF.values())
_WRITTEN: Final = tuple(resolution for resolution in Resolution if resolution not in DERIVED)
_RINGS: Final = frozenset({Resolution.FINE, Resolution.COARSE})


def _start(resolution: Resolution, name: bytes | str) -> Start:
    return int(name) if resolution in _RINGS else _text(name)


def _bucket_store(found: Iterable[tuple[Slot, Bucket]], summed: bool) -> BucketStore:
    bucket_store = BucketStore()
    for slot, bucket in found:
        if summed or slot.resolution not in _MONTHLY:
            bucket_store.put(slot, bucket)
        else:
            bucket_store.add(slot, Bucket())  # so that it goes, unless days are added to it
    return bucket_store


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
