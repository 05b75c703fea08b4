"""What months and years come to: the KPIs of their sums, and days that keep what an error budget asks for."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import kpi
from domain.bucket import Bucket
from services.evaluator.period_figures import figures, outcomes
from services.evaluator.period_history import first_month
from shared.config.model import ALL_QUEUES, MissedDefinition
from shared.contract.events import Outcome
from shared.contract.kpis import Kpi
from tests.support.report_city import CITY, calls

SITE = CITY.site("lier")
COUNTS = st.integers(0, 99)


@st.composite
def unanswered(draw: st.DrawFn) -> Bucket:
    waits = draw(st.dictionaries(st.integers(0, 40), st.integers(1, 9)))
    return Bucket(
        answered=draw(COUNTS),
        abandoned=sum(waits.values()),
        timed_out=draw(COUNTS),
        no_agents=draw(COUNTS),
        left_by_key=draw(COUNTS),
        closed=draw(COUNTS),
        waits=draw(st.dictionaries(st.integers(0, 40), st.integers(1, 9))),
        abandon_waits=waits,
    )


@given(unanswered(), st.sets(st.sampled_from(Outcome), min_size=1), st.integers(0, 30))
def test_a_days_outcomes_are_as_many_under_any_definition(
    day: Bucket, counted: set[Outcome], short_s: int
) -> None:
    definition = MissedDefinition(
        id="any", outcomes=frozenset(counted), short_abandon=timedelta(seconds=short_s)
    )
    left = outcomes(day, definition)
    assert kpi.missed_ratio(left, definition) == kpi.missed_ratio(day, definition)
    assert left.waits == {}, "what made it heavy is gone"


def test_a_total_is_over_the_queues_that_have_the_kpi_and_nothing_is_no_value() -> None:
    made = figures(CITY, SITE, {"onthaal": calls(8, missed=2), "omgeving": calls(2, missed=8)})
    read = {(queue, name): reading for queue, name, reading in made.readings}
    assert read[ALL_QUEUES, Kpi.MISSED_RATIO] == kpi.KpiValue(0.5, 20)
    assert read["onthaal", Kpi.MISSED_RATIO] == kpi.KpiValue(0.2, 10)
    assert read["loket-a", Kpi.VISIT_WAIT_MEAN] == kpi.KpiValue(None, 0)
    assert ("loket-a", Kpi.MISSED_RATIO) not in read
    assert not made.empty
    assert figures(CITY, SITE, {}).empty


def test_shares_are_told_only_of_queues_that_answered() -> None:
    made = figures(CITY, SITE, {"onthaal": calls(4, waits_s=[5, 5, 30, 500]), "omgeving": calls(0, missed=3)})
    told = {(queue, category): share for queue, category, share in made.shares if share}
    assert {queue for queue, *_ in made.shares} == {"onthaal", ALL_QUEUES}
    assert told["onthaal", "0-20"] == told[ALL_QUEUES, "0-20"] == 0.5
    assert told["onthaal", ">180"] == 0.25


@pytest.mark.parametrize(
    ("today", "oldest"),
    [
        (date(2026, 11, 23), "2024-11"),
        (date(2026, 12, 31), "2024-12"),
        (date(2027, 1, 1), "2025-01"),
        (date(2026, 1, 31), "2024-01"),
    ],
)
def test_the_oldest_month_that_is_told_is_the_same_one_two_years_ago(today: date, oldest: str) -> None:
    assert first_month(today).name == oldest
