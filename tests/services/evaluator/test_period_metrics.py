"""Months and years as Prometheus sees them: read at a take-over, moved by what happens, by nothing else."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from hashlib import sha256

import pytest
from prometheus_client.samples import Sample
from redis.asyncio import Redis

from domain.bucket import Bucket, Resolution
from domain.bucket_store import Slot
from domain.corrections import BucketChange, Correction, FromFile, Hours, day_slot
from domain.counts import ms_of
from domain.error_budget import budget_left, error_budget
from domain.how_sure import Verdict
from domain.period_kpis import COUNTED_KPIS, months_of, period_kpi, speed
from domain.queue_ref import QueueRef
from services.evaluator.archive import Archive
from services.evaluator.consumer import EvaluatorSession
from services.evaluator.period_metrics import PeriodCollector
from services.evaluator.rolling_metrics import VERDICTS
from services.evaluator.state_store import MONTHS, EvaluatorStore
from shared.calendar import Calendar
from shared.config.model import ALL_QUEUES, CityFile
from shared.contract.events import CallAnswered, CallMissed, Outcome, encode
from shared.contract.kpis import KPIS, Kpi
from shared.history_file import HistoryFile
from shared.periods import Period
from shared.redis import keys
from shared.redis.connection import RedisClient
from shared.redis.partition_owner import PartitionOwner
from tests.support import partitions
from tests.support.eventually import eventually_async

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
CITY = CityFile.model_validate(
    tomllib.loads(
        """
        [city]
        name = "Test"
        [pipeline]
        lease = "1m"
        [[sites]]
        id = "huis"
        queues = [
            { id = "onthaal", kind = "phone" },
            { id = "omgeving", kind = "phone" },
            { id = "loket", kind = "counter" },
        ]
        [[targets]]
        kpi = "missed_ratio"
        limit = 0.2
        period = "year"
        [[targets]]
        kpi = "visit_wait_mean"
        queue = "loket"
        limit = 60
        """
    )
)
HISTORY = HistoryFile.model_validate(
    tomllib.loads(
        """
        [[figures]]
        kpi = "missed_ratio"
        period = "2019"
        value = 0.1114
        samples = 100
        [[figures]]
        kpi = "missed_ratio"
        period = "2025"
        value = 0.5
        [[figures]]
        kpi = "missed_ratio"
        period = "2025"
        site = "huis"
        value = 0.4
        [[figures]]
        kpi = "missed_ratio"
        period = "2025-11"
        value = 0.3
        [[figures]]
        kpi = "missed_ratio"
        period = "2024-02"
        value = 0.3
        [[figures]]
        kpi = "missed_ratio"
        period = "2025-H1"
        value = 0.3
        [[figures]]
        kpi = "lead_time_mean"
        period = "2018"
        value = 4.0
        [[breaks]]
        period = "2021-03"
        what = "software"
        text = "Nieuwe centrale"
        [[breaks]]
        period = "2022"
        what = "definition"
        text = "Korte ophangers"
        kpis = ["missed_ratio", "service_level"]
        """
    )
)
ONTHAAL, OMGEVING, LOKET = (QueueRef("huis", queue.id) for queue in CITY.sites[0].queues)
Labels = Mapping[str, str]


def day(answered: int, missed: int, wait_s: int = 10, visits: int = 0) -> Bucket:
    return Bucket(
        answered=answered,
        timed_out=missed,
        wait_ms=answered * wait_s * 1000,
        waits={wait_s: answered} if answered else {},
        visits=visits,
        visit_wait_ms=visits * wait_s * 1000,
        visit_waits={wait_s: visits} if visits else {},
    )


def archive() -> dict[QueueRef, dict[date, Bucket]]:
    """Days of 27 months; every one of them different, so that none can stand for another."""
    days: dict[QueueRef, dict[date, Bucket]] = {queue_ref: {} for queue_ref in (ONTHAAL, OMGEVING, LOKET)}
    for number in range(1, 810):
        on = date(2026, 3, 19) - timedelta(days=number - 1)
        if on.weekday() < 5:
            days[ONTHAAL][on] = day(50 + number % 7, 5 + number % 5, 10 + number % 90)
            days[LOKET][on] = Bucket(
                visits=9, visit_wait_ms=9000 * (number % 50), booked=4, lead_days=number % 30
            )
        if on.weekday() == 2:
            days[OMGEVING][on] = day(10, number % 9, 200)
    return days


async def write(redis: RedisClient | Redis, days: Mapping[QueueRef, Mapping[date, Bucket]]) -> None:
    """As an evaluator leaves them: days, months, and that the last commit kept both."""
    await write_days(redis, days)
    for queue_ref, shelf in months_of(days).items():
        key = keys.buckets(0, Resolution.MONTH.value, *queue_ref)
        await redis.hset(key, mapping={month: bucket.encode() for month, bucket in shelf.items()})
    await redis.hset(keys.state(0), mapping={MONTHS: "9:before 7", "commit": "9:before 7"})


async def write_days(redis: RedisClient | Redis, days: Mapping[QueueRef, Mapping[date, Bucket]]) -> None:
    """As the release before left them."""
    for queue_ref, shelf in days.items():
        key = keys.buckets(0, Resolution.DAY.value, *queue_ref)
        await redis.hset(key, mapping={on.isoformat(): bucket.encode() for on, bucket in shelf.items()})


@dataclass
class Clock:
    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Evaluator:
    """A partition at work, with what shows its months and years."""

    partition: PartitionOwner[EvaluatorSession]
    collector: PeriodCollector
    clock: Clock

    def samples(self, name: str) -> dict[tuple[str, ...], float]:
        """Samples of a metric by the values of its labels, in the order of the metric."""
        (family,) = (one for one in self.collector.collect() if one.name == f"wachtpost_{name}")
        found: dict[tuple[str, ...], float] = {}
        for sample in family.samples:
            key = tuple(sample.labels.values())
            assert key not in found, f"{name}{key} twice: Prometheus would refuse the whole scrape"
            found[key] = sample.value
        return found

    @property
    def whole(self) -> bool:
        """Whether every month and year is there."""
        session = self.partition.session
        return session is not None and not session.unsummed


@asynccontextmanager
async def evaluator(url: str) -> AsyncIterator[Evaluator]:
    clock = Clock()
    async with partitions.evaluator(url, CITY, clock) as run:
        collector = PeriodCollector(CITY, Calendar(CITY), (HISTORY,), (run.partition,), clock)
        yield Evaluator(run.partition, collector, clock)


async def until_whole(running: Evaluator) -> None:
    await eventually_async(lambda: running.whole)


@asynccontextmanager
async def showing(
    url: str, days: Mapping[QueueRef, Mapping[date, Bucket]]
) -> AsyncIterator[tuple[Redis, Evaluator]]:
    """One that shows every month and year of these days."""
    async with Redis.from_url(url) as redis:
        await write(redis, days)
        async with evaluator(url) as running:
            await until_whole(running)
            yield redis, running


def expected_values(days: Mapping[QueueRef, Mapping[date, Bucket]], kpi: Kpi) -> dict[tuple[str, ...], float]:
    """By the report's own arithmetic (``period_kpis``): whatever rests on any contact at all."""
    today, months = NOW.date(), months_of(days)
    found: dict[tuple[str, ...], float] = {}
    for period in shown_periods():
        for queue in ("onthaal", "omgeving", "loket", ALL_QUEUES):
            try:
                one = period_kpi(CITY, months, kpi, "huis", queue, period, today)
            except KeyError:
                continue
            if one.value is not None:
                found["huis", queue, period.name, "counted"] = one.value
    return found


