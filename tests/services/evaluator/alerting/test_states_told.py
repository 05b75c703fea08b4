"""Rules about this moment, told as stories to the second: time alone opens and ends what they are about."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from pydantic_core import to_json

from shared.contract.breach_events import BreachChanged, BreachState, Cause
from shared.contract.events import Outcome
from shared.contract.kpis import Measure
from tests.support.rule_story import Desk, Step, city, steps_of

BRUSSELS = ZoneInfo("Europe/Brussels")
MONDAY = datetime(2026, 3, 2, tzinfo=BRUSSELS)
FIRING, CLEARING, OK = BreachState.FIRING, BreachState.CLEARING, BreachState.OK

MANY: dict[str, object] = {"id": "many", "kpi": "waiting", "limit": 2}
LONG: dict[str, object] = {"id": "long", "kpi": "longest_wait", "limit": 180}
NOBODY: dict[str, object] = {"id": "nobody", "kpi": "nobody_available"}
ALONE: dict[str, object] = {
    "id": "alone",
    "all": [{"kpi": "waiting", "limit": 0}, {"kpi": "nobody_available"}],
}
"""Somebody waits, and nobody serves."""


def desk(*rules: dict[str, object]) -> Desk:
    return Desk(city(*rules), MONDAY)


@pytest.mark.parametrize("kills", [(), ("9:02:59", "9:03:00", "9:03:01", "9:03:31", "9:04:10")])
def test_a_caller_who_keeps_waiting_crosses_the_limit_without_any_event(kills: tuple[str, ...]) -> None:
    """Three minutes keep the promise, and a second more does not; half a minute of that is told."""
    story = desk(LONG, {**LONG, "id": "held", "hold": "30s"})
    story.caller("9:00:00", "9:04:10")
    assert story.steps("8:59:00", "9:05:00", kills) == [
        Step("9:03:01", "long", FIRING, Cause.HELD),
        Step("9:03:31", "held", FIRING, Cause.HELD),
        Step("9:04:10", "long", CLEARING, Cause.BACK),
        Step("9:04:10", "long", OK, Cause.STAYED_BACK),
        Step("9:04:10", "held", CLEARING, Cause.BACK),
        Step("9:04:10", "held", OK, Cause.STAYED_BACK),
    ]


def test_it_is_not_over_while_the_next_one_waits_for_longer_than_it_clears_at() -> None:
    """And then only after it stayed so: the one who came at 9:02 is over the minute until she is helped."""
    story = desk({**LONG, "clear_at": 60, "keep_firing": "1m"})
    story.caller("9:00:00", "9:03:30")
    story.caller("9:02:00", "9:04:00")  # waits 90 s when the first is helped
    story.caller("9:03:50", "9:05:05")  # 61 s at 9:04:51: not back, before the minute is over
    assert story.steps("8:59:00", "9:07:00") == [
        Step("9:03:01", "long", FIRING, Cause.HELD),
        Step("9:04:00", "long", CLEARING, Cause.BACK),
        Step("9:04:51", "long", FIRING, Cause.OVER),
        Step("9:05:05", "long", CLEARING, Cause.BACK),
        Step("9:06:05", "long", OK, Cause.STAYED_BACK),
    ]


def test_the_third_who_waits_is_one_too_many_until_one_of_them_hangs_up() -> None:
    story = desk(MANY, {**MANY, "id": "each", "queue": "*"})
    story.caller("9:00:00")
    story.caller("9:00:10", queue="b")
    story.caller("9:00:20", "9:01:07", Outcome.ABANDONED)
    told = story.told("9:00:00", "9:02:00")
    steps = [e for e in told if isinstance(e, BreachChanged) and e.state is not BreachState.PENDING]
    assert [(story.clock(e.at), e.rule, e.queue, e.state, e.reading.value) for e in steps] == [
        ("9:00:20", "many", "all", FIRING, 3),
        ("9:01:07", "many", "all", CLEARING, 2),
        ("9:01:07", "many", "all", OK, 2),
    ]


@pytest.mark.parametrize(
    ("about", "fires"),
    [
        ({"queue": "desk"}, True),
        ({"contacts": "visits"}, True),
        ({"contacts": "visits", "queue": "*"}, True),
        ({}, False),  # callers, where nothing is said
        ({"queue": "a"}, False),
    ],
)
def test_who_waits_at_a_counter_is_seen_by_rules_about_visits(about: dict[str, object], fires: bool) -> None:
    story = desk({**LONG, **about}, {**MANY, **about, "limit": 0})
    story.visitor("9:00:00", "9:03:05")
    found = {(step.at, step.rule) for step in story.steps("9:00:00", "9:04:00") if step.state is FIRING}
    assert found == ({("9:00:00", "many"), ("9:03:01", "long")} if fires else set())


def test_at_closing_time_nobody_waits_any_more_and_who_is_there_before_opening_waits_then() -> None:
    story = desk(LONG, {**MANY, "limit": 0})
    story.caller("11:56:00")
    story.caller("12:59:30", "13:02:00")
    assert story.steps("11:55:00", "12:01:00") == [
        Step("11:56:00", "many", FIRING, Cause.HELD),
        Step("11:59:01", "long", FIRING, Cause.HELD),
        Step("12:00:00", "long", OK, Cause.CLOSED),
        Step("12:00:00", "many", OK, Cause.CLOSED),
    ]
    assert story.steps("12:55:00", "13:05:00") == [
        Step("13:00:00", "many", FIRING, Cause.HELD),
        Step("13:02:00", "many", CLEARING, Cause.BACK),
        Step("13:02:00", "many", OK, Cause.STAYED_BACK),
    ]


def test_a_breach_on_who_waits_that_the_release_before_left_goes_on_under_its_name_of_today() -> None:
    """It was ``calls_waiting`` then, and the rule's patience was a part of its limits."""
    told = desk(MANY)
    for second in ("9:00:00", "9:00:10", "9:00:20"):
        told.caller(second, "9:02:00")
    opened = told.moment("9:00:20")
    key: dict[str, object] = {
        "rule": "many",
        "level": "limit",
        "measure": "calls_waiting",
        "severity": "critical",
        "site": "site",
    }
    key |= {"queue": "all", "window": "", "limit": 2.0, "clear_at": 2.0}
    state = {
        "state": "firing",
        "since": opened,
        "opened_at": opened,
        "fired_at": opened,
        "worst": 3.0,
        "steps": 2,
    }
    left = {"identity": key, "watch": {**state, "unread_since": None}, "sufficient": True, "open": True}
    left |= {"reported_at": None}
    looks = [told.clock(opened + n * timedelta(seconds=1)) for n in range(1, 120)]
    events = told.told("", "", looks=looks, left={"watch:many:limit:site:all": to_json(left).decode()})
    assert steps_of(told, events) == [
        Step("9:02:00", "many", CLEARING, Cause.BACK),
        Step("9:02:00", "many", OK, Cause.STAYED_BACK),
    ]
    assert {event.opened_at for event in events} == {opened}


