"""Rules by volume: each that is chosen is one that the loader takes, with its reason, and seldom wrong."""

from __future__ import annotations

from math import ceil

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from domain.shift import run_length, shift_design
from shared.config.alerting import QueueRule
from shared.contract.kpis import QueueKind
from shared.translation import translator
from wachtpost.init.rules import (
    ENOUGH,
    LIKELY,
    ChosenRule,
    Promise,
    live_windows,
    rules_for,
    share_window,
    silent_for,
)
from wachtpost.init.volume import Volume

SAY = translator("en")
PERIODS = ["wait-month", "missed-year"]
RULE: TypeAdapter[QueueRule] = TypeAdapter(QueueRule)


def chosen(
    per_hour: float,
    kind: QueueKind = QueueKind.PHONE,
    missed: float | None = None,
    wait_s: float | None = None,
) -> dict[str, ChosenRule]:
    volume = Volume(per_hour, 38, missed, wait_s)
    return {str(rule.table["id"]): rule for rule in rules_for(volume, kind, Promise(), SAY)}


@pytest.mark.parametrize(
    ("per_hour", "missed", "windows"),
    [
        (5, ["missed-shift"], ("last 20", "1h")),
        (18, ["missed-shift"], ("last 20", "1h")),
        (60, ["missed-shift", "missed-now"], ("last 20", "1h")),
        (150, ["missed-shift", "missed-now"], ("15m", "1h")),
        (600, ["missed-now"], ("15m", "1h")),
    ],
)
def test_a_share_over_time_is_for_those_who_have_the_calls(
    per_hour: float, missed: list[str], windows: tuple[str, str]
):
    assert [name for name in chosen(per_hour) if name in {"missed-shift", "missed-now"}] == missed
    assert live_windows(per_hour) == windows


def test_at_lier_an_outage_is_noticed_after_seven_calls_and_the_reason_says_so():
    rule = chosen(18)["missed-shift"]
    assert (rule.table["usual"], rule.table["bad"], rule.table["false_alarm_every"]) == (0.12, 0.4, 35_000)
    assert "noticed after 7 calls" in rule.why
    assert "not known yet: 12% is taken for it" in rule.why
    assert "not known yet" not in chosen(18, missed=0.12)["missed-shift"].why


def test_a_shift_that_comes_and_goes_in_one_bad_hour_is_one():
    assert [chosen(per_hour)["missed-shift"].table["keep_firing"] for per_hour in (18, 60)] == ["10m", "5m"]


def test_where_more_is_missed_as_a_rule_what_is_bad_is_more():
    rule = chosen(18, missed=0.32)["missed-shift"].table
    assert (rule["usual"], rule["bad"]) == (0.32, 0.7)
    limits = [chosen(600, missed=missed)["missed-now"].table["limit"] for missed in (0.12, 0.32)]
    assert limits == [0.3, 0.55]


def missed_noticed_after(per_hour: float) -> int:
    """Return after how many calls that are all missed the rule on a shift fires."""
    table = chosen(per_hour)["missed-shift"].table
    usual, bad, every = table["usual"], table["bad"], table["false_alarm_every"]
    assert isinstance(usual, float)
    assert isinstance(bad, float)
    assert isinstance(every, int)
    return ceil(run_length(shift_design(usual, bad, every), 1.0))


def test_a_desk_with_a_handful_of_calls_a_day_has_no_rule_that_a_day_cannot_fill():
    assert list(chosen(3 / 7.6)) == ["waiting", "longest-wait", "wait-month", "missed-year"]
    assert chosen(3 / 7.6)["longest-wait"].table["limit"] == 180
    assert list(chosen(11 / 7.6)) == ["missed-shift", "waiting", "longest-wait", "wait-last", *PERIODS]
    assert [missed_noticed_after(per_hour) for per_hour in (11 / 7.6, 18)] == [5, 7]


def test_where_nearly_all_calls_are_missed_nothing_is_unusual():
    assert "missed-shift" in chosen(18, missed=0.75)
    assert "missed-shift" not in chosen(18, missed=0.9)


def test_the_busier_the_desk_the_rarer_a_shift_by_chance_and_the_shorter_the_longest_wait():
    rules = [chosen(per_hour, wait_s=15) for per_hour in (10, 60, 600)]
    assert [one["longest-wait"].table["limit"] for one in rules] == [420, 240, 120]
    every = [one["missed-shift"].table["false_alarm_every"] for one in rules[:2]]
    assert every == [19_000, 380_000]


def test_waits_of_the_last_few_calls_are_for_a_desk_where_they_do_not_hang_together():
    assert [[name for name in chosen(per_hour) if name.startswith("wait-")] for per_hour in (18, 60)] == [
        ["wait-last", "wait-month"],
        ["wait-now", "wait-month"],
    ]


def test_a_desk_that_misses_most_calls_has_no_rule_on_the_last_ten():
    assert chosen(18, missed=0.12)["missed-last"].table["limit"] == 0.45
    assert chosen(18, missed=0.32)["missed-last"].table["limit"] == 0.7
    assert "missed-last" not in chosen(18, missed=0.6)


def test_without_anybody_who_counts_staff_nobody_can_be_missing():
    volume = Volume(18, 38)
    ids = [
        [rule.table["id"] for rule in rules_for(volume, QueueKind.PHONE, Promise(), SAY, staff=staff)]
        for staff in (False, True)
    ]
    assert ["nobody-there" in found for found in ids] == [False, True]


def test_visitors_without_appointments_have_no_mean_wait():
    volume = Volume(20, 30)
    rules = rules_for(volume, QueueKind.COUNTER, Promise(wait_s=300), SAY, appointments=False)
    assert [rule.table["id"] for rule in rules] == ["counter-longest-wait"]


@given(
    st.floats(0.01, 5000),
    st.floats(0.25, 168),
    st.none() | st.floats(0, 1),
    st.none() | st.floats(0, 20_000),
    st.floats(0.001, 0.999),
    st.integers(1, 3600),
    st.sampled_from(QueueKind),
)
@example(4999.0, 143.3, None, 4016.0, 0.5, 1, QueueKind.PHONE)  # eleven thousand wait in a busy hour
def test_whatever_the_volume_the_rules_are_ones_that_the_city_file_takes(
    per_hour: float,
    hours: float,
    missed: float | None,
    wait_s: float | None,
    target: float,
    wait_target: int,
    kind: QueueKind,
):
    volume = Volume(per_hour, hours, missed, wait_s)
    rules = rules_for(volume, kind, Promise(round(target, 3), wait_target), SAY, staff=True)
    assert all(rule.why for rule in rules)
    for rule in rules:
        RULE.validate_python(dict(rule.table))
    assert len({rule.table["id"] for rule in rules}) == len(rules)


@given(st.floats(0.1, 5000), st.floats(1, 168))
def test_a_silence_is_longer_the_quieter_the_desk(per_hour: float, hours: float):
    assert silent_for(Volume(per_hour, hours)) >= silent_for(Volume(per_hour * 2, hours))


@given(st.floats(0.1, 5000))
def test_the_window_of_a_share_holds_enough_nearly_always(per_hour: float):
    window = share_window(per_hour)
    if window is not None:
        mean = per_hour * window.total_seconds() / 3600
        assert mean > ENOUGH
        assert LIKELY == 0.95