def expected_verdicts(days: Mapping[QueueRef, Mapping[date, Bucket]]) -> dict[tuple[str, ...], float]:
    """By the report's own arithmetic: a period, and of the running year of missed calls its error budget."""
    today, months = NOW.date(), months_of(days)
    found: dict[tuple[str, ...], Verdict | None] = {}
    for period in shown_periods():
        for queue, kpi in ((ALL_QUEUES, Kpi.MISSED_RATIO), ("loket", Kpi.VISIT_WAIT_MEAN)):
            one = period_kpi(CITY, months, kpi, "huis", queue, period, today)
            found["huis", queue, period.name, kpi] = one.verdict
    running = error_budget(CITY, Calendar(CITY), days, "huis", Period.year_of(today), NOW)
    assert running is not None
    found["huis", ALL_QUEUES, "2026", Kpi.MISSED_RATIO] = running.verdict
    return {labels: VERDICTS[said] for labels, said in found.items() if said is not None}


def shown_periods() -> Iterator[Period]:
    for year in (2024, 2025, 2026):
        yield Period.parse(str(year))
        for month in range(1, 13):
            period = Period.parse(f"{year}-{month:02}")
            if date(2024, 3, 1) <= period.first <= NOW.date():
                yield period


VALUES = {
    Kpi.MISSED_RATIO: "indicator_missed_ratio",
    Kpi.CALL_WAIT_MEAN: "indicator_call_wait_mean_seconds",
    Kpi.SERVICE_LEVEL: "indicator_service_level_ratio",
    Kpi.VISIT_WAIT_MEAN: "indicator_visit_wait_mean_seconds",
    Kpi.LEAD_TIME_MEAN: "indicator_lead_time_mean_workdays",
}


