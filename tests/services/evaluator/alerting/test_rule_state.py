"""The breach rule as pictures: a row of readings, one a second, and what it comes to."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.evaluator.alerting.rule_state import (
    Patience,
    RuleLimits,
    RuleReading,
    RuleState,
    RuleStep,
    close,
    in_time,
    judge,
    noted,
)
from shared.contract.breach_events import BreachState, Cause

START = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)

LIMITS = RuleLimits(limit=20, clear_at=15)

READINGS = {"-": 10.0, "~": 18.0, "+": 30.0, "?": 30.0, " ": None}
"""Well within, between ``clear_at`` and the limit, over, not yet to say, and no reading."""

PATIENT = Patience(hold=2 * SECOND, keep_firing=2 * SECOND)
NO_PATIENCE = Patience()
STALE = Patience(hold=SECOND, keep_firing=9 * SECOND, stale_after=3 * SECOND)


NOTHING = RuleReading(None, over=False, back=False)


def look(value: float | None, limits: RuleLimits = LIMITS, *, settled: bool = True) -> RuleReading | None:
    """What a look at a figure finds."""
    if value is None:
        return None
    return RuleReading(value, limits.over(value) and settled, limits.back(value), settled)


def play(picture: str, patience: Patience, *, waited_for: bool = False) -> tuple[RuleState, list[RuleStep]]:
    """One reading a second; a bar ``|`` is the desk closing."""
    watch, steps = RuleState(), list[RuleStep]()
    for second, sign in enumerate(picture):
        now = START + second * SECOND
        seen = look(READINGS.get(sign), settled=sign != "?")
        taken = (
            close(watch, now, Cause.CLOSED)
            if sign == "|"
            else judge(watch, seen, now, patience, waited_for=waited_for)
        )
        watch = taken[-1].rule_state if taken else watch
        watch = noted(watch, seen, now, LIMITS)
        steps += taken
    return watch, steps


@pytest.mark.parametrize(
    ("picture", "end"),
    [
        ("", BreachState.OK),
        ("---", BreachState.OK),
        ("~~~", BreachState.OK),  # near the limit is not over it
        ("+", BreachState.PENDING),  # over the limit, not yet for long
        ("+-", BreachState.OK),  # went away by itself
        ("+~", BreachState.OK),  # below the limit is enough while nobody was told
        ("+++", BreachState.FIRING),  # held
        ("+-++", BreachState.PENDING),  # a dip starts the hold anew
        ("+++-", BreachState.CLEARING),  # back, not yet for long
        ("+++~", BreachState.FIRING),  # hysteresis: not far enough back
        ("+++-+", BreachState.FIRING),  # a dip is not an all-clear
        ("+++---", BreachState.OK),  # stayed back
        ("+++-~-", BreachState.CLEARING),  # a bounce starts the patience anew
        ("+  +", BreachState.FIRING),  # no reading does not close; time went on, and it is still over
        ("+  ", BreachState.PENDING),  # nor does it open
        ("+++   ", BreachState.FIRING),  # nor close
        ("+++-  -", BreachState.OK),
        ("   ", BreachState.OK),
        ("?????", BreachState.OK),  # what is not yet to say opens nothing
        ("+?", BreachState.OK),  # nor does it hold
        ("+++???", BreachState.FIRING),  # nor is it an all-clear
        ("+++|", BreachState.OK),  # the desk closed
        ("+|", BreachState.OK),
        ("|", BreachState.OK),
    ],
)
def test_where_a_row_of_readings_ends(picture: str, end: BreachState) -> None:
    assert play(picture, PATIENT)[0].state is end


@pytest.mark.parametrize(
    ("picture", "end"),
    [
        ("++   ", BreachState.FIRING),  # not yet for long
        ("++    ", BreachState.OK),  # so few contacts that nothing can be measured any more
        ("++   +   ", BreachState.FIRING),  # a reading starts the wait anew
        ("++   ~   ", BreachState.FIRING),
        ("++-    ", BreachState.OK),  # nor does it go on clearing for ever
        ("+    ", BreachState.OK),
        ("++    +", BreachState.PENDING),  # and what comes then is another breach
    ],
)
def test_a_breach_without_a_reading_ends(picture: str, end: BreachState) -> None:
    watch, steps = play(picture, STALE)
    assert watch.state is end
    assert (Cause.NO_READING in [step.cause for step in steps]) == ("    " in picture)


def test_a_breach_without_a_reading_goes_on_while_somebody_waits() -> None:
    watch, _ = play("++         ", STALE, waited_for=True)
    assert watch.state is BreachState.FIRING
    (step,) = judge(watch, None, START + 11 * SECOND, STALE)
    assert (step.rule_state.state, step.cause) == (BreachState.OK, Cause.NO_READING)


@pytest.mark.parametrize(
    ("picture", "told"),
    [
        ("+", ["pending", "firing"]),
        ("+-", ["pending", "firing", "clearing", "ok"]),
        ("+~-", ["pending", "firing", "clearing", "ok"]),
        ("+|", ["pending", "firing", "ok"]),
    ],
)
def test_without_patience_every_step_is_told_all_the_same(picture: str, told: list[str]) -> None:
    assert [step.rule_state.state for step in play(picture, NO_PATIENCE)[1]] == told


@pytest.mark.parametrize("seconds", [2, 5, 10, 20])
def test_a_blip_is_always_in_the_log_though_nobody_is_told(seconds: int) -> None:
    slow = Patience(hold=timedelta(minutes=1))
    _, steps = play("-" + "+" * seconds + "-", slow)
    assert [step.rule_state.state for step in steps] == [BreachState.PENDING, BreachState.OK]
    assert steps[-1].rule_state.opened_at == START + SECOND


def test_exactly_the_limit_keeps_the_promise() -> None:
    assert judge(RuleState(), look(20.0), START, NO_PATIENCE) == []


def test_more_is_better_turns_the_limits_round() -> None:
    level = RuleLimits(limit=0.8, clear_at=0.85, more_is_better=True)
    steps = judge(RuleState(), look(0.79, level), START, NO_PATIENCE)
    assert steps[-1].rule_state.state is BreachState.FIRING
    assert judge(steps[-1].rule_state, look(0.82, level), START + SECOND, NO_PATIENCE) == []
    back = judge(steps[-1].rule_state, look(0.85, level), START + SECOND, NO_PATIENCE)
    assert back[-1].rule_state.state is BreachState.OK
    assert noted(steps[-1].rule_state, look(0.5, level), START, level).worst == 0.5


def test_the_worst_is_remembered_and_the_breach_keeps_its_name() -> None:
    watch, steps = play("++++-++", PATIENT)
    assert watch.worst == 30
    assert {step.rule_state.opened_at for step in steps} == {START}
    assert watch.fired_at == START + 2 * SECOND


def test_the_worst_comes_with_the_contacts_that_it_rests_on() -> None:
    shares = RuleLimits(limit=0.2, clear_at=0.2)
    watch = RuleState()
    told = []
    for second, (part, samples) in enumerate([(3, 10), (6, 12), (8, 16), (7, 20), (9, 15)]):
        now = START + second * SECOND
        found = replace(look(part / samples, shares) or NOTHING, samples=samples, part=part)
        steps = judge(watch, found, now, NO_PATIENCE)
        watch = noted(steps[-1].rule_state if steps else watch, found, now, shares)
        told.append((watch.worst_part, watch.worst_samples))
    assert told == [(3, 10), (6, 12), (6, 12), (6, 12), (9, 15)]  # as bad is no worse


def test_two_returns_to_the_same_state_can_be_told_apart() -> None:
    _, steps = play("+++-+-+", PATIENT)
    names = [(step.rule_state.steps, step.rule_state.state) for step in steps]
    assert len(set(names)) == len(names)


def test_patience_begins_anew_when_the_clock_that_it_began_by_is_set_back() -> None:
    ahead, _ = play("+", PATIENT)  # two hours ahead, as it turns out
    back = START - timedelta(hours=2)
    watch = in_time(ahead, back)
    assert judge(watch, look(30.0), back + SECOND, PATIENT) == []
    assert judge(watch, look(30.0), back + PATIENT.hold, PATIENT)[-1].rule_state.state is BreachState.FIRING
    assert in_time(ahead, START + SECOND) == ahead
    unread, _ = play("++ ", STALE)
    assert in_time(unread, back).unread_since == back


PICTURES = st.text(alphabet="-~+? |", max_size=60)
PATIENCE = st.sampled_from([PATIENT, NO_PATIENCE, Patience(hold=5 * SECOND)])


@given(PICTURES, PATIENCE)
def test_steps_always_join_up(picture: str, patience: Patience) -> None:
    watch, steps = play(picture, patience)
    state = BreachState.OK
    for step in steps:
        assert step.previous is state
        assert step.rule_state.state is not state
        state = step.rule_state.state
    assert watch.state is state


@given(PICTURES, PATIENCE)
def test_no_reading_never_takes_a_step(picture: str, patience: Patience) -> None:
    watch, _ = play(picture, patience)
    assert judge(watch, None, START + timedelta(days=1), patience) == []


@given(PICTURES)
def test_nobody_is_told_before_it_held(picture: str) -> None:
    for step in play(picture, PATIENT)[1]:
        if step.cause is Cause.HELD:
            assert step.rule_state.opened_at is not None
            assert step.rule_state.fired_at is not None
            assert step.rule_state.fired_at - step.rule_state.opened_at >= PATIENT.hold
