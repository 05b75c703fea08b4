"""A counter only rises: in whatever order facts come, late, twice, or taking back what others said.

So it is over restarts. Prometheus reads a counter that falls as one begun anew, and adds all of it again.
"""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from prometheus_client.core import Metric
from redis.asyncio import Redis

from domain.counts import ms_of
from services.evaluator.consumer import EvaluatorSession
from services.evaluator.metrics import EvaluatorCollector
from services.ingest.auth import sha256
from shared.calendar import Calendar
from shared.config.model import CityFile
from shared.contract.events import (
    AppointmentBooked,
    AppointmentCancelled,
    AppointmentMoved,
    CallAnswered,
    CallEnded,
    CallMissed,
    CallQueued,
    Event,
    Outcome,
    SourceRestarted,
    VisitArrived,
    VisitCalled,
    VisitLeft,
    VisitNoShow,
    VisitServed,
    encode,
)
from shared.redis import keys
from shared.redis.keys import DATA_FIELD
from tests.chaos import load
from tests.support import partitions
from tests.support.eventually import eventually_async
from tests.support.partitions import AtWork
from tests.support.thorough import examples

PBX = f"""
[[sources]]
kind = "http"
id = "pbx"
site = "lier"
key_sha256 = ["{sha256("key")}"]
"""
PIPELINE = load.city().pipeline.model_copy(
    update={"lease": timedelta(minutes=1), "dedup": timedelta(hours=1), "hours_by": "outcome"}
)
CITY = CityFile.model_validate(tomllib.loads(load.CITY + PBX)).model_copy(update={"pipeline": PIPELINE})
CLOSING = datetime(2026, 10, 26, 11, 30, tzinfo=UTC)
"""A Monday, 12:30 local: the desk closes for lunch."""
APART = timedelta(minutes=3)
"""Between two portions: longer than a call may be without outcome."""

PHONE = {"source": "pbx", "site": "lier", "queue": "onthaal"}
DESK = {"source": "desk", "site": "lier", "queue": "loket"}
POISON = b"null"


@dataclass(frozen=True)
class Portion:
    """What comes at once, and whether another process takes over before it."""

    bodies: tuple[bytes, ...]
    taken_over: bool


def moments() -> st.SearchStrategy[datetime]:
    """Around closing time, also from the future of who counts; some are too old to count."""
    offsets = st.one_of(st.integers(-9, 12), st.just(-900))
    return offsets.map(lambda minutes: CLOSING + timedelta(minutes=minutes))


def waits() -> st.SearchStrategy[int]:
    return st.integers(0, 10).map(lambda minutes: minutes * 60_000)


def facts() -> st.SearchStrategy[Event]:
    """About a few contacts, so that one takes back what another said; some come twice."""
    common = {"id": st.sampled_from([f"id-{number}" for number in range(40)]), "at": moments()}
    contacts = st.sampled_from(["a", "b", "c"])
    call = {**common, **{name: st.just(value) for name, value in PHONE.items()}, "contact": contacts}
    visit = {**common, **{name: st.just(value) for name, value in DESK.items()}, "contact": contacts}
    booking = {name: made for name, made in visit.items() if name != "contact"} | {"appointment": contacts}
    source = {name: made for name, made in call.items() if name not in {"contact", "queue"}}
    return st.one_of(
        st.builds(CallQueued, **call),
        st.builds(CallAnswered, **call, wait_ms=waits()),
        st.builds(CallMissed, **call, wait_ms=waits(), outcome=st.sampled_from(Outcome)),
        st.builds(CallEnded, **call, talk_ms=waits()),
        st.builds(SourceRestarted, **source),
        st.builds(VisitArrived, **visit),
        st.builds(VisitCalled, **visit, arrived_at=moments(), appointment_at=st.none() | moments()),
        st.builds(VisitLeft, **visit),
        st.builds(VisitNoShow, **visit),
        st.builds(VisitServed, **visit, service_ms=waits()),
        st.builds(AppointmentBooked, **booking, booked_at=moments(), starts_at=moments()),
        st.builds(AppointmentMoved, **booking, starts_at=moments()),
        st.builds(AppointmentCancelled, **booking),
    )


def portions() -> st.SearchStrategy[list[Portion]]:
    bodies = st.lists(st.one_of(facts().map(encode), st.just(POISON)), min_size=1, max_size=12)
    return st.lists(st.builds(Portion, bodies.map(tuple), st.booleans()), min_size=2, max_size=5)


Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@dataclass
class Watched:
    """What was scraped, over all processes."""

    fell: list[str] = field(default_factory=list)
    """Counters and histograms that fell."""
    gauges_fell: set[str] = field(default_factory=set)
    _last: Samples = field(default_factory=dict)

    def scrape(self, families: Iterable[Metric]) -> None:
        """Hold every sample against what it was before."""
        for family in families:
            for sample in family.samples:
                key = (sample.name, frozenset(sample.labels.items()))
                before = self._last.get(key)
                self._last[key] = sample.value
                if before is None or sample.value >= before:
                    continue
                if family.type in {"counter", "histogram"}:
                    self.fell.append(f"{sample.name}{sample.labels}: {before} → {sample.value}")
                else:
                    self.gauges_fell.add(sample.name.removeprefix("wachtpost_"))

    def shown(self, name: str) -> float:
        """Return what a metric showed last."""
        (value,) = (value for (shown, _), value in self._last.items() if shown == f"wachtpost_{name}")
        return value


