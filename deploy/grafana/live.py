"""Live telephony: a board for the wall. All of it fits a screen, and its top is read from four metres."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import bargauge, stat, statetimeline, timeseries
from grafana_foundation_sdk.builders.dashboard import Dashboard

from deploy.grafana.board import BoardName, board, breaches_of_queue, to_board
from deploy.grafana.kpis import (
    CALL_WAIT,
    HANDLE_TIME,
    MISSED,
    SERVICE_LEVEL,
    judged,
    other_kpis,
    state_words,
)
from deploy.grafana.now import (
    WALLS,
    about,
    against_target,
    bands,
    held,
    longest,
    minutes_seconds,
    queues_now,
    staff,
    strip,
    waiting,
)
from deploy.grafana.palette import BAD, PLAIN, Colour
from deploy.grafana.panels import (
    bars,
    behind,
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
    TODAY,
    TOTAL,
    KpiQuery,
    counted_speeds,
    growth,
    named,
    states,
)
from deploy.grafana.words import (
    ABOVE_TARGET,
    CLOSED,
    KPIS,
    NO_TARGET,
    NOT_YET,
    ON_TARGET,
    OUTCOMES,
    TARGET,
    Edition,
    PanelText,
)
from deploy.grafana.words import LiveWords as Words
from shared.contract.kpis import QueueKind

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


WALL: Final = WALLS[QueueKind.PHONE]


def live(say: Edition) -> Dashboard:
    return (
        board(say, BoardName.LIVE, "now-3h", "10s")
        .with_panel(waiting(say, WALL).height(8).span(5))
        .with_panel(longest(say, WALL).height(8).span(6))
        .with_panel(strip(say, WALL).height(8).span(8))
        .with_panel(staff(say, WALL).height(8).span(5))
        .with_panel(queues_now(say, WALL, most=4).height(8).span(10))
        .with_panel(_targets(say).height(8).span(14))
        .with_panel(_queues(say, Words.QUEUES_WAIT, CALL_WAIT).height(5).span(7))
        .with_panel(_queues(say, Words.QUEUES_MISSED, MISSED).max(100).height(5).span(6))
        .with_panel(_speed(say).height(5).span(7))
        .with_panel(_handling(say).height(5).span(4))
        .with_panel(_states(say).height(5).span(6))
        .with_panel(_course(say, Words.WAIT_COURSE, CALL_WAIT).height(5).span(5))
        .with_panel(_course(say, Words.MISSED_COURSE, MISSED).height(5).span(5))
        .with_panel(_today(say).height(5).span(8))
    )


def _targets(say: Edition) -> stat.Panel:
    """All queues together against the city's targets: lately, and of the missed also today."""
    others = other_kpis(say, QueueKind.PHONE)
    asked = (
        against_target(say, kpi, TOTAL, window, say(text), ranged=True)
        for kpi, window, text in (
            (CALL_WAIT, say.short, Words.MEAN_WAIT),
            (MISSED, say.short, Words.MISSED),
            (MISSED, TODAY, Words.MISSED_TODAY),
            (SERVICE_LEVEL, say.short, Words.LEVEL),
            *((kpi, say.short, KPIS[kpi.name]) for kpi in others),
        )
    )
    panel = held(bands(say, Words.TARGETS, *asked), say, CALL_WAIT, MISSED, SERVICE_LEVEL, *others)
    return panel.links(to_board(BoardName.BREACHES, say))


def _queues(say: Edition, text: PanelText, kpi: KpiQuery) -> bargauge.Panel:
    """Names and verdicts alone: a bar's name is cut where it does not fit, and a phone is narrow."""
    asked = instant(kpi.verdict(say, CHOSEN, say.short), "{{name}} · {{verdict}}")
    panel = bars(say, text, asked, title_size=_name_size(say), value_size=16)
    judged(panel, kpi, say).data_links(breaches_of_queue(say))
    return panel.links(to_board(BoardName.BREACHES, say))


def _name_size(say: Edition) -> int:
    """How large a bar's name can be that no queue of the city has one that is cut on a small screen."""
    verdicts = (ON_TARGET, ABOVE_TARGET, NOT_YET, NO_TARGET, CLOSED)
    names = (q.title for site in say.city.sites for q in site.of_kind(QueueKind.PHONE))
    letters = max(map(len, names), default=0) + len(_TARGET) + max(len(say(one)) for one in verdicts)
    return max(_SMALLEST, min(_LARGEST, int(_NARROWEST_PX / (_LETTER * letters))))


_TARGET: Final = " ·  (20 %)"
"""What stands around a name and a verdict."""
_LETTER: Final = 0.5
"""Width of a letter, in its size."""
_NARROWEST_PX: Final = 305
"""Of the names on a screen of 1366, and of a phone."""
_SMALLEST, _LARGEST = 9, 14


def _speed(say: Edition) -> bargauge.Panel:
    asked = f"100 * ({counted_speeds(say, CALL_WAIT, TOTAL, say.long)})"
    return (
        bars(say, Words.SPEED, rows(asked), beside=True, per_row=True, title_size=12, value_size=12)
        .unit(behind(say.percent_sign))
        .max(100)
        .color_scheme(fixed(PLAIN))
        .with_transformation(sorted_by("order"))
        .with_transformation(columns({"category": "category", "Value": "Value"}, hidden=("Time", "order")))
    )


def _handling(say: Edition) -> stat.Panel:
    unit, factor = minutes_seconds(say)
    told = f"{factor} * ({HANDLE_TIME.verdict(say, TOTAL, say.short)})"
    asked = instant(told, "{{verdict}} · {{counts}}")
    panel = held(number(say, Words.HANDLING, asked, named=True, solid=True), say, HANDLE_TIME)
    return panel.unit(unit).links(to_board(BoardName.BREACHES, say))


def _states(say: Edition) -> statetimeline.Panel:
    worst = states(f'{SITE}, queue=~"$queue|all", {about(say, QueueKind.PHONE)}', "site, queue")
    panel = states_over_time(say, Words.STATES, over_time(named(worst), "{{name}}"))
    panel.mappings(mapped(state_words(say))).per_page(6).data_links(breaches_of_queue(say))
    return panel.links(to_board(BoardName.BREACHES, say))


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
    # Of eight outcomes those that there were: the legend has room for these.
    missed = f"{growth(f'wachtpost_calls_missed{{{CHOSEN}}}', 'outcome', '1h')} > 0"
    asked = (over_time(answered, "answered"), over_time(missed, "{{outcome}}"))
    panel = lines(say, Words.TODAY, *asked, stacked=True).decimals(0)
    return with_words(panel, say, OUTCOMES, OUTCOME_COLOURS).time_from("now/d").hide_time_override(True)
