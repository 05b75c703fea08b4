"""The oracle of ``make chaos`` notices what it is there for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from shared.contract.breach_events import BreachChanged, BreachState, Cause
from shared.contract.dead_letters import DeadLetter, DeadLetterReason
from shared.contract.events import CallQueued
from tests.chaos import oracle
from tests.chaos.check import Outcome
from tests.chaos.plan import WHERE, Kind, plan
from tests.support.breach_stage import Told
from tests.support.evaluator_oracle import Cell
from tests.support.samples import fired

AT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def event(number: int, *, seconds: int = 0) -> CallQueued:
    at = AT + timedelta(seconds=seconds)
    return CallQueued(id=f"q{number}", at=at, source="balie", site="huis", queue="onthaal", contact="c")


# Facts -----------------------------------------------------------------------------------------------

SAID = [event(1), event(2, seconds=1), event(3, seconds=1)]
"""Two of them differ in nothing but their ids."""


@pytest.mark.parametrize(
    "on_stream",
    [SAID, [*SAID[::-1], *SAID], [event(7, seconds=1), event(8), event(9, seconds=1)]],
    ids=["as sent", "some of it twice", "under other ids"],
)
def test_what_is_there_is_neither_lost_nor_invented(on_stream: Sequence[CallQueued]):
    assert oracle.lost(SAID, on_stream) == []
    assert oracle.invented(SAID, on_stream) == []


def test_a_lost_fact_is_noticed():
    assert len(oracle.lost(SAID, SAID[1:])) == 1
    assert len(oracle.lost(SAID, SAID[:-1])) == 1  # of two equal ones


def test_a_fact_that_nobody_sent_is_noticed():
    assert len(oracle.invented(SAID, [*SAID, event(4, seconds=2)])) == 1
    assert len(oracle.invented(SAID, [*SAID, event(4, seconds=1)])) == 1  # sent once, there under two ids


# Figures ---------------------------------------------------------------------------------------------

CELL = Cell("huis", "onthaal", "day", "2026-11-24")


@pytest.mark.parametrize(
    "found",
    [
        Outcome("1-0", buckets={CELL: {"answered": 2}}, read=2),
        Outcome("1-0", buckets={}, read=1),
        Outcome("1-0", buckets={CELL: {"answered": 1}}, read=2, duplicates=1),
        Outcome("1-0", buckets={CELL: {"answered": 1}}, read=1, refused={"late": 1}),
    ],
    ids=["counted twice", "not counted", "a duplicate too many", "refused"],
)
def test_a_wrong_figure_is_noticed(found: Outcome):
    right = Outcome("1-0", buckets={CELL: {"answered": 1}}, read=1)
    assert oracle.wrong_figures(found, right)
    assert oracle.wrong_figures(right, right) == []


# Breaches and messages -------------------------------------------------------------------------------


STEP = fired(AT, previous=BreachState.OK, cause=Cause.OVER)


def step(breach: str, state: str) -> BreachChanged:
    return STEP.model_copy(update={"id": f"{breach}/{state}", "breach": breach, "state": BreachState(state)})


def steps(*breaches: str) -> list[BreachChanged]:
    return [step(breach, state) for breach in breaches for state in oracle.STEPS]


def told(breach: str, kind: str, key: str = "") -> Told:
    return Told(kind, key or f"{breach}/{kind}", {"breaches": [{"id": breach}]}, sent=0)


def test_steps_in_order_are_right():
    assert oracle.wrong_steps("noord", steps("b1", "b2"), breaches=2) == []


@pytest.mark.parametrize(
    ("changes", "breaches"),
    [
        ([*steps("b1"), *steps("b1")[-1:]], 1),
        ([*steps("b1")[:2], *steps("b1")[3:]], 1),
        ([*steps("b1")[:2], *steps("b1")[3:1:-1]], 1),
        (steps("b1"), 2),
    ],
    ids=["twice", "lost", "swapped", "a breach lost"],
)
def test_a_wrong_step_is_noticed(changes: Sequence[BreachChanged], breaches: int):
    assert oracle.wrong_steps("noord", changes, breaches)


FIRST, LAST = told("b1", "firing"), told("b1", "resolved")


@pytest.mark.parametrize(
    "messages",
    [[FIRST, LAST], [FIRST, FIRST, LAST, LAST]],
    ids=["each once", "again under the same key"],
)
def test_messages_come_at_least_once(messages: Sequence[Told]):
    assert oracle.wrong_messages("noord", steps("b1"), messages) == []


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [FIRST],
        [LAST],
        [LAST, FIRST],
        [FIRST, told("b1", "firing", "another key"), LAST],
        [FIRST, LAST, told("b2", "firing")],
        [FIRST, LAST, told("b1", "digest")],
    ],
    ids=["none", "no end", "no beginning", "swapped", "two keys", "of no breach", "of another kind"],
)
def test_a_wrong_message_is_noticed(messages: Sequence[Told]):
    assert oracle.wrong_messages("noord", steps("b1"), messages)


def test_breaches_told_in_another_order_are_noticed():
    messages = [told(breach, end) for end in ("firing", "resolved") for breach in ("b2", "b1")]
    assert oracle.wrong_messages("noord", steps("b1", "b2"), messages)


@pytest.mark.parametrize(
    ("ids", "right"), [("abcd", True), ("abcda", True), ("abc", False), ("abcde", False)]
)
def test_mails_are_counted_by_their_ids(ids: str, right: bool):
    assert (oracle.wrong_mails(ids, breaches=2) == []) is right


def test_a_delivery_that_is_written_down_twice_is_noticed():
    assert oracle.written_twice([b"one", b"other"]) == []
    assert oracle.written_twice([b"one", b"other", b"one"])


def test_only_what_is_named_may_be_lost():
    events = {f"{n}-0": event(n, seconds=n) for n in range(1, 5)}
    letter = DeadLetter(
        reason=DeadLetterReason.WENT_BACK,
        detail="",
        at=AT,
        source="balie",
        item={"lost_after": "1-0", "lost_until": "3-0"},
    )
    named = oracle.named_as_lost(events, {"1-0", "2-0"}, [letter])
    assert named == [events["3-0"]]
    said, there = list(events.values()), [events["1-0"], events["2-0"]]
    assert oracle.lost(said[:3], there, named) == []
    assert oracle.lost(said, there, named)
    assert oracle.lost(said[:3], there)
    other = letter.model_copy(update={"source": "kiosk"})
    assert oracle.named_as_lost(events, {"1-0"}, [other]) == []


# Plans -----------------------------------------------------------------------------------------------


def test_a_seed_is_a_plan():
    assert plan(7, 50) == plan(7, 50)
    assert plan(7, 50) != plan(8, 50)


def test_a_long_plan_has_every_kind_at_every_place():
    met = {(fault.kind, fault.where) for fault in plan(1, 1000, tuple(Kind))}
    assert met == {(kind, where) for kind, queue_refs in WHERE.items() for where in queue_refs}


def test_a_plan_can_be_of_some_kinds_only():
    assert {fault.kind for fault in plan(1, 100, [Kind.CUT, Kind.CLOCK])} == {Kind.CUT, Kind.CLOCK}
