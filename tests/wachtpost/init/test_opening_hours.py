"""Opening hours found in when contacts come and are helped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.config.types import MIDNIGHT, minute_of
from wachtpost.init.opening_hours import QUARTER, Spans, WeekOfHours, find_hours

MONDAY = date(2026, 9, 7)
MORNING_AND_AFTERNOON = "08:30-12:30 13:00-17:00"
LIER = [MORNING_AND_AFTERNOON, "08:30-12:30 13:00-19:00", *[MORNING_AND_AFTERNOON] * 2, "08:30-12:30", "", ""]
ALWAYS = ["00:00-24:00"] * 7


def spans(text: str) -> Spans:
    """Return ``08:30-12:30 13:00-17:00`` as the hours of a day."""
    pairs = (span.split("-") for span in text.split())
    return tuple((minute_of(start), minute_of(end)) for start, end in pairs)


def helped(
    week: Sequence[str], per_hour: float, days: int, seed: int = 1, night: float = 1.0
) -> dict[date, dict[int, int]]:
    """Return who is helped, so many an hour by chance, on some days fewer; at night ``night`` times that."""
    random = Random(seed)
    found: dict[date, dict[int, int]] = {}
    for number in range(days):
        day = MONDAY + timedelta(days=number)
        busy = random.gammavariate(8, 1 / 8) * per_hour * QUARTER / 60
        for start, end in spans(week[day.weekday()]):
            for quarter in range(start // QUARTER, end // QUARTER):
                contacts = poisson(random, busy * (1.0 if 28 <= quarter < 88 else night))
                if contacts:
                    found.setdefault(day, {})[quarter] = contacts
    return found


def poisson(random: Random, mean: float) -> int:
    """Return a count by chance."""
    count, at = 0, random.expovariate(1)
    while at < mean:
        count, at = count + 1, at + random.expovariate(1)
    return count


def week_of(found: Mapping[date, Mapping[int, int]]) -> WeekOfHours:
    """Return the hours of the only queue."""
    ((_, week),) = find_hours({"onthaal": found})
    return week


@pytest.mark.parametrize(
    ("per_hour", "days"),
    # One week of a desk of ten times Lier's volume, two of Lier's, two months of one call in ten minutes.
    [(180, 5), (180, 200), (18, 12), (18, 60), (6, 60), (2, 90)],
)
@pytest.mark.parametrize("seed", range(5))
def test_hours_are_found_to_the_quarter_weekday_by_weekday_with_the_lunch_break(
    per_hour: float, days: int, seed: int
):
    assert week_of(helped(LIER, per_hour, days, seed)).spans == tuple(map(spans, LIER))


@pytest.mark.parametrize("seed", range(5))
def test_a_handful_of_odd_calls_changes_nothing(seed: int):
    found = helped(LIER, 18, 60, seed)
    random = Random(seed)
    for day in random.sample(sorted(found), 12):
        found[day][random.randrange(76, 92)] = random.randint(1, 3)
    found[MONDAY + timedelta(days=5)] = {40: 4}
    assert week_of(found).spans == tuple(map(spans, LIER))


def test_one_long_evening_opens_no_evenings():
    found = helped(LIER, 18, 60)
    found[MONDAY] |= dict.fromkeys(range(68, 84), 5)
    assert week_of(found).spans == tuple(map(spans, LIER))


def test_a_meeting_of_a_quarter_every_morning_shuts_nothing():
    found = helped(LIER, 60, 60)
    for quarters in found.values():
        quarters.pop(40, None)
    assert week_of(found).spans == tuple(map(spans, LIER))


@pytest.mark.parametrize(("per_hour", "night"), [(18, 0.1), (60, 0.05), (6, 0.5)])
def test_a_desk_that_is_quiet_at_night_never_shuts(per_hour: float, night: float):
    assert week_of(helped(ALWAYS, per_hour, 60, night=night)).always


def test_a_holiday_shuts_no_weekday():
    found = helped(LIER, 18, 12)
    holiday = MONDAY + timedelta(days=7)
    del found[holiday]
    ((_, week),) = find_hours({"onthaal": found}, lambda day: day == holiday)
    assert week.spans == tuple(map(spans, LIER))


def test_weeks_of_which_there_is_no_log_tell_nothing():
    found = helped(LIER, 18, 60)
    kept = {day: quarters for day, quarters in found.items() if not 14 <= (day - MONDAY).days < 42}
    assert week_of(kept).spans == tuple(map(spans, LIER))


def test_a_working_day_that_was_never_seen_has_the_hours_of_the_others_and_says_so():
    week = week_of(helped([MORNING_AND_AFTERNOON] * 7, 180, 2))
    assert week.spans == (*[spans(MORNING_AND_AFTERNOON)] * 5, (), ())
    assert week.assumed == {2, 3, 4}


def test_a_call_that_ends_after_midnight_is_no_day():
    found = helped(["08:00-24:00", *[""] * 6], 60, 1)
    found[MONDAY + timedelta(days=1)] = {0: 2}
    assert week_of(found).spans == (*[spans("08:00-24:00")] * 5, (), ())


def test_too_little_to_tell_is_not_told():
    assert find_hours({"onthaal": helped(LIER, 30, 1)}) != []
    assert find_hours({"onthaal": helped(LIER, 2, 3)}) == []
    assert find_hours({"onthaal": {MONDAY: {40: 60, 41: 80}}}) == []  # half an hour of a log
    assert find_hours({}) == []


def test_queues_share_hours_where_they_have_the_same():
    evening = ["18:00-22:00"] * 5 + ["", ""]
    queues = {
        "onthaal": helped(LIER, 30, 60, 1),
        "wonen": helped(LIER, 2, 60, 2),
        "wacht": helped(evening, 10, 60, 3),
        "zelden": helped(LIER, 0.2, 60, 4),
        "s nachts": helped(["00:00-06:00"] * 7, 0.2, 60, 4),
    }
    found = find_hours(queues)
    assert [members for members, _ in found] == [
        ["onthaal", "wonen", "zelden"],
        ["wacht"],
    ]  # "s nachts" nowhere
    assert [week.spans for _, week in found] == [tuple(map(spans, LIER)), tuple(map(spans, evening))]


def test_queues_that_are_too_quiet_each_tell_together():
    queues = {number: helped(LIER, 2, 12, number) for number in range(20)}
    ((members, week),) = find_hours(queues)
    assert sorted(members) == sorted(queues)
    assert week.spans == tuple(map(spans, LIER))


quarters = st.dictionaries(st.integers(0, 95), st.integers(0, 40), max_size=12)
logs = st.dictionaries(st.integers(0, 40).map(lambda n: MONDAY + timedelta(days=n)), quarters, max_size=20)


@given(st.dictionaries(st.sampled_from("abc"), logs, max_size=3))
def test_whatever_was_seen_the_hours_are_ones_that_a_city_file_takes(
    queues: dict[str, dict[date, dict[int, int]]],
):
    found = find_hours({queue: log for queue, log in queues.items() if log})
    members = [queue for queues, _ in found for queue in queues]
    assert len(members) == len(set(members))
    for _, week in found:
        assert len(week.spans) == 7
        for day in week.spans:
            edges = [minute for span in day for minute in span]
            assert edges == sorted(set(edges))
            assert all(minute % QUARTER == 0 and 0 <= minute <= MIDNIGHT for minute in edges)


opening = st.integers(24, 44)
lengths = st.integers(12, 40)


@given(opening, lengths, st.integers(4, 20), st.integers(10, 30), st.randoms(use_true_random=False))
def test_hours_that_are_the_same_every_day_are_found_whatever_they_are(
    first: int, length: int, average: int, days: int, random: Random
):
    last = min(first + length, 96)
    found = {
        MONDAY + timedelta(days=number): {
            quarter: random.randint(average // 2, 2 * average) for quarter in range(first, last)
        }
        for number in range(days)
    }
    week = week_of(found)
    assert week.spans == (((first * QUARTER, last * QUARTER),),) * 7
