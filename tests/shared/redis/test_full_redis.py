"""A Redis that has no room: nothing new comes in, whoever makes room goes on, and it ends by itself."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import date, datetime, timedelta
from typing import Final

import httpx
import pytest
from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError, ResponseError

from domain.aggregator import AggregatorChanges
from domain.bucket import Bucket, Resolution
from domain.bucket_store import Slot
from domain.corrections import BucketChange, Correction, Hours, day_slot
from domain.queue_ref import QueueRef
from services.evaluator.archive import Archive
from services.evaluator.state_store import EvaluatorStore
from services.ingest.http import RETRY_AFTER_REFUSAL, events_app
from services.ingest.metrics import IngestMetrics
from services.ingest.publisher import Publisher, ReadUpTo
from services.ingest.settings import IngestSettings
from services.notifier.state_store import NotifierChanges, NotifierStore
from services.reporter.publisher import ReportPublisher
from shared.config.model import CityFile
from shared.contract.dead_letters import DeadLetter, DeadLetterReason
from shared.contract.events import EVENTS
from shared.contract.report_events import Document, ReportReady
from shared.process.health import Degraded, redis_check
from shared.process.ports import free_port
from shared.redis import keys
from shared.redis.scripts import HIGH_WATER
from shared.redis.stream_entries import BEGINNING
from tests.support import partitions
from tests.support.deliveries import MISSED, delivery
from tests.support.eventually import eventually_async
from tests.support.ingest_desk import NOW, PBX_KEY, PSEUDONYMS, answered, city
from tests.support.redis_servers import RedisServer
from tests.support.service_process import PSEUDONYM_KEY

ROOM: Final = 16 * 2**20
"""Bytes that a server has beside what it needs for itself."""

LEASE: Final = timedelta(minutes=1)
LETTER: Final = DeadLetter(reason=DeadLetterReason.LATE, detail="too old", at=NOW)
EVENT_KEYS: Final = [keys.events(0)]


@pytest.fixture
async def redis(own_server: RedisServer) -> AsyncIterator[Redis]:
    """A client of a server with little room, that refuses what does not fit."""
    async with Redis.from_url(own_server.url) as client:
        used, _ = await memory(client)
        await client.config_set("maxmemory-policy", "noeviction")
        await client.config_set("maxmemory", used + ROOM)
        yield client


async def memory(redis: Redis) -> tuple[int, int]:
    """Return the bytes used and the most there may be."""
    told = await redis.info("memory")
    return told["used_memory"] - told["mem_not_counted_for_evict"], told["maxmemory"]


async def fill(redis: Redis, share: float) -> None:
    """Put something of no use there, until this share of the memory is used, or Redis takes no more."""
    number = 0
    with suppress(OutOfMemoryError):
        while True:
            used, most = await memory(redis)
            missing = int(share * most) - used
            if missing <= 0 and share < 1:
                return
            await redis.set(f"ballast:{number}", b"x" * min(max(missing, 64), 2**18))
            number += 1


async def ballast_away(redis: Redis) -> None:
    async for key in redis.scan_iter("ballast:*"):
        await redis.delete(key)


# What is new, and who makes room -----------------------------------------------------------------------


async def events(redis: Redis) -> None:
    await Publisher(redis).write(0, EVENTS.validate_python([answered(1)]))


async def lines_of_a_log(redis: Redis) -> None:
    await Publisher(redis).write(0, EVENTS.validate_python([answered(1)]), ReadUpTo("asterisk", b"here"))


async def a_refusal(redis: Redis) -> None:
    await Publisher(redis).bury(0, [LETTER])


async def a_report(redis: Redis) -> None:
    word = ReportReady(id="report:2026-02", at=NOW, period="2026-02", receivers=("balie",))
    await ReportPublisher(redis).hand_over(Document(id=word.id, subject="s", text="t"), word, counts=True)


async def days_of_history(redis: Redis) -> None:
    slot = day_slot(QueueRef("lier", "onthaal"), date(2026, 2, 2), Hours.INSIDE)
    change = BucketChange.to(slot, None, Bucket(answered=1))
    assert change is not None
    correction = Correction(id="one", at=NOW, how="import", by="balie", why="proef", files=())
    await Archive(redis, city()).replace(correction, [change])


@pytest.mark.parametrize("write", [events, lines_of_a_log, a_refusal, a_report, days_of_history])
async def test_nothing_new_comes_in_while_redis_is_nearly_full(
    redis: Redis, write: Callable[[Redis], Awaitable[None]]
):
    await fill(redis, HIGH_WATER + 0.01)
    before = {key async for key in redis.scan_iter()}
    with pytest.raises(OutOfMemoryError):
        await write(redis)
    assert {key async for key in redis.scan_iter()} == before
    await ballast_away(redis)
    await write(redis)
    assert [key async for key in redis.scan_iter()]


async def test_without_a_limit_there_is_always_room(redis: Redis):
    await redis.config_set("maxmemory", 0)
    await events(redis)


async def test_whoever_makes_room_goes_on_in_a_redis_that_is_full(redis: Redis):
    """Also after a restart of Redis: it has to be given the scripts anew."""
    pipeline = redis.pipeline(transaction=False)
    for number in range(1, 1001):
        pipeline.xadd(keys.events(0), {"__data__": "{}"}, id=f"{number}-0")
    await pipeline.execute()
    await fill(redis, 1.0)
    with pytest.raises(OutOfMemoryError):
        await redis.set("anything", b"x" * 2**20)

    evaluator = EvaluatorStore(redis, 0, "evaluator", LEASE)
    fence = await evaluator.lease.claim()
    assert fence is not None
    slot = Slot(QueueRef("lier", "onthaal"), Resolution.DAY, "2026-03-02")
    counted = AggregatorChanges({"read": "1000"}, [(slot, Bucket(answered=1))], [], [LETTER])
    await evaluator.commit(fence, BEGINNING, "1000-0", counted, trim="900-0")
    assert await redis.xlen(keys.events(0)) <= 200
    await evaluator.lease.renew(fence)
    await evaluator.lease.release(fence)

    notifier = NotifierStore(redis, 0, "notifier", LEASE)
    fence = await notifier.lease.claim()
    assert fence is not None
    begun = (await notifier.load()).offset
    await notifier.commit(fence, begun, begun, NotifierChanges(posted=[delivery(MISSED)], log=[b"{}"]))
    await notifier.say(b"{}")
    assert await redis.xlen(keys.breaches(0)) == 1


async def test_a_full_redis_keeps_only_what_time_has_not_made_useless(redis: Redis):
    pipeline = redis.pipeline(transaction=False)
    for number in range(1, 1001):
        pipeline.xadd(keys.events(0), {"__data__": "{}"}, id=f"{number}-0")
    await pipeline.execute()
    owner = EvaluatorStore(redis, 0, "evaluator", LEASE)
    fence = await owner.lease.claim()
    assert fence is not None
    nothing = AggregatorChanges({}, [], [], [])
    await owner.commit(fence, BEGINNING, "1000-0", nothing, trim="1-0", trim_when_full="900-0")
    assert await redis.xlen(keys.events(0)) == 1000
    await fill(redis, HIGH_WATER + 0.01)
    await owner.commit(fence, "1000-0", "1000-0", nothing, trim="1-0", trim_when_full="900-0")
    assert 101 <= await redis.xlen(keys.events(0)) <= 200


# What is said of it ------------------------------------------------------------------------------------


async def test_the_health_of_every_writer_tells(redis: Redis):
    ingest = redis_check(redis, EVENT_KEYS)
    evaluator = redis_check(redis, [keys.state(0)], makes_room=True)
    assert (await ingest(NOW), await evaluator(NOW)) == (None, None)
    await fill(redis, HIGH_WATER + 0.01)
    assert await ingest(NOW) == "Redis uses more than 90% of its memory: nothing new is taken in"
    told = await evaluator(NOW)
    assert isinstance(told, Degraded)
    assert told == await ingest(NOW)
    await ballast_away(redis)
    assert (await ingest(NOW), await evaluator(NOW)) == (None, None)


async def test_a_server_that_has_become_a_replica_is_told(redis: Redis):
    for makes_room in (False, True):
        assert await redis_check(redis, EVENT_KEYS, makes_room=makes_room)(NOW) is None
    await redis.execute_command("REPLICAOF", "127.0.0.1", free_port())
    for makes_room in (False, True):
        told = await redis_check(redis, EVENT_KEYS, makes_room=makes_room)(NOW)
        assert told == "Redis has become a replica"
        assert not isinstance(told, Degraded), "nobody can write there, not even to make room"


async def test_a_disk_that_cannot_be_written_is_told_and_nothing_is_lost(
    redis: Redis, own_server: RedisServer
):
    """As Redis itself puts it: MISCONF. A snapshot fails as surely as an append-only file, and by order."""
    await events(redis)
    in_the_way = own_server.data_dir / "dump.rdb"
    assert await redis.config_get("dbfilename") == {"dbfilename": in_the_way.name}
    in_the_way.mkdir()
    (in_the_way / "file").touch()
    await redis.config_set("save", "3600 1")
    await redis.config_set("stop-writes-on-bgsave-error", "yes")
    await redis.bgsave()

    async def refuses() -> bool:
        return bool((await redis.info("persistence"))["rdb_last_bgsave_status"] == "err")

    await eventually_async(refuses)
    async with door(redis, lambda: NOW) as post:
        response = await post(1)
        assert response.status_code == 503
        assert response.headers["Retry-After"] == str(RETRY_AFTER_REFUSAL)
        assert response.json()["detail"].startswith("the store cannot write to its disk;")
        assert await redis_check(redis, EVENT_KEYS)(NOW) == "Redis cannot write to its disk"
        with pytest.raises(ResponseError, match="MISCONF"):
            await EvaluatorStore(redis, 0, "evaluator", LEASE).lease.claim()
        (in_the_way / "file").unlink()
        in_the_way.rmdir()
        await redis.bgsave()
        await eventually_async(lambda: _is_well(redis))
        assert (await post(1)).status_code == 202
    assert await redis.xlen(keys.events(0)) == 2


async def _is_well(redis: Redis) -> bool:
    return await redis_check(redis, EVENT_KEYS)(NOW) is None


# The whole of it ---------------------------------------------------------------------------------------


def small_city() -> CityFile:
    """One whose facts are forgotten after minutes."""
    told = city().model_dump()
    bounds = {"dedup": "10m", "open_timeout": "1m", "visit_timeout": "10m", "future_tolerance": "0s"}
    told["pipeline"] = bounds
    return CityFile.model_validate(told)


Post = Callable[[int], Awaitable[httpx.Response]]


@asynccontextmanager
async def door(redis: Redis, now: Callable[[], datetime]) -> AsyncIterator[Post]:
    """The HTTP door, to which the given number of events can be posted."""
    sent = 0
    publisher = Publisher(redis, stamp=now)
    town = small_city()
    app = events_app(
        IngestSettings(pseudonym_key_file=PSEUDONYM_KEY),
        town,
        PSEUDONYMS,
        publisher,
        IngestMetrics(town),
        now,
    )
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://ingest") as http:

        async def post(count: int) -> httpx.Response:
            nonlocal sent
            lines = [json.dumps(answered(sent + n, at=now().isoformat())) for n in range(count)]
            sent += count
            headers = {"Authorization": f"Bearer {PBX_KEY}"}
            return await http.post("/v1/events", content="\n".join(lines), headers=headers)

        yield post


async def test_a_redis_that_was_filled_by_its_senders_takes_them_in_again_without_anybodys_hand(
    redis: Redis, own_server: RedisServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("services.evaluator.consumer.TRIM_EVERY", timedelta(milliseconds=50))
    clock = [NOW]

    def now() -> datetime:
        return clock[0]

    accepted = 0
    async with door(redis, now) as post:
        while (response := await post(500)).status_code == 202:
            accepted += 500
            clock[0] += timedelta(seconds=1)
            used, most = await memory(redis)
            assert used < most
        assert response.status_code == 503
        assert response.headers["Retry-After"] == str(RETRY_AFTER_REFUSAL)
        assert response.json()["detail"].startswith("the store has no room for what is new;")
        assert await redis.xlen(keys.events(0)) == accepted
        await fill(redis, 1.0)  # whatever else may have grown meanwhile
        async with partitions.evaluator(own_server.url, small_city(), now) as run:

            async def counted() -> bool:
                return int(await redis.hget(keys.state(0), "read") or 0) == accepted

            await eventually_async(counted)
            assert (await post(500)).status_code == 503  # all of it is still needed, to know duplicates
            await ballast_away(redis)
            assert (await post(500)).status_code == 503
            clock[0] += timedelta(minutes=21)  # a fact may be dated ahead, and take its time

            async def taken_in() -> bool:
                return (await post(1)).status_code == 202

            await eventually_async(taken_in)
            assert await run.partition.check(now()) is None
            assert await redis_check(redis, EVENT_KEYS)(now()) is None
