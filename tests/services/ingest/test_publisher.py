"""Writing to the streams, on real Redis."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from services.ingest.publisher import Publisher, ReadUpTo
from shared.contract.dead_letters import DeadLetter, DeadLetterReason
from shared.contract.events import EVENTS, Event, encode
from shared.redis.connection import WentBack
from tests.support.entries import entries
from tests.support.ingest_desk import NOW, answered

STREAM, DEAD, CHECKPOINT = "{p0}:events", "{p0}:dead", "{p0}:checkpoint:asterisk"


def events(count: int) -> list[Event]:
    return EVENTS.validate_python([answered(n) for n in range(count)])


async def calls_of_scripts(redis: Redis) -> int:
    told = await redis.info("commandstats")
    return int(told.get("cmdstat_evalsha", {}).get("calls", 0)) - int(
        told.get("cmdstat_evalsha", {}).get("failed_calls", 0)
    )


@pytest.mark.parametrize("count", [0, 1, 499, 500, 501, 1_700])
async def test_all_events_in_order(redis_client: Redis, count: int):
    await Publisher(redis_client).write(0, events(count))
    stored = [entry for _, entry in await entries(redis_client, STREAM)]
    assert stored == [encode(event) for event in events(count)]


@pytest.mark.parametrize("count", [0, 1, 700])
async def test_a_checkpoint_travels_in_the_call_that_writes_what_it_covers(redis_client: Redis, count: int):
    publisher = Publisher(redis_client)
    await publisher.write(0, events(1))  # loads the script
    await redis_client.config_resetstat()
    await publisher.write(0, events(count), ReadUpTo("asterisk", b"here"))
    assert await publisher.checkpoint(0, "asterisk") == b"here"
    assert await redis_client.xlen(STREAM) == 1 + count
    assert await calls_of_scripts(redis_client) == 1


async def test_no_checkpoint_without_its_events(redis_client: Redis):
    await redis_client.set(STREAM, "not a stream")
    with pytest.raises(ResponseError):
        await Publisher(redis_client).write(0, events(1), ReadUpTo("asterisk", b"here"))
    assert await redis_client.get(CHECKPOINT) is None


async def test_a_redis_that_forgot_the_script_gets_it_again(redis_client: Redis):
    publisher = Publisher(redis_client)
    await publisher.write(0, events(1))
    await redis_client.script_flush()
    await publisher.write(0, events(1))
    assert await redis_client.xlen(STREAM) == 2


async def test_entries_carry_the_time_of_arrival(redis_client: Redis):
    seconds, _ = await redis_client.time()
    await Publisher(redis_client).write(0, events(1))
    ((entry, _),) = await entries(redis_client, STREAM)
    assert 0 <= int(entry.split("-")[0]) // 1000 - seconds < 60


async def test_a_simulated_clock_stamps_and_never_goes_back(redis_client: Redis):
    clock = [NOW]
    publisher = Publisher(redis_client, stamp=lambda: clock[0])
    for moment in (NOW, NOW + timedelta(seconds=2), NOW - timedelta(hours=1), NOW + timedelta(seconds=3)):
        clock[0] = moment
        await publisher.write(0, events(2))
    stored = await entries(redis_client, STREAM)
    ms = [int(entry.split("-")[0]) - int(NOW.timestamp() * 1000) for entry, _ in stored]
    assert ms == [0, 0, 2_000, 2_000, 2_000, 2_000, 3_000, 3_000]


async def test_a_simulated_stamp_survives_an_emptied_stream(redis_client: Redis):
    late = datetime(2030, 1, 1, tzinfo=UTC)
    await Publisher(redis_client, stamp=lambda: late).write(0, events(1))
    await redis_client.xtrim(STREAM, maxlen=0)
    await Publisher(redis_client, stamp=lambda: NOW).write(0, events(1))
    assert await redis_client.xlen(STREAM) == 1


async def test_what_was_trimmed_while_this_replica_was_away_is_not_lost(redis_client: Redis):
    looks, writes = Publisher(redis_client), Publisher(redis_client)
    for away in (looks, writes):
        await away.write(0, events(1))
    await Publisher(redis_client).write(0, events(2))
    await redis_client.xtrim(STREAM, maxlen=1, approximate=False)
    await looks.look(0)
    await writes.write(0, events(1))
    assert await redis_client.xlen(STREAM) == 2


@pytest.mark.parametrize(("written", "kept"), [(0, 0), (2, 2), (2, 1)])
async def test_what_another_replica_writes_on_top_hides_no_loss(redis_client: Redis, written: int, kept: int):
    publisher = Publisher(redis_client, stamp=lambda: NOW)
    await publisher.write(0, events(written))
    await redis_client.xtrim(STREAM, maxlen=kept, approximate=False)
    older = await redis_client.dump(STREAM)
    await publisher.write(0, events(1))
    await redis_client.delete(STREAM)
    if older is not None:
        await redis_client.restore(STREAM, 0, older)
    await Publisher(redis_client, stamp=lambda: NOW + timedelta(seconds=1)).write(0, events(2))
    before = await entries(redis_client, STREAM)
    with pytest.raises(WentBack):
        await publisher.look(0)
    with pytest.raises(WentBack):
        await publisher.write(0, events(1))
    assert await entries(redis_client, STREAM) == before


async def test_dead_letters_are_kept_within_bounds(redis_client: Redis, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("services.ingest.publisher.KEEP", 1_000)
    letter = DeadLetter(reason=DeadLetterReason.INVALID, detail="x", at=NOW)
    await Publisher(redis_client).bury(0, [letter] * 3_000)
    assert 1_000 <= await redis_client.xlen(DEAD) < 1_200
    _, stored = (await entries(redis_client, DEAD))[-1]
    assert DeadLetter.model_validate_json(stored) == letter
