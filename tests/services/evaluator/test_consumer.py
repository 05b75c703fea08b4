"""The life of a partition on real servers: take over, count, hand over, survive what Redis does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any, cast

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError
from redis.typing import EncodableT, FieldT

from domain import aggregator
from domain.aggregator import ON_ITS_WAY, StreamEvent
from domain.bucket import Bucket
from domain.facts import ContactFact
from services.evaluator import consumer as module
from services.evaluator import decoder
from services.evaluator.alerting import judge
from services.evaluator.consumer import EvaluatorSession
from services.evaluator.state_store import EvaluatorStore
from shared.contract.dead_letters import DeadLetter, DeadLetterReason
from shared.contract.events import CallEnded, encode
from shared.process import backoff
from shared.process.health import Degraded
from shared.redis import keys
from shared.redis.stream_entries import Batch
from tests.chaos import load
from tests.chaos.check import Outcome, committed, expected
from tests.support import evaluator_oracle as oracle
from tests.support import partitions
from tests.support.eventually import eventually_async
from tests.support.partitions import AtWork

CITY = load.city()
Running = AtWork[EvaluatorSession]


LEASE = timedelta(minutes=1)
"""Nobody loses it by being slow."""


@asynccontextmanager
async def running(
    url: str, owner: str = "one", lease: timedelta = LEASE, **pipeline: timedelta
) -> AsyncIterator[Running]:
    """A partition as the evaluator runs it, at the end of the load's time."""
    pipeline["lease"] = lease
    city = CITY.model_copy(update={"pipeline": CITY.pipeline.model_copy(update=pipeline)})
    async with partitions.evaluator(url, city, lambda: load.END, owner) as run:
        yield run


async def write(redis: Redis, written: Sequence[load.Written]) -> None:
    pipeline = redis.pipeline(transaction=False)
    for entry in written:
        pipeline.xadd(keys.events(0), load.fields(entry), id=entry.entry)
    await pipeline.execute()


async def until_counted(redis: Redis, written: Sequence[load.Written]) -> None:
    """Wait until the last entry is committed, and time (the end of the load) with it."""

    async def counted() -> bool:
        try:
            offset, cursor = await redis.hmget(keys.state(0), "offset", "cursor")
        except RedisError:
            return False
        return offset == written[-1].entry.encode() and int(cursor or 0) >= oracle.at_ms(load.END)

    await eventually_async(counted)


async def outcome(url: str) -> Outcome:
    return await asyncio.to_thread(committed, url, CITY)


async def until_owner(run: Running) -> EvaluatorSession:
    """Wait until it owns the partition; returns its session."""
    await eventually_async(lambda: run.owns)
    return run.session


async def test_it_takes_over_and_counts_what_stands_on_the_stream_and_what_comes(redis_url: str):
    written = load.stream(1, 600)
    async with Redis.from_url(redis_url) as redis, running(redis_url) as run:
        await write(redis, written[:400])
        await until_owner(run)
        await write(redis, written[400:])
        await until_counted(redis, written)
        assert await outcome(redis_url) == expected(written, CITY)
        assert await run.partition.check(load.END) is None


async def test_a_take_over_sweeps_what_the_city_file_does_not_have_and_keeps_its_figures(redis_url: str):
    written = load.stream(1, 60)
    figures = keys.buckets(0, "day", CITY.sites[0].id, "weg")
    stale = {"watch:weg:limit:lier:all": "{}", "source:weg": "7", "staff:lier:weg": "5,1,0,0"}
    async with Redis.from_url(redis_url) as redis:
        for name, value in stale.items():
            await redis.hset(keys.state(0), name, value)
        await redis.hset(figures, "2020-01-02", Bucket(answered=1).encode())
        async with running(redis_url) as run:
            await write(redis, written)
            await until_owner(run)
            await until_counted(redis, written)

            async def swept() -> bool:
                return not any(await redis.hmget(keys.state(0), *stale))

            await eventually_async(swept)
        assert await redis.hexists(figures, "2020-01-02")


async def test_nothing_but_poison_is_all_dead_letters(redis_url: str):
    entries = [
        load.Written(f"{oracle.at_ms(load.BURSTS[0])}-{n}", body, oracle.Entry(0, None, reason))
        for n, (body, reason) in enumerate(load.POISON * 20)
    ]
    async with Redis.from_url(redis_url) as redis, running(redis_url):
        await write(redis, entries)
        await until_counted(redis, entries)
        assert await outcome(redis_url) == expected(entries, CITY)
        assert await redis.xlen(keys.dead_letters(0)) == len(entries)


# Our own code fails --------------------------------------------------------------------------------------

PHONE = "0470123456"
"""What a message of an error may quote."""


