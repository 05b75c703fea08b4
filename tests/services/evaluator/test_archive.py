"""The archive on real servers: days are replaced whole or not at all, and whoever runs notices."""

from __future__ import annotations

import asyncio
import tomllib
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256

import pytest
from redis.asyncio import Redis

from domain.bucket import Bucket, Resolution
from domain.bucket_store import Slot
from domain.corrections import BucketChange, Correction, FromFile, Hours, UnsettledReason, day_slot
from domain.counts import ms_of
from domain.period_kpis import months_of
from domain.queue_ref import QueueRef
from services.evaluator.archive import Archive, ChangedUnderneathError
from services.evaluator.consumer import EvaluatorSession
from services.evaluator.state_store import EvaluatorStore
from shared.calendar import Calendar
from shared.config.model import CityFile
from shared.contract.events import CallAnswered, encode
from shared.redis import keys
from shared.redis.partition_owner import PartitionOwner
from tests.support import partitions
from tests.support.eventually import eventually_async

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
DAY = date(2026, 3, 12)


def city(partitions: int = 1) -> CityFile:
    return CityFile.model_validate(
        tomllib.loads(
            f"""
            [city]
            name = "Test"
            [pipeline]
            lease = "1m"
            partitions = {partitions}
            [[sites]]
            id = "huis"
            queues = [{{ id = "onthaal", kind = "phone" }}, {{ id = "loket", kind = "counter" }}]
            [[sites]]
            id = "haven"
            queues = [{{ id = "onthaal", kind = "phone" }}]
            """
        )
    )


ONE, TWO = city(), city(2)
HUIS, HAVEN = QueueRef("huis", "onthaal"), QueueRef("haven", "onthaal")
IN, OUT = day_slot(HUIS, DAY, Hours.INSIDE), day_slot(HUIS, DAY, Hours.OUTSIDE)


def correction(name: str = "c0ffee", by: str = "balie") -> Correction:
    file = FromFile(name="queue_log.1", sha256=sha256(b"").hexdigest())
    return Correction(id=name, at=NOW, how="import", by=by, why="gat in het logboek", files=(file,))


def calls(answered: int) -> bytes:
    return Bucket(answered=answered, wait_ms=answered * 1000, waits={1: answered}).encode()


async def state(redis: Redis) -> dict[bytes, object]:
    """All that stands in Redis."""
    found: dict[bytes, object] = {}
    async for key in redis.scan_iter():
        found[key] = await redis.dump(key)
    return found


async def test_days_are_replaced_and_the_log_says_what_was_there(redis_client: Redis) -> None:
    archive = Archive(redis_client, ONE)
    await archive.replace(
        correction("a1"), [BucketChange(IN, None, calls(3)), BucketChange(OUT, None, calls(1))]
    )
    await archive.replace(
        correction("b2", "bureau"), [BucketChange(IN, calls(3), calls(5)), BucketChange(OUT, calls(1), None)]
    )
    assert await archive.written(DAY, DAY) == {IN: calls(5)}
    days = await archive.read(DAY, DAY + timedelta(days=3))
    assert {queue_ref: list(found) for queue_ref, found in days.items() if found} == {HUIS: [DAY]}
    assert [(one.id, one.by, one.why) for one in await archive.corrections()] == [
        ("a1", "balie", "gat in het logboek"),
        ("b2", "bureau", "gat in het logboek"),
    ]
    inside, outside = await archive.replaced("b2")
    assert (inside.day, inside.queue_ref, inside.hours) == (DAY, HUIS, Hours.INSIDE)
    assert inside.before is not None
    assert inside.after is not None
    assert (inside.before.encode(), inside.after.encode()) == (calls(3), calls(5))
    assert outside.before is not None
    assert outside.after is None


