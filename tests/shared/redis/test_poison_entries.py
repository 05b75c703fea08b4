"""Our own code fails on entries of a stream: they are found and set aside, and nothing else is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.process.code_failures import CodeFailure
from shared.redis.poison_entries import MOST_IN_A_ROW, TRIES, PoisonSearch
from shared.redis.stream_entries import Batch

HERE = CodeFailure("ZeroDivisionError at here:f:1", ())


def entry(number: int) -> str:
    return f"1700000000000-{number}"


def batches(count: int, most: int, offset: int = 0) -> Iterator[Batch]:
    """What a subscription hands over, from an offset on."""
    ids = [entry(number) for number in range(offset, count)]
    for first in range(0, len(ids), most):
        part = ids[first : first + most]
        yield Batch(part, [b""] * len(part), len(part) == most)


class Consumer:
    """Works on a stream on some of whose entries our own code fails, as ``PartitionOwner`` does."""

    def __init__(self, bad: Sequence[int]) -> None:
        self.bad = {entry(number) for number in bad}
        self.poison_search = PoisonSearch()
        self.done: list[str] = []
        self.aside: list[str] = []
        self.failures = 0

    def session(self, count: int, most: int) -> bool:
        """Go on from what was committed until something fails; returns whether all is read."""
        for batch in batches(count, most, len(self.done) + len(self.aside)):
            for portion in self.poison_search.portions(batch):
                if self.poison_search.poison_in(portion) is not None:
                    assert len(portion.ids) == 1
                    self.aside += portion.ids
                elif self.bad.intersection(portion.ids):
                    self.failures += 1
                    self.poison_search = self.poison_search.failed(portion.ids, HERE)
                    return False
                else:
                    self.done += portion.ids
                self.poison_search = self.poison_search.went_well(portion.ids)
        return True


@given(st.integers(1, 30), st.integers(1, 12), st.sets(st.integers(0, 29), max_size=6))
def test_just_what_our_own_code_fails_on_is_set_aside_in_a_few_tries(count: int, most: int, bad: set[int]):
    bad = {number for number in bad if number < count}
    consumer = Consumer(sorted(bad))
    for _ in range((TRIES + 1) * (len(bad) + 1)):
        if consumer.session(count, most):
            break
    assert consumer.aside == [entry(number) for number in sorted(bad)]
    assert consumer.done == [entry(number) for number in range(count) if number not in bad]
    assert consumer.poison_search == PoisonSearch(in_a_row=consumer.poison_search.in_a_row)
    assert consumer.failures <= (TRIES + 1) * len(bad)


def test_what_fails_once_is_tried_again_and_nothing_is_set_aside():
    ids = [entry(0), entry(1)]
    once = PoisonSearch().failed(ids, HERE)
    assert [portion.ids for portion in once.portions(Batch(ids, [b"", b""]))] == [ids]
    assert once.went_well(ids) == PoisonSearch()


def test_an_entry_that_came_alone_is_tried_as_often():
    poison_search, tries = PoisonSearch(), 0
    while poison_search.aside is None:
        poison_search, tries = poison_search.failed([entry(0)], HERE), tries + 1
    assert tries == TRIES


def test_a_portion_says_whether_more_stands_behind_it():
    poison_search = PoisonSearch(until=entry(1))
    for more in (True, False):
        portions = poison_search.portions(Batch([entry(n) for n in range(4)], [b""] * 4, more))
        assert [(len(portion.ids), portion.more) for portion in portions] == [(1, True), (1, True), (2, more)]
    assert [one.more for one in poison_search.portions(Batch([entry(0), entry(1)], [b"", b""]))] == [
        True,
        False,
    ]


@pytest.mark.parametrize("most", [1, 7])
def test_when_everything_fails_it_is_not_the_entries(most: int):
    count = 3 * MOST_IN_A_ROW
    consumer = Consumer(range(count))
    stuck = (consumer.session(count, most) or consumer.poison_search.is_stuck for _ in range(9 * count))
    assert any(stuck)
    assert len(consumer.aside) == MOST_IN_A_ROW
    before = len(consumer.aside)
    list(islice((consumer.session(count, most) for _ in range(10)), 10))
    assert len(consumer.aside) == before, "it waits until somebody mends it"
    consumer.bad.clear()
    assert consumer.session(count, most)
    assert consumer.poison_search == PoisonSearch()


def test_when_setting_aside_fails_as_well_it_is_stuck():
    poison_search = PoisonSearch(until=entry(3)).failed([entry(0)], HERE)
    assert poison_search.aside is not None
    for _ in range(TRIES):
        assert not poison_search.is_stuck
        poison_search = poison_search.failed([entry(0)], HERE)
    assert poison_search.is_stuck
