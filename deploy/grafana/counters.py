"""The counters: each activity cluster against its own target."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import stat, statetimeline, table, timeseries
from grafana_foundation_sdk.builders.common import HideSeriesConfig
from grafana_foundation_sdk.builders.dashboard import Dashboard

from deploy.grafana.board import BoardName, board, breaches_of_queue, breaches_of_row, to_board
from deploy.grafana.kpis import VISIT_WAIT, judged, verdicts
from deploy.grafana.palette import PLAIN, Colour
from deploy.grafana.panels import (
    CLOCK,
    COUNT,
    columns,
    fixed,
    given,
    headed_columns,
    lines,
    listing,
    mapped,
    merged,
    number,
    numbers_as_shades,
    over_time,
    range_band,
    rows,
    states_over_time,
    target_line,
    with_words,
)
from deploy.grafana.promql import CHOSEN, TODAY, growth, named, per_place
from deploy.grafana.words import CLUSTER, NOT_REPORTED, STAFF_COUNTER, TARGET, VISIT_ENDS, Edition, Text
from deploy.grafana.words import CountersWords as Words

VISIT_COLOURS: Final = (PLAIN, Colour.BLUE, Colour.YELLOW, Colour.GREY, Colour.ORANGE)
"""By appointment, walk-in, early, left, did not come."""


def counters(say: Edition) -> Dashboard:
    return (
        board(say, BoardName.COUNTERS, "now-6h", "10s")
        .with_panel(_verdicts(say).height(5).span(24))
        .with_panel(_now(say).height(11).span(24))
        .with_panel(_per_hour(say).height(8).span(9))
        .with_panel(_waiting(say).height(8).span(15))
        .with_panel(_course(say).height(7).span(24))
    )


def _verdicts(say: Edition) -> stat.Panel:
    """A tile per cluster: today's wait against its own target."""
    panel = number(say, Words.VERDICTS, verdicts(VISIT_WAIT, say, CHOSEN, TODAY), named=True, solid=True)
    judged(panel, VISIT_WAIT, say).data_links(breaches_of_queue(say))
    return panel.links(to_board(BoardName.BREACHES, say))


def _now(say: Edition) -> table.Panel:
    visits = f"wachtpost_visits{{{CHOSEN}}}"
    asked = (
        (Words.WAITING, per_place(f"wachtpost_visits_waiting{{{CHOSEN}}}"), COUNT),
        (Words.LONGEST, per_place(f"wachtpost_longest_wait_seconds{{{CHOSEN}}}"), CLOCK),
        (Words.LAST_HOUR, growth(visits, "site, queue", "1h"), COUNT),
        (Words.WALK_INS, growth(visits.replace("}", ', ended="walk_in"}'), "site, queue", "1h"), COUNT),
        (
            Words.WALK_IN_WAIT,
            per_place(f'wachtpost_walk_in_wait_mean_seconds{{{CHOSEN}, window="{TODAY}"}}'),
            CLOCK,
        ),
        (Words.EARLY, growth(visits.replace("}", ', ended="early"}'), "site, queue", "1h"), COUNT),
        (Words.NO_SHOWS, growth(visits.replace("}", ', ended="no_show"}'), "site, queue", "1h"), COUNT),
        (
            Words.SERVICE_TIME,
            _or_untold(f'wachtpost_service_time_mean_seconds{{{CHOSEN}, window="{TODAY}"}}'),
            CLOCK,
        ),
        *(
            (text, _or_untold(f'wachtpost_staff{{{CHOSEN}, state="{state}"}}'), COUNT)
            for state, text in STAFF_COUNTER.items()
        ),
    )
    queries = (rows(named(expr)) for _, expr, _ in asked)
    panel = listing(say, Words.NOW, *queries, sort_by=say(Words.WAITING), highest_first=True, tall=True)
    panel.decimals(0).no_value("–")
    panel.override_by_name(say(CLUSTER), given(links=[one.build() for one in breaches_of_row(say)]))
    for text, _, unit in asked:
        panel.override_by_name(say(text), given(unit=unit))
    for text in STAFF_COUNTER.values():
        panel.override_by_name(say(text), given(mappings=mapped({"-1": (say(NOT_REPORTED), None)})))
    panel.override_by_name(say(Words.SERVICE_TIME), given(mappings=mapped({"-1": ("–", None)})))
    # Not taken away: the link needs it.
    panel.override_by_name("queue", given(custom_hideFrom=HideSeriesConfig().viz(True)))
    headings = {"name": say(CLUSTER)} | headed_columns(say(text) for text, _, _ in asked)
    return panel.with_transformation(merged()).with_transformation(columns(headings, hidden=("Time", "site")))


def _or_untold(series: str) -> str:
    """A figure per counter; -1 where there is none, as no source may tell it: else the column would come and
    go."""
    every = per_place(f"wachtpost_visits_waiting{{{CHOSEN}}}")
    return f"{per_place(series)}\nor 0 * {every} - 1"


def _per_hour(say: Edition) -> timeseries.Panel:
    ended = growth(f"wachtpost_visits{{{CHOSEN}}}", "ended", "1h")
    panel = lines(say, Words.PER_HOUR, over_time(ended, "{{ended}}"), stacked=True).decimals(0)
    return with_words(panel, say, VISIT_ENDS, VISIT_COLOURS)


def _waiting(say: Edition) -> statetimeline.Panel:
    most = per_place(f"max_over_time(wachtpost_visits_waiting{{{CHOSEN}}}[$__interval])")
    panel = states_over_time(say, Words.WAITING_COURSE, over_time(named(most), "{{name}}"), legend=False)
    return panel.decimals(0).min(0).color_scheme(numbers_as_shades()).interval("10m")


def _course(say: Edition) -> timeseries.Panel:
    target = f'max by (site, queue) (wachtpost_kpi_target{{{CHOSEN}, kpi="{VISIT_WAIT.name}"}})'
    asked: tuple[tuple[Text, str], ...] = (
        (Words.WAIT_LONG, VISIT_WAIT.value(CHOSEN, say.long)),
        (TARGET, target),
        (Words.WAIT_TODAY, VISIT_WAIT.value(CHOSEN, TODAY)),
        *VISIT_WAIT.range(CHOSEN, TODAY),
    )
    queries = (over_time(VISIT_WAIT.scaled(expr), say(text)) for text, expr in asked)
    panel = lines(say, Words.COURSE, *queries, fill=0)
    return (
        range_band(panel, say, ("D", "E"), Colour.ORANGE)
        .unit(VISIT_WAIT.unit_in(say))
        .decimals(VISIT_WAIT.decimals)
        .override_by_name(say(Words.WAIT_LONG), given(color=fixed(PLAIN)))
        .override_by_name(say(Words.WAIT_TODAY), given(color=fixed(Colour.ORANGE)))
        .override_by_query("B", target_line())
        .repeat("queue")
        .repeat_direction("h")
        .max_per_row(3)
        .links(to_board(BoardName.BREACHES, say))
    )