# Nobody serves ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("story", "reports", "fires"),
    [
        ("one is free", [("a", 1, 0, 0)], False),
        ("one is talking", [("a", 0, 1, 0)], False),
        ("both pause", [("a", 0, 0, 2)], True),
        ("nobody is there", [("a", 0, 0, 0)], True),
        ("at the other queue there is", [("a", 0, 0, 0), ("b", 1, 0, 0)], False),
        ("nor at the other", [("a", 0, 0, 1), ("b", 0, 0, 0)], True),
        ("staff of the counter takes no calls", [("a", 0, 0, 0), ("desk", 5, 0, 0)], True),
        ("nobody said anything", [], False),
    ],
)
def test_nobody_is_available(story: str, reports: list[tuple[str, int, int, int]], fires: bool) -> None:
    told = desk(NOBODY)
    for queue, available, busy, paused in reports:
        told.staff("9:00:00", available, busy, paused, queue)
    found = [step for step in told.steps("8:59:00", "9:02:00") if step.state is FIRING]
    assert found == ([Step("9:00:00", "nobody", FIRING, Cause.HELD)] if fires else []), story


def test_a_queue_without_staff_reports_is_not_one_without_staff() -> None:
    """No reading is not zero, for each queue by itself and where none has reported."""
    told = desk({**NOBODY, "queue": "*"})
    told.staff("9:00:00", 0, queue="b")
    events = [e for e in told.told("9:00:00", "9:01:00") if isinstance(e, BreachChanged)]
    assert {event.queue for event in events} == {"b"}


def test_a_staff_report_that_comes_late_or_twice_says_nothing_new() -> None:
    told = desk(NOBODY, {**NOBODY, "id": "held", "hold": "1m"})
    told.staff("9:00:00", 2)
    told.staff("9:05:00", 0)
    told.staff("9:04:00", 1, late=timedelta(seconds=100))  # arrives at 9:05:40, when it is past
    told.staff("9:05:00", 0, late=timedelta(seconds=45))  # the same again
    told.staff("9:07:00", 0, 1)
    assert told.steps("8:59:00", "9:08:00", kills=("9:05:40", "9:05:45", "9:06:00")) == [
        Step("9:05:00", "nobody", FIRING, Cause.HELD),
        Step("9:06:00", "held", FIRING, Cause.HELD),
        Step("9:07:00", "nobody", CLEARING, Cause.BACK),
        Step("9:07:00", "nobody", OK, Cause.STAYED_BACK),
        Step("9:07:00", "held", CLEARING, Cause.BACK),
        Step("9:07:00", "held", OK, Cause.STAYED_BACK),
    ]