async def test_the_first_and_the_last_day_are_those_on_which_anything_happened(redis_client: Redis) -> None:
    archive = Archive(redis_client, ONE)
    assert (await archive.first_day(), await archive.last_day()) == (None, None)
    late = day_slot(HAVEN, date(2026, 3, 18), Hours.OUTSIDE)
    await archive.replace(
        correction(), [BucketChange(IN, None, calls(3)), BucketChange(late, None, calls(1))]
    )
    assert (await archive.first_day(), await archive.last_day()) == (DAY, date(2026, 3, 18))


@pytest.mark.parametrize(
    ("story", "there", "expected"),
    [
        ("another figure", calls(4), calls(3)),
        ("gone", None, calls(3)),
        ("come meanwhile", calls(4), None),
        ("the same figures, other bytes", b'{"wait_ms":3000,"answered":3}', calls(3)),
    ],
)
async def test_what_changed_underneath_stays_and_nothing_else_is_written(
    story: str, there: bytes | None, expected: bytes | None, redis_client: Redis
) -> None:
    if there is not None:
        await redis_client.hset(keys.buckets(0, "day", *HUIS), str(DAY), there)
    before = await state(redis_client)
    other = day_slot(HAVEN, DAY, Hours.INSIDE)
    with pytest.raises(ChangedUnderneathError) as error:
        await Archive(redis_client, ONE).replace(
            correction(), [BucketChange(other, None, calls(1)), BucketChange(IN, expected, calls(9))]
        )
    assert error.value.slot == IN, story
    assert await state(redis_client) == before


async def test_an_answer_that_got_lost_does_not_make_it_happen_twice(redis_client: Redis) -> None:
    archive = Archive(redis_client, ONE)
    changes = [BucketChange(IN, None, calls(3)), BucketChange(OUT, None, calls(1))]
    await archive.replace(correction(), changes)
    once = await state(redis_client)
    await archive.replace(correction(), changes)
    assert await state(redis_client) == once


