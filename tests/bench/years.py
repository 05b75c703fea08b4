"""What years of days and months cost: memory, the price of a scrape, how long reading them takes."""

from __future__ import annotations

import random
import re
import time
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from domain.bucket import Bucket
from domain.period_kpis import months_of
from domain.queue_ref import QueueRef
from services.evaluator.state_store import MONTHS
from shared.calendar import DAY, SATURDAY
from shared.config.model import CityFile
from shared.contract.kpis import QueueKind
from shared.redis import keys
from tests.bench.growth import MIB
from tests.bench.latency import scraped
from tests.bench.report import Cell, Measured
from tests.bench.stage import Spread, Stage, rss_bytes
from tests.support.eventually import eventually
from tests.support.service_process import ServiceProcess

CITY_FILE: Final = Path(__file__).resolve().parents[2] / "examples" / "lier" / "city.toml"
YEARS: Final = (0, 1, 5, 10)
READ_WITHIN: Final = 120.0


@dataclass(frozen=True)
class Kept:
    """What so many years take."""

    years: int
    read_s: float
    evaluator_bytes: int
    scrape_ms: float
    slowest_ms: float
    series: int
    series_of_years: int


def years(stage: Stage, quick: bool) -> Measured:
    """Lier's nine queues with days of so many years before the running one."""
    chosen = (YEARS[0], YEARS[2]) if quick else YEARS
    kept = [_kept(stage, years, scrapes=5 if quick else 31) for years in chosen]
    return Measured(
        "years",
        "Lier's queues and so many years of days",
        (
            "years",
            "read after s",
            "evaluator MiB",
            "scrape ms",
            "slowest ms",
            "series",
            "of months and years",
        ),
        [_row(one) for one in kept],
        "read after: from the start of the process until every month and year is there. slowest: of the "
        "scrapes, one of which in ten seconds works the error budgets out.",
    )


def _row(one: Kept) -> Sequence[Cell]:
    mib = one.evaluator_bytes / MIB
    return [one.years, one.read_s, mib, one.scrape_ms, one.slowest_ms, one.series, one.series_of_years]


def _kept(stage: Stage, years: int, scrapes: int) -> Kept:
    text = CITY_FILE.read_text(encoding="utf-8").replace('"history', f'"{CITY_FILE.parent}/history')
    stage.empty()
    _fill(stage, CityFile.model_validate(tomllib.loads(text)), years)
    began = time.perf_counter()
    with stage.service("services.evaluator", text) as service:
        eventually(_has_read(service), within=READ_WITHIN)
        read_s = time.perf_counter() - began
        memory = rss_bytes(service.pid)
        taken, body = scraped(service.port, scrapes)
    names = re.findall(r"^(wachtpost_\w+)", body.decode(), re.MULTILINE)
    of_years = [name for name in names if "_indicator_" in name or "_error_budget_" in name]
    return Kept(years, read_s, memory, Spread(taken).median, max(taken), len(names), len(of_years))


def _has_read(service: ServiceProcess) -> Callable[[], bool]:
    return lambda: service.logged("owner") is not None


def _fill(stage: Stage, city: CityFile, years: int) -> None:
    """Days like those of a city: a couple of hundred calls, some tens of visits, waits all over."""
    dice = random.Random(1)
    today = datetime.now(UTC).date()
    first = date(today.year - years, 1, 1)
    for site in city.sites:
        for queue in site.queues:
            made = _calls if queue.kind is QueueKind.PHONE else _visits
            days = [first + number * DAY for number in range((today - first).days)]
            shelf = {day: made(dice) for day in days if day.weekday() < SATURDAY}
            (months,) = months_of({QueueRef(site.id, queue.id): shelf}).values()
            pipeline = stage.redis.pipeline(transaction=False)
            for day, bucket in shelf.items():
                pipeline.hset(keys.buckets(0, "day", site.id, queue.id), day.isoformat(), bucket.encode())
            for month, bucket in months.items():
                pipeline.hset(keys.buckets(0, "month", site.id, queue.id), month, bucket.encode())
            pipeline.execute()
    stage.redis.hset(keys.state(0), mapping={MONTHS: "0:bench 1", "commit": "0:bench 1"})


def _histogram(dice: random.Random, count: int, mean: float) -> dict[int, int]:
    cells: dict[int, int] = {}
    for _ in range(count):
        cell = round(dice.expovariate(1 / mean))
        cells[cell] = cells.get(cell, 0) + 1
    return cells


def _calls(dice: random.Random) -> Bucket:
    waits, hung_up = _histogram(dice, dice.randint(200, 300), 60), _histogram(dice, dice.randint(10, 50), 40)
    answered = sum(waits.values())
    return Bucket(
        answered=answered,
        wait_ms=1000 * sum(cell * count for cell, count in waits.items()),
        abandoned=sum(hung_up.values()),
        timed_out=dice.randint(0, 9),
        waits=waits,
        abandon_waits=hung_up,
    )


def _visits(dice: random.Random) -> Bucket:
    waits, leads = _histogram(dice, dice.randint(20, 60), 120), _histogram(dice, 40, 5)
    return Bucket(
        visits=sum(waits.values()),
        visit_wait_ms=1000 * sum(cell * count for cell, count in waits.items()),
        booked=40,
        lead_days=sum(day * count for day, count in leads.items()),
        visit_waits=waits,
        leads=leads,
    )
