"""Live telephony: a board for the wall. All of it fits a screen, and its top is read from five metres."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import bargauge, stat, statetimeline, timeseries
from grafana_foundation_sdk.builders.dashboard import Dashboard

from deploy.grafana.board import BoardName, board, breaches_of_queue, to_board
from deploy.grafana.kpis import CALL_WAIT, HANDLE_TIME, MISSED, SERVICE_LEVEL, judged, state_words, verdicts
from deploy.grafana.palette import BAD, PLAIN, Colour
from deploy.grafana.panels import (
    CLOCK,
    RATIO,
    bars,
    columns,
    fixed,
    instant,
    lines,
    mapped,
    number,
    over_time,
    range_band,
    rows,
    sorted_by,
    states_over_time,
    target_line,
    with_words,
)
from deploy.grafana.promql import (
    CHOSEN,
    SITE,
    TOTAL,
    KpiQuery,
    any_of,
    counted_speeds,
    growth,
    named,
    per_place,
    states,
)
from deploy.grafana.words import (
    NOT_REPORTED,
    OUTCOMES,
    STAFF_PHONE,
    TARGET,
    Edition,
    PanelText,
)
from deploy.grafana.words import LiveWords as Words
from shared.config.alerting import CombinedRule, NobodyRule, QueueRule, StateRule, kinds_of
from shared.contract.kpis import QueueKind, kpis_of

OUTCOME_COLOURS: Final = (
    PLAIN,
    BAD,
    Colour.ORANGE,
    Colour.YELLOW,
    Colour.PURPLE,
    Colour.GREY,
    Colour.GREEN,
    Colour.BLUE,
)
"""As in ``OUTCOMES``: answered, hung up, timed out, nobody available, call-back, closed, full, cut off."""


def live(say: Edition) -> Dashboard:
    return (
        board(say, BoardName.LIVE, "now-3h", "5s")
        .with_panel(_waiting(say).height(7).span(3))
        .with_panel(_longest(say).height(7).span(5))
        .with_panel(_tile(say, Words.WAIT, CALL_WAIT).height(7).span(4))
        .with_panel(_tile(say, Words.MISSED, MISSED).height(7).span(4))
        .with_panel(_tile(say, Words.LEVEL, SERVICE_LEVEL).height(7).span(4))
        .with_panel(_age(say).height(7).span(4))
        .with_panel(_queues_now(say).height(7).span(4))
        .with_panel(_staff(say).height(7).span(3))
        .with_panel(_queues(say, Words.QUEUES_WAIT, CALL_WAIT).height(7).span(6))
        .with_panel(_queues(say, Words.QUEUES_MISSED, MISSED).max(1).height(7).span(6))
        .with_panel(_speed(say).height(7).span(5))
        .with_panel(_states(say).height(6).span(24))
        .with_panel(_course(say, Words.WAIT_COURSE, CALL_WAIT).height(6).span(6))
        .with_panel(_course(say, Words.MISSED_COURSE, MISSED).height(6).span(6))
        .with_panel(_today(say).height(6).span(6))
        .with_panel(_course(say, Words.HANDLE_COURSE, HANDLE_TIME).height(6).span(6))
    )


def _waiting(say: Edition) -> stat.Panel:
    waiting = f"sum({per_place(f'wachtpost_calls_waiting{{{CHOSEN}}}')})"
    return number(say, Words.WAITING, instant(waiting)).decimals(0).color_scheme(fixed(Colour.TEXT))


def _longest(say: Edition) -> stat.Panel:
    longest = number(say, Words.LONGEST, instant(f"max(wachtpost_longest_wait_seconds{{{CHOSEN}}})"))
    return longest.unit(CLOCK).decimals(0).color_scheme(fixed(Colour.TEXT))


def _tile(say: Edition, text: PanelText, kpi: KpiQuery) -> stat.Panel:
    panel = number(say, text, verdicts(kpi, say, TOTAL, say.short, one=True), named=True, solid=True)
    return judged(panel, kpi, say).links(to_board(BoardName.BREACHES, say))


def _age(say: Edition) -> stat.Panel:
    last = "max by (source) (wachtpost_last_event_timestamp_seconds)"
    # clamp_min: a sender's clock may run a little ahead.
    longest = f"topk(1, clamp_min(time() - ({last} > 0), 0))"
    panel = number(say, Words.AGE, instant(longest, "{{source}}"), named=True)
    panel.unit(CLOCK).decimals(0).color_scheme(fixed(Colour.TEXT))
    return panel.links(to_board(BoardName.PIPELINE, say))


def _queues_now(say: Edition) -> bargauge.Panel:
    waiting = named(per_place(f"wachtpost_calls_waiting{{{CHOSEN}}}"))
    asked = instant(f"sort_desc(\n{waiting}\n)", "{{name}}")
    panel = bars(say, Words.QUEUES_NOW, asked, title_size=18, value_size=28)
    return panel.color_scheme(fixed(PLAIN)).data_links(breaches_of_queue(say))


def _staff(say: Edition) -> stat.Panel:
    def told(state: str) -> str:
        reported = per_place(f'wachtpost_staff{{{CHOSEN}, state="{state}"}}')
        return f"sum({reported})"

    asked = (instant(told(state), say(text)) for state, text in STAFF_PHONE.items())
    panel = number(say, Words.STAFF, *asked, listed=True).decimals(0)
    return panel.color_scheme(fixed(Colour.TEXT)).no_value(say(NOT_REPORTED))


def _queues(say: Edition, text: PanelText, kpi: KpiQuery) -> bargauge.Panel:
    asked = verdicts(kpi, say, CHOSEN, say.short, ranged=True)
    panel = bars(say, text, asked, title_size=14, value_size=26)
    judged(panel, kpi, say).data_links(breaches_of_queue(say))
    return panel.links(to_board(BoardName.BREACHES, say))


def _speed(say: Edition) -> bargauge.Panel:
    asked = counted_speeds(say, CALL_WAIT, TOTAL, say.long)
    return (
        bars(say, Words.SPEED, rows(asked), beside=True, per_row=True, title_size=13, value_size=16)
        .unit(RATIO)
        .max(1)
        .color_scheme(fixed(PLAIN))
        .with_transformation(sorted_by("order"))
        .with_transformation(columns({"category": "category", "Value": "Value"}, hidden=("Time", "order")))
    )


def _states(say: Edition) -> statetimeline.Panel:
    elsewhere = "|".join(kpis_of([QueueKind.COUNTER]))
    visitors = any_of(rule.id for rule in say.city.rules if is_about_visits(rule))
    theirs = f', rule!~"({visitors})(-warning)?"' if visitors else ""
    worst = states(f'{SITE}, queue=~"$queue|all", measure!~"{elsewhere}"{theirs}', "site, queue")
    panel = states_over_time(say, Words.STATES, over_time(named(worst), "{{name}}"))
    panel.mappings(mapped(state_words(say))).data_links(breaches_of_queue(say))
    return panel.links(to_board(BoardName.BREACHES, say))


def is_about_visits(rule: QueueRule) -> bool:
    """Whether a rule whose measure phones have as well looks at the counters of a site."""
    if not isinstance(rule, StateRule | NobodyRule | CombinedRule):
        return False
    return rule.contacts == "visits" or QueueKind.PHONE not in kinds_of(rule)


def _course(say: Edition, text: PanelText, kpi: KpiQuery) -> timeseries.Panel:
    """A rolling figure of all queues together over time, its target as a dashed line, and where it is on few
    contacts the range that the true one lies in."""
    figure = kpi.value(TOTAL, say.short)
    target = f'max(wachtpost_kpi_target{{{TOTAL}, kpi="{kpi.name}"}})'
    asked = ((text.title, figure), (TARGET, target), *kpi.range(TOTAL, say.short))
    panel = lines(say, text, *(over_time(kpi.scaled(query), say(name)) for name, query in asked), fill=0)
    panel.unit(kpi.unit_in(say)).decimals(kpi.decimals).color_scheme(fixed(PLAIN))
    range_band(panel, say, ("C", "D"), PLAIN).override_by_query("B", target_line())
    return panel.links(to_board(BoardName.BREACHES, say))


def _today(say: Edition) -> timeseries.Panel:
    answered = growth(f"wachtpost_calls_answered{{{CHOSEN}}}", "site", "1h")
    missed = growth(f"wachtpost_calls_missed{{{CHOSEN}}}", "outcome", "1h")
    asked = (over_time(answered, "answered"), over_time(missed, "{{outcome}}"))
    panel = lines(say, Words.TODAY, *asked, stacked=True).decimals(0)
    return with_words(panel, say, OUTCOMES, OUTCOME_COLOURS).time_from("now/d").hide_time_override(True)
