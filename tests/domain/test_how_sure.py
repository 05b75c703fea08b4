"""How sure a figure is: ranges as in the tables, and no verdict that chance alone would bring about."""

from __future__ import annotations

import math
from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import kpi
from domain.bucket import Bucket, cell_up_to
from domain.how_sure import (
    LEAST_CONTACTS,
    RANGE_BELOW,
    Range,
    Verdict,
    range_of,
    ratio_range,
    student_95,
    verdict,
    wilson,
)
from domain.kpi import KpiValue
from shared.contract.kpis import Kpi
from tests.support.report_city import CITY
from tests.support.thorough import examples

SAMPLES = st.integers(1, RANGE_BELOW - 1)
TARGET_S = 45.0


@st.composite
def counts(draw: st.DrawFn) -> tuple[int, int]:
    samples = draw(SAMPLES)
    return draw(st.integers(0, samples)), samples


def answered(*waits_ms: int) -> Bucket:
    """Calls that were answered after so long."""
    cells = Counter(map(cell_up_to, waits_ms))
    return Bucket(answered=len(waits_ms), wait_ms=sum(waits_ms), waits=dict(cells))


@pytest.mark.parametrize(
    ("part", "samples", "low", "high"),
    [
        (6, 20, 0.1455, 0.5190),
        (7, 20, 0.1812, 0.5671),
        (0, 20, 0.0, 0.1611),
        (20, 20, 0.8389, 1.0),
        (1, 59, 0.0030, 0.0900),
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, table I
        (15, 148, 0.0624, 0.1605),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_a_share_has_wilsons_range(part: int, samples: int, low: float, high: float) -> None:
    found = wilson(part, samples)
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.00005)


@given(counts())
def test_a_range_of_a_share_holds_it_and_is_the_same_seen_from_the_other_side(
    counts: tuple[int, int],
) -> None:
    part, samples = counts
    found = wilson(part, samples)
    assert 0 <= found.low <= part / samples <= found.high <= 1
    other = wilson(samples - part, samples)
    assert (found.low, found.high) == pytest.approx((1 - other.high, 1 - other.low))


def test_no_range_without_contacts_and_none_from_sixty_on() -> None:
    assert ratio_range(0, 0) is None
    assert ratio_range(0, 1) is not None
    assert ratio_range(20, RANGE_BELOW - 1) is not None
    assert ratio_range(20, RANGE_BELOW) is None


def test_what_a_replaced_day_lacks_breaks_no_range() -> None:
    day = Bucket(answered=9, abandoned=-1, wait_ms=-90_000, waits={10: -9, 40: 18})
    assert range_of(Kpi.MISSED_RATIO, day, CITY) == wilson(0, 8)
    assert range_of(Kpi.CALL_WAIT_MEAN, day, CITY) is not None


@pytest.mark.parametrize(
    ("freedom", "quantile"),
    [(4, 2.776), (5, 2.571), (9, 2.262), (19, 2.093), (29, 2.045), (99, 1.984), (249, 1.970)],
)
def test_students_quantile_as_in_the_tables(freedom: int, quantile: float) -> None:
    assert student_95(freedom) == pytest.approx(quantile, abs=0.001)


@pytest.mark.parametrize(
    ("waits_s", "expected"),
    [
        ((10, 20, 30, 40, 50), Range(30 - 2.776 * 50**0.5, 30 + 2.776 * 50**0.5)),  # s² = 250, and 250 / 5
        ((30, 30, 30, 30, 30), Range(30, 30)),
        ((0, 0, 0, 0, 100), Range(0, 20 + 2.776 * 20)),  # no wait is under nothing
        ((10, 20, 30, 40), None),
        ((), None),
        ((30,) * 60, None),
    ],
)
def test_a_mean_has_students_range_by_how_its_waits_spread(
    waits_s: tuple[int, ...], expected: Range | None
) -> None:
    found = range_of(Kpi.CALL_WAIT_MEAN, answered(*(1000 * wait for wait in waits_s)), CITY)
    assert (found is None) == (expected is None)
    if found and expected:
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.01)


@pytest.mark.parametrize(
    ("name", "bucket"),
    [
        (
            Kpi.VISIT_WAIT_MEAN,
            Bucket(visits=5, visit_wait_ms=150_000, visit_waits={10: 1, 20: 1, 30: 1, 40: 1, 50: 1}),
        ),
        (Kpi.LEAD_TIME_MEAN, Bucket(booked=5, lead_days=150, leads={10: 1, 20: 1, 30: 1, 40: 1, 50: 1})),
    ],
)
def test_every_mean_has_the_range_of_its_own_contacts(name: Kpi, bucket: Bucket) -> None:
    of_calls = range_of(Kpi.CALL_WAIT_MEAN, answered(10_000, 20_000, 30_000, 40_000, 50_000), CITY)
    assert range_of(name, bucket, CITY) == of_calls


