"""The token bucket: bursts of ten seconds' worth, then the average."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.rate_limit import BURST, burst, full, take, whole_seconds

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
RATE = 5


@pytest.mark.parametrize(
    ("story", "passed"),
    [
        ([(0, 50)], [True]),  # a burst fits
        ([(0, 51)], [False]),  # more never fits, and takes nothing
        ([(0, 51), (0, 50)], [False, True]),
        ([(0, 50), (0, 1)], [True, False]),
        ([(0, 50), (1, 5), (0, 1)], [True, True, False]),  # a second later its share is back
        ([(0, 50), (3600, 50), (0, 1)], [True, True, False]),  # a quiet hour saves up no more than a burst
        ([(0, 50), (-60, 1), (60, 1)], [True, False, True]),  # a clock that steps back gives nothing
    ],
)
def test_what_fits(story: list[tuple[int, int]], passed: list[bool]):
    bucket, now, seen = full(RATE, START), START, []
    for later, items in story:
        now += timedelta(seconds=later)
        bucket, wait = take(bucket, items, RATE, now)
        seen.append(not wait)
    assert seen == passed


@given(
    st.lists(st.tuples(st.integers(0, 20_000), st.integers(1, 80)), max_size=60),
    st.integers(1, 20),
)
def test_never_more_than_the_average_and_one_burst(story: list[tuple[int, int]], rate: int):
    bucket, now, taken = full(rate, START), START, 0
    for later_ms, items in story:
        now += timedelta(milliseconds=later_ms)
        bucket, wait = take(bucket, items, rate, now)
        taken += 0 if wait else items
    passed = (now - START + BURST).total_seconds()
    assert taken <= passed * rate + 1e-6


@given(st.integers(1, 100), st.integers(1, 100), st.integers(1, 10))
def test_after_the_wait_it_fits(first: int, second: int, rate: int):
    bucket, _ = take(full(rate, START), min(first, burst(rate)), rate, START)
    second = min(second, burst(rate))
    _, wait = take(bucket, second, rate, START)
    assert take(bucket, second, rate, START + timedelta(seconds=whole_seconds(wait)))[1] == timedelta(0)
