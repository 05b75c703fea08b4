"""Rules on the last contacts and on shifts, told as stories: when they begin, and when they end."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from shared.contract.breach_events import BreachChanged, BreachState, Cause
from shared.contract.events import Outcome
from tests.support.rule_story import Desk, Step, city, steps_of

BRUSSELS = ZoneInfo("Europe/Brussels")
MONDAY = datetime(2026, 3, 2, tzinfo=BRUSSELS)
CLOCKS_BACK = datetime(2026, 10, 25, tzinfo=BRUSSELS)
FIRING, CLEARING, OK = BreachState.FIRING, BreachState.CLEARING, BreachState.OK
ALWAYS = ("00:00-24:00",)
NIGHT = ("00:00-02:00", "20:00-24:00")
MINUTE = timedelta(minutes=1)

LAST: dict[str, object] = {"id": "last", "kpi": "missed_ratio", "window": "last 5", "limit": 0.5}
"""All of the last five must be missed for their range to lie above a half."""

SHIFT: dict[str, object] = {"id": "shift", "kind": "shift", "kpi": "missed_ratio", "usual": 0.12, "bad": 0.4}


def desk(*rules: dict[str, object], midnight: datetime = MONDAY, hours: Collection[str] = ()) -> Desk:
    return Desk(city(*rules, hours=tuple(hours)) if hours else city(*rules), midnight)


def test_the_fifth_missed_call_in_a_row_opens_it_and_its_message_can_say_of_what_and_since_when() -> None:
    told = desk(LAST)
    told.calls("9:00:03", ".xxxxx", every=7 * MINUTE)
    told.calls("9:42:03", "...", every=MINUTE)
    events = [e for e in told.told("8:59:00", "9:50:00") if isinstance(e, BreachChanged)]
    assert [step for step in steps_of(told, events) if step.state is not CLEARING] == [
        Step("9:35:03", "last", FIRING, Cause.HELD),
        Step("9:44:03", "last", OK, Cause.STAYED_BACK),
    ]
    reading = events[1].reading
    assert (reading.value, reading.part, reading.samples) == (1.0, 5, 5)
    assert reading.since == told.moment("9:07:00")  # the step of the first of the five
    assert reading.low == pytest.approx(0.566, abs=0.001)
    assert reading.high == 1.0


@pytest.mark.parametrize(
    ("story", "first", "second", "hours", "opens"),
    [
        ("yesterday never counts", ("16:40:03", "xxxx"), ("32:10:03", "xxxxx"), (), "32:22:03"),
        ("the morning counts after lunch", ("11:50:03", "xxx"), ("13:05:03", "xxx"), (), "13:08:03"),
        ("a night goes on over midnight", ("23:50:03", "xxx"), ("24:05:03", "xxx"), NIGHT, "24:08:03"),
        ("and another night is another", ("21:00:03", "xxxx"), ("44:30:03", "xxxxx"), NIGHT, "44:42:03"),
        (
            "a desk that does not shut looks back a day",
            ("23:40:03", "xxxx"),
            ("24:10:03", "xx"),
            ALWAYS,
            "24:10:03",
        ),
        ("and no further", ("0:40:03", "xxxx"), ("24:55:03", "xxxxx"), ALWAYS, "25:07:03"),
    ],
)
def test_it_looks_back_no_further_than_opening(
    story: str, first: tuple[str, str], second: tuple[str, str], hours: tuple[str, ...], opens: str
) -> None:
    told = desk(LAST, hours=hours)
    told.calls(first[0], first[1])
    told.calls(second[0], second[1])
    before = told.clock(told.moment(first[0]) - MINUTE)
    after = told.clock(told.moment(second[0]) + 20 * MINUTE)
    looks = [told.clock(at + n * timedelta(seconds=1)) for at in (told.moment(opens),) for n in (-1, 0)]
    every = [told.clock(arrival.at) for arrival in sorted(told.arrivals, key=lambda one: one.at)]
    minutes = range(int((told.moment(after) - told.moment(before)) / MINUTE))
    looks += every + [told.clock(told.moment(before) + n * MINUTE) for n in minutes]
    ordered = sorted(set(looks), key=told.moment)
    steps = steps_of(told, told.told(before, after, looks=ordered))
    assert [step.at for step in steps if step.state is FIRING] == [opens], story


def test_on_the_day_the_clocks_go_back_it_counts_from_the_first_of_25_hours() -> None:
    told = desk({**LAST, "stale_after": "26h"}, midnight=CLOCKS_BACK, hours=ALWAYS)
    told.calls("0:05:03", "xxxx")
    told.calls("24:30:03", "x")  # half past eleven at night
    looks = [f"{hour}:{minute:02}:00" for hour in range(25) for minute in range(0, 60, 5)]
    steps = steps_of(told, told.told("", "", looks=[*looks[:-6], "24:30:03"]))
    assert [step.at for step in steps] == ["24:30:03"]


@pytest.mark.parametrize(
    "rule", [LAST, {**SHIFT, "id": "last", "false_alarm_every": 300}], ids=["last", "shift"]
)
@pytest.mark.parametrize(
    ("story", "stale", "ends"),
    [("half an hour", {}, "9:42:10"), ("as it is written", {"stale_after": "10m"}, "9:22:10")],
)
def test_it_ends_when_nobody_came_for_long_enough_told_once(
    story: str, stale: dict[str, object], ends: str, rule: dict[str, object]
) -> None:
    """From the end of the step of the last contact on: 9:12:03 lies in the one until 9:12:10."""
    told = desk({**rule, **stale})
    told.calls("9:00:03", "xxxxx")
    events = told.told("8:59:00", "10:30:00", kills=("9:12:09", ends))
    over = [step for step in steps_of(told, events) if step.state is OK]
    assert over == [Step(ends, "last", OK, Cause.NO_READING)], story
    assert [event for event in events if event.reading.value is None and event.state is not OK] == []


@pytest.mark.parametrize(
    ("rule", "after", "opens"),
    [
        (LAST, "xxxx", []),
        (LAST, "xxxxx", ["10:12:03"]),
        ({**SHIFT, "id": "last", "false_alarm_every": 300}, "xxx", []),
        ({**SHIFT, "id": "last", "false_alarm_every": 300}, "xxxx", ["10:09:03"]),
    ],
)
def test_what_a_breach_rested_on_that_ended_so_does_not_open_the_next(
    rule: dict[str, object], after: str, opens: list[str]
) -> None:
    told = desk(rule)
    told.calls("9:00:03", "xxxxx")
    told.calls("10:00:03", after)
    ended = "9:42:10"
    events = told.told("8:59:00", "10:14:00", kills=(ended, "10:00:03", "10:12:03"))
    later = [event for event in events if event.at > told.moment(ended)]
    assert [step.at for step in steps_of(told, later) if step.state is FIRING] == opens
    assert all(event.reading.samples <= len(after) for event in later)


@pytest.mark.parametrize(
    ("rule", "least"),
    [(LAST, 5), ({**SHIFT, "id": "last", "false_alarm_every": 300}, 4)],
    ids=["last", "shift"],
)
@pytest.mark.parametrize("fewer", [1, 0])
def test_after_an_all_clear_it_opens_by_contacts_since_alone(
    rule: dict[str, object], least: int, fewer: int
) -> None:
    told = desk(rule)
    told.calls("9:00:03", "xxxxx" + "." * 9, every=MINUTE)
    told.calls("9:15:03", "x" * (least - fewer), every=MINUTE)
    steps = told.steps("8:59:00", "9:21:00")
    assert [step.state for step in steps if step.at < "9:15"][-1] is OK, "it is over by then"
    assert [step.state for step in steps].count(FIRING) == 2 - fewer


def test_it_does_not_end_while_somebody_waits() -> None:
    told = desk({**LAST, "stale_after": "10m"})
    told.calls("9:00:03", "xxxxx")
    told.caller("9:20:00", "9:31:17", Outcome.LEFT_BY_KEY)  # in no missed definition: no reading either
    steps = told.steps("8:59:00", "9:40:00", kills=("9:22:10", "9:31:17"))
    assert steps == [
        Step("9:12:03", "last", FIRING, Cause.HELD),
        Step("9:31:17", "last", OK, Cause.NO_READING),
    ]


@pytest.mark.parametrize(
    ("story", "came", "ends"),
    [("half a minute keeps the promise", "9:08:30", "9:09:00"), ("a minute does not", "9:08:00", "9:10:00")],
)
def test_a_mean_wait_ends_unless_somebody_waits_for_longer_than_its_limit(
    story: str, came: str, ends: str
) -> None:
    """Three answers after two minutes each; from 9:08 on the window holds two, and at 9:10 he hangs up."""
    few: dict[str, object] = {"min_samples": 3, "stale_after": "1m"}
    told = desk({"id": "wait", "kpi": "call_wait_mean", "window": "5m", "limit": 45, **few})
    told.calls("9:03:03", "...", every=MINUTE, wait_s=120)
    told.caller(came, "9:10:00", Outcome.ABANDONED)
    assert told.steps("8:59:00", "9:11:00") == [
        Step("9:05:03", "wait", FIRING, Cause.HELD),
        Step(ends, "wait", OK, Cause.NO_READING),
    ], story


def test_four_missed_calls_of_four_are_not_yet_to_say_and_the_fifth_is() -> None:
    """Of any window: the range of so few says what ``min_samples`` said."""
    told = desk({"id": "share", "kpi": "missed_ratio", "window": "1h", "limit": 0.3})
    told.calls("9:00:03", "xxxxx..", every=MINUTE)
    told.calls("9:20:03", "...........", every=MINUTE)
    steps = told.steps("8:59:00", "9:32:00")
    # 5 of 5; over again when it is as many as that figure itself says: 5 of 17 is under 30 %.
    assert [(step.at, step.state) for step in steps] == [
        ("9:04:03", FIRING),
        ("9:29:03", CLEARING),
        ("9:29:03", OK),
    ]


@pytest.mark.parametrize("kills", [(), ("9:15:03", "9:18:03", "9:18:04", "9:30:00")])
def test_a_full_outage_is_told_at_the_seventh_call_and_is_over_at_the_eighth_answer(
    kills: tuple[str, ...],
) -> None:
    told = desk(SHIFT)
    told.calls("8:30:03", "..x.....", every=3 * MINUTE)
    told.calls("9:00:03", "xxxxxxx", every=3 * MINUTE)
    told.calls("9:21:03", "........", every=3 * MINUTE)
    events = told.told("8:29:00", "9:50:00", kills)
    assert steps_of(told, events) == [
        Step("9:18:03", "shift", FIRING, Cause.HELD),
        Step("9:42:03", "shift", CLEARING, Cause.BACK),
        Step("9:42:03", "shift", OK, Cause.STAYED_BACK),
    ]
    fired = next(event for event in events if event.state is FIRING)
    assert (fired.window, fired.limit, fired.usual, fired.clear_at) == ("today", 0.4, 0.12, 0.12)
    assert (fired.reading.part, fired.reading.samples) == (7, 7)
    assert fired.reading.since == told.moment("9:00:00")


def test_a_shift_begins_anew_every_day() -> None:
    told = desk(SHIFT)
    told.calls("16:40:03", "xxxxxx", every=3 * MINUTE)
    told.calls("32:05:03", "xxxxxx", every=3 * MINUTE)
    looks = sorted({told.clock(arrival.at) for arrival in told.arrivals}, key=told.moment)
    assert steps_of(told, told.told("", "", looks=looks)) == []
