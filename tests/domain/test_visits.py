"""One ticket, one visit: told as stories of minutes at one counter."""

from __future__ import annotations

from itertools import permutations

import pytest

from domain.counts import What
from domain.facts import ContactFact, Step
from domain.visits import counted_appointment, counted_visits

M = 60_000
CLOSES, LAST = 100, 160
"""Minutes: the counter shuts, and an hour later nobody is served any more who came before."""


def facts(story: str) -> list[ContactFact]:
    """Read ``0 arrived, 5 called 0``: minute, what happened, and when the visitor came, or the time taken."""
    told = []
    for one in story.split(", "):
        minute, what, *more = one.split()
        step, at = Step[what.upper()], int(float(minute) * M)
        amount = int(float(more[0]) * M) if more else 0
        booked = int(float(more[1]) * M) if len(more) > 1 else None
        told.append(
            ContactFact(0, step, "wonen", at, since=amount, appointment=booked)
            if step is Step.CALLED
            else ContactFact(0, step, "wonen", at, amount)
        )
    return told


def end(_queue: str, _arrived: int) -> tuple[int, int]:
    return CLOSES * M, LAST * M


def counted(told: list[ContactFact], now: float) -> list[str]:
    counts = counted_visits(told, int(now * M), end).counts
    return sorted(f"{count.at / M:g} {count.what.name.lower()} {count.amount / M:g}" for count in counts)


@pytest.mark.parametrize(
    ("why", "story", "visits"),
    [
        ("the usual way", "0 arrived, 5 called 0, 15 served 10", ["15 served 10", "5 walk_in 5"]),
        ("with an appointment", "0 arrived, 12 called 0 10", ["12 visit 2"]),
        ("called before the booked time", "0 arrived, 8 called 0 10", ["8 early 0"]),
        (
            "called three times: the last call counts",
            "0 arrived, 5 called 0, 6 called 0, 7 called 0",
            ["5 repeated 0", "6 repeated 0", "7 walk_in 7"],
        ),
        ("did not come", "0 arrived, 5 called 0, 7 no_show", ["7 no_show 0"]),
        ("left after the call: did not come", "0 arrived, 5 called 0, 7 left", ["7 no_show 0"]),
        ("left before the call", "0 arrived, 5 left", ["5 left 0"]),
        ("came back, and was called", "0 arrived, 5 left, 9 called 0", ["9 walk_in 9"]),
        ("nobody ever called", "0 arrived", ["160 unfinished 0"]),
        ("called when it shut, being inside", "95 arrived, 110 called 95", ["110 walk_in 15"]),
        (
            "called on Monday to get rid of it",
            "0 arrived, 4000 called 0",
            ["160 unfinished 0", "4000 repeated 0"],
        ),
        (
            "and again, after it was served",
            "0 arrived, 5 called 0, 4000 called 0",
            ["4000 repeated 0", "5 walk_in 5"],
        ),
        ("told by the call alone", "5 called 0", ["5 walk_in 5"]),
        ("left, and nobody saw it come", "5 left, 6 left", ["5 left 0"]),
        (
            "the number used again",
            "0 arrived, 5 called 0, 60 arrived, 61 called 60",
            ["5 walk_in 5", "61 walk_in 1"],
        ),
        ("two clocks saw it come", "0 arrived, 5 called 0.5", ["5 walk_in 4.5"]),
    ],
)
def test_what_a_ticket_adds(why: str, story: str, visits: list[str]) -> None:
    told = facts(story)
    for order in permutations(told):
        assert counted(list(order), now=5000) == visits, why


def test_who_waits_is_seen_until_the_counter_shuts_and_given_up_an_hour_later():
    (wait,) = counted_visits(facts("0 arrived"), 0, end).waits
    assert (wait.until, wait.due) == (CLOSES * M, LAST * M)
    assert counted(facts("0 arrived"), now=159) == []


def test_an_appointment_is_booked_once_whatever_becomes_of_it():
    told = [
        ContactFact(0, Step.BOOKED, "wonen", 0, 3),
        ContactFact(0, Step.BOOKED, "wonen", 9, 8),
        ContactFact(0, Step.MOVED, "wonen", 5),
        ContactFact(0, Step.MOVED, "wonen", 5),
        ContactFact(0, Step.CANCELLED, "wonen", 10),
    ]
    for order in permutations(told):
        counts = {(count.at, count.what, count.amount) for count in counted_appointment(order).counts}
        assert counts == {
            (0, What.BOOKED, 3),
            (9, What.REPEATED, 0),
            (5, What.MOVED, 0),
            (10, What.CANCELLED, 0),
        }
