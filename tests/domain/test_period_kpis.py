"""The figures of the policy report: sums of days, judged exactly, and told what they rest on."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.bucket import Bucket
from domain.how_sure import Verdict, ratio_range
from domain.kpi import KpiValue
from domain.period_kpis import (
    Days,
    PeriodKpi,
    active_service_level,
    gaps,
    months_of,
    period_kpi,
    period_kpis,
    speed,
    under_counts,
    under_missed_definitions,
    under_service_levels,
    with_reported,
)
from shared.calendar import Calendar
from shared.config.model import ALL_QUEUES
from shared.contract.events import Outcome
from shared.contract.kpis import Kpi
from shared.history_file import HistoryFile
from shared.periods import Period
from tests.support.report_city import CITY, calls, city, days, overflow

MARCH = Period.parse("2026-03")
YEAR = Period.parse("2026")
LATER = date(2027, 1, 1)


def figure(
    kpi: Kpi, counted: Days, queue: str = ALL_QUEUES, period: Period = MARCH, today: date = LATER
) -> PeriodKpi:
    return period_kpi(CITY, months_of(counted), kpi, "lier", queue, period, today)


def test_a_month_is_the_sum_of_its_days_and_no_mean_of_means() -> None:
    counted = days(
        ("onthaal", "2026-02-28", calls(100, waits_s=[900] * 100)),
        ("onthaal", "2026-03-01", calls(1, waits_s=[100])),
        ("onthaal", "2026-03-31", calls(3, waits_s=[20, 20, 20])),
        ("onthaal", "2026-04-01", calls(100, waits_s=[900] * 100)),
    )
    found = figure(Kpi.CALL_WAIT_MEAN, counted)
    assert (found.value, found.samples, found.met) == (40.0, 4, True)


def test_a_total_is_over_the_queues_that_have_the_kpi() -> None:
    counted = days(
        ("onthaal", "2026-03-02", calls(8, missed=2)),
        ("omgeving", "2026-03-03", calls(2, missed=8)),
        ("loket-a", "2026-03-03", Bucket(visits=1, visit_wait_ms=5000)),
    )
    assert figure(Kpi.MISSED_RATIO, counted).value == 0.5
    assert figure(Kpi.MISSED_RATIO, counted, "onthaal").value == 0.2
    assert figure(Kpi.VISIT_WAIT_MEAN, counted, "loket-a").value == 5.0
    assert figure(Kpi.VISIT_WAIT_MEAN, counted).samples == 1


OVERFLOW = days(*((queue, "2026-03-02", bucket) for queue, bucket in overflow().items()))


@pytest.mark.parametrize(
    ("queue", "count", "value", "samples", "said"),
    [
        (ALL_QUEUES, "callers", 0.1, 100, "callers"),
        (ALL_QUEUES, "entries", 40 / 130, 130, "entries"),
        ("onthaal", "callers", 0.4, 100, "entries"),
    ],
)
def test_a_figure_says_what_it_counts(queue: str, count: str, value: float, samples: int, said: str) -> None:
    counting = city(
        missed_definitions=[{"id": "lier-1", "outcomes": ["abandoned", "timed_out"], "count": count}]
    )
    found = period_kpi(counting, months_of(OVERFLOW), Kpi.MISSED_RATIO, "lier", queue, MARCH, LATER)
    assert (found.value, found.samples, found.count) == (value, samples, said)


def test_visits_are_no_callers() -> None:
    assert figure(Kpi.VISIT_WAIT_MEAN, {}).count is None


def test_callers_and_entries_side_by_side() -> None:
    callers, entries = under_counts(CITY, months_of(OVERFLOW), "lier", MARCH)
    assert (callers.count, callers.active) == ("callers", True)
    assert (callers.offered, callers.answered, callers.missed) == (100, 90, 10)
    assert callers.readings == {
        Kpi.MISSED_RATIO: KpiValue(0.1, 100, 10),
        Kpi.CALL_WAIT_MEAN: KpiValue(1050 / 90, 90),
        Kpi.SERVICE_LEVEL: KpiValue(0.6, 100, 60),
    }
    assert (entries.count, entries.active) == ("entries", False)
    assert (entries.offered, entries.answered, entries.missed) == (130, 90, 40)
    assert entries.readings == {
        Kpi.MISSED_RATIO: KpiValue(40 / 130, 130, 40),
        Kpi.CALL_WAIT_MEAN: KpiValue(150 / 90, 90),
        Kpi.SERVICE_LEVEL: KpiValue(90 / 130, 130, 90),
    }


def test_each_definition_counts_in_its_own_way() -> None:
    outcomes = ["abandoned", "timed_out"]
    counting = city(
        missed_definitions=[
            {"id": "lier-1", "outcomes": outcomes},
            {"id": "wachtrijen", "outcomes": outcomes, "count": "entries"},
        ]
    )
    live, other = under_missed_definitions(counting, months_of(OVERFLOW), "lier", ALL_QUEUES, MARCH)
    assert (live.missed, live.samples, live.difference) == (10, 100, {})
    assert (other.missed, other.samples, other.difference) == (40, 130, {Outcome.TIMED_OUT: 30})


@pytest.mark.parametrize("kpi", list(Kpi))
def test_no_reading_is_not_zero(kpi: Kpi) -> None:
    found = figure(kpi, {})
    assert (found.value, found.samples, found.met) == (None, 0, None)


@pytest.mark.parametrize(
    ("kpi", "queue", "period", "target", "met"),
    [
        (Kpi.MISSED_RATIO, ALL_QUEUES, "2026", 0.2, True),
        (Kpi.MISSED_RATIO, ALL_QUEUES, "2026-03", 0.2, None),  # the promise is about the year
        (Kpi.CALL_WAIT_MEAN, ALL_QUEUES, "2026-03", 45.0, False),
        (Kpi.CALL_WAIT_MEAN, ALL_QUEUES, "2026", 45.0, None),
        (Kpi.CALL_WAIT_MEAN, ALL_QUEUES, "2026-Q1", 45.0, None),
        (Kpi.CALL_WAIT_MEAN, "onthaal", "2026-03", None, None),  # promised of the total alone
        (Kpi.SERVICE_LEVEL, ALL_QUEUES, "2026-03", 0.8, False),  # the only one of which more is better
    ],
)
def test_a_target_is_judged_over_its_own_kind_of_period(
    kpi: Kpi, queue: str, period: str, target: float | None, met: bool | None
) -> None:
    counted = days(("onthaal", "2026-03-02", calls(4, missed=1, waits_s=[46] * 4)))
    found = figure(kpi, counted, queue, Period.parse(period))
    assert (found.target, found.met) == (target, met)


@pytest.mark.parametrize(
    ("answered", "missed", "running", "over"),
    [
        (14, 6, Verdict.UNDECIDED, Verdict.BEYOND),  # 30 %, and 15 to 52 % that may be
        (1, 0, Verdict.UNDECIDED, Verdict.WITHIN),
        (11, 9, Verdict.BEYOND, Verdict.BEYOND),
        (30, 1, Verdict.WITHIN, Verdict.WITHIN),
        (47, 13, Verdict.BEYOND, Verdict.BEYOND),  # sixty: as it is
        (0, 0, None, None),
    ],
)
def test_few_contacts_settle_nothing_while_the_period_runs_and_the_promise_when_it_is_over(
    answered: int, missed: int, running: Verdict | None, over: Verdict | None
) -> None:
    counted = days(("onthaal", "2026-03-02", calls(answered, missed)))
    for today, expected in ((date(2026, 3, 2), running), (LATER, over)):
        found = figure(Kpi.MISSED_RATIO, counted, period=YEAR, today=today)
        assert found.verdict is expected
        assert found.met is (None if expected in {None, Verdict.UNDECIDED} else expected is Verdict.WITHIN)
        assert found.likely == ratio_range(missed, answered + missed)
        assert found.part == (missed if found.samples else None)


def test_a_month_and_a_year_may_have_targets_of_their_own() -> None:
    both = city(
        targets=[
            {"kpi": "missed_ratio", "limit": 0.2, "period": "year"},
            {"kpi": "missed_ratio", "limit": 0.3, "period": "month"},
        ]
    )
    counted = days(("onthaal", "2026-03-02", calls(3, missed=1)))
    for period, target, met in ((MARCH, 0.3, True), (YEAR, 0.2, False)):
        found = period_kpi(both, months_of(counted), Kpi.MISSED_RATIO, "lier", ALL_QUEUES, period, LATER)
        assert (found.target, found.met) == (target, met)


@pytest.mark.parametrize(("answered", "missed", "met"), [(80, 20, True), (799_999, 200_001, False)])
def test_a_promise_is_judged_on_the_exact_share(answered: int, missed: int, met: bool) -> None:
    """The second one rounds to 20,0 % as well."""
    counted = days(
        ("onthaal", "2026-03-02", calls(0, missed)), ("omgeving", "2026-03-02", Bucket(answered=answered))
    )
    assert figure(Kpi.MISSED_RATIO, counted, period=YEAR).met is met


@given(st.integers(1, 10**9), st.integers(-3, 3), st.integers(1, 9_999))
def test_floats_judge_as_fractions_would(contacts: int, off: int, limit: int) -> None:
    """On both sides of every limit with four decimals: m / n over the limit is never told to keep it."""
    missed = min(max(0, contacts * limit // 10_000 + off), contacts)
    strict = city(targets=[{"kpi": "missed_ratio", "limit": limit / 10_000, "period": "year"}])
    counted = days(("onthaal", "2026-03-02", Bucket(answered=contacts - missed, timed_out=missed)))
    found = period_kpi(strict, months_of(counted), Kpi.MISSED_RATIO, "lier", ALL_QUEUES, YEAR, LATER)
    assert found.met is (Fraction(missed, contacts) <= Fraction(limit, 10_000))


@pytest.mark.parametrize(
    ("kpi", "definition"),
    [
        (Kpi.MISSED_RATIO, "lier-1 v4"),
        (Kpi.SERVICE_LEVEL, "within-20s v1, lier-1 v4"),
        (Kpi.CALL_WAIT_MEAN, None),
        (Kpi.VISIT_WAIT_MEAN, None),
    ],
)
def test_a_figure_says_under_which_definition(kpi: Kpi, definition: str | None) -> None:
    assert figure(kpi, {}).definition == definition


@pytest.mark.parametrize(
    ("today", "complete"), [(date(2026, 3, 1), False), (date(2026, 3, 31), False), (date(2026, 4, 1), True)]
)
def test_a_running_period_is_marked(today: date, complete: bool) -> None:
    counted = days(("onthaal", "2026-03-01", calls(1)))
    assert figure(Kpi.CALL_WAIT_MEAN, counted, today=today).complete is complete
    assert speed(CITY, months_of(counted), "lier", ALL_QUEUES, MARCH, today).complete is complete


@pytest.mark.parametrize(("site", "queue"), [("mol", ALL_QUEUES), ("lier", "loket-a"), ("lier", "nergens")])
def test_a_place_without_the_kpi_is_a_mistake(site: str, queue: str) -> None:
    with pytest.raises(KeyError):
        period_kpi(CITY, {}, Kpi.MISSED_RATIO, site, queue, MARCH, LATER)


def test_answered_calls_by_speed() -> None:
    counted = days(
        ("onthaal", "2026-03-02", calls(3, missed=9, waits_s=[0, 20, 21])),
        ("omgeving", "2026-03-03", calls(1, waits_s=[181])),
    )
    found = speed(CITY, months_of(counted), "lier", ALL_QUEUES, MARCH, LATER)
    assert dict(found.counts) == {"0-20": 2, "20-45": 1, "45-60": 0, "60-120": 0, "120-180": 0, ">180": 1}
    assert (found.answered, found.share("0-20"), found.count) == (4, 0.5, "callers")
    assert speed(CITY, {}, "lier", ALL_QUEUES, MARCH, LATER).share("0-20") is None


def test_the_block_has_every_indicator_for_the_months_that_have_begun() -> None:
    half = Period.parse("2026-H1")
    block = period_kpis(CITY, {}, "lier", half, today=date(2026, 3, 1))
    months = ["2026-01", "2026-02", "2026-03"]
    assert [(one.queue, one.period.name) for one in block.visit_waits] == [
        (queue, month) for queue in ("loket-a", "loket-b") for month in months
    ]
    for series in (block.call_waits, block.speeds, block.handle_times, block.missed_months, block.lead_times):
        assert [(one.queue, one.period.name) for one in series] == [(ALL_QUEUES, month) for month in months]
    assert [(one.kpi, one.period.name) for one in block.missed_years] == [(Kpi.MISSED_RATIO, "2026")]


def test_a_site_without_counters_has_no_figures_of_them() -> None:
    block = period_kpis(CITY, {}, "bel", MARCH, LATER)
    assert (block.visit_waits, block.lead_times, len(block.call_waits)) == ((), (), 1)


def test_the_report_of_a_month_is_the_same_when_it_is_made_again_later() -> None:
    march = ("onthaal", "2026-03-31", calls(9, missed=1))
    april = ("onthaal", "2026-04-01", calls(0, missed=90))
    at_once = period_kpis(CITY, months_of(days(march)), "lier", MARCH, date(2026, 4, 1))
    later = period_kpis(CITY, months_of(days(march, april)), "lier", MARCH, date(2028, 1, 1))
    assert at_once == later
    (year,) = later.missed_years
    assert (year.value, year.complete, later.call_waits[0].complete) == (0.1, False, True)


def test_each_missed_definition_with_what_makes_the_difference() -> None:
    bucket = Bucket(answered=10, abandoned=5, abandon_waits={3: 2, 9: 1, 10: 2}, timed_out=2, closed=4)
    bucket.left_by_key = 1
    counted = days(("onthaal", "2026-03-02", bucket))
    lier, other = under_missed_definitions(CITY, months_of(counted), "lier", ALL_QUEUES, MARCH)
    assert (lier.active, lier.missed, lier.samples, lier.difference, lier.short_abandons) == (
        True,
        7,
        17,
        {},
        0,
    )
    assert (other.active, other.missed, other.samples, other.short_abandons) == (False, 6, 16, 3)
    assert other.counted == {Outcome.ABANDONED: 2, Outcome.CLOSED: 4}
    assert other.not_counted == {
        Outcome.TIMED_OUT: 2,
        Outcome.NO_AGENTS: 0,
        Outcome.LEFT_BY_KEY: 1,
        Outcome.BLOCKED: 0,
    }
    assert other.difference == {Outcome.ABANDONED: -3, Outcome.TIMED_OUT: -2, Outcome.CLOSED: 4}
    assert other.value_difference == 6 / 16 - 7 / 17


COUNT = st.integers(0, 50)


@given(COUNT, st.dictionaries(st.integers(0, 30), COUNT), COUNT, COUNT, COUNT, COUNT)
def test_every_unanswered_call_is_explained(
    answered: int, abandons: dict[int, int], timed_out: int, no_agents: int, by_key: int, closed: int
) -> None:
    bucket = Bucket(
        answered=answered,
        abandoned=sum(abandons.values()),
        timed_out=timed_out,
        no_agents=no_agents,
        left_by_key=by_key,
        closed=closed,
        abandon_waits=abandons,
    )
    counted = days(("onthaal", "2026-03-02", bucket))
    found = under_missed_definitions(CITY, months_of(counted), "lier", "onthaal", MARCH)
    active = next(one for one in found if one.active)
    for one in found:
        assert sum(one.counted.values()) == one.missed == one.samples - answered
        assert one.missed + sum(one.not_counted.values()) + one.short_abandons == bucket.unanswered
        assert sum(one.difference.values()) == one.missed - active.missed


def test_each_service_level_with_the_active_one_first_when_nobody_named_it() -> None:
    counted = days(("onthaal", "2026-03-02", calls(8, missed=2, waits_s=[20, 20, 21, 30, 31, 31, 31, 31])))
    found = under_service_levels(CITY, months_of(counted), "lier", ALL_QUEUES, MARCH)
    told = [(one.definition.id, one.active, one.answered_within, one.samples, one.value) for one in found]
    assert told == [
        ("within-20s", True, 2, 10, 0.2),
        ("binnen-30s", False, 4, 10, 0.4),
        ("beantwoord", False, 2, 8, 0.25),
    ]
    changes = [(one.within_difference, one.samples_difference, one.value_difference) for one in found]
    assert changes == [(0, 0, 0.0), (2, 0, 0.2), (0, -2, 0.04999999999999999)]
    assert found[0].value == figure(Kpi.SERVICE_LEVEL, counted).value


def test_the_active_service_level_has_the_name_the_city_gave_it() -> None:
    named = city(service_level={"within": "30s"})
    assert active_service_level(named).id == "binnen-30s"
    # Another denominator is another definition, at the same number of seconds.
    assert active_service_level(CITY).id == "within-20s"
    assert len(under_service_levels(named, {}, "lier", ALL_QUEUES, MARCH)) == 2


def gaps_in(story: str, queue: str = "loket-a", until: int = 31) -> list[tuple[str, str, int]]:
    """Gaps in a month whose days are signs from the first on: ``x`` somebody came, ``-`` nobody."""
    came = Bucket(walk_ins=2)
    counted = days(*((queue, f"2026-03-{n:02}", came) for n, sign in enumerate(story, 1) if sign == "x"))
    found = gaps(CITY, Calendar(CITY), counted, MARCH, date(2026, 3, 1) + timedelta(days=until))
    return [(f"{g.first:%d}", f"{g.last:%d}", g.open_days) for g in found if g.queue == queue]


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        # Sunday 1 March; Wednesday 11 is a closing day, Friday 13 a half day.
        ("-xxxxx--xx-xx--", []),
        ("-xx-xx--xx-xx--", [("04", "04", 1)]),
        ("-xxxx---xx-xx--", [("06", "06", 1)]),
        ("-xxxx----x-xx--", [("06", "09", 2)]),  # over a weekend: one gap
        ("-xxxxx--x--xx--", [("10", "10", 1)]),
        ("-xxxxx--x---x--", [("10", "12", 2)]),  # over the closing day
        ("-xxxxx--xx-x---", [("13", "13", 1)]),  # half a day is open
        ("-x-xxx--xx-x---", [("03", "03", 1), ("13", "13", 1)]),
    ],
)
def test_days_without_data_are_told_from_closing_days(
    story: str, expected: list[tuple[str, str, int]]
) -> None:
    assert gaps_in(story, until=len(story)) == expected


def test_a_day_that_is_not_over_is_no_gap() -> None:
    assert gaps_in("-x", until=2) == []
    assert gaps_in("-x", until=3) == [("03", "03", 1)]


def test_a_gap_says_how_many_contacts_to_expect() -> None:
    """Monday's seven hours bring 14 visitors; Friday is open for three."""
    counted = days(
        ("loket-a", "2026-03-02", Bucket(visits=10, early=1, walk_ins=2, left=1, booked=3)),
        ("loket-a", "2026-03-06", Bucket(booked=9)),
    )
    until = date(2026, 3, 7)
    (tuesday_on,) = [g for g in gaps(CITY, Calendar(CITY), counted, MARCH, until) if g.queue == "loket-a"]
    assert (tuesday_on.first, tuesday_on.last) == (date(2026, 3, 3), date(2026, 3, 6))
    assert (tuesday_on.open_days, tuesday_on.open_minutes) == (4, 24 * 60)
    assert tuesday_on.expected == 14 * 24 / 7