@dataclass
class Clock:
    now: datetime = CLOSING

    def __call__(self) -> datetime:
        return self.now


async def watch(url: str, written: Sequence[Portion]) -> Watched:
    """Have the evaluator count the portions one after the other, and scrape it before and after each."""
    watched, clock = Watched(), Clock()
    async with Redis.from_url(url) as redis, AsyncExitStack() as process:
        await redis.flushall()
        for number, portion in enumerate(written):
            if number == 0 or portion.taken_over:
                await process.aclose()
                evaluator = partitions.evaluator(url, CITY, clock, f"process-{number}")
                run = await process.enter_async_context(evaluator)
                await until_owner(run)
                collector = EvaluatorCollector(CITY, Calendar(CITY), (run.partition,), clock)
                await scrape(watched, run, collector)
            clock.now += APART
            await count(redis, portion, clock.now)
            await scrape(watched, run, collector)
    return watched


async def until_owner(run: AtWork[EvaluatorSession]) -> None:
    await eventually_async(lambda: run.owns)


async def count(redis: Redis, portion: Portion, arrived: datetime) -> None:
    """Write it on the stream, and wait until it is committed."""
    for number, body in enumerate(portion.bodies):
        last = await redis.xadd(keys.events(0), {DATA_FIELD: body}, id=f"{ms_of(arrived)}-{number}")

    async def is_committed() -> bool:
        return bool(await redis.hget(keys.state(0), "offset") == last)

    await eventually_async(is_committed)


async def scrape(watched: Watched, run: AtWork[EvaluatorSession], collector: EvaluatorCollector) -> None:
    async with run.partition.lock:
        watched.scrape(collector.collect())


def at(minutes: int) -> datetime:
    return CLOSING + timedelta(minutes=minutes)


def queued(number: str, when: datetime) -> bytes:
    return encode(CallQueued(id=number, at=when, contact="a", **PHONE))


def missed(number: str, when: datetime) -> bytes:
    """Hung up after two minutes."""
    outcome = Outcome.ABANDONED
    return encode(CallMissed(id=number, at=when, contact="a", wait_ms=120_000, outcome=outcome, **PHONE))


def answered(number: str, when: datetime, wait: int) -> bytes:
    """Answered after so many minutes."""
    return encode(CallAnswered(id=number, at=when, contact="a", wait_ms=wait * 60_000, **PHONE))


LATE_OUTCOME = [
    Portion((queued("1", at(-1)), POISON), taken_over=False),
    Portion((POISON,), taken_over=True),
    Portion((answered("3", at(-1), wait=0),), taken_over=True),
]
"""A call without outcome is unfinished after closing time; then its outcome comes, from before."""
HELPED_AFTER_ALL = [
    Portion((queued("0", at(-3)), missed("1", at(-1))), taken_over=False),
    Portion((answered("2", at(-2), wait=1), missed("3", at(0))), taken_over=False),
    Portion((queued("4", at(-2)),), taken_over=True),
]
"""A call was missed, and turns out to have been answered before that; what seemed told again waited anew."""


@settings(
    max_examples=examples(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@example(LATE_OUTCOME)
@example(HELPED_AFTER_ALL)
@given(portions())
def test_no_counter_ever_falls(redis_url: str, written: list[Portion]):
    assert asyncio.run(watch(redis_url, written)).fell == []


@pytest.mark.parametrize(
    ("written", "falls"),
    [
        (LATE_OUTCOME, {"contacts_while_closed"}),
        (HELPED_AFTER_ALL, {"calls_missed", "repeated_outcomes"}),
    ],
)
async def test_what_was_counted_of_people_may_fall(redis_url: str, written: list[Portion], falls: set[str]):
    """So it is a gauge; and the test above sees what falls."""
    assert (await watch(redis_url, written)).gauges_fell >= falls


async def test_no_counter_falls_when_redis_goes_back(redis_url: str):
    """To a copy from before: what is read again was read again."""
    watched, clock = Watched(), Clock(CLOSING + APART)
    fact = encode(CallAnswered(id="1", at=CLOSING, wait_ms=0, **PHONE))
    async with Redis.from_url(redis_url) as redis, partitions.evaluator(redis_url, CITY, clock) as run:
        await until_owner(run)
        collector = EvaluatorCollector(CITY, Calendar(CITY), (run.partition,), clock)
        await count(redis, Portion((fact, POISON), taken_over=False), clock.now)
        copy = {key: await redis.dump(key) or b"" for key in (keys.state(0), keys.events(0))}
        await count(redis, Portion((fact, fact, POISON), taken_over=False), clock.now + APART)
        await scrape(watched, run, collector)
        fence = run.session.fence
        for key, whole in copy.items():
            await redis.restore(key, 0, whole, replace=True)
        await eventually_async(lambda: run.owns and run.session.fence != fence)
        await scrape(watched, run, collector)
        await count(redis, Portion((fact,), taken_over=False), clock.now + APART)
        await scrape(watched, run, collector)
    assert watched.fell == []
    assert watched.shown("events_read_total") == 5 + 1
