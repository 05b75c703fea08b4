"""Who waits depends on what was seen, not on its order; a time line is drawn in minutes.

``q`` queued, ``e`` an outcome, ``r`` the source restarted; the open timeout is 10 minutes.
"""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.open_contacts import ContactKey, OpenContacts, UnfinishedChange
from domain.queue_ref import QueueRef

MIN = 60_000
TIMEOUT = 10 * MIN
HORIZON = 60 * MIN
DESK = QueueRef("lier", "onthaal")
KEY = ContactKey(DESK, "pbx", "c1")

Step = tuple[str, int]
"""What, and at which minute."""


class Seen:
    """Open contacts, and what all their lapses add up to: deadline (minute) → unfinished."""

    def __init__(self, cursor: int = 0) -> None:
        self.contacts = OpenContacts(TIMEOUT, cursor * MIN)
        self.unfinished: Counter[int] = Counter()

    def add(self, step: Step, key: ContactKey = KEY, forgotten_before: int = 0) -> None:
        what, minute = step
        match what:
            case "q":
                self._book(self.contacts.queue(key, minute * MIN, forgotten_before))
            case "e":
                self._book(self.contacts.end(key, minute * MIN, forgotten_before))
            case _:
                self._book(self.contacts.restart(key.source, minute * MIN, forgotten_before))

    def pass_time(self, minute: int) -> None:
        self._book(self.contacts.advance(minute * MIN))

    def waiting(self, minute: int) -> list[int]:
        return sorted(at // MIN for _, at in self.contacts.waiting(minute * MIN))

    def _book(self, lapses) -> None:
        for lapse in lapses:
            assert isinstance(lapse, UnfinishedChange)
            self.unfinished[lapse.at // MIN] += lapse.change


def seen(story: str, cursor: int = 0) -> Seen:
    aggregator = Seen(cursor)
    for step in steps(story):
        aggregator.add(step)
    return aggregator


def steps(story: str) -> list[Step]:
    return [(word[0], int(word[1:])) for word in story.split()]


@pytest.mark.parametrize(
    ("story", "at", "waiting"),
    [
        ("q1", 0, []),  # not there yet
        ("q1", 1, [1]),
        ("q1", 10, [1]),
        ("q1", 11, []),  # the timeout is over
        ("q1 e3", 5, []),
        ("e3 q1", 5, []),  # the outcome came first
        ("q1 q2", 5, [1, 2]),
        ("q1 q2 e3", 5, [1]),  # an outcome ends the latest entry before it
        ("q2 e3 q1", 5, [1]),
        ("q4 e3", 5, [4]),  # entered again after that outcome
        ("q3 e3", 5, []),  # no wait at all
        ("e1 e2 q3", 5, [3]),
        ("q1 r2", 5, []),  # a restart forgets who waits
        ("q2 r2", 5, [2]),  # but not who enters at that moment
        ("q1 e3 q4 e6", 7, []),
        ("q4 e6 q1 e3", 7, []),
        ("q1 e6 q4 e3", 7, []),  # overflow and return, with the middle told last
    ],
)
def test_who_waits(story: str, at: int, waiting: list[int]):
    assert seen(story).waiting(at) == waiting


@pytest.mark.parametrize(
    ("story", "now", "unfinished"),
    [
        ("q1", 10, {}),
        ("q1", 11, {11: 1}),  # exactly at the timeout
        ("q1 e3", 99, {}),
        ("q1 q2", 99, {11: 1, 12: 1}),
        ("q1 r5", 4, {}),
        ("q1 r5", 5, {5: 1}),
        ("q1 r5 r3", 99, {3: 1}),  # the first restart after it
        ("q1 r50", 99, {11: 1}),  # too late to matter
        ("q1 r5 e7", 99, {}),  # it got through after all
        ("q6 r5", 99, {16: 1}),
    ],
)
def test_who_is_unfinished(story: str, now: int, unfinished: dict[int, int]):
    aggregator = seen(story)
    aggregator.pass_time(now)
    assert +aggregator.unfinished == unfinished


@pytest.mark.parametrize(
    ("late", "unfinished"),
    [
        (("e", 4), {}),  # an outcome takes it back
        (("r", 3), {3: 1}),  # a restart moves it to its moment
    ],
)
def test_who_was_unfinished_may_be_otherwise_later(late: Step, unfinished: dict[int, int]):
    aggregator = seen("q1")
    aggregator.pass_time(11)
    assert aggregator.unfinished == {11: 1}
    aggregator.add(late)
    assert +aggregator.unfinished == unfinished


def test_a_restart_is_about_one_source():
    aggregator = seen("q1")
    aggregator.add(("r", 2), KEY._replace(source="other"))
    assert aggregator.waiting(5) == [1]


@pytest.mark.parametrize("first", ["q1 e3", "q1 q2 e3 e4"])
def test_who_comes_back_after_a_while_is_watched_again(first: str):
    aggregator = seen(first)
    aggregator.pass_time(15)
    aggregator.add(("q", 20))
    aggregator.pass_time(30)
    assert aggregator.unfinished == {30: 1}


def test_time_does_not_run_backwards():
    aggregator = seen("q1", cursor=20)
    assert aggregator.unfinished == {11: 1}
    aggregator.pass_time(5)
    assert (aggregator.contacts.cursor, aggregator.unfinished) == (20 * MIN, {11: 1})


def test_what_is_forgotten_is_nobody_s_to_end():
    aggregator = seen("q1")
    aggregator.pass_time(11)
    aggregator.contacts.forget(2 * MIN)
    aggregator.add(("e", 3), forgotten_before=2 * MIN)
    assert aggregator.unfinished == {11: 1}
    assert aggregator.waiting(3) == []


@pytest.mark.parametrize("tidied", [True, False], ids=["tidied", "not tidied"])
@pytest.mark.parametrize(
    ("story", "late", "unfinished"),
    [
        ("q1", "e30", {11: 1}),  # no longer its to end
        ("q1", "r30", {11: 1}),
        ("q1", "r6", {11: 1}),  # no longer its to move: the horizon has passed the entry
        ("q1 e6", "q5", {}),  # takes the outcome over; the entry of minute 1 keeps what it had
        ("q1 q7", "e8", {11: 1}),
    ],
)
def test_whether_the_past_was_tidied_up_does_not_show(story: str, late: str, unfinished, tidied: bool):
    aggregator = seen(story)
    aggregator.pass_time(20)
    if tidied:
        aggregator.contacts.forget(5 * MIN)
    for step in steps(late):
        aggregator.add(step, forgotten_before=5 * MIN)
    aggregator.pass_time(99)
    assert +aggregator.unfinished == unfinished


minutes = st.integers(1, 40)
histories = st.lists(st.tuples(st.sampled_from("qqqeer"), minutes), max_size=9)


@example([("q", 1), ("e", 6), ("q", 4), ("e", 3)], Random(0), [], 30)
@given(histories, st.randoms(), st.lists(st.integers(0, 40), max_size=3), minutes)
def test_any_order_at_any_time_gives_the_same(history: list[Step], random: Random, looks, now: int):
    plain, other = Seen(), Seen()
    for step in sorted(history, key=lambda step: step[1]):
        plain.add(step)
    shuffled = random.sample(history, len(history))
    for look in sorted(looks):
        other.pass_time(min(look, now))
        if shuffled:
            other.add(shuffled.pop())
    for step in shuffled:
        other.add(step)
    for aggregator in (plain, other):
        aggregator.pass_time(now)
    assert +other.unfinished == +plain.unfinished
    assert all(other.waiting(at) == plain.waiting(at) for at in range(45))


@given(histories, minutes)
def test_a_desk_that_starts_late_knows_what_the_old_one_knew(history: list[Step], now: int):
    old, new = Seen(), Seen(cursor=now)
    for step in history:
        old.add(step)
    old.pass_time(now)
    for step in history:
        new.add(step)
    assert +new.unfinished == +old.unfinished
    assert new.waiting(now) == old.waiting(now)


def test_memory_of_the_past_is_let_go():
    aggregator = seen("q1 e3 q5 r6")
    aggregator.pass_time(99)
    aggregator.contacts.forget(50 * MIN)
    assert aggregator.contacts.remembered == 0
    assert +aggregator.unfinished == {6: 1}


def test_a_contact_that_never_ends_does_not_pile_up_deadlines():
    aggregator = Seen()
    for minute in range(1, 10):
        for _ in range(20):
            aggregator.add(("q", minute))
    assert len(aggregator.waiting(9)) == 180
    assert len(aggregator.contacts._deadlines) <= 180
    aggregator.pass_time(99)
    assert aggregator.unfinished.total() == 180


def test_what_is_partly_too_old_to_matter_is_forgotten_in_the_end() -> None:
    contacts = OpenContacts(TIMEOUT)
    contacts.queue(KEY, 1 * MIN, 0)
    contacts.end(KEY, 3 * MIN, 0)
    contacts.forget(2 * MIN)
    assert contacts.remembered == 1
    contacts.forget(4 * MIN)
    assert contacts.remembered == 0
