"""The figures a city steers by: every edge of every definition, and no reading where there is none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from domain import kpi
from domain.aggregator import Aggregator, StreamEvent
from domain.bucket import Bucket, longest_s, merged
from domain.counts import ms_of
from domain.kpi import KpiValue
from shared.calendar import Calendar
from shared.config.model import ALL_QUEUES, LIER_1, CityFile, Count, MissedDefinition
from shared.contract.events import (
    AppointmentBooked,
    CallAnswered,
    CallEnded,
    CallMissed,
    Event,
    Outcome,
    VisitCalled,
    VisitServed,
)
from shared.contract.kpis import Kpi
from tests.support.report_city import overflow

AT = datetime(2026, 3, 2, 10, tzinfo=UTC)
WITHIN = timedelta(seconds=20)
EVERY = frozenset(Outcome)
CITY = CityFile.model_validate(
    {
        "city": {"name": "Teststad"},
        "sites": [
            {
                "id": "lier",
                "queues": [{"id": "onthaal", "kind": "phone"}, {"id": "loket", "kind": "counter"}],
            }
        ],
    }
)
CALL = {"at": AT, "source": "pbx", "site": "lier", "queue": "onthaal"}
VISIT = {"source": "desk", "site": "lier", "queue": "loket"}


def bucket_of(*events: Event) -> Bucket:
    """What a desk makes of some facts, whichever queue they are of."""
    aggregator = Aggregator(CITY, Calendar(CITY), CITY.sites)
    late = AT + timedelta(hours=1)
    aggregator.record(StreamEvent(f"{n}-0", ms_of(late), event) for n, event in enumerate(events))
    assert not aggregator.counts.dead
    return merged(aggregator.bucket_store.total(queue_ref) for queue_ref in aggregator.queue_refs)


def definition(short_s: int = 0, outcomes: frozenset[Outcome] = LIER_1.outcomes) -> MissedDefinition:
    return MissedDefinition(id="test", outcomes=outcomes, short_abandon=timedelta(seconds=short_s))


@pytest.mark.parametrize(
    ("queue", "count", "missed", "wait_mean", "within"),
    [
        (ALL_QUEUES, "callers", KpiValue(0.1, 100, 10), KpiValue(1050 / 90, 90), 60),
        (ALL_QUEUES, "entries", KpiValue(40 / 130, 130, 40), KpiValue(150 / 90, 90), 90),
        ("onthaal", "callers", KpiValue(0.4, 100, 40), KpiValue(0.0, 60), 60),
        ("omgeving", "callers", KpiValue(0.0, 30, 0), KpiValue(5.0, 30), 30),
    ],
)
def test_a_total_counts_callers_where_its_definition_says_so_and_a_queue_its_entries(
    queue: str, count: Count, missed: KpiValue, wait_mean: KpiValue, within: int
) -> None:
    counting = LIER_1.counting(count)
    buckets = [bucket for name, bucket in overflow().items() if queue in {name, ALL_QUEUES}]
    bucket = kpi.counted(queue, buckets, counting)
    assert kpi.missed_ratio(bucket, counting) == missed
    assert kpi.call_wait_mean(bucket) == wait_mean
    assert kpi.answered_within(bucket, WITHIN) == within
    assert sum(kpi.speed_categories(bucket, [WITHIN]).values()) == bucket.answered


def test_a_total_of_one_queue_counts_callers_too() -> None:
    (bucket,) = (overflow()["onthaal"],)
    assert kpi.counted(ALL_QUEUES, [bucket], LIER_1).offered == 70
    assert kpi.counted("onthaal", [bucket], LIER_1).offered == bucket.offered == 100


def calls(*answered_ms: int, abandoned_ms: tuple[int, ...] = (), others: tuple[Outcome, ...] = ()) -> Bucket:
    lost = [*((Outcome.ABANDONED, wait) for wait in abandoned_ms), *((outcome, 1000) for outcome in others)]
    return bucket_of(
        *(CallAnswered(id=f"a{n}", wait_ms=wait, **CALL) for n, wait in enumerate(answered_ms)),
        *(
            CallMissed(id=f"m{n}", outcome=outcome, wait_ms=wait, **CALL)
            for n, (outcome, wait) in enumerate(lost)
        ),
    )


def visit(arrived_s: int, called_s: int, booked_s: int | None) -> Bucket:
    called, arrived = (AT + timedelta(seconds=s) for s in (called_s, arrived_s))
    booked = None if booked_s is None else AT + timedelta(seconds=booked_s)
    return bucket_of(VisitCalled(id="v", at=called, arrived_at=arrived, appointment_at=booked, **VISIT))


def booking(booked: str, starts: str) -> Bucket:
    booked_at, starts_at = (datetime.fromisoformat(text) for text in (booked, starts))
    return bucket_of(AppointmentBooked(id="b", at=AT, booked_at=booked_at, starts_at=starts_at, **VISIT))


@pytest.mark.parametrize("name", list(Kpi))
def test_an_empty_bucket_has_no_reading(name: Kpi):
    assert kpi.read(name, Bucket(), CITY) == KpiValue(None, 0)


def test_without_visitors_there_is_no_walk_in_wait():
    assert kpi.walk_in_wait_mean(Bucket()) == KpiValue(None, 0)


@pytest.mark.parametrize(
    ("story", "bucket", "rule", "value", "samples"),
    [
        ("answered and abandoned alike", calls(0, abandoned_ms=(9000,)), definition(), 0.5, 2),
        ("all answered is a reading: 0 %", calls(0, 0), definition(), 0.0, 2),
        ("all missed", calls(abandoned_ms=(1,)), definition(), 1.0, 1),
        ("quicker than 5 s: on neither side", calls(0, abandoned_ms=(4999,)), definition(5), 0.0, 1),
        ("exactly 5 s is not quicker than 5 s", calls(0, abandoned_ms=(5000,)), definition(5), 0.5, 2),
        ("nothing is quicker than 0 s", calls(0, abandoned_ms=(0,)), definition(0), 0.5, 2),
        ("only short hang-ups: no reading", calls(abandoned_ms=(1, 2)), definition(5), None, 0),
        ("short is about hang-ups only", calls(0, others=(Outcome.TIMED_OUT,)), definition(5), 0.5, 2),
        ("a key is a choice, not a miss", calls(0, others=(Outcome.LEFT_BY_KEY,)), LIER_1, 0.0, 1),
        ("closed is not counted either", calls(0, others=(Outcome.CLOSED,)), LIER_1, 0.0, 1),
        ("no agents is", calls(0, others=(Outcome.NO_AGENTS,)), LIER_1, 0.5, 2),
        (
            "unless all outcomes are; cut off is none",
            calls(0, others=tuple(Outcome)),
            definition(0, EVERY),
            6 / 7,
            7,
        ),
        (
            "hang-ups left out altogether",
            calls(0, abandoned_ms=(1, 9000), others=(Outcome.TIMED_OUT,)),
            definition(5, frozenset({Outcome.TIMED_OUT})),
            0.5,
            2,
        ),
        ("the unfinished touch nothing", Bucket(answered=1, unfinished=9), definition(), 0.0, 1),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_missed_ratio(story: str, bucket: Bucket, rule: MissedDefinition, value: float | None, samples: int):
    part = None if value is None else round(value * samples)
    assert kpi.missed_ratio(bucket, rule) == KpiValue(value, samples, part), story


def test_one_bucket_answers_every_definition():
    bucket = calls(1000, 2000, abandoned_ms=(4000, 9000, 90_000), others=(Outcome.LEFT_BY_KEY,))
    rules = {short: definition(short) for short in (0, 5, 10, 100)}
    assert {short: kpi.missed(bucket, rule) for short, rule in rules.items()} == {0: 3, 5: 2, 10: 1, 100: 0}
    assert kpi.missed(bucket, definition(5, EVERY)) == 3


@pytest.mark.parametrize(
    ("story", "bucket", "reading"),
    [
        ("exactly 20 s is within 20 s", calls(20_000), KpiValue(1.0, 1, 1)),
        ("a millisecond more is not", calls(20_001), KpiValue(0.0, 1, 0)),
        ("no wait at all is", calls(0), KpiValue(1.0, 1, 1)),
        ("who gave up counts below the line", calls(20_000, abandoned_ms=(1,)), KpiValue(0.5, 2, 1)),
    ],
)
def test_service_level(story: str, bucket: Bucket, reading: KpiValue):
    assert kpi.service_level(bucket, LIER_1, WITHIN) == reading, story


def test_a_short_hang_up_is_below_no_line():
    assert kpi.service_level(calls(0, abandoned_ms=(4999,)), definition(5), WITHIN) == KpiValue(1.0, 1, 1)


def test_the_mean_wait_is_of_answered_calls_only():
    bucket = calls(1000, 2000, 2001, abandoned_ms=(600_000,))
    assert kpi.call_wait_mean(bucket) == KpiValue(5001 / 3000, 3)
    assert longest_s(bucket.waits) == 3


def test_speed_categories_are_ranges_from_exclusive_to_inclusive():
    bounds = [timedelta(seconds=s) for s in (20, 45)]
    bucket = calls(0, 19_999, 20_000, 20_001, 45_000, 45_001, 10**7)
    assert kpi.speed_categories(bucket, bounds) == {"0-20": 3, "20-45": 2, ">45": 2}
    assert kpi.speed_categories(Bucket(), bounds) == {"0-20": 0, "20-45": 0, ">45": 0}
    assert kpi.category_names(bounds) == ["0-20", "20-45", ">45"]


@pytest.mark.parametrize(
    ("story", "bucket", "visits", "walk_ins", "early"),
    [
        ("came early, called late", visit(-600, 90, 0), KpiValue(90.0, 1), KpiValue(None, 0), 0),
        ("came late: waits from arriving", visit(60, 90, 0), KpiValue(30.0, 1), KpiValue(None, 0), 0),
        ("called on the dot", visit(-600, 0, 0), KpiValue(0.0, 1), KpiValue(None, 0), 0),
        ("called before the booked time", visit(-600, -1, 0), KpiValue(None, 0), KpiValue(None, 0), 1),
        ("no appointment: called - arrived", visit(0, 61, None), KpiValue(None, 0), KpiValue(61.0, 1), 0),
        ("clocks that disagree: no negative wait", visit(5, 0, None), KpiValue(None, 0), KpiValue(0.0, 1), 0),
        ("nor with an appointment", visit(99, 10, 0), KpiValue(0.0, 1), KpiValue(None, 0), 0),
    ],
)
def test_counter_waits(story: str, bucket: Bucket, visits: KpiValue, walk_ins: KpiValue, early: int):
    assert (kpi.visit_wait_mean(bucket), kpi.walk_in_wait_mean(bucket), bucket.early) == (
        visits,
        walk_ins,
        early,
    ), story


def conversations(*lengths_ms: int | None) -> Bucket:
    return bucket_of(
        *(
            CallEnded(id=f"e{n}", contact=f"c{n}", talk_ms=length, **CALL)
            for n, length in enumerate(lengths_ms)
        )
    )


def test_the_mean_handling_time_is_of_the_conversations_whose_length_is_known():
    assert kpi.handle_time_mean(conversations(60_000, None, 120_001)) == KpiValue(90.0005, 2)
    assert kpi.handle_time_mean(conversations(None)) == KpiValue(None, 0)


def test_the_mean_service_time_is_of_the_visitors_that_were_served():
    served = VisitServed(id="s1", at=AT, service_ms=420_000, **VISIT)
    assert kpi.service_time_mean(bucket_of(served)) == KpiValue(420.0, 1)
    assert kpi.service_time_mean(visit(0, 30, 0)) == KpiValue(None, 0)


@pytest.mark.parametrize(
    ("story", "booked", "starts", "days"),
    [
        ("the same day", "2026-03-02T09:00+01:00", "2026-03-02T16:00+01:00", 0.0),
        ("over a weekend", "2026-03-06T09:00+01:00", "2026-03-09T09:00+01:00", 1.0),
        ("days are the city's days", "2026-03-02T23:30+00:00", "2026-03-03T22:30+00:00", 0.0),
    ],
)
def test_lead_time_is_working_days(story: str, booked: str, starts: str, days: float):
    assert kpi.lead_time_mean(booking(booked, starts)) == KpiValue(days, 1), story


def test_read_gives_each_kpi_by_its_name():
    bucket = calls(20_000, 40_000, abandoned_ms=(1,))
    bucket.add(conversations(60_000, None, 120_000))
    bucket.add(visit(0, 30, 0))
    bucket.add(booking("2026-03-02T09:00+01:00", "2026-03-04T09:00+01:00"))
    assert {name: kpi.read(name, bucket, CITY) for name in Kpi} == {
        Kpi.MISSED_RATIO: KpiValue(1 / 3, 3, 1),
        Kpi.CALL_WAIT_MEAN: KpiValue(30.0, 2),
        Kpi.SERVICE_LEVEL: KpiValue(1 / 3, 3, 1),
        Kpi.HANDLE_TIME_MEAN: KpiValue(90.0, 2),
        Kpi.VISIT_WAIT_MEAN: KpiValue(30.0, 1),
        Kpi.LEAD_TIME_MEAN: KpiValue(2.0, 1),
    }


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        (Kpi.MISSED_RATIO, 0.2, True),
        (Kpi.MISSED_RATIO, 0.2001, False),
        (Kpi.SERVICE_LEVEL, 0.2, True),
        (Kpi.SERVICE_LEVEL, 0.1999, False),
    ],
)
def test_a_limit_is_kept_when_it_is_reached_exactly(name: Kpi, value: float, kept: bool):
    assert kpi.meets(name, value, 0.2) is kept


def test_a_quantile_is_the_upper_edge_of_its_cell():
    bucket = Bucket(answered=2, wait_ms=2000, waits={1: 1, 2: 1})
    assert kpi.call_wait_quantile(bucket, 0.9) == longest_s(bucket.waits) == 2.0
    assert kpi.call_wait_quantile(bucket, 0.5) == 1.0