def test_what_keeps_no_spread_is_taken_to_spread_as_wide_as_it_is_long() -> None:
    found = range_of(Kpi.HANDLE_TIME_MEAN, Bucket(ended=9, talk_ms=9 * 300_000), CITY)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((300 - 2.306 * 100, 300 + 2.306 * 100), abs=0.1)


def test_ratios_are_of_what_the_definition_counts() -> None:
    bucket = Bucket(answered=14, abandoned=6, cut_off=3, waits={10: 9, 30: 5})
    assert range_of(Kpi.MISSED_RATIO, bucket, CITY) == wilson(6, 20)
    assert range_of(Kpi.SERVICE_LEVEL, bucket, CITY) == wilson(9, 20)
    assert range_of(Kpi.MISSED_RATIO, Bucket(cut_off=3), CITY) is None


@given(st.lists(st.integers(0, 7_200_000), max_size=70))
def test_a_range_of_a_mean_holds_it(waits_ms: list[int]) -> None:
    bucket = answered(*waits_ms)
    mean, found = kpi.call_wait_mean(bucket), range_of(Kpi.CALL_WAIT_MEAN, bucket, CITY)
    assert (found is not None) == (LEAST_CONTACTS <= len(waits_ms) < RANGE_BELOW)
    if found and mean.value is not None:
        assert 0 <= found.low <= mean.value <= found.high


# Verdicts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "likely", "limit", "expected"),
    [
        (Kpi.MISSED_RATIO, Range(0.1, 0.2), 0.2, Verdict.WITHIN),  # exactly the limit keeps the promise
        (Kpi.MISSED_RATIO, Range(0.1, 0.21), 0.2, Verdict.UNDECIDED),
        (Kpi.MISSED_RATIO, Range(0.2, 0.4), 0.2, Verdict.UNDECIDED),
        (Kpi.MISSED_RATIO, Range(0.21, 0.4), 0.2, Verdict.BEYOND),
        (Kpi.SERVICE_LEVEL, Range(0.8, 0.9), 0.8, Verdict.WITHIN),
        (Kpi.SERVICE_LEVEL, Range(0.79, 0.9), 0.8, Verdict.UNDECIDED),
        (Kpi.SERVICE_LEVEL, Range(0.7, 0.8), 0.8, Verdict.UNDECIDED),
        (Kpi.SERVICE_LEVEL, Range(0.7, 0.79), 0.8, Verdict.BEYOND),
    ],
)
def test_a_range_that_holds_the_limit_settles_nothing(
    name: Kpi, likely: Range, limit: float, expected: Verdict
) -> None:
    assert verdict(name, KpiValue((likely.low + likely.high) / 2, 20), likely, limit) is expected


@pytest.mark.parametrize(
    ("value", "samples", "expected"),
    [
        (None, 0, None),
        (1.0, LEAST_CONTACTS - 1, Verdict.UNDECIDED),
        (0.2, RANGE_BELOW, Verdict.WITHIN),
        (0.21, RANGE_BELOW, Verdict.BEYOND),
    ],
)
def test_a_figure_without_a_range_is_taken_as_it_is_unless_hardly_anybody_came(
    value: float | None, samples: int, expected: Verdict | None
) -> None:
    assert verdict(Kpi.MISSED_RATIO, KpiValue(value, samples), None, 0.2) is expected


@pytest.mark.parametrize("limit", [0.2, 0.3, 0.4, 0.5])
@pytest.mark.parametrize("samples", range(1, RANGE_BELOW))
def test_a_share_at_its_limit_is_seldom_called_either(samples: int, limit: float) -> None:
    """Exactly, over all that can happen: by chance alone in six samples of a hundred at most."""
    by_chance = dict.fromkeys(Verdict, 0.0)
    for part in range(samples + 1):
        found = verdict(Kpi.MISSED_RATIO, KpiValue(part / samples, samples), wilson(part, samples), limit)
        assert found is not None
        by_chance[found] += math.comb(samples, part) * limit**part * (1 - limit) ** (samples - part)
    assert by_chance[Verdict.BEYOND] < 0.06
    assert by_chance[Verdict.WITHIN] < 0.06


@pytest.mark.parametrize("samples", [5, 10, 20, 40])
def test_a_mean_at_its_limit_is_hardly_ever_called_beyond(samples: int) -> None:
    """Waits of a desk: four in ten callers wait, exponentially."""
    random, tries = Random(f"waits of {samples}"), examples(4000)
    called = Counter(_verdict_by_chance(random, samples) for _ in range(tries))
    assert called[Verdict.BEYOND] / tries < 0.025
    assert called[Verdict.UNDECIDED] / tries > 0.7


def _verdict_by_chance(random: Random, samples: int) -> Verdict | None:
    mean_ms = 1000 * TARGET_S / 0.4
    waits = (round(random.expovariate(1 / mean_ms)) if random.random() < 0.4 else 0 for _ in range(samples))
    bucket = answered(*waits)
    likely = range_of(Kpi.CALL_WAIT_MEAN, bucket, CITY)
    return verdict(Kpi.CALL_WAIT_MEAN, kpi.call_wait_mean(bucket), likely, TARGET_S)
