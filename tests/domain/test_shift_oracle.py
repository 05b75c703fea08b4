"""A shift against plain arithmetic: a function of its cells, whose limit keeps what it promises."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.shift import Cell, scan, shift_design
from tests.support import alerting_oracle as oracle
from tests.support.alerting_oracle import Told, Weights, run_length
from tests.support.thorough import examples

A_YEAR_AT_18 = 34_000
"""Contacts of a desk with 18 calls an hour and 38 open hours a week."""

SHIPPED = shift_design(0.12, 0.40, A_YEAR_AT_18)
WEIGHTS = Weights.of(0.12, 0.40)

contacts = st.lists(st.tuples(st.integers(0, 7200), st.booleans()), max_size=120)
"""When in two hours, in seconds, and whether it was missed."""


def told(contacts: Sequence[tuple[int, bool]]) -> list[Told]:
    return [Told(at * 1000, missed, 0) for at, missed in contacts]


def cells(contacts: Sequence[tuple[int, bool]]) -> list[Cell]:
    starts = sorted({at // 10 * 10 for at, _ in contacts})
    here = {start: [missed for at, missed in contacts if at // 10 * 10 == start] for start in starts}
    return [(start, sum(missed), len(missed)) for start, missed in here.items()]


@settings(max_examples=examples(400), deadline=None)
@given(contacts, st.randoms())
def test_the_score_is_that_of_the_cells_in_whatever_order_it_was_told(
    contacts: list[tuple[int, bool]], random: Random
) -> None:
    shuffled = random.sample(contacts, len(contacts))
    ours = scan(cells(shuffled), SHIPPED)
    theirs = oracle.shift(told(contacts), WEIGHTS, SHIPPED.limit, opened=0, now=7_200_000)
    since = None if theirs.since is None else theirs.since // 1000
    assert (ours.score, ours.since_s, ours.part, ours.samples) == (
        theirs.score,
        since,
        theirs.part,
        theirs.samples,
    )


def test_the_shipped_shift_errs_once_a_year_and_sees_an_outage_after_seven_calls() -> None:
    """By arithmetic of every chance, and not by trying."""
    assert (SHIPPED.miss, SHIPPED.hit) == WEIGHTS
    assert run_length(0.12, WEIGHTS, SHIPPED.limit).mean >= A_YEAR_AT_18
    assert run_length(0.12, WEIGHTS, SHIPPED.limit - 100).mean < A_YEAR_AT_18  # and no more patient than that
    outage, most, many = (run_length(share, WEIGHTS, SHIPPED.limit) for share in (1.0, 0.6, 0.4))
    assert (outage.mean, outage.median) == (7, 7)
    assert (most.mean < 15.5, most.median) == (True, 14)
    assert (many.mean < 32, many.median) == (True, 28)


@pytest.mark.parametrize(("usual", "bad"), [(0.05, 0.2), (0.12, 0.4), (0.12, 0.3), (0.25, 0.6), (0.02, 0.5)])
@pytest.mark.parametrize("every", [1_000, 34_000, 1_000_000])
def test_any_shift_errs_no_oftener_than_it_says(usual: float, bad: float, every: int) -> None:
    design = shift_design(usual, bad, every)
    weights = Weights.of(usual, bad)
    assert (design.miss, design.hit) == weights
    mean = run_length(usual, weights, design.limit).mean
    assert every <= mean < 1.4 * every


def test_after_a_long_outage_it_is_over_as_soon_as_after_a_short_one() -> None:
    """The score goes no higher than the limit: eight answered calls, 3 / 0.383, say that it is over."""

    def back_after(missed: int) -> int:
        outage = [(10 * n, 1, 1) for n in range(missed)]
        scans = (scan([*outage, *((10_000 + 10 * m, 0, 1) for m in range(n))], SHIPPED) for n in range(40))
        return [SHIPPED.back(one) for one in scans].index(True)

    assert {back_after(missed) for missed in (7, 8, 30, 400)} == {8}
