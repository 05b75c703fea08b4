"""A whole year through the import, and every indicator equal to an independent oracle's: to the last bit.

The weeks around the clock change of March, Easter Monday among them, run with the fast tests; the year with
both clock changes, two turns of the year, the holidays and the city's closing days is ``slow``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Final

import pytest

from domain.bucket import Bucket, Resolution
from domain.corrections import day_of
from domain.counts import ms_of
from domain.period_kpis import (
    Days,
    Months,
    gaps,
    months_of,
    period_kpi,
    period_kpis,
    speed,
    under_missed_definitions,
    under_service_levels,
)
from domain.queue_ref import QueueRef
from shared.calendar import Calendar
from shared.config.model import ALL_QUEUES, load
from shared.contract.events import Outcome
from shared.contract.kpis import Kpi
from shared.periods import Period
from tests.year import events, oracle
from wachtpost.history.recount import Recounted, recount

CITY: Final = load(Path(__file__).with_name("city.toml"))
SEED: Final = 20260329
WEEKS: Final = (date(2026, 3, 16), date(2026, 4, 7))
YEAR: Final = (date(2025, 12, 8), date(2027, 1, 17))
AFTERWARDS: Final = date(2027, 2, 1)

TARGETS: Final = {
    Kpi.VISIT_WAIT_MEAN: {
        "loket-burgerzaken": 60,
        "loket-energie": 300,
        "loket-mobiliteit": 120,
        "loket-ocmw": 600,
        "loket-omgeving": 300,
        "loket-wonen": 300,
    },
    Kpi.CALL_WAIT_MEAN: {ALL_QUEUES: 45},
    Kpi.LEAD_TIME_MEAN: {ALL_QUEUES: 5},
}
"""Per month; at most. Missed calls: a fifth, per year."""


@dataclass(frozen=True)
class Stretch:
    """A stretch of days, imported, and what the oracle makes of the same files."""

    first: date
    last: date
    written: events.Written
    imported: Recounted
    days: Days
    months: Months
    """Of ``imported``."""
    truth: oracle.Oracle

    def periods(self) -> Iterator[Period]:
        """Every month, quarter, half and year that it touches."""
        for year in range(self.first.year, self.last.year + 1):
            names = [f"{year}", *(f"{year}-H{n}" for n in (1, 2)), *(f"{year}-Q{n}" for n in (1, 2, 3, 4))]
            names += [f"{year}-{month:02}" for month in range(1, 13)]
            for period in map(Period.parse, names):
                if period.first <= self.last and period.last >= self.first:
                    yield period

    def phones(self) -> Iterator[tuple[str, Period, oracle.Counts]]:
        """Every phone queue and their total, by period, with what the oracle counted; nothing: all zero."""
        for queue, period in product((*oracle.PHONES, ALL_QUEUES), self.periods()):
            name = "phones" if queue == ALL_QUEUES else queue
            yield queue, period, self.truth.calls[name, period.name]


@pytest.fixture(
    scope="module",
    params=[pytest.param(WEEKS, id="weeks"), pytest.param(YEAR, id="year", marks=pytest.mark.slow)],
)
def stretch(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stretch]:
    first, last = request.param
    written = events.write(tmp_path_factory.mktemp("year"), first, last, SEED)
    now = ms_of(datetime.combine(AFTERWARDS, time(), UTC))
    imported = recount(written.files, CITY, Calendar(CITY), None, now)
    with closing(oracle.Oracle(written.files)) as truth:
        days = days_of(imported)
        yield Stretch(first, last, written, imported, days, months_of(days), truth)


def quotient(part: int, whole: int) -> float | None:
    """The float nearest to the exact fraction; no contact, no figure."""
    return float(Fraction(part, whole)) if whole else None


def test_every_line_is_counted_once(stretch: Stretch) -> None:
    reading = stretch.imported.reading
    assert reading.refused == {}
    assert reading.duplicates == stretch.written.duplicates > 0
    assert reading.events - reading.duplicates == stretch.truth.events


def test_the_edges_are_really_there(stretch: Stretch) -> None:
    """The simulated days hold what they are there for; else agreement would prove little."""
    some = stretch.truth.some
    answered = some("SELECT DISTINCT wait_ms FROM event WHERE kind = 'call.answered'")
    assert answered >= {0, 20_000, 20_001, 45_000, 45_001, 60_000, 120_000, 180_000, 180_001}
    assert some("SELECT DISTINCT wait_ms FROM event WHERE outcome = 'abandoned'") >= {0, 9_999, 10_000}
    passed = some("SELECT DISTINCT COUNT(*) FROM entry GROUP BY contact")
    assert passed >= {1, 2, 3}
    ahead = some("SELECT DISTINCT appointment_ms - at_ms FROM visit WHERE open AND appointment_ms NOT NULL")
    assert ahead >= {0, 1, 60_000}
    for change in (date(2026, 3, 29), date(2026, 10, 25)):
        if stretch.first <= change <= stretch.last:
            # Brussels changes its clocks at 01:00 UTC.
            change_ms = ms_of(datetime.combine(change, time(1), UTC))
            since = f"(at_ms - {change_ms} + 3600000)"
            halves = some(f"SELECT DISTINCT {since} / 1800000 FROM entry WHERE open AND {since} >= 0")
            assert halves >= {0, 1, 2, 3}, change


def test_means_of_call_waits(stretch: Stretch) -> None:
    for queue, period, counted in stretch.phones():
        found = period_kpi(CITY, stretch.months, Kpi.CALL_WAIT_MEAN, "lier", queue, period, AFTERWARDS)
        mean = quotient(counted["wait_ms"], 1000 * counted["answered"])
        assert (found.value, found.samples) == (mean, counted["answered"]), (queue, period.name)


def test_speed_categories(stretch: Stretch) -> None:
    for queue, period, counted in stretch.phones():
        found = speed(CITY, stretch.months, "lier", queue, period, AFTERWARDS)
        assert dict(found.counts) == {name: counted[name] for name in oracle.SPEEDS}, (queue, period.name)
        assert found.answered == counted["answered"]
        assert sum(found.counts.values()) == found.answered


def test_missed_calls_under_every_definition(stretch: Stretch) -> None:
    for queue, period, counted in stretch.phones():
        found = under_missed_definitions(CITY, stretch.months, "lier", queue, period)
        assert [f"{one.definition.id} v{one.definition.version}" for one in found] == list(oracle.DEFINITIONS)
        for one, name in zip(found, oracle.DEFINITIONS, strict=True):
            missed = counted[name]
            contacts = counted["answered"] + missed
            assert (one.missed, one.samples) == (missed, contacts), (queue, period.name, name)
            assert one.value == quotient(missed, contacts)
            assert sum(one.difference.values()) == missed - counted["lier-1 v1"]
        active, without_short, every, without_abandons = found
        quick = counted["abandoned_within_10"]
        assert [one.active for one in found] == [True, False, False, False]
        assert [one.short_abandons for one in found] == [0, quick, 0, 0]
        assert active.not_counted == {
            o: counted[o] for o in (Outcome.LEFT_BY_KEY, Outcome.CLOSED, Outcome.BLOCKED)
        }
        assert every.counted == {Outcome(name): counted[name] for name in oracle.OUTCOMES}
        assert without_short.difference == ({Outcome.ABANDONED: -quick} if quick else {})
        told = {Outcome.ABANDONED: -counted["abandoned"], Outcome.CLOSED: counted["closed"]}
        assert without_abandons.difference == {o: n for o, n in told.items() if n}


def test_service_levels_under_every_definition(stretch: Stretch) -> None:
    for queue, period, counted in stretch.phones():
        found = {
            one.definition.id: one
            for one in under_service_levels(CITY, stretch.months, "lier", queue, period)
        }
        answered = counted["answered"]
        contacts = answered + counted["lier-1 v1"]
        truth = {
            "binnen-20s": (counted["0-20"], contacts),
            "binnen-30s": (counted["within_30"], contacts),
            "beantwoord-binnen-20s": (counted["0-20"], answered),
        }
        assert {name: (one.answered_within, one.samples) for name, one in found.items()} == truth
        for name, (within, of) in truth.items():
            assert found[name].value == quotient(within, of), (queue, period.name, name)
        live = period_kpi(CITY, stretch.months, Kpi.SERVICE_LEVEL, "lier", queue, period, AFTERWARDS)
        assert (live.value, live.definition) == (found["binnen-20s"].value, "binnen-20s v1, lier-1 v1")


def test_waits_at_every_counter(stretch: Stretch) -> None:
    for queue, period in product((*oracle.COUNTERS, ALL_QUEUES), stretch.periods()):
        counted = stretch.truth.visits["counters" if queue == ALL_QUEUES else queue, period.name]
        found = period_kpi(CITY, stretch.months, Kpi.VISIT_WAIT_MEAN, "lier", queue, period, AFTERWARDS)
        mean = quotient(counted["visit_wait_ms"], 1000 * counted["visits"])
        assert (found.value, found.samples) == (mean, counted["visits"]), (queue, period.name)


def test_no_shows(stretch: Stretch) -> None:
    for queue, period in product(oracle.COUNTERS, stretch.periods()):
        counted = stretch.truth.gone.get((queue, period.name), {"no_shows": 0, "left": 0})
        buckets = [b for day, b in stretch.days[QueueRef("lier", queue)].items() if day in period]
        found = sum(bucket.no_shows for bucket in buckets), sum(bucket.left for bucket in buckets)
        assert found == (counted["no_shows"], counted["left"]), (queue, period.name)


def test_early_visitors_and_walk_ins(stretch: Stretch) -> None:
    for queue in oracle.COUNTERS:
        shelf = stretch.days[QueueRef("lier", queue)]
        for period in stretch.periods():
            counted = stretch.truth.visits[queue, period.name]
            buckets = [bucket for day, bucket in shelf.items() if day in period]
            for field in ("early", "walk_ins", "walk_in_wait_ms"):
                assert sum(getattr(bucket, field) for bucket in buckets) == counted[field], (
                    queue,
                    period.name,
                )


def test_lead_times(stretch: Stretch) -> None:
    for queue, period in product((*oracle.COUNTERS, ALL_QUEUES), stretch.periods()):
        counted = stretch.truth.leads["counters" if queue == ALL_QUEUES else queue, period.name]
        found = period_kpi(CITY, stretch.months, Kpi.LEAD_TIME_MEAN, "lier", queue, period, AFTERWARDS)
        mean = quotient(counted["lead_days"], counted["booked"])
        assert (found.value, found.samples) == (mean, counted["booked"]), (queue, period.name)


def test_the_block_of_the_policy_report_and_who_keeps_the_promise(stretch: Stretch) -> None:
    truth = stretch.truth
    judged = 0
    for period in (period for period in stretch.periods() if period.is_year):
        block = period_kpis(CITY, stretch.months, "lier", period, AFTERWARDS)
        months = [
            month for month in stretch.periods() if month.is_month and month.first.year == period.first.year
        ]
        for found in (*block.visit_waits, *block.call_waits, *block.lead_times):
            if found.period not in months:
                assert (found.value, found.samples, found.met) == (None, 0, None)
                continue
            exact = exact_mean(truth, found.kpi, found.queue, found.period.name)
            target = TARGETS[found.kpi][found.queue]
            assert (found.target, found.met) == (target, exact <= target), found
            judged += 1
        counted = truth.calls["phones", period.name]
        lost = counted["lier-1 v1"]
        (year,) = block.missed_years
        assert year.value == quotient(lost, counted["answered"] + lost)
        assert year.met is (Fraction(lost, counted["answered"] + lost) <= Fraction(1, 5))
        for month in block.missed_months:
            assert (month.met, month.target, month.target_period) == (None, 0.2, "year")
        assert [one.period for one in block.speeds if one.answered] == months
    assert judged == 8 * len([period for period in stretch.periods() if period.is_month])


def exact_mean(truth: oracle.Oracle, kpi: Kpi, queue: str, period: str) -> Fraction:
    if kpi is Kpi.CALL_WAIT_MEAN:
        counted = truth.calls["phones", period]
        return Fraction(counted["wait_ms"], 1000 * counted["answered"])
    if kpi is Kpi.VISIT_WAIT_MEAN:
        counted = truth.visits[queue, period]
        return Fraction(counted["visit_wait_ms"], 1000 * counted["visits"])
    counted = truth.leads["counters", period]
    return Fraction(counted["lead_days"], counted["booked"])


def test_what_came_outside_opening_hours(stretch: Stretch) -> None:
    found: dict[str, int] = {}
    for slot, bucket in stretch.imported.buckets.items():
        if slot.resolution is Resolution.DAY_OUTSIDE:
            calls, visits = (
                bucket.answered + bucket.unanswered,
                bucket.visits + bucket.walk_ins + bucket.early,
            )
            came = calls + visits + bucket.left + bucket.no_shows
            found[slot.queue_ref.queue] = found.get(slot.queue_ref.queue, 0) + came
    assert {queue: came for queue, came in found.items() if came} == stretch.truth.outside()


def test_contacts_without_an_outcome(stretch: Stretch) -> None:
    assert unfinished(stretch.imported) == stretch.truth.unfinished() != {}


def days_of(imported: Recounted) -> Days:
    days: dict[QueueRef, dict[date, Bucket]] = {}
    for slot, bucket in imported.buckets.items():
        if slot.resolution is Resolution.DAY:
            days.setdefault(slot.queue_ref, {})[day_of(slot)] = bucket
    return days


def unfinished(imported: Recounted) -> dict[tuple[str, str, bool], int]:
    return {
        (slot.queue_ref.queue, str(slot.start), slot.resolution is Resolution.DAY): bucket.unfinished
        for slot, bucket in imported.buckets.items()
        if bucket.unfinished
    }


def test_closing_days_are_no_gaps(stretch: Stretch) -> None:
    """The lines of the contact centre ring on every day that it is open; on the others nothing is missing."""
    until = stretch.last + timedelta(days=1)
    missing = [
        gap
        for period in stretch.periods()
        if period.is_month
        for gap in gaps(CITY, Calendar(CITY), stretch.days, period, until)
        if gap.queue in {"onthaal", "burgerzaken"} and gap.last >= stretch.first
    ]
    assert missing == []


def test_the_city_file_and_the_oracle_have_the_same_queues() -> None:
    assert [queue.id for queue in CITY.sites[0].queues] == [*oracle.PHONES, *oracle.COUNTERS]
