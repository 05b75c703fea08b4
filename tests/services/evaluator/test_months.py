"""A month is the sum of its days, whatever happens to either."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram
from redis.asyncio import Redis

from domain.bucket import MONTH_OF, Bucket, Resolution, decode
from domain.corrections import BucketChange, Correction, Hours, day_slot
from domain.counts import ms_of
from domain.period_kpis import Months, months_of
from domain.queue_ref import QueueRef
from services.evaluator.archive import Archive
from services.evaluator.consumer import EvaluatorConsumer, EvaluatorSession
from services.evaluator.state_store import MONTHS, EvaluatorStore
from shared.calendar import DAY, Calendar
from shared.config.model import CityFile
from shared.contract.events import CallAnswered, CallMissed, CallQueued, Event, Outcome, encode
from shared.redis import keys
from shared.redis.lease import Superseded
from shared.redis.stream_entries import Batch
from tests.support.thorough import examples

CITY = CityFile.model_validate(
    tomllib.loads(
        """
        [city]
        name = "Test"
        [hours.day]
        monday = ["08:00-16:00"]
        friday = ["08:00-16:00"]
        [[sites]]
        id = "huis"
        queues = [{ id = "onthaal", kind = "phone", hours = "day" }, { id = "nacht", kind = "phone" }]
        """
    )
)
QUEUES = [QueueRef("huis", "onthaal"), QueueRef("huis", "nacht")]
WORDS = {"source": "pbx", "site": "huis"}
NEW_YEAR = datetime(2026, 1, 2, 9, tzinfo=UTC)

steps = st.one_of(
    st.tuples(st.just("calls"), st.integers(0, 23), st.integers(0, 3)),
    st.tuples(st.just("days pass"), st.integers(1, 40), st.just(0)),
    st.tuples(st.just("import"), st.integers(3, 60), st.integers(0, 3)),
    st.tuples(st.just("kill"), st.just(0), st.just(0)),
    st.tuples(st.just("release before"), st.integers(0, 60), st.integers(1, 3)),
)


@dataclass
class House:
    """A partition, and whatever happens to it; what is on the stream is read at once."""

    redis: Redis
    now: datetime = NEW_YEAR
    number: int = 0
    fence: str | None = None
    session: EvaluatorSession | None = None
    consumer: EvaluatorConsumer = field(init=False)
    store: EvaluatorStore = field(init=False)

    def __post_init__(self) -> None:
        seconds = Histogram("commit", "", registry=CollectorRegistry())
        self.store = EvaluatorStore(self.redis, 0, "one", CITY.pipeline.lease)
        self.consumer = EvaluatorConsumer(0, CITY, Calendar(CITY), self.store, lambda: self.now, seconds)

    async def calls(self, hours_ago: int, count: int) -> None:
        at = self.now - timedelta(hours=hours_ago)
        facts: list[Event] = []
        for queue_ref in QUEUES:
            for n in range(count):
                self.number += 1
                of = {
                    "id": f"{self.number}",
                    "queue": queue_ref.queue,
                    "at": at - n * timedelta(hours=1),
                    **WORDS,
                }
                facts += [
                    CallAnswered(**of, wait_ms=1000 * n),
                    CallMissed(**of | {"id": f"m{self.number}"}, wait_ms=n, outcome=Outcome.ABANDONED),
                    CallQueued(**of | {"id": f"q{self.number}"}, contact=f"{self.number}"),
                ]
        ids = []
        for event in facts:
            entry = await self.redis.xadd(
                keys.events(0), {"__data__": encode(event)}, id=f"{ms_of(self.now)}-*"
            )
            ids.append(entry.decode() if isinstance(entry, bytes) else entry)
        if ids:
            batch = Batch(ids, [encode(event) for event in facts], more=False)
            await self.owned(lambda session: self.consumer.consume(session, batch))

    async def replaced(self, days_ago: int, count: int) -> None:
        on = self.now.date() - days_ago * DAY
        changes = []
        for queue_ref in QUEUES:
            for hours in Hours:
                slot = day_slot(queue_ref, on, hours)
                before = (await Archive(self.redis, CITY).written(on, on)).get(slot)
                changes.append(BucketChange.to(slot, before, Bucket(answered=count)))
        self.number += 1
        correction = Correction(id=f"{self.number}", at=self.now, how="import", by="balie", why="x", files=())
        await Archive(self.redis, CITY).replace(correction, [one for one in changes if one is not None])

    async def gone_back(self, days_ago: int, count: int) -> None:
        """The release before has been the owner for a while: it knows nothing of months."""
        fence = await self.store.lease.claim(self.fence)
        name = keys.buckets(0, Resolution.DAY.value, *QUEUES[0])
        day = (self.now.date() - days_ago * DAY).isoformat()
        bucket = decode((await hash_of(self.redis, name)).get(day.encode(), b"{}"))
        bucket.add(Bucket(answered=count))
        await self.redis.hset(name, day, bucket.encode())
        await self.redis.hset(keys.state(0), "commit", f"{fence} 1")
        self.fence, self.session = fence, None

    async def owned(self, work: Callable[[EvaluatorSession], Awaitable[None]]) -> None:
        """Do something as the owner, who reads everything anew when superseded."""
        while True:
            try:
                if self.session is None or self.session.over:
                    self.fence = await self.store.lease.claim(self.fence)
                    assert self.fence is not None
                    self.session = await self.consumer.load(self.fence)
                return await work(self.session)
            except Superseded:
                self.session = None

    async def ticked(self, session: EvaluatorSession) -> None:
        await self.consumer.tick(session)
        for task in tuple(session.tasks):
            await task

    async def is_right(self) -> None:
        everything = (date(2025, 1, 1), self.now.date() + DAY)
        archive = Archive(self.redis, CITY)
        days = await archive.read(*everything)
        assert some(await archive.months(*everything)) == some(months_of(days))
        months, commit = await self.redis.hmget(keys.state(0), [MONTHS, "commit"])
        for queue_ref in QUEUES if months is not None and months == commit else ():
            for daily, monthly in MONTH_OF.items():
                names = (keys.buckets(0, one.value, *queue_ref) for one in (daily, monthly))
                of_days, of_months = [await hash_of(self.redis, name) for name in names]
                summed: dict[bytes, Bucket] = {}
                for day, text in of_days.items():
                    summed.setdefault(day[:7], Bucket()).add(decode(text))
                assert of_months == {month: bucket.encode() for month, bucket in summed.items()}


async def hash_of(redis: Redis, name: str) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = await redis.execute_command("HGETALL", name)
    return found


def some(shelves: Months) -> Months:
    return {queue_ref: shelf for queue_ref, shelf in shelves.items() if shelf}


@given(st.lists(steps, max_size=12))
@settings(
    max_examples=examples(100), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
def test_a_month_is_the_sum_of_its_days_whatever_happens(redis_url: str, story: list[tuple[str, int, int]]):
    asyncio.run(_lived_through(redis_url, story))


async def _lived_through(url: str, story: list[tuple[str, int, int]]) -> None:
    async with Redis.from_url(url) as redis:
        await redis.flushdb()
        house = House(redis)
        for step, far, count in story:
            match step:
                case "calls":
                    await house.calls(far, count)
                case "days pass":
                    house.now += far * DAY
                case "import":
                    await house.replaced(far, count)
                case "kill":
                    house.session = None
                case _:
                    await house.gone_back(far, count)
            await house.is_right()
        await house.owned(house.ticked)  # time passes, and what lacked its sum gets it
        await house.owned(house.ticked)
        await house.is_right()
        assert house.session is not None
        assert not house.session.unsummed
