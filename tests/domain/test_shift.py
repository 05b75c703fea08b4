"""A share that shifts is noticed soon, and chance alone seldom passes for it: proved by simulation."""

from __future__ import annotations

import math
from collections.abc import Iterator
from random import Random
from statistics import fmean, median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.bucket import Bucket
from domain.shift import (
    NOTHING_SCANNED,
    Cell,
    Scan,
    ShiftDesign,
    run_length,
    scan,
    shift_design,
    usual_share,
)
from shared.config.model import MissedDefinition
from shared.config.types import is_shift
from shared.contract.events import Outcome
from tests.support.thorough import examples

USUAL, BAD, EVERY = 0.12, 0.40, 34_000
LIER = shift_design(USUAL, BAD, EVERY)
"""What ships for missed calls."""

CALLS_AN_HOUR = 18
HOURS_A_WEEK = (8, 7, 9, 7, 7)
"""Lier's: 38 in five days."""

MISS, HIT = LIER.miss, LIER.hit


def test_what_ships_is_told_by_hand() -> None:
    """ln (0.40 / 0.12) = 1.204, ln (0.88 / 0.60) = 0.383; the limit is that of the issue, 8.16."""
    assert (MISS, HIT) == (1204, 383)
    assert LIER.limit == pytest.approx(8160, abs=10)
    assert EVERY <= run_length(LIER, USUAL) < 1.02 * EVERY
    assert run_length(ShiftDesign(MISS, HIT, LIER.limit - 1), USUAL) < EVERY


# Both figures that were asked for, by simulation ----------------------------------------------------------


def usual_days(chance: Random, years: int) -> Iterator[list[Cell]]:
    """The days of so many years in which every call is missed with the usual chance, and nothing is wrong."""
    for week in range(52 * years):
        for day, hours in enumerate(HOURS_A_WEEK):
            yield list(calls(chance, hours, start_s=(7 * week + day) * 86_400))


def calls(chance: Random, hours: int, start_s: int) -> Iterator[Cell]:
    """Calls by chance, 18 an hour: cells of 10 s, those between two missed ones together in one.

    That scores the same: answered calls only take off.
    """
    end_s, at, answered = 3600 * hours, 0.0, 0
    while (at := at + chance.expovariate(CALLS_AN_HOUR / 3600)) < end_s:
        if chance.random() >= USUAL:
            answered += 1
            continue
        yield start_s + int(at) // 10 * 10 - 10, 0, answered
        yield start_s + int(at) // 10 * 10, 1, 1
        answered = 0
    yield start_s + end_s - 10, 0, answered


def alarms_of_a_day(cells: list[Cell]) -> int:
    """How often it opens in a day that begins at 0."""
    alarms, at, over = 0, NOTHING_SCANNED, False
    for cell in cells:
        at = scan((cell,), LIER, at)
        alarms += not over and LIER.over(at)
        over = not LIER.back(at) if over else LIER.over(at)
    return alarms


def test_as_usual_there_is_at_most_one_false_alarm_a_year() -> None:
    """18 calls an hour, 38 open hours a week, a score that begins at 0 each day: 35 600 calls a year."""
    years = examples(500)
    chance = Random(12)
    a_year = sum(alarms_of_a_day(day) for day in usual_days(chance, years)) / years
    # By chance itself it varies: with so many years three deviations are 0.3 (0.13 in a thorough run).
    assert 0.3 <= a_year <= 1, f"{a_year} a year"


@pytest.mark.parametrize(
    ("share", "within"),
    [
        (1.0, 7),  # nobody is logged in
        (0.6, 15),
        (0.4, 31),  # what is bad by definition
    ],
)
def test_what_is_wrong_is_noticed_after_so_many_calls(share: float, within: int) -> None:
    """From 0, as at the worst moment: what was a little up already is noticed sooner."""
    chance = Random(7)
    taken = [calls_until_noticed(chance, share) for _ in range(examples(20_000))]
    assert median(taken) <= within
    assert round(fmean(taken)) <= within
    assert fmean(taken) == pytest.approx(run_length(LIER, share), rel=0.03)


def calls_until_noticed(chance: Random, share: float) -> int:
    at, calls = NOTHING_SCANNED, 0
    while not LIER.over(at):
        calls += 1
        at = scan([(10 * calls, int(chance.random() < share), 1)], LIER, at)
    return calls


# The arithmetic -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("story", "score", "since", "counts"),
    [
        ("", 0, None, (0, 0)),
        (".", 0, None, (0, 0)),
        ("x", MISS, 0, (1, 1)),
        (".x", MISS, 1, (1, 1)),
        ("x.", MISS - HIT, 0, (1, 2)),
        ("x....", 0, None, (0, 0)),  # forgotten: four answered ones take off more than it was
        ("x....x", MISS, 5, (1, 1)),
        ("x.x", 2 * MISS - HIT, 0, (2, 3)),
        ("x x", 2 * MISS, 0, (2, 2)),  # a time without calls says nothing
        ("xxxxxx", 6 * MISS, 0, (6, 6)),
        ("xxxxxxx", LIER.limit, 0, (7, 7)),  # a full outage: noticed
        ("xxxxxxxxxxxxxxxxxxxx", LIER.limit, 0, (20, 20)),  # and however long it lasts
        ("xxxxxxxxxxxxxxxxxxxx.", LIER.limit - HIT, 0, (20, 21)),  # it does not take longer to end
    ],
)
def test_a_score_call_by_call(story: str, score: int, since: int | None, counts: tuple[int, int]) -> None:
    cells = [(n, int(call == "x"), int(call != " ")) for n, call in enumerate(story)]
    assert scan(cells, LIER) == Scan(score, since, *counts)