async def test_a_month_that_live_work_adds_to_meanwhile_is_added_up_again(
    redis_client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, days, months = Archive._sum, keys.buckets(0, "day", *HUIS), keys.buckets(0, "month", *HUIS)
    fences: list[object] = []

    async def read_and_be_overtaken(self, month: Slot, after) -> BucketChange:
        change = await read(self, month, after)
        fences.append(await redis_client.get(keys.fence(0)))
        if len(fences) == 1:
            await redis_client.hset(days, "2026-03-20", calls(4))
            await redis_client.hset(months, "2026-03", calls(4))
        return change

    monkeypatch.setattr(Archive, "_sum", read_and_be_overtaken)
    await Archive(redis_client, ONE).replace(correction(), [BucketChange(IN, None, calls(3))])
    assert await redis_client.hget(months, "2026-03") == calls(7)
    assert fences == [None, b"1:history"], "by then the owner is stopped"
    assert await redis_client.xlen(keys.corrections(0)) == 2


async def test_each_partition_gets_its_own_days_and_lines(redis_client: Redis) -> None:
    sites = {keys.partition_of(site.id, 2) for site in TWO.sites}
    assert sites == {0, 1}  # else this test shows nothing
    archive = Archive(redis_client, TWO)
    elsewhere = day_slot(HAVEN, DAY, Hours.INSIDE)
    await archive.replace(
        correction(), [BucketChange(IN, None, calls(3)), BucketChange(elsewhere, None, calls(1))]
    )
    assert await archive.written(DAY, DAY) == {IN: calls(3), elsewhere: calls(1)}
    assert [await redis_client.xlen(keys.corrections(number)) for number in (0, 1)] == [2, 2]
    assert len(await archive.corrections()) == 1
    assert {line.queue_ref for line in await archive.replaced("c0ffee")} == {HUIS, HAVEN}


async def test_a_long_log_is_read_to_its_end(redis_client: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.evaluator.archive.PAGE", 3)
    archive = Archive(redis_client, ONE)
    days = [day_slot(HUIS, DAY + timedelta(days=number), Hours.INSIDE) for number in range(8)]
    await archive.replace(correction(), [BucketChange(slot, None, calls(1)) for slot in days])
    assert len(await archive.replaced("c0ffee")) == 8


async def test_days_that_may_still_change_are_known(redis_client: Redis) -> None:
    archive, calendar = Archive(redis_client, ONE), Calendar(ONE)

    async def found() -> tuple[str, UnsettledReason]:
        (settled,) = (await archive.settled(calendar, ms_of(NOW))).values()
        return settled.before.isoformat(), settled.why

    assert await found() == ("2026-03-19", UnsettledReason.RECENT)
    await redis_client.hset(keys.state(0), mapping={"cursor": ms_of(NOW - timedelta(days=4))})
    assert await found() == ("2026-03-16", UnsettledReason.BEHIND)
    week_ago = ms_of(NOW - timedelta(days=7))
    await redis_client.xadd(keys.events(0), {"__data__": "{}"}, id=f"{week_ago}-0")
    assert await found() == ("2026-03-12", UnsettledReason.BACKLOG)
    await redis_client.hset(keys.state(0), mapping={"offset": f"{week_ago}-0", "cursor": ms_of(NOW)})
    assert await found() == ("2026-03-19", UnsettledReason.RECENT)


# With an owner at work ---------------------------------------------------------------------------------


def shown(partition: PartitionOwner[EvaluatorSession], resolution: Resolution, start: str) -> int:
    """Answered calls as the owner shows them; -1 while it has nothing to show."""
    session = partition.session
    if session is None:
        return -1
    bucket = session.aggregator.bucket_store.get(Slot(HUIS, resolution, start))
    return 0 if bucket is None else bucket.answered


async def answered(redis: Redis, first: int, count: int) -> None:
    """That many calls come in now."""
    for number in range(first, first + count):
        event = CallAnswered(
            id=f"call-{number}", at=NOW, source="pbx", site="huis", queue="onthaal", wait_ms=1000
        )
        await redis.xadd(keys.events(0), {"__data__": encode(event)}, id=f"{ms_of(NOW)}-*")


async def test_an_owner_at_work_shows_the_new_sums_and_loses_nothing(redis_url: str) -> None:
    """Its month gets other days while calls come in: before, during and after."""
    async with Redis.from_url(redis_url) as redis, partitions.evaluator(redis_url, ONE, lambda: NOW) as run:
        partition = run.partition
        await eventually_async(lambda: run.owns)
        archive = Archive(redis, ONE)
        await answered(redis, 0, 20)
        await eventually_async(lambda: shown(partition, Resolution.MONTH, "2026-03") == 20)
        had = None
        for turn in range(1, 4):
            coming = asyncio.create_task(answered(redis, 20 * turn, 20))
            await archive.replace(correction(f"turn-{turn}"), [BucketChange(IN, had, calls(100 * turn))])
            await coming
            had = calls(100 * turn)
            whole = 20 + 120 * turn
            for resolution, start in ((Resolution.MONTH, "2026-03"), (Resolution.YEAR, "2026")):
                await eventually_async(
                    lambda: shown(partition, resolution, start) == whole,  # noqa: B023
                )
        assert shown(partition, Resolution.DAY, "2026-03-20") == 80
        assert shown(partition, Resolution.TOTAL, "all") == 80  # what came in live
        assert await archive.months(DAY, NOW.date()) == months_of(await archive.read(DAY, NOW.date()))
        written = await archive.written(DAY, NOW.date())
        assert written == {IN: calls(300), day_slot(HUIS, NOW.date(), Hours.INSIDE): calls(80)}


async def test_an_owner_from_before_writes_nothing_after_the_replacement(redis_client: Redis) -> None:
    store = EvaluatorStore(redis_client, 0, "one", timedelta(minutes=1))
    fence = await store.lease.claim()
    assert fence is not None
    await Archive(redis_client, ONE).replace(correction(), [BucketChange(IN, None, calls(3))])
    assert await redis_client.get(keys.fence(0)) == b"2:history"
    assert not await redis_client.exists(keys.lease(0))
    other = EvaluatorStore(redis_client, 0, "two", timedelta(minutes=1))
    assert await other.lease.claim() == "3:two"
