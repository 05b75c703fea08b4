"""One partition's durable state on real servers: all of a commit or nothing, and only by the owner."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis

from domain.aggregator import AggregatorChanges
from domain.bucket import Bucket, Resolution
from domain.bucket_store import Slot
from domain.last_reports import Offer
from domain.queue_ref import QueueRef
from services.evaluator.alerting.judge import Judgement
from services.evaluator.state_store import EvaluatorStore
from shared.contract.dead_letters import DeadLetter, DeadLetterReason
from shared.redis import keys
from shared.redis.connection import WentBack
from shared.redis.stream_entries import BEGINNING
from tests.support.entries import entries, put

LEASE = timedelta(minutes=1)
DESK = QueueRef("lier", "onthaal")
LOKET = QueueRef("lier", "loket")
BUCKET = Bucket(answered=2, wait_ms=41_000, waits={1: 1, 40: 1}, abandon_waits={4: 1})
SLOTS = [
    Slot(DESK, Resolution.FINE, 1_700_000_000),
    Slot(DESK, Resolution.COARSE, 1_699_999_800),
    Slot(DESK, Resolution.DAY, "2023-11-14"),
    Slot(LOKET, Resolution.DAY_OUTSIDE, "2023-11-14"),
    Slot(DESK, Resolution.TOTAL, "all"),
    Slot(LOKET, Resolution.TOTAL_OUTSIDE, "all"),
]
LETTER = DeadLetter(
    reason=DeadLetterReason.LATE, detail="too old", at=datetime(2026, 3, 2, tzinfo=UTC), where="5-0"
)
STATE = {"cursor": "1700", "read": "3", "duplicates": "1", "dead:late": "1", "offer:lier:loket": "5,9"}


def store(redis: Redis, owner: str = "one", lease: timedelta = LEASE) -> EvaluatorStore:
    return EvaluatorStore(redis, 0, owner, lease)


def changes(answered: int = 1) -> AggregatorChanges:
    bucket = Bucket(answered=answered)
    return AggregatorChanges({"read": str(answered)}, [(slot, bucket) for slot in SLOTS], [], [LETTER])


async def claimed(owner: EvaluatorStore) -> str:
    fence = await owner.lease.claim()
    assert fence is not None
    return fence


async def test_what_was_committed_is_what_is_loaded(redis_client: Redis):
    await put(redis_client, keys.events(0), "5-0", "6-0")
    owner = store(redis_client)
    fence = await claimed(owner)
    wrote = AggregatorChanges(STATE, [(slot, BUCKET) for slot in SLOTS], [], [LETTER])
    await owner.commit(fence, BEGINNING, "5-0", wrote)
    kept = await store(redis_client, "two").load([DESK, LOKET], ["2023-11-13", "2023-11-14"])
    assert (kept.offset, kept.cursor, await owner.offset()) == ("5-0", 1700, "5-0")
    assert dict(kept.bucket_store.slots()) == dict.fromkeys(SLOTS, BUCKET)
    assert (kept.counts.read, kept.counts.duplicates, kept.counts.dead) == (3, 1, {DeadLetterReason.LATE: 1})
    assert kept.last_reports.offers() == {LOKET: Offer(5, 9)}
    assert [body for _, body in await entries(redis_client, keys.dead_letters(0))] == [LETTER.encode()]


async def test_only_the_days_that_are_asked_for_are_loaded(redis_client: Redis):
    await put(redis_client, keys.events(0), "5-0", "6-0")
    owner = store(redis_client)
    await owner.commit(await claimed(owner), BEGINNING, "5-0", changes())
    kept = await owner.load([DESK, LOKET], ["2023-11-13"])
    assert {slot.resolution for slot, _ in kept.bucket_store.slots()} == {
        Resolution.FINE,
        Resolution.COARSE,
        Resolution.TOTAL,
        Resolution.TOTAL_OUTSIDE,
    }


async def test_an_empty_server_is_the_beginning(redis_client: Redis):
    kept = await store(redis_client).load([DESK], ["2023-11-14"])
    assert (kept.offset, kept.cursor, kept.counts.read, list(kept.bucket_store.slots())) == (
        BEGINNING,
        0,
        0,
        [],
    )


async def test_without_a_cursor_that_can_be_read_nobody_goes_on(redis_client: Redis):
    await redis_client.hset(keys.state(0), "cursor", "1700x")
    with pytest.raises(ValueError, match="invalid literal"):
        await store(redis_client).load([DESK], [])


async def test_a_commit_replaces_and_drops(redis_client: Redis):
    await put(redis_client, keys.events(0), "5-0", "6-0")
    owner = store(redis_client)
    fence = await claimed(owner)
    await owner.commit(fence, BEGINNING, "5-0", changes(1))
    await owner.commit(fence, "5-0", "6-0", AggregatorChanges({}, [(SLOTS[0], BUCKET)], [SLOTS[1]], []))
    kept = dict((await owner.load([DESK, LOKET], ["2023-11-14"])).bucket_store.slots())
    assert kept[SLOTS[0]] == BUCKET
    assert SLOTS[1] not in kept
    assert kept[SLOTS[2]] == Bucket(answered=1)


async def test_state_that_goes_is_gone_whoever_says_so_and_whatever_else_is_said_of_it(redis_client: Redis):
    await put(redis_client, keys.events(0), "5-0", "6-0")
    owner = store(redis_client)
    fence = await claimed(owner)
    told = {"offer:lier:loket": "5,9", "source:pbx": "7", "watch:x": "{}"}
    await owner.commit(fence, BEGINNING, "5-0", AggregatorChanges(told, [], [], []))
    swept = AggregatorChanges({}, [], [], [], gone={"offer:lier:loket"})
    await owner.commit(fence, "5-0", "6-0", swept, Judgement(state={"watch:x": "{}"}, gone={"watch:x"}))
    left = await redis_client.hgetall(keys.state(0))
    assert left == {b"source:pbx": b"7", b"offset": b"6-0", b"commit": f"{fence} 2".encode()}


async def test_lag_is_what_waits_to_be_read(redis_client: Redis):
    owner = store(redis_client)
    assert await owner.lag(0, BEGINNING) == (0, None)
    for n in (1000, 2000, 3000):
        await redis_client.xadd(keys.events(0), {"__data__": "{}"}, id=f"{n}-0")
    assert await owner.lag(0, BEGINNING) == (3, 1000)
    assert await owner.lag(2, "2000-0") == (1, 3000)
    assert await owner.lag(3, "3000-0") == (0, None)
    with pytest.raises(WentBack):
        await owner.lag(4, "3000-1")


async def test_entries_are_read_from_and_to_and_past_those_without_a_data_field(redis_client: Redis):
    owner = store(redis_client)
    for n in (1, 2, 3, 4):
        await redis_client.xadd(keys.events(0), {"__data__": str(n)} if n != 2 else {"x": "y"}, id=f"{n}-0")
    batch = await owner.entries("1-0", "3-0", 10)
    assert (batch.ids, batch.bodies) == (["1-0", "2-0", "3-0"], [b"1", None, b"3"])
    assert (await owner.entries("(1-0", "+", 2)).ids == ["2-0", "3-0"]


async def test_trimming_keeps_all_from_the_oldest_entry_on(redis_client: Redis):
    owner = store(redis_client)
    fence = await claimed(owner)
    pipeline = redis_client.pipeline()
    for n in range(1, 1001):
        pipeline.xadd(keys.events(0), {"__data__": "{}"}, id=f"{n}-0")
    await pipeline.execute()
    await owner.commit(fence, BEGINNING, "900-0", changes(), trim="500-0")
    left = [int(entry.partition("-")[0]) for entry, _ in await entries(redis_client, keys.events(0))]
    assert set(range(500, 1001)) <= set(left)
    assert len(left) < 1000


async def _breaches(redis: Redis, count: int) -> None:
    pipeline = redis.pipeline()
    for n in range(1, count + 1):
        pipeline.xadd(keys.breaches(0), {"__data__": "{}"}, id=f"{n}-0")
    await pipeline.execute()


@pytest.mark.parametrize(
    ("heard", "oldest", "left"),
    [
        ("0-0", 1, 3000),  # the notifier has been away since the beginning: all of it waits
        (
            "700-0",
            601,
            2400,
        ),  # what it has not heard stays, however much that is (a node of 100 goes at once)
        ("2950-0", 2001, 1000),  # it is up to date: what is kept for people to look back
        (None, 2001, 1000),  # there never was one
    ],
)
async def test_breaches_that_the_notifier_has_not_heard_are_never_trimmed(
    redis_client: Redis, monkeypatch: pytest.MonkeyPatch, heard: str | None, oldest: int, left: int
):
    monkeypatch.setattr("services.evaluator.state_store.BREACHES_KEPT", 1000)
    await _breaches(redis_client, 3000)
    if heard is not None:
        await redis_client.hset(keys.notifier(0, "state"), "offset", heard)
    owner = store(redis_client)
    await put(redis_client, keys.events(0), "9-0")
    await owner.commit(await claimed(owner), BEGINNING, "9-0", changes(), trim="5-0")
    kept = await entries(redis_client, keys.breaches(0))
    assert (kept[0][0], len(kept)) == (f"{oldest}-0", left)


async def test_a_tick_trims_all_that_may_go_however_much_came_since_the_last(redis_client: Redis):
    pipeline = redis_client.pipeline(transaction=False)
    for n in range(1, 12_001):
        pipeline.xadd(keys.events(0), {"__data__": "{}"}, id=f"{n}-0")
    await pipeline.execute()
    owner = store(redis_client)
    await owner.commit(await claimed(owner), BEGINNING, "12000-0", changes(), trim="12000-0")
    assert await redis_client.xlen(keys.events(0)) <= 100  # the node of the last
