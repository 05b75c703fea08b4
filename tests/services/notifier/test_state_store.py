"""The notifier's commit on a real server: all of it, or nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from redis.asyncio import Redis

from services.notifier.state import BreachRecord, NotifierState, changes, decode, encode
from services.notifier.state_store import NotifierChanges, NotifierStore
from shared.redis import keys
from shared.redis.stream_entries import BEGINNING
from tests.support.deliveries import MISSED, OVER, SERVICE_LEVEL, delivery
from tests.support.entries import entries, put

NOW = datetime(2026, 3, 2, 9, 12, 30, tzinfo=UTC)
LEASE = timedelta(minutes=1)
ONE, TWO = delivery(MISSED), delivery(SERVICE_LEVEL, address="balie@stad.example")


def known(*breaches: BreachRecord) -> NotifierState:
    """As it is once it has been read: each breach with its watch."""
    return decode(encode(NotifierState(breaches={one.breach.id: one for one in breaches})))


STATE = known(BreachRecord(MISSED, ("e1",)), BreachRecord(SERVICE_LEVEL, ("e2",)))
EVERYTHING = NotifierChanges(
    records=encode(STATE),
    posted=(ONE, TWO),
    to_annotate=(MISSED, SERVICE_LEVEL),
    log=(b'{"line":1}', b'{"line":2}'),
    dead=(b'{"dead":1}',),
)


def store(redis: Redis, owner: str = "one") -> NotifierStore:
    return NotifierStore(redis, 0, owner, LEASE)


async def claimed(redis: Redis) -> tuple[NotifierStore, str]:
    one = store(redis)
    fence = await one.lease.claim()
    assert fence is not None
    return one, fence


async def everything(redis: Redis) -> dict[bytes, object]:
    """All there is in Redis, but for the lease and the fence."""
    found: dict[bytes, object] = {}
    async for key in redis.scan_iter():
        name = key.rpartition(b":")[2]
        if name in {b"lease", b"fence"}:
            continue
        stream = await redis.type(key) == b"stream"
        found[name] = await (redis.xrange(key) if stream else redis.hgetall(key))
    return found


async def test_a_first_owner_knows_nothing_and_passes_over_old_news(redis_client: Redis):
    await redis_client.xadd(keys.breaches(0), {"__data__": b"{}"}, id="1-0")
    await store(redis_client).say(b"{}")
    kept = await store(redis_client).load()
    assert (kept.state, kept.outbox) == (NotifierState(), {})
    assert await store(redis_client).unread(kept.offset) == 1
    assert (await store(redis_client, "two").load()).offset == kept.offset


async def test_the_next_owner_finds_what_was_committed(redis_client: Redis):
    await put(redis_client, keys.breaches(0), "5-0", "6-0")
    one, fence = await claimed(redis_client)
    await one.commit(fence, BEGINNING, "5-0", EVERYTHING)
    kept = await store(redis_client, "two").load()
    assert (kept.offset, kept.state) == ("5-0", STATE)
    assert kept.outbox == {ONE.key: ONE, TWO.key: TWO}
    assert sorted(kept.unannotated, key=lambda one: one.id) == sorted(
        (MISSED, SERVICE_LEVEL), key=lambda one: one.id
    )
    assert await one.recent("log", 10) == [b'{"line":2}', b'{"line":1}']
    assert await one.recent("log", 1) == [b'{"line":2}']
    assert await one.recent("dead", 10) == [b'{"dead":1}']


async def test_records_are_replaced_and_dropped_and_deliveries_too(redis_client: Redis):
    await put(redis_client, keys.breaches(0), "5-0", "6-0")
    one, fence = await claimed(redis_client)
    await one.commit(fence, BEGINNING, "5-0", EVERYTHING)
    after = known(BreachRecord(OVER, ("e3",)))
    news = NotifierChanges(to_annotate=(OVER,), annotated=(SERVICE_LEVEL.id,))
    again = TWO.model_copy(update={"attempts": 3, "next_try": NOW})
    await one.commit(
        fence,
        "5-0",
        "6-0",
        NotifierChanges(records=changes(STATE, after), posted=(again,), taken_out=(ONE.key,)),
    )
    kept = await one.load()
    assert (kept.offset, kept.state, kept.outbox) == ("6-0", after, {TWO.key: again})
    await one.commit(fence, "6-0", "6-0", news)
    assert (await one.load()).unannotated == [OVER]


async def test_a_commit_of_nothing_moves_the_offset_and_its_own_number_only(redis_client: Redis):
    await put(redis_client, keys.breaches(0), "5-0", "6-0")
    one, fence = await claimed(redis_client)
    await one.commit(fence, BEGINNING, "5-0", NotifierChanges())
    found = await everything(redis_client)
    assert found.pop(b"breaches")
    assert found == {b"state": {b"offset": b"5-0", b"commit": fence.encode() + b" 1"}}


async def test_a_thousand_records_and_deliveries_go_in_one_commit(redis_client: Redis):
    await put(redis_client, keys.breaches(0), "5-0", "6-0")
    one, fence = await claimed(redis_client)
    many = [ONE.model_copy(update={"key": f"n{n}/0"}) for n in range(1000)]
    breaches = [BreachRecord(MISSED.model_copy(update={"id": f"b{n}"}), (f"e{n}",)) for n in range(1000)]
    log = [b'{"line":%d}' % n for n in range(3000)]
    await one.commit(
        fence, BEGINNING, "5-0", NotifierChanges(records=encode(known(*breaches)), posted=many, log=log)
    )
    kept = await one.load()
    assert len(kept.outbox) == len(kept.state.breaches) == 1000
    assert await one.recent("log", 3000) == log[::-1]


async def test_what_is_unread_is_counted_up_to_a_thousand(redis_client: Redis):
    one = store(redis_client)
    assert await one.unread(BEGINNING) == 0
    for _ in range(3):
        await one.say(b"{}")
    (first, _), *_ = await entries(redis_client, keys.breaches(0))
    assert await one.unread(BEGINNING) == 3
    assert await one.unread(first) == 2