def poisoned(written: Sequence[load.Written]) -> tuple[list[load.Written], set[str]]:
    """Return the load as the oracle sees it without a call in the middle, and that call's id."""
    ids = [entry.seen.event.id if entry.seen.event is not None else "" for entry in written]
    poison = next(
        entry.seen.event.id
        for entry in written[len(written) // 2 :]
        if isinstance(entry.seen.event, CallEnded)
    )
    left = [
        load.Written(entry.entry, entry.body, oracle.Entry(entry.seen.arrived, None, "internal_error"))
        if name == poison
        else entry
        for entry, name in zip(written, ids, strict=True)
    ]
    return left, {poison}


@pytest.fixture(params=["reading", "counting"])
def defect(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Put ids in: our own code fails on their facts, before or after it has counted a part of them."""
    bad: set[str] = set()
    if request.param == "reading":
        reads = decoder.parse

        def parse(batch: Batch) -> list[StreamEvent | DeadLetter]:
            items = reads(batch)
            if any(isinstance(item, StreamEvent) and item.event.id in bad for item in items):
                raise OverflowError(PHONE)
            return items

        monkeypatch.setattr(module, "parse", parse)
        return bad
    kind, name, fact_of = aggregator._STEPS[CallEnded]

    def fact(event: CallEnded, *around: Any) -> ContactFact:
        if event.id in bad:
            raise OverflowError(PHONE)
        return fact_of(event, *around)

    monkeypatch.setattr(aggregator, "_STEPS", {**aggregator._STEPS, CallEnded: (kind, name, fact)})
    return bad


async def test_what_our_own_code_fails_on_is_set_aside_alone_and_all_else_is_counted(
    redis_url: str, defect: set[str]
):
    written, poison = poisoned(load.stream(6, 400))
    defect |= poison
    aside = [entry.entry for entry in written if entry.seen.reason == "internal_error"]
    async with Redis.from_url(redis_url) as redis:
        await write(redis, written[:350])
        async with running(redis_url) as run:
            await until_counted(redis, written[:350])
            await write(redis, written[350:])
            await until_counted(redis, written)
            assert await outcome(redis_url) == expected(written, CITY)
            said = await run.partition.check(load.END)
            assert isinstance(said, Degraded)
            assert aside[-1] in said
            assert "OverflowError at tests.services.evaluator.test_consumer:defect." in said
        letters = await redis.xrange(keys.dead_letters(0))
        told = [DeadLetter.model_validate_json((content or {})[b"__data__"]) for _, content in letters or ()]
        ours = [letter for letter in told if letter.reason is DeadLetterReason.INTERNAL_ERROR]
        assert [letter.where for letter in ours] == aside
        assert all(letter.detail.startswith("OverflowError at tests.") for letter in ours)
        assert PHONE not in str(told)
        async with running(redis_url, "next") as following:  # and whoever takes over does not trip over it
            await until_owner(following)
            assert await following.partition.check(load.END) is None
        assert await outcome(redis_url) == expected(written, CITY)


async def test_counting_goes_on_while_our_own_code_fails_in_judging(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
):
    def fails_to_judge(
        _judge: judge.Judge, _aggregator: aggregator.Aggregator, _now: datetime
    ) -> judge.Judgement:
        raise ZeroDivisionError(PHONE)

    works = judge.Judge.judge
    monkeypatch.setattr(backoff, "FIRST_PAUSE", timedelta(milliseconds=10))
    monkeypatch.setattr(judge.Judge, "judge", fails_to_judge)
    written = load.stream(7, 300)
    async with Redis.from_url(redis_url) as redis, running(redis_url) as run:
        await write(redis, written)
        await until_counted(redis, written)

        async def fails() -> bool:
            said = await run.partition.check(load.END)
            return "ZeroDivisionError at" in (said or "")

        await eventually_async(fails)
        assert await outcome(redis_url) == expected(written, CITY)
        monkeypatch.setattr(judge.Judge, "judge", works)
        await eventually_async(lambda: (session := run.partition.session) is not None and session.judge)


async def test_the_stream_is_trimmed_behind_the_horizon_and_the_horizon_is_kept(redis_url: str):
    written = load.stream(8, 1500)
    async with Redis.from_url(redis_url) as redis:
        async with running(redis_url) as run:
            await until_owner(run)
            await write(redis, written)
            await until_counted(redis, written)
        async with running(redis_url) as run:  # the first tick of a session trims
            await until_owner(run)
            await eventually_async(lambda: _shorter(redis, len(written)))
        left = await ids(redis)
        horizon = written[-1].seen.arrived - (CITY.pipeline.dedup / timedelta(milliseconds=1))
        needed = [w.entry for w in written if w.seen.arrived >= horizon]
        assert left[-len(needed) :] == needed
        again = written[-1].seen.arrived
        copies = [w for w in written if w.seen.event and w.seen.arrived >= horizon][-20:]
        late = [
            load.Written(f"{again}-{900 + n}", w.body, oracle.Entry(again, w.seen.event))
            for n, w in enumerate(copies)
        ]
        async with running(redis_url):
            await write(redis, late)
            await until_counted(redis, late)
        assert await outcome(redis_url) == expected([*written, *late], CITY)


async def test_it_says_how_far_it_is_behind(redis_url: str):
    written = load.stream(9, 50)
    async with Redis.from_url(redis_url) as redis, running(redis_url) as run:
        await write(redis, written)
        await until_counted(redis, written)
        session = await until_owner(run)
        async with run.partition.lock:  # as if a batch took long
            await write(redis, [load.Written("9999999999999-0", b"{}", oracle.Entry(0, None, "invalid"))])
            assert await EvaluatorStore(redis, 0, "x", LEASE).lag(len(written), session.offset) == (
                1,
                9999999999999,
            )
        await eventually_async(lambda: session.offset == "9999999999999-0")
        await eventually_async(lambda: session.lag_events == 0)


async def _shorter(redis: Redis, than: int) -> bool:
    return bool(await redis.xlen(keys.events(0)) < than)


async def ids(redis: Redis) -> list[str]:
    """The ids of all entries, with or without a data field."""
    found = cast("list[tuple[bytes, object]]", await redis.xrange(keys.events(0)))
    return [entry.decode() for entry, _ in found]


# What a take-over reads again ------------------------------------------------------------------------


async def test_a_take_over_recalls_every_page(redis_url: str, monkeypatch: pytest.MonkeyPatch):
    written = load.stream(1, 400)
    recalled: list[set[str]] = []
    async with Redis.from_url(redis_url) as redis:
        async with running(redis_url) as run:
            await write(redis, written)
            await until_owner(run)
            await until_counted(redis, written)
        for page in (module.RECALL, 30):
            monkeypatch.setattr(module, "RECALL", page)
            async with running(redis_url) as run:
                session = await until_owner(run)
                recalled.append(set(session.aggregator._seen))
    assert len(recalled[0]) > 60
    assert recalled[1] == recalled[0]


def ended(name: str, at: datetime) -> dict[FieldT, EncodableT]:
    site = CITY.sites[0]
    phone = next(queue.id for queue in site.queues if queue.kind == "phone")
    source = CITY.sources[0].id if CITY.sources else "pbx"
    event = CallEnded(id=name, at=at, source=source, site=site.id, queue=phone, talk_ms=1000)
    return {keys.DATA_FIELD: encode(event)}


async def test_a_take_over_knows_what_a_fast_clock_dated_ahead(redis_url: str):
    """It may be a duplicate for as much longer."""
    ahead, dedup = timedelta(minutes=10), CITY.pipeline.dedup
    last = load.END - timedelta(minutes=1)
    in_advance = ahead + ON_ITS_WAY
    first = last - dedup - ON_ITS_WAY - in_advance + timedelta(seconds=1)
    async with Redis.from_url(redis_url) as redis:
        await redis.xadd(keys.events(0), ended("early", first + in_advance), id=f"{oracle.at_ms(first)}-0")
        await redis.xadd(keys.events(0), ended("late", last), id=f"{oracle.at_ms(last)}-0")

        async def counts(wanted: list[bytes]) -> bool:
            return await redis.hmget(keys.state(0), "read", "duplicates") == wanted

        async with running(redis_url, future_tolerance=ahead) as run:
            await until_owner(run)
            await eventually_async(partial(counts, [b"2", b"0"]))
        async with running(redis_url, "two", future_tolerance=ahead) as run:
            await until_owner(run)
            await redis.xadd(keys.events(0), ended("early", first + in_advance), id=f"{oracle.at_ms(last)}-1")
            await eventually_async(partial(counts, [b"3", b"1"]))


async def test_nothing_is_judged_before_all_that_waited_was_read(redis_url: str):
    written = load.stream(2, 50)
    async with Redis.from_url(redis_url) as redis, running(redis_url) as run:
        await run.stop()
        await write(redis, written)
        store = EvaluatorStore(redis, 0, "one", LEASE)
        fence = await store.lease.claim()
        assert fence is not None
        session = await run.consumer.load(fence)
        await run.consumer.tick(session)
        assert (session.caught_up, session.judge_from) == (False, 0.0)
        session.caught_up = True
        await run.consumer.tick(session)
        assert session.judge_from > 0
