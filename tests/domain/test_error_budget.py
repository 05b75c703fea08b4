"""What may still be missed, and where a period is heading: exact where it counts, honest where it guesses."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import kpi
from domain.bucket import Bucket
from domain.error_budget import (
    METHOD,
    RATE_DAYS,
    ErrorBudget,
    Forecast,
    _Day,
    _spread,
    budget_left,
    day_outcomes,
    error_budget,
)
from domain.how_sure import Verdict, student_95
from domain.period_kpis import Days
from shared.calendar import DAY, Calendar
from shared.config.model import CityFile, MissedDefinition
from shared.contract.events import Outcome
from shared.periods import Period
from tests.support.report_city import CITY, calls, city, days, overflow
from tests.support.thorough import examples

CALENDAR = Calendar(CITY)
MARCH = Period.parse("2026-03")
NOON_17 = datetime(2026, 3, 17, 11, tzinfo=UTC)
"""Tuesday noon, the desk closes for lunch: 10 full days of 7 h were in March, 4 h are left, then 10 days."""
MINUTES_LEFT = 4 * 60 + 7 * 60 * 8 + 3 * 60 * 2

LIMITS = st.integers(0, 99).map(lambda percent: percent / 100)
CONTACTS = st.integers(0, 10**7)


@pytest.mark.parametrize(
    ("missed", "contacts", "limit", "left"),
    [
        (0, 0, 0.2, 0),
        (20, 100, 0.2, 0),
        (19, 100, 0.2, 1),  # 20 of 101 is within, 21 of 102 is not
        (4, 17, 0.2, -1),
        (12, 100, 0.2, 10),  # 22 of 110: exactly a fifth
        (0, 99, 0.01, 1),  # 1 of 100; as floats 0.99 / 0.99 is a little less than 1
        (3, 10, 0.3, 0),  # the float nearest to 0.3 lies below it: three of ten are not too many
        (0, 5, 0.0, 0),
        (3, 5, 0.0, -3),
    ],
)
def test_how_many_may_still_be_missed(missed: int, contacts: int, limit: float, left: int) -> None:
    assert budget_left(missed, contacts, limit) == left


@given(CONTACTS, st.floats(0, 1), LIMITS)
def test_it_is_the_largest_number_that_keeps_the_promise(contacts: int, share: float, limit: float) -> None:
    missed = int(contacts * share)
    left = budget_left(missed, contacts, limit)
    exact = Fraction(str(limit))
    assert missed + left <= exact * (contacts + left)
    assert missed + left + 1 > exact * (contacts + left + 1)


@given(CONTACTS, st.floats(0, 1), LIMITS, st.integers(1, 100))
def test_missing_more_leaves_less_and_answering_more_leaves_more(
    contacts: int, share: float, limit: float, more: int
) -> None:
    missed = int(contacts * share)
    left = budget_left(missed, contacts, limit)
    # Of what was left, exactly those that are missed next are gone.
    assert budget_left(missed + more, contacts + more, limit) == left - more
    assert budget_left(missed, contacts + more, limit) >= left
    assert budget_left(missed, contacts, min(0.99, limit + 0.01)) >= left


def working(first: date, last: date) -> list[date]:
    """Days on which the desk is open, both ends included."""
    number = (last - first).days + 1
    return [day for day in (first + n * DAY for n in range(number)) if CALENDAR.spans("kantoor", day)]


def counted(*each: tuple[date, int, int]) -> Days:
    """Days from (day, contacts, missed), on one phone queue."""
    return days(*(("onthaal", day.isoformat(), calls(n - missed, missed)) for day, n, missed in each))


def budget(
    given_days: Days, now: datetime = NOON_17, period: Period = MARCH, of: CityFile = CITY
) -> ErrorBudget:
    found = error_budget(of, CALENDAR, given_days, "lier", period, now)
    assert found is not None
    return found


def forecast(given_days: Days, now: datetime = NOON_17, period: Period = MARCH) -> Forecast:
    found = budget(given_days, now, period).forecast
    assert found is not None
    return found


def steady(contacts: int = 70, missed: int = 7, last: date = date(2026, 3, 16)) -> Days:
    """Every open day since February alike, per hour that it is open."""
    return counted(
        *(
            (day, contacts * minutes // 420, missed * minutes // 420)
            for day in working(date(2026, 2, 2), last)
            for minutes in [sum(end - start for start, end in CALENDAR.spans("kantoor", day))]
        )
    )


def test_a_steady_month_is_told_by_hand() -> None:
    """Ten contacts an open hour, one of them missed: six weeks of it, then so many hours to come."""
    month = budget(steady(contacts=70, missed=7))
    assert (month.contacts, month.missed) == (600, 60)  # 60 hours: one day was closed, one half
    assert month.left == 75  # 135 of 675
    assert (month.open_minutes_left, month.open_days_left) == (MINUTES_LEFT, 11)
    assert (month.target, month.definition) == (0.2, "lier-1 v4")
    assert month.forecast == Forecast(
        expected_contacts=10 * MINUTES_LEFT // 60,
        expected_missed=MINUTES_LEFT // 60,
        projected=0.1,
        low=0.1,
        high=0.1,
        affordable=(600 + 10 * MINUTES_LEFT // 60) // 5 - 60,
        days_used=10,
        rate_days=RATE_DAYS,
        method=METHOD,
    )


def test_the_number_of_contacts_to_come_is_that_of_the_last_four_weeks() -> None:
    """What was before does not count, and neither do days on which the feed was dead."""
    dead = date(2026, 3, 4)
    recent = [(day, 70, 7) for day in working(date(2026, 2, 10), date(2026, 3, 16)) if day != dead]
    used = recent[-RATE_DAYS:]
    minutes = sum(end - start for day, *_ in used for start, end in CALENDAR.spans("kantoor", day))
    long_ago = [(day, 7000, 7) for day in working(date(2026, 1, 1), date(2026, 2, 9))]
    found = forecast(counted(*long_ago, *recent))
    assert found.expected_contacts == round(Fraction(20 * 70 * MINUTES_LEFT, minutes))
    assert (found.rate_days, found.days_used) == (RATE_DAYS, 9)


def test_a_day_that_is_not_over_counts_for_the_share_and_not_for_the_volume() -> None:
    before = steady()
    (onthaal,) = before
    busy = {onthaal: {**before[onthaal], NOON_17.date(): calls(0, missed=50)}}
    found = forecast(busy)
    assert (found.expected_contacts, found.days_used) == (forecast(before).expected_contacts, 11)
    assert found.expected_missed == round(Fraction(110 * found.expected_contacts, 650))


@pytest.mark.parametrize(
    ("missed", "days_ago", "expected"),
    [
        ((7, 7), 0, Verdict.WITHIN),
        ((7, 21), 0, Verdict.UNDECIDED),  # a fifth, with days that differ
        ((7, 19), 0, Verdict.UNDECIDED),  # 18,6 % so far keeps the promise; nobody knows yet of the end
        ((21, 28), 0, Verdict.BEYOND),
        ((21, 28), 11, Verdict.UNDECIDED),  # two days tell nothing
    ],
)
def test_days_that_differ_leave_open_how_a_period_ends(
    missed: tuple[int, int], days_ago: int, expected: Verdict
) -> None:
    last = date(2026, 3, 16) - timedelta(days=days_ago)
    found = budget(
        counted(*((day, 70, missed[n % 2]) for n, day in enumerate(working(date(2026, 3, 1), last))))
    )
    assert found.verdict is expected


def test_without_contacts_there_is_no_verdict_on_a_budget() -> None:
    assert budget(counted()).verdict is None


@pytest.mark.parametrize(("count", "contacts", "missed"), [("callers", 100, 10), ("entries", 130, 40)])
def test_a_budget_is_of_callers_where_the_definition_says_so(count: str, contacts: int, missed: int) -> None:
    """Of a day that is over only what the definition asks for is kept: that counts the same."""
    outcomes = ["abandoned", "timed_out"]
    definition = {"id": "lier-1", "outcomes": outcomes, "count": count, "short_abandon": "3s"}
    counting = city(missed_definitions=[definition])
    kept = {q: day_outcomes(bucket, counting.live_definition) for q, bucket in overflow().items()}
    for queues in (overflow(), kept):
        counted = days(*((queue, "2026-03-02", bucket) for queue, bucket in queues.items()))
        budget = error_budget(counting, CALENDAR, counted, "lier", MARCH, NOON_17)
        assert budget is not None
        assert (budget.contacts, budget.missed) == (contacts, missed)


def test_of_a_day_that_is_over_the_short_hang_ups_of_callers_are_kept() -> None:
    definition = MissedDefinition(
        id="x", outcomes=frozenset({Outcome.ABANDONED}), short_abandon=timedelta(seconds=5)
    )
    changes = {"abandoned": -1, "abandon_waits/4": -1, "abandon_waits/5": 1, "wait_ms": 7, "unfinished": 1}
    day = Bucket(answered=3, abandoned=2, abandon_waits={4: 2}, callers=changes)
    kept = day_outcomes(day, definition)
    assert kept.callers == {"abandoned": -1, "abandon_waits/4": -1}
    assert kpi.missed(kept.as_callers(), definition) == kpi.missed(day.as_callers(), definition) == 0


@pytest.mark.parametrize(("days_of_march", "known"), [(0, False), (4, False), (5, True)])
def test_with_fewer_than_five_days_there_is_no_projection(days_of_march: int, known: bool) -> None:
    """However much February had: four days of a month do not say how much days differ."""
    march = working(date(2026, 3, 2), date(2026, 3, 31))[:days_of_march]
    february = working(date(2026, 2, 2), date(2026, 2, 28))
    month = budget(counted(*((day, 50, 5) for day in (*february, *march))))
    assert (month.forecast is not None) is known
    assert month.contacts == 50 * days_of_march


def test_without_days_to_tell_the_volume_there_is_no_projection() -> None:
    """Contacts of this month, and an evaluator that was dead for the six weeks before now."""
    year = Period.parse("2026")
    found = budget(
        counted(*((day, 50, 5) for day in working(date(2026, 1, 5), date(2026, 1, 16)))), period=year
    )
    assert (found.contacts, found.forecast) == (500, None)


def test_a_month_that_is_over_is_projected_to_what_it_was() -> None:
    month = budget(counted((date(2026, 3, 2), 10, 3)), now=datetime(2026, 4, 1, tzinfo=UTC))
    assert (month.left, month.open_minutes_left, month.open_days_left) == (-2, 0, 0)
    assert month.forecast == Forecast(0, 0, -1, 0.3, 0.3, 0.3, days_used=1, rate_days=0)


def test_a_month_that_has_not_begun_has_its_hours_and_nothing_else() -> None:
    month = budget(steady(), period=Period.parse("2026-05"))
    assert (month.contacts, month.missed, month.left, month.forecast) == (0, 0, 0, None)
    assert month.open_days_left == 18  # 21 weekdays, three public holidays
    assert month.open_minutes_left > 0


def test_an_empty_month_has_no_share() -> None:
    assert budget({}, now=datetime(2026, 4, 2, tzinfo=UTC)).forecast is None


@pytest.mark.parametrize(
    ("targets", "site"),
    [
        ([], "lier"),
        ([{"kpi": "missed_ratio", "limit": 1.0, "period": "year"}], "lier"),
    ],
)
def test_without_a_target_that_can_be_missed_there_is_no_budget(targets: list[object], site: str) -> None:
    assert error_budget(city(targets=targets), CALENDAR, {}, site, MARCH, NOON_17) is None


def test_the_year_is_judged_against_its_own_target() -> None:
    strict = {"kpi": "missed_ratio", "limit": 0.1, "period": "month"}
    lenient = {"kpi": "missed_ratio", "limit": 0.3, "period": "year"}
    both = city(targets=[strict, lenient])
    assert budget(steady(), of=both).target == 0.1
    assert budget(steady(), of=both, period=Period.parse("2026")).target == 0.3


DAILY = st.lists(st.tuples(st.integers(1, 200), st.floats(0, 1)), min_size=6, max_size=10)


@given(DAILY)
def test_the_interval_holds_the_projection_and_what_is_possible(daily: list[tuple[int, float]]) -> None:
    march = working(date(2026, 3, 2), date(2026, 3, 16))
    each = [(day, n, int(n * share)) for day, (n, share) in zip(march, daily, strict=False)]
    month = budget(counted(*each))
    found = month.forecast
    assert found is not None
    in_the_end = month.contacts + found.expected_contacts
    assert 0 <= found.expected_missed <= found.expected_contacts
    assert found.projected == (month.missed + found.expected_missed) / in_the_end
    least, most = month.missed / in_the_end, (month.missed + found.expected_contacts) / in_the_end
    assert least <= found.low <= found.projected <= found.high <= most
    assert Fraction(month.missed + found.affordable, in_the_end) <= Fraction(1, 5)
    assert Fraction(month.missed + found.affordable + 1, in_the_end) > Fraction(1, 5)


@given(st.integers(0, 9), st.integers(1, 30))
def test_a_worse_day_is_told(which: int, more: int) -> None:
    march = working(date(2026, 3, 2), date(2026, 3, 16))
    before = [(day, 100, 10) for day in march]
    after = [(day, 100, 10 + more * (n == which)) for n, day in enumerate(march)]
    better, worse = budget(counted(*before)), budget(counted(*after))
    assert better.forecast is not None
    assert worse.forecast is not None
    assert worse.left < better.left
    assert worse.forecast.affordable == better.forecast.affordable - more
    assert worse.forecast.projected > better.forecast.projected
    # Days that differ make a wider interval.
    assert worse.forecast.high - worse.forecast.low > better.forecast.high - better.forecast.low == 0


@pytest.mark.parametrize("now", ["2026-03-06", "2026-03-17", "2026-03-27"])
def test_nineteen_of_twenty_intervals_hold_what_became_of_the_month(now: str) -> None:
    """Months drawn by chance: every day has its own number of callers and its own share of missed ones."""
    chance = Random(now)
    at = datetime.fromisoformat(f"{now}T17:00:00+00:00")
    today, rounds = at.date(), examples(1000)
    held = sum(_holds(chance, at, today) for _ in range(rounds))
    assert 0.9 <= held / rounds <= 0.99


def _holds(chance: Random, at: datetime, today: date) -> bool:
    month = [
        (day, callers, sum(chance.random() < share for _ in range(callers)))
        for day in working(date(2026, 2, 2), date(2026, 3, 31))
        for minutes in [sum(end - start for start, end in CALENDAR.spans("kantoor", day))]
        for callers in [max(1, int(minutes / 10 * chance.uniform(0.7, 1.3)))]
        for share in [min(1.0, max(0.0, chance.gauss(0.15, 0.06)))]
    ]
    found = forecast(counted(*(one for one in month if one[0] <= today)), at)
    march = [one for one in month if one[0] in MARCH]
    truth = sum(missed for *_, missed in march) / sum(callers for _, callers, _ in march)
    return found.low <= truth <= found.high


def test_how_far_the_forecast_may_be_off_is_reckoned_with_one_day_less() -> None:
    """By hand: e = -1 and 1, s² = 2 / (2 - 1), two days to come."""
    assert _spread([_Day(10, 1), _Day(10, 3)], 20) == pytest.approx(student_95(1) * 8**0.5)


# What a day that is over leaves ---------------------------------------------------------------------------

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
    left = day_outcomes(day, definition)
    assert kpi.missed_ratio(left, definition) == kpi.missed_ratio(day, definition)
    assert left.waits == {}, "what made it heavy is gone"
