"""What simulated time says of a morning is what the evaluator writes on its stream, entry by entry."""

from __future__ import annotations

from datetime import timedelta
from itertools import groupby
from random import Random

from prometheus_client import CollectorRegistry, Histogram
from pydantic import SecretStr
from redis.asyncio import Redis

from domain.aggregator import StreamEvent
from domain.counts import EPOCH, MILLISECOND, ms_of
from services.evaluator.consumer import EvaluatorConsumer
from services.evaluator.state_store import EvaluatorStore
from shared.calendar import Calendar
from shared.contract.breach_events import encode as encode_breach
from shared.contract.events import (
    CallAnswered,
    CallEnded,
    CallMissed,
    CallQueued,
    Event,
    Outcome,
    StaffChanged,
    encode,
)
from shared.process.settings import ServiceSettings
from shared.redis import keys
from shared.redis.connection import redis_client as client_of
from shared.redis.stream_entries import Batch
from tests.support.entries import entries
from tests.wachtpost.rules.test_simulation import EVERY_KIND, MONDAY, simulated

MINUTES = 16


def morning() -> list[StreamEvent]:
    """Calls at two queues that come faster than they are taken, from shortly before a break in the hours."""
    dice = Random(3)
    told: list[Event] = []
    for number in range(70):
        entered = MONDAY + timedelta(hours=9, minutes=8, seconds=dice.randrange(60 * MINUTES))
        wait = timedelta(seconds=dice.choice([3, 10, 40, 110, 170]))
        name, left = f"c{number}", entered + wait
        common = {"source": "pbx", "site": "town", "queue": dice.choice(["a", "b"]), "contact": name}
        told.append(CallQueued(id=f"{name}q", at=entered, **common))
        ends = {"at": left, "wait_ms": wait // MILLISECOND, **common}
        if dice.random() < 0.4:
            told.append(CallMissed(id=f"{name}m", outcome=Outcome.ABANDONED, **ends))
        else:
            told.append(CallAnswered(id=f"{name}a", **ends))
            told.append(
                CallEnded(id=f"{name}e", talk_ms=60_000, **common | {"at": left + timedelta(minutes=1)})
            )
    for minute, free in ((8, 1), (12, 0), (15, 1)):
        at = MONDAY + timedelta(hours=9, minutes=minute)
        place = {"source": "pbx", "site": "town", "queue": "a"}
        told.append(StaffChanged(id=f"s{minute}", at=at, available=free, **place))
    told.sort(key=lambda event: event.at)
    return [
        StreamEvent(f"{arrived}-{number}", arrived, event)
        for arrived, at_once in groupby(told, key=lambda event: ms_of(event.at))
        for number, event in enumerate(at_once, start=1)
    ]


async def test_a_morning_is_judged_as_the_evaluator_judges_it(redis_url: str, redis_client: Redis) -> None:
    city = EVERY_KIND.model_copy(
        update={"pipeline": EVERY_KIND.pipeline.model_copy(update={"lease": timedelta(minutes=10)})}
    )
    now = EPOCH
    redis = client_of(ServiceSettings(redis_url=SecretStr(redis_url), port=0))
    store = EvaluatorStore(redis, 0, "one", city.pipeline.lease)
    seconds = Histogram("commit", "", registry=CollectorRegistry())
    consumer = EvaluatorConsumer(0, city, Calendar(city), store, lambda: now, seconds)
    fence = await store.lease.claim()
    assert fence is not None

    facts = morning()
    now = EPOCH + facts[0].arrived * MILLISECOND
    session = await consumer.load(fence)
    second = -(-facts[0].arrived // 1000)
    for arrived, at_once in groupby(facts, key=lambda fact: fact.arrived):
        for tick in range(second, -(-arrived // 1000)):
            now = EPOCH + tick * 1000 * MILLISECOND
            await consumer.tick(session)
        now, second = EPOCH + arrived * MILLISECOND, max(second, -(-arrived // 1000))
        batch = {fact.entry: encode(fact.event) for fact in at_once}
        for entry, body in batch.items():
            await redis_client.xadd(keys.events(0), {keys.DATA_FIELD: body}, id=entry)
        await consumer.consume(session, Batch([*batch], [*batch.values()]))
        await consumer.tick(session)  # a batch right after another one is judged with the next tick
    await redis.aclose()

    written = [body for _, body in await entries(redis_client, keys.breaches(0))]
    assert written == [encode_breach(event) for event in simulated(city, facts)]
    assert len(written) > 60