def test_after_hours_nobody_needs_to_be_there() -> None:
    told = desk(NOBODY)
    told.staff("11:58:00", 0)
    told.staff("12:30:00", 0)
    told.staff("13:10:00", 1)
    assert told.steps("11:57:00", "12:45:00") == [
        Step("11:58:00", "nobody", FIRING, Cause.HELD),
        Step("12:00:00", "nobody", OK, Cause.CLOSED),
    ]


# Several at once ----------------------------------------------------------------------------------------


def test_a_caller_whom_nobody_can_help_is_told_once_both_are_so() -> None:
    """Over when all are over; back when one of them is back, whichever."""
    told = desk(ALONE, {**ALONE, "id": "held", "hold": "1m"})
    told.staff("9:00:00", 0)
    told.caller("9:01:00", "9:03:00", Outcome.ABANDONED)
    told.staff("9:05:00", 1)
    told.caller("9:06:00", "9:08:00")
    told.staff("9:07:00", 0)
    told.staff("9:07:40", 0, 1)  # he talks: the one who waits is not alone
    assert told.steps("8:59:00", "9:09:00", kills=("9:01:00", "9:02:00", "9:07:20")) == [
        Step("9:01:00", "alone", FIRING, Cause.HELD),
        Step("9:02:00", "held", FIRING, Cause.HELD),
        Step("9:03:00", "alone", CLEARING, Cause.BACK),
        Step("9:03:00", "alone", OK, Cause.STAYED_BACK),
        Step("9:03:00", "held", CLEARING, Cause.BACK),
        Step("9:03:00", "held", OK, Cause.STAYED_BACK),
        Step("9:07:00", "alone", FIRING, Cause.HELD),
        Step("9:07:40", "alone", CLEARING, Cause.BACK),
        Step("9:07:40", "alone", OK, Cause.STAYED_BACK),
        Step("9:07:40", "held", OK, Cause.BACK),
    ]


def test_a_combined_rule_is_about_its_first_condition_and_tells_the_others_beside_it() -> None:
    told = desk(ALONE)
    told.staff("9:00:00", 0)
    told.caller("9:01:00")
    told.caller("9:01:00", queue="b")
    (event,) = [e for e in told.told("9:00:00", "9:01:00") if e.state is FIRING]
    assert (event.measure, event.limit, event.window, event.reading.value) == (Measure.WAITING, 0, "", 2)
    (other,) = event.reading.also
    assert (other.measure, other.window) == (Measure.NOBODY_AVAILABLE, "")


def test_a_condition_without_a_reading_neither_opens_nor_ends_the_rule() -> None:
    told = desk(ALONE)
    told.caller("9:00:00")
    assert told.steps("8:59:00", "9:02:00") == []


@pytest.mark.parametrize("clear_at", [None, 60])
def test_a_combined_rule_clears_by_the_hysteresis_of_each_condition(clear_at: int | None) -> None:
    """At 9:05 the next one has waited for 100 s: below the limit of 180, and not back under 60."""
    longest: dict[str, object] = {"kpi": "longest_wait", "limit": 180}
    if clear_at is not None:
        longest["clear_at"] = clear_at
    told = desk({"id": "both", "all": [longest, {"kpi": "waiting", "limit": 0}]})
    told.caller("9:00:00", "9:05:00")
    told.caller("9:03:20", "9:05:30")
    ends = "9:05:00" if clear_at is None else "9:05:30"
    assert told.steps("8:59:00", "9:06:00") == [
        Step("9:03:01", "both", FIRING, Cause.HELD),
        Step(ends, "both", CLEARING, Cause.BACK),
        Step(ends, "both", OK, Cause.STAYED_BACK),
    ]


def test_a_combined_rule_over_all_queues_of_one_kind() -> None:
    """Visits: whom it is about is said once, for all of its conditions."""
    told = desk({**ALONE, "contacts": "visits"})
    told.staff("9:00:00", 0, queue="desk")
    told.staff("9:00:00", 0, queue="a")
    told.caller("9:01:00")
    told.visitor("9:02:00")
    assert [step.at for step in told.steps("9:00:00", "9:02:30")] == ["9:02:00"]