@pytest.mark.parametrize(("answered", "back"), [(7, False), (8, True)])
def test_it_is_over_after_eight_answered_calls(answered: int, back: bool) -> None:
    """They are 20 times likelier as usual than in the bad state; not after one, which would end it and open
    it again with the next."""
    at = scan([(0, 20, 20), (10, 0, answered)], LIER)
    assert LIER.back(at) is back
    assert not LIER.over(at)


def test_a_score_of_exactly_0_is_forgotten() -> None:
    assert scan([(0, 1, 1), (10, 0, 2)], ShiftDesign(miss=2, hit=1, limit=9)) == NOTHING_SCANNED


def test_where_one_missed_call_is_a_shift_it_is_over_at_0() -> None:
    """A city that wants to hear of every one: its limit is lower than what a shift is to fall by."""
    design = ShiftDesign(MISS, HIT, limit=1)
    assert design.over(scan([(0, 1, 1)], design))
    assert design.back(scan([(0, 1, 1), (10, 0, 1)], design))


CELLS = st.lists(
    st.integers(0, 6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), max_size=60
).map(lambda counts: [(10 * at, part, samples) for at, (part, samples) in enumerate(counts)])


@given(CELLS, st.integers(0, 60))
def test_going_on_is_scanning_the_whole(cells: list[Cell], cut: int) -> None:
    assert scan(cells[cut:], LIER, scan(cells[:cut], LIER)) == scan(cells, LIER)


@given(CELLS)
def test_it_is_what_the_formula_says(cells: list[Cell]) -> None:
    """Against the definition, in another way: where it was last 0, and what came since."""
    scores = [0]
    for _, part, samples in cells:
        scores.append(max(0, min(LIER.limit, scores[-1] + part * MISS - (samples - part) * HIT)))
    last = max(at for at, score in enumerate(scores) if score == 0)
    since = [cell for cell in cells[last:] if cell[2]]
    found = scan(cells, LIER)
    assert found.score == scores[-1]
    assert (found.part, found.samples) == (sum(c[1] for c in since), sum(c[2] for c in since))
    assert found.since_s == (since[0][0] if since else None)


@given(CELLS, st.integers(0, 59))
def test_a_missed_call_more_never_lowers_the_score(cells: list[Cell], where: int) -> None:
    more = [(at, part + (n == where), samples + (n == where)) for n, (at, part, samples) in enumerate(cells)]
    assert scan(more, LIER).score >= scan(cells, LIER).score


# The design -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("usual", [0.01, 0.12, 0.30])
@pytest.mark.parametrize("every", [1_000, 34_000, 1_200_000])
def test_a_limit_is_the_smallest_that_keeps_the_promise(usual: float, every: int) -> None:
    design = shift_design(usual, 0.4, every)
    assert run_length(design, usual) >= every
    assert run_length(ShiftDesign(design.miss, design.hit, design.limit - 1), usual) < every


@pytest.mark.parametrize(
    ("usual", "bad", "fit"),
    [
        (0.12, 0.40, True),
        (0.30, 0.40, True),  # exactly: in floats it is a little less
        (0.31, 0.40, False),
        (0.40, 0.40, False),
        (0.50, 0.40, False),
        (0.0, 0.40, False),
        (0.12, 1.0, False),
    ],
)
def test_what_lies_too_near_is_not_told_apart(usual: float, bad: float, fit: bool) -> None:
    assert is_shift(usual, bad) is fit
    if not fit:
        with pytest.raises(ValueError, match="no contacts tell"):
            shift_design(usual, bad, EVERY)


def test_how_long_a_run_is_at_the_ends() -> None:
    assert run_length(LIER, 1) == 7
    assert run_length(LIER, 0) == math.inf


# The usual share ------------------------------------------------------------------------------------------

DEFINITION = MissedDefinition(id="lier-1", outcomes=frozenset({Outcome.ABANDONED, Outcome.TIMED_OUT}))


@pytest.mark.parametrize(
    ("days", "share"),
    [
        ([], None),
        ([(440, 59)], None),  # 499 calls
        ([(440, 60)], 0.12),
        ([(400, 20), (40, 40)], 0.12),  # of all days together, a bad one among them
        ([(441, 64)], 0.13),
        ([(600, 0)], 0.01),  # a call was never missed: the first one is no shift
    ],
)
def test_the_usual_share_is_that_of_the_citys_own_days(
    days: list[tuple[int, int]], share: float | None
) -> None:
    assert usual_share((Bucket(answered=a, abandoned=m, closed=9) for a, m in days), DEFINITION) == share