def computed(samples: Mapping[tuple[str, ...], float]) -> dict[tuple[str, ...], float]:
    return {labels: value for labels, value in samples.items() if "counted" in labels}


async def test_after_a_take_over_every_month_and_year_is_what_the_report_says(redis_url: str) -> None:
    days = archive()
    async with showing(redis_url, days) as (_, running):
        for kpi, name in VALUES.items():
            assert computed(running.samples(name)) == pytest.approx(expected_values(days, kpi)), name
        verdicts = running.samples("indicator_verdict")
        assert verdicts == expected_verdicts(days)
        assert {name for *_, period, name in verdicts if "-" in period} == {Kpi.VISIT_WAIT_MEAN}
        shares = running.samples("indicator_speed_category_ratio")
        year = speed(CITY, months_of(days), "huis", ALL_QUEUES, Period.parse("2025"), NOW.date())
        for category in year.counts:
            assert shares["huis", "all", "2025", category] == pytest.approx(year.share(category))
        samples = running.samples("indicator_samples")
        visits = sum(1 for on in days[LOKET] if on in Period.parse("2024-05")) * 9
        assert samples["huis", "loket", "2024-05", "counted", "visit_wait_mean"] == visits
        assert min(period for _, _, period, *_ in samples if "-" in period) == "2024-03", "25 months"


async def test_a_share_that_still_runs_is_judged_by_its_days_and_not_by_its_many_contacts(
    redis_url: str,
) -> None:
    few_days = {ONTHAAL: {date(2026, 3, 17): day(900, 20), date(2026, 3, 18): day(900, 20)}}
    async with showing(redis_url, few_days) as (_, running):
        verdicts = running.samples("indicator_verdict")
        assert verdicts == {("huis", "all", "2026", Kpi.MISSED_RATIO): VERDICTS[Verdict.UNDECIDED]}


async def test_without_any_day_there_are_the_running_periods_alone_and_no_value(redis_url: str) -> None:
    async with evaluator(redis_url) as running:
        await until_whole(running)
        samples = computed(running.samples("indicator_samples"))
        assert {period for _, _, period, *_ in samples} == {"2026", "2026-03"}
        assert set(samples.values()) == {0}
        assert not any(computed(running.samples(name)) for name in VALUES.values()), "no reading is not zero"
        left = running.samples("error_budget_contacts")
        assert left == {("huis", "missed_ratio", "month"): 0, ("huis", "missed_ratio", "year"): 0}
        assert running.samples("error_budget_projected_ratio") == {}, "never a made-up number"


async def test_only_the_running_month_and_year_move_with_what_happens(redis_url: str) -> None:
    days = archive()
    async with showing(redis_url, days) as (redis, running):
        before = computed(running.samples("indicator_samples"))
        await call(redis, running.clock, answered=30, missed=12)

        def moved() -> dict[tuple[str, ...], float]:
            now = computed(running.samples("indicator_samples"))
            return {labels: now[labels] - before[labels] for labels in now if now[labels] != before[labels]}

        came = {
            ("huis", queue, period, "counted", kpi): {"answered": 30, "calls": 42}[KPIS[kpi].contacts]
            for queue in ("onthaal", "all")
            for period in ("2026-03", "2026")
            for kpi in COUNTED_KPIS
        }
        await eventually_async(lambda: moved() == came)
        days[ONTHAAL][NOW.date()] = day(30, 12, wait_s=1)
        missed = computed(running.samples("indicator_missed_ratio"))
        assert missed == pytest.approx(expected_values(days, Kpi.MISSED_RATIO))