def test_a_queue_that_never_said_anything_is_a_gap_of_its_whole_month() -> None:
    (gap,) = [g for g in gaps(CITY, Calendar(CITY), {}, MARCH, LATER) if g.site == "bel"]
    assert (gap.first, gap.last, gap.open_days, gap.expected) == (MARCH.first, MARCH.last, 31, 0.0)
    assert gap.open_minutes == 31 * 1440 - 60  # the clocks went forward


HISTORY = HistoryFile.model_validate(
    {
        "figures": [
            {"kpi": "missed_ratio", "period": "2021", "value": 0.1308, "samples": 70_000, "note": "verslag"},
            {"kpi": "missed_ratio", "period": "2020", "value": 0.1402},
            {"kpi": "missed_ratio", "period": "2025-12", "value": 0.3},
            {"kpi": "call_wait_mean", "period": "2020", "value": 50.0},
            {"kpi": "missed_ratio", "period": "2020", "value": 0.5, "site": "bel"},
            {"kpi": "missed_ratio", "period": "2026", "value": 0.19},
        ]
    }
)


def test_reported_figures_stand_beside_computed_ones_of_their_series() -> None:
    counted = days(("onthaal", "2026-03-02", calls(9, missed=1)))
    ours = figure(Kpi.MISSED_RATIO, counted, period=YEAR)
    found = with_reported([ours], CITY, [HISTORY])
    told = [(one.period.name, one.value, one.samples, one.reported, one.met) for one in found]
    assert told == [
        ("2020", 0.1402, None, True, None),
        ("2021", 0.1308, 70_000, True, None),
        ("2026", 0.19, None, True, None),
        ("2026", 0.1, 10, False, True),
    ]
    assert found[1].note == "verslag"
    assert found[-1] == ours
    assert with_reported([], CITY, [HISTORY]) == ()
