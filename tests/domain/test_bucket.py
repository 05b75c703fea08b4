"""Buckets merge by addition, survive their JSON, and their histograms are exact on every allowed bound."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.bucket import (
    Bucket,
    cell_from,
    cell_up_to,
    count_below,
    count_up_to,
    decode,
    merged,
    quantile_up_to,
)
from shared.config.types import on_histogram_edge
from tests.support import evaluator_oracle as oracle

COUNTS = ("answered", "wait_ms", "abandoned", "timed_out", "left_by_key", "closed", "unfinished", "talk_ms")
amounts = st.integers(0, 10**12)
histograms = st.dictionaries(st.integers(0, 700_000), st.integers(1, 1000), max_size=5)
buckets = st.builds(
    Bucket,
    **dict.fromkeys([*COUNTS, "visits", "visit_wait_ms", "early", "left", "booked", "lead_days"], amounts),
    waits=histograms,
    abandon_waits=histograms,
    leads=histograms,
    callers=st.dictionaries(
        st.sampled_from(["answered", "abandoned", "wait_ms", "waits/30", "abandon_waits/2"]),
        st.integers(-(10**12), 10**12).filter(bool),
    ),
)
waits = st.one_of(
    st.integers(0, 8 * 3_600_000),
    st.integers(0, 4 * 3600).flatmap(lambda s: st.integers(max(0, s * 1000 - 1), s * 1000 + 1)),
)
"""Waits in ms, often right beside a whole second."""

BOUNDS = [s for s in range(4 * 3600 + 61) if on_histogram_edge(timedelta(seconds=s))]


@given(st.lists(buckets, max_size=5), st.randoms())
def test_neither_order_nor_grouping_changes_a_sum(parts: list[Bucket], random):
    shuffled = random.sample(parts, len(parts))
    cut = random.randint(0, len(parts))
    halves = [merged(iter(shuffled[:cut])), merged(iter(shuffled[cut:]))]
    assert merged(iter(halves)) == merged(iter(parts))


@given(buckets, buckets)
def test_adding_leaves_the_other_bucket_alone(one: Bucket, other: Bucket):
    before = other.encode()
    merged(iter([one, other])).add(one)
    assert other.encode() == before


@given(buckets)
def test_a_bucket_survives_being_written_down(bucket: Bucket):
    assert decode(bucket.encode()) == bucket


def test_an_empty_bucket_is_written_as_nothing():
    assert Bucket().encode() == b"{}"
    assert decode(b"{}") == Bucket()


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b'{"answered":"many"}',
        b"null",
        b'{"answered":-1}',
        b'{"wait_ms":%b}' % (b"9" * 400),
        b'{"waits":{"5":-1}}',
        b'{"waits":{"%b":1}}' % (b"9" * 400),
    ],
)
def test_what_is_no_bucket_is_not_read_as_one(text: bytes):
    with pytest.raises(ValidationError):
        decode(text)


@pytest.mark.parametrize(
    ("wait_ms", "up_to", "starts"),
    [
        (0, 0, 0),  # no wait has a cell of its own
        (1, 1, 0),
        (999, 1, 0),
        (1_000, 1, 1),
        (19_999, 20, 19),
        (20_000, 20, 20),  # exactly 20 s is within 20 s
        (20_001, 21, 20),
        (600_000, 600, 600),
        (600_001, 601, 600),
        (1_238_000, 1238, 1238),  # the longest of a real day, told exactly
        (3_600_000, 3600, 3600),
        (3_600_001, 3660, 3600),
        (7 * 86_400_000, 604_800, 604_800),  # the contract's longest
    ],
)
def test_a_wait_falls_into_one_cell(wait_ms: int, up_to: int, starts: int):
    assert (cell_up_to(wait_ms), cell_from(wait_ms)) == (up_to, starts)


@given(st.integers(0, 8 * 86_400_000 - 60_000))
def test_cells_lie_on_the_grid(wait_ms: int):
    assert (cell_up_to(wait_ms), cell_from(wait_ms)) == (
        oracle.cell_up_to(wait_ms),
        oracle.cell_from(wait_ms),
    )


def test_every_bound_that_the_city_file_admits_is_an_edge():
    on_grid = {edge for edge in oracle.EDGES if edge <= BOUNDS[-1]}
    assert set(BOUNDS) <= on_grid
    assert all(cell_up_to(bound * 1000) == cell_from(bound * 1000) == bound for bound in BOUNDS)


@given(st.lists(waits, max_size=30), st.sampled_from(BOUNDS))
def test_counts_up_to_an_allowed_bound_are_exact(waited: list[int], bound: int):
    assert count_up_to(_histogram(map(cell_up_to, waited)), bound) == sum(w <= bound * 1000 for w in waited)
    assert count_below(_histogram(map(cell_from, waited)), bound) == sum(w < bound * 1000 for w in waited)


@given(
    st.lists(st.integers(0, 600_000), min_size=1, max_size=40),
    st.sampled_from([0.25, 0.5, 0.9, 0.95, 0.99, 1.0]),
)
def test_a_quantile_is_at_most_a_second_too_high_and_never_too_low(waited: list[int], share: float):
    rank = -(-len(waited) * round(share * 100) // 100)
    true_ms = sorted(waited)[rank - 1]
    edge = quantile_up_to(_histogram(map(cell_up_to, waited)), share)
    assert edge is not None
    assert true_ms <= edge * 1000 < true_ms + 1000


def test_nobody_waited_no_quantile():
    assert quantile_up_to({}, 0.9) is None


def test_every_call_is_answered_unanswered_or_unfinished():
    bucket = Bucket(answered=3, abandoned=2, timed_out=1, no_agents=1, left_by_key=1, closed=1, unfinished=4)
    assert (bucket.unanswered, bucket.offered) == (6, 13)
    assert sum(bucket.outcomes.values()) == bucket.unanswered


def _histogram(cells) -> dict[int, int]:
    counts: dict[int, int] = {}
    for cell in cells:
        counts[cell] = counts.get(cell, 0) + 1
    return counts


def test_callers_are_entries_but_for_the_difference():
    """One overflowed after 30 s and was answered 15 s later: two entries, one caller."""
    bucket = Bucket(answered=1, wait_ms=15_000, waits={15: 1}, timed_out=1, talk_ms=9)
    assert bucket.as_callers() is bucket
    bucket.add(Bucket(callers={"timed_out": -1, "wait_ms": 30_000, "waits/15": -1, "waits/45": 1}))
    assert bucket.as_callers() == Bucket(answered=1, wait_ms=45_000, waits={45: 1}, talk_ms=9)
    assert (bucket.timed_out, bucket.waits) == (1, {15: 1})


@given(buckets, buckets)
def test_what_is_added_can_be_taken_back(one: Bucket, other: Bucket):
    """And leaves nothing behind, not a cell of zero."""
    before = one.encode()
    one.add(other)
    one.add(opposite(other))
    assert one.encode() == before


def test_what_was_replaced_meanwhile_is_never_written_as_less_than_nothing():
    bucket = Bucket(answered=-1, waits={5: -1}, unfinished=-1, callers={"answered": -1})
    assert bucket.encode() == b'{"unfinished":-1,"callers":{"answered":-1}}'


def opposite(bucket: Bucket) -> Bucket:
    opposed = Bucket()
    for name in (one.name for one in fields(Bucket)):
        value = getattr(bucket, name)
        taken_back = {cell: -count for cell, count in value.items()} if isinstance(value, dict) else -value
        setattr(opposed, name, taken_back)
    return opposed