async def test_a_day_that_is_replaced_changes_its_month_and_its_year_and_nothing_else(redis_url: str) -> None:
    days = archive()
    async with showing(redis_url, days) as (redis, running):
        before = computed(running.samples("indicator_samples"))
        for on, month in ((date(2025, 5, 7), "2025-05"), (date(2026, 1, 14), "2026-01")):
            slot = day_slot(OMGEVING, on, Hours.INSIDE)
            was, more = days[OMGEVING][on], day(500, 500)
            days[OMGEVING][on] = more
            change = BucketChange(slot, was.encode(), more.encode())
            await Archive(redis, CITY).replace(correction(on), [change])
            key = ("huis", "omgeving", month, "counted", "call_wait_mean")

            def replaced(key: tuple[str, ...] = key) -> bool:
                shown = running.samples("indicator_samples").get(key, 0)
                return running.whole and shown >= 500

            await eventually_async(replaced)
        for kpi, name in VALUES.items():
            assert computed(running.samples(name)) == pytest.approx(expected_values(days, kpi)), name
        after = computed(running.samples("indicator_samples"))
        changed = {period for _, _, period, *_ in (k for k in after if after[k] != before[k])}
        assert changed == {"2025-05", "2025", "2026-01", "2026"}


async def test_a_restart_shows_the_same(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as redis:
        await write(redis, archive())
        shown: list[list[tuple[str, list[Sample]]]] = []
        for _ in range(2):
            async with evaluator(redis_url) as running:
                await until_whole(running)
                if not shown:
                    await call(redis, running.clock, answered=30, missed=12)
                key = ("huis", "missed_ratio", "year")
                await eventually_async(lambda: calls_today(running) == 42)
                running.collector._budgets.clear()  # worked out before the calls came
                assert key in running.samples("error_budget_contacts")
                shown.append([(family.name, family.samples) for family in running.collector.collect()])
    assert shown[0] == shown[1]


async def test_reported_figures_stand_beside_ours_and_in_no_sum(redis_url: str) -> None:
    days = archive()
    async with showing(redis_url, days) as (_, running):
        missed = running.samples("indicator_missed_ratio")
        assert {labels: value for labels, value in missed.items() if "reported" in labels} == {
            ("huis", "all", "2019", "reported"): 0.1114,
            ("huis", "all", "2025", "reported"): 0.4,  # of this site by name
            ("huis", "all", "2025-11", "reported"): 0.3,  # 2024-02 is too long ago, 2025-H1 neither
        }
        assert computed(missed) == pytest.approx(expected_values(days, Kpi.MISSED_RATIO))
        samples = running.samples("indicator_samples")
        reported = {labels: count for labels, count in samples.items() if "reported" in labels}
        assert reported == {("huis", "all", "2019", "reported", "missed_ratio"): 100}
        periods = {name: rest for _, name, *rest in running.samples("indicator_period")}
        assert periods["2018"] == periods["2025"] == ["year", "complete"]
        assert periods["2026-02"] == ["month", "complete"]
        assert (periods["2026"], periods["2026-03"]) == (["year", "running"], ["month", "running"])


async def test_breaks_and_the_targets_of_each_span_are_shown(redis_url: str) -> None:
    async with evaluator(redis_url) as running:
        await until_whole(running)
        assert set(running.samples("indicator_break")) == {
            ("all", "2021-03", "software", "Nieuwe centrale"),
            ("missed_ratio", "2022", "definition", "Korte ophangers"),
            ("service_level", "2022", "definition", "Korte ophangers"),
        }
        assert running.samples("indicator_target") == {
            ("huis", "all", "missed_ratio", "year"): 0.2,
            ("huis", "loket", "visit_wait_mean", "month"): 60,
        }


async def test_a_process_that_owns_nothing_shows_nothing(redis_url: str) -> None:
    async with evaluator(redis_url) as running:
        await until_whole(running)
        async with Redis.from_url(redis_url) as redis:  # as if another had taken over
            await redis.set(keys.fence(0), "99:other")
            await redis.set(keys.lease(0), "99:other", px=60_000)
        await eventually_async(lambda: running.partition.session is None)
        assert [sample for family in running.collector.collect() for sample in family.samples] == []


async def test_an_error_budget_is_that_of_the_report_also_days_later(redis_url: str) -> None:
    """Days leave the session's memory but for their outcomes; a year goes by, and the next begins."""
    async with showing(redis_url, archive()) as (redis, running):
        for later in (0, 1, 5, 9, 290):
            running.clock.now = NOW + timedelta(days=later)
            await call(redis, running.clock, answered=40, missed=later % 7)
            count = 40 + later % 7
            await eventually_async(lambda: calls_today(running) == count)  # noqa: B023
            running.collector._budgets.clear()  # ten seconds have passed
            await as_reported(redis, running)


async def as_reported(redis: Redis, running: Evaluator) -> None:
    """Compare with what a report would read from Redis."""
    today = running.clock.now.date()
    days = await Archive(redis, CITY).read(date(2024, 1, 1), today)
    calendar = Calendar(CITY)
    left, projected = (
        running.samples("error_budget_contacts"),
        running.samples("error_budget_projected_ratio"),
    )
    for span, period in (("month", Period.month_of(today)), ("year", Period.year_of(today))):
        budget = error_budget(CITY, calendar, days, "huis", period, running.clock.now)
        assert budget is not None
        labels = ("huis", "missed_ratio", span)
        assert left[labels] == budget.left == budget_left(budget.missed, budget.contacts, 0.2)
        forecast = budget.forecast
        bounds = {labels[-1]: share for labels, share in projected.items() if labels[2] == span}
        if forecast is None:
            assert bounds == {}, today
        else:
            assert bounds == {"low": forecast.low, "middle": forecast.projected, "high": forecast.high}
    for period in (Period.month_of(today).before(), Period.year_of(today), Period.year_of(today).before()):
        one = period_kpi(CITY, months_of(days), Kpi.MISSED_RATIO, "huis", ALL_QUEUES, period, today)
        shown = running.samples("indicator_missed_ratio").get(("huis", "all", period.name, "counted"))
        assert shown == pytest.approx(one.value), (period.name, today)


async def test_a_release_that_kept_days_alone_is_caught_up_with_once(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each month is added up from its days, in the middle of live work; a kill on the way does no harm."""
    days, may_go_on = archive(), asyncio.Event()
    add_up = EvaluatorStore.add_up

    async def add_up_when_told(self, queue_refs, month, unreadable):
        if month.name == "2024-07":
            await may_go_on.wait()
        return await add_up(self, queue_refs, month, unreadable)

    monkeypatch.setattr(EvaluatorStore, "add_up", add_up_when_told)
    months = keys.buckets(0, Resolution.MONTH.value, *LOKET)
    async with Redis.from_url(redis_url) as redis:
        await write_days(redis, days)
        await redis.hset(months, "2024-06", Bucket(visits=999).encode())  # of a release that was gone back to
        await redis.hset(months, "2023-01", Bucket(visits=999).encode())
        async with evaluator(redis_url) as running:
            await eventually_async(lambda: running.partition.session is not None)
            await call(redis, running.clock, answered=30, missed=12)
            await eventually_async(lambda: calls_today(running) == 42)
            shown = computed(running.samples("indicator_samples"))
            assert {period for _, _, period, *_ in shown} == {"2026-01", "2026-02", "2026-03", "2026"}
            await eventually_async(partial(redis.hexists, months, "2024-08"))
        assert not await kept(redis)
        assert await Archive(redis, CITY).months(date(2024, 1, 1), NOW.date()) == months_of(
            await Archive(redis, CITY).read(date(2024, 1, 1), NOW.date())
        ), "who reads meanwhile adds them up"
        may_go_on.set()
        async with evaluator(redis_url) as running:
            await until_whole(running)
            await eventually_async(lambda: "2024-03" in str(computed(running.samples("indicator_samples"))))
            days[ONTHAAL][NOW.date()] = day(30, 12, wait_s=1)
            for kpi, name in VALUES.items():
                assert computed(running.samples(name)) == pytest.approx(expected_values(days, kpi)), name
        assert await kept(redis)
        stored = await Archive(redis, CITY).read(date(2024, 1, 1), NOW.date())
        for queue_ref, shelf in months_of(stored).items():
            found = await redis.hgetall(keys.buckets(0, Resolution.MONTH.value, *queue_ref))
            assert found == {month.encode(): bucket.encode() for month, bucket in shelf.items()}


async def kept(redis: Redis) -> bool:
    months, commit = await redis.hmget(keys.state(0), [MONTHS, "commit"])
    return months is not None and months == commit


async def test_a_month_that_cannot_be_read_is_set_aside_and_added_up_again(redis_url: str) -> None:
    days = archive()
    months = keys.buckets(0, Resolution.MONTH.value, *LOKET)
    async with Redis.from_url(redis_url) as redis:
        await write(redis, days)
        await redis.hset(months, "2026-02", b"{torn")
        async with evaluator(redis_url) as running:
            await until_whole(running)
            await eventually_async(lambda: "2024" in str(computed(running.samples("indicator_samples"))))
            mean = computed(running.samples(VALUES[Kpi.VISIT_WAIT_MEAN]))
            assert mean == pytest.approx(expected_values(days, Kpi.VISIT_WAIT_MEAN))
            assert running.partition.set_aside_at > 0, "health and an alarm tell"
        assert await set_aside(redis) == {b"2026-02": b"{torn"}


async def test_a_day_of_years_ago_that_cannot_be_read_is_set_aside_and_all_others_are_shown(
    redis_url: str,
) -> None:
    days = keys.buckets(0, "day", *LOKET)
    torn = {
        b"2024-06-03": b"{torn",
        b"2024-06-04": b'{"visits":1,"visit_wait_ms":%b}' % (b"9" * 400),
        b"yesterday": b"{}",
        b"9999-12-31": b"{}",
    }
    async with Redis.from_url(redis_url) as redis:
        await write_days(redis, archive())
        for name, bucket in torn.items():
            await redis.hset(days, name, bucket)
        async with evaluator(redis_url) as running:
            await eventually_async(lambda: running.whole and calls_today(running) == 0)
            await eventually_async(lambda: "2024-05" in str(computed(running.samples("indicator_samples"))))
            samples = running.samples("indicator_samples")
            for period in ("2024-05", "2024-06", "2024", "2026-03"):
                assert samples["huis", "loket", period, "counted", "visit_wait_mean"] > 0
            assert running.partition.set_aside_at > 0, "health and an alarm tell"
        assert await redis.hmget(days, *torn) == [None] * len(torn)
        assert await set_aside(redis) == torn


async def set_aside(redis: Redis) -> dict[bytes, bytes]:
    entries: list[tuple[bytes, dict[bytes, bytes]]] = await redis.execute_command(
        "XRANGE", keys.set_aside(0), "-", "+"
    )
    return {one[b"field"]: one[b"value"] for _, one in entries}


async def call(redis: Redis, clock: Clock, answered: int, missed: int) -> None:
    at = clock.now - timedelta(seconds=1)
    of = {"at": at, "source": "pbx", "site": "huis", "queue": "onthaal"}
    facts = [CallAnswered(id=f"a{at}{n}", wait_ms=1000, **of) for n in range(answered)]
    lost = [CallMissed(id=f"m{at}{n}", wait_ms=1000, outcome=Outcome.TIMED_OUT, **of) for n in range(missed)]
    for body in (*map(encode, facts), *map(encode, lost)):
        await redis.xadd(keys.events(0), {"__data__": body}, id=f"{ms_of(clock.now)}-*")


def calls_today(running: Evaluator) -> int:
    session = running.partition.session
    if session is None:
        return -1
    today = running.clock.now.date().isoformat()
    bucket = session.aggregator.bucket_store.get(Slot(ONTHAAL, Resolution.DAY, today))
    return 0 if bucket is None else bucket.offered


def correction(on: date) -> Correction:
    file = FromFile(name="queue_log.1", sha256=sha256(b"").hexdigest())
    return Correction(id=f"c{on}", at=NOW, how="import", by="balie", why="gat in het logboek", files=(file,))
