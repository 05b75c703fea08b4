"""A window equals filtering the whole history, for every aligned t."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.aggregator import Aggregator, StreamEvent
from domain.bucket import Bucket, Resolution, merged
from domain.bucket_store import COARSE_S, FINE_S, BucketStore, Slot
from domain.counts import ms_of
from domain.queue_ref import QueueRef
from domain.windows import window_bucket, window_end
from services.evaluator.decoder import parse
from shared.calendar import Calendar
from shared.config.model import CityFile
from shared.contract.events import CallAnswered, Event
from shared.redis.stream_entries import Batch
from tests.chaos import load
from tests.support import evaluator_oracle as oracle
from tests.support.thorough import examples

CITY = load.city()
PLACES = [QueueRef(*queue_ref) for queue_ref in (*load.PHONES, *load.COUNTERS)]
DESK = QueueRef("lier", "onthaal")
HOURS = timedelta(hours=1)


@lru_cache(maxsize=4)
def _day(seed: int) -> tuple[Aggregator, tuple[Event, ...], int]:
    """A desk after a whole load, the counted facts, and the arrival of the last entry (ms)."""
    written = load.stream(seed, 900)
    aggregator = Aggregator(CITY, Calendar(CITY), CITY.sites)
    for start in range(0, len(written), 50):
        part = written[start : start + 50]
        aggregator.record(parse(Batch([w.entry for w in part], [w.body for w in part])))
    return aggregator, tuple(oracle.judge([w.seen for w in written], CITY).counted), written[-1].seen.arrived


@settings(max_examples=examples(150), deadline=None)
@given(
    st.integers(0, 3),
    st.sampled_from(PLACES),
    st.integers(1, 720).map(lambda n: n * FINE_S),
    st.integers(0, 300).map(lambda n: n * FINE_S),
)
def test_a_fine_window_equals_filtering_the_history(seed: int, queue_ref: QueueRef, width_s: int, ago_s: int):
    aggregator, counted, last = _day(seed)
    end_s = last // 1000 // FINE_S * FINE_S + 60 - ago_s
    if end_s - width_s < last // 1000 - 7200:
        width_s = FINE_S  # beyond what the ring reaches
    bucket = window_bucket(aggregator.bucket_store, queue_ref, timedelta(seconds=width_s), end_s)
    span = ((end_s - width_s) * 1000, end_s * 1000)
    assert oracle.not_empty(asdict(bucket)) == oracle.window(counted, CITY, queue_ref, *span, now=last)


@settings(max_examples=examples(60), deadline=None)
@given(
    st.integers(0, 3),
    st.sampled_from(PLACES),
    st.integers(25, 26 * 12 - 1).map(lambda n: n * COARSE_S),
)
def test_a_coarse_window_equals_filtering_the_history(seed: int, queue_ref: QueueRef, width_s: int):
    aggregator, counted, last = _day(seed)
    end_s = (last // 1000 // COARSE_S + 1) * COARSE_S
    bucket = window_bucket(aggregator.bucket_store, queue_ref, timedelta(seconds=width_s), end_s)
    span = ((end_s - width_s) * 1000, end_s * 1000)
    assert oracle.not_empty(asdict(bucket)) == oracle.window(counted, CITY, queue_ref, *span, now=last)


@pytest.mark.parametrize(
    ("story", "happened_ms", "inside"),
    [
        ("the first moment", 0, True),
        ("just before it", -1, False),
        ("the last moment", 899_999, True),
        ("the end is not in it", 900_000, False),
    ],
)
def test_a_window_is_from_inclusive_to_exclusive(story: str, happened_ms: int, inside: bool):
    start = datetime(2026, 10, 26, 9, tzinfo=UTC)
    at = start + timedelta(milliseconds=happened_ms)
    event = CallAnswered(id="a", at=at, source="pbx", site="lier", queue="onthaal", wait_ms=7)
    aggregator = Aggregator(CITY, Calendar(CITY), CITY.sites)
    aggregator.record([StreamEvent("1-0", ms_of(at), event)])
    bucket = window_bucket(aggregator.bucket_store, DESK, HOURS / 4, ms_of(start) // 1000 + 900)
    assert bucket.answered == int(inside), story


@pytest.mark.parametrize(
    ("window", "now_s", "end_s"),
    [
        (HOURS / 4, 1000.0, 1010),  # the running step counts from its first moment on
        (HOURS / 4, 1009.999, 1010),
        (HOURS / 4, 1010.0, 1020),
        (2 * HOURS, 1010.0, 1020),
        (3 * HOURS, 1199.0, 1200),  # 5 min steps above 2 h
        (3 * HOURS, 1200.0, 1500),
    ],
)
def test_the_running_window_ends_at_the_next_step(window: timedelta, now_s: float, end_s: int):
    assert window_end(int(now_s * 1000), window) == end_s


def test_nothing_happened_is_an_empty_bucket():
    assert window_bucket(BucketStore(), DESK, HOURS, 7200) == Bucket()


@pytest.mark.parametrize("filled", [1, 50], ids=["few buckets", "many buckets"])
def test_both_ways_of_adding_up_a_ring_agree(filled: int):
    bucket_store = BucketStore()
    for n in range(filled):
        bucket_store.add(Slot(DESK, Resolution.FINE, n * 10), Bucket(answered=1))
    assert window_bucket(bucket_store, DESK, timedelta(seconds=300), 310).answered == min(filled - 1, 30)


def test_the_city_file_admits_no_window_that_the_rings_cannot_answer():
    for window in ("2h5s", "26h", "0s", "15s", "2h1m"):
        with pytest.raises(ValueError, match="window"):
            CityFile.model_validate({"city": {"name": "x"}, "live": {"windows": [window]}, "sites": []})


class Asked(NamedTuple):
    """A look at a window."""

    steps: int
    end: int


@settings(max_examples=examples(200), deadline=None)
@given(
    st.lists(
        st.integers(0, 40) | st.builds(Asked, steps=st.sampled_from([1, 3, 12]), end=st.integers(1, 41)),
        max_size=60,
    )
)
def test_a_window_that_was_added_up_before_is_no_other_than_one_added_up_anew(story: list[int | Asked]):
    bucket_store = BucketStore()
    for happens in [*story, *(Asked(steps, end) for steps in (1, 3, 12) for end in range(1, 42))]:
        if isinstance(happens, int):
            bucket_store.add(
                Slot(DESK, Resolution.FINE, happens * FINE_S), Bucket(answered=1, waits={happens: 1})
            )
            continue
        start_s, end_s = (happens.end - happens.steps) * FINE_S, happens.end * FINE_S
        asked = bucket_store.window(DESK, Resolution.FINE, start_s, end_s)
        assert asked == merged(bucket_store.between(DESK, Resolution.FINE, start_s, end_s))


WEEK: dict[str, dict[str, list[str]]] = {
    "day": {"thursday": ["08:00-12:00", "13:00-17:00"]},
    "night": {"wednesday": ["22:00-24:00"], "thursday": ["00:00-06:00", "22:00-24:00"]},
    "always": {day: ["00:00-24:00"] for day in ("wednesday", "thursday", "friday")},
}


@pytest.mark.parametrize(
    ("hours", "now", "since"),
    [
        ("day", "05 16:00", "05 08:00"),  # over lunch: the morning is of today
        ("day", "05 18:00", "05 08:00"),
        ("day", "05 07:00", "05 00:00"),
        ("night", "05 03:00", "04 22:00"),
        ("night", "05 21:00", "05 00:00"),  # shut: what is left of last night is of this local day
        ("always", "05 03:00", "04 03:00"),  # 24 hours
        ("always", "04 23:59", "04 00:00"),
        (None, "05 03:00", "05 00:00"),
    ],
)
def test_the_contacts_of_today_are_those_since_opening(hours: str | None, now: str, since: str) -> None:
    """March 2026: the 5th is a Thursday."""
    site = {"id": "s", "queues": [{"id": "q", "kind": "phone", "hours": hours}]}
    document = {"city": {"name": "Test", "time_zone": "UTC"}, "hours": WEEK, "sites": [site]}
    city = CityFile.model_validate(document)
    aggregator = Aggregator(city, Calendar(city), city.sites)
    instants = (datetime.fromisoformat(f"2026-03-{text}:00+00:00") for text in (now, since))
    now_ms, since_ms = map(ms_of, instants)
    assert aggregator.opened_s(QueueRef("s", "q"), now_ms) * 1000 == since_ms
