"""The counters: each activity cluster against its own target."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import stat, statetimeline, table, timeseries
from grafana_foundation_sdk.builders.dashboard import Dashboard

from deploy.grafana.board import BoardName, board, breaches_of_queue, breaches_of_row, to_board
from deploy.grafana.kpis import VISIT_WAIT
from deploy.grafana.labels import clock, or_said, replaced
from deploy.grafana.now import WALLS, against_target, bands, held, longest, queues_now, staff, strip, waiting
from deploy.grafana.palette import PLAIN, Colour
from deploy.grafana.panels import (
    columns,
    fixed,
    given,
    headed_columns,
    lines,
    listing,
    mapped,
    merged,
    not_shown,
    numbers_as_shades,
    over_time,
    range_band,
    rows,
    states_over_time,
    target_line,
    with_words,
)
from deploy.grafana.promql import CHOSEN, TODAY, growth, named, per_place
from deploy.grafana.words import (
    CLUSTER,
    NO_FIGURE,
    NOT_REPORTED,
    STAFF_COUNTER,
    TARGET,
    VISIT_ENDS,
    Edition,
    Text,
)
from deploy.grafana.words import CountersWords as Words
from shared.contract.kpis import QueueKind

VISIT_COLOURS: Final = (PLAIN, Colour.BLUE, Colour.YELLOW, Colour.GREY, Colour.ORANGE)
"""By appointment, walk-in, early, left, did not come."""


WALL: Final = WALLS[QueueKind.COUNTER]


def counters(say: Edition) -> Dashboard:
    """The first 26 rows are for the wall; below them, for who scrolls, each counter by itself."""
    return (
        board(say, BoardName.COUNTERS, "now-6h", "10s")
        .with_panel(waiting(say, WALL).height(8).span(6))
        .with_panel(longest(say, WALL).height(8).span(6))
        .with_panel(strip(say, WALL).height(8).span(8))
        .with_panel(staff(say, WALL).height(8).span(4))
        .with_panel(queues_now(say, WALL, most=6).height(11).span(12))
        .with_panel(_today(say).height(11).span(12))
        .with_panel(_per_hour(say).height(7).span(9))
        .with_panel(_waiting(say).height(7).span(15))
        .with_panel(_now(say).height(11).span(24))
        .with_panel(_course(say).height(7).span(24))
    )


def _today(say: Edition) -> stat.Panel:
    """Per counter today's wait against its own target."""
    asked = against_target(say, VISIT_WAIT, CHOSEN, TODAY, "{{name}}")
    panel = held(bands(say, Words.VERDICTS, asked), say, VISIT_WAIT).data_links(breaches_of_queue(say))
    return panel.links(to_board(BoardName.BREACHES, say))


def _now(say: Edition) -> table.Panel:
    visits = f"wachtpost_visits{{{CHOSEN}}}"
    clocks = {
        "longest": (Words.LONGEST, f"wachtpost_longest_wait_seconds{{{CHOSEN}}} > 0"),
        "walk_in_wait": (
            Words.WALK_IN_WAIT,
            f'wachtpost_walk_in_wait_mean_seconds{{{CHOSEN}, window="{TODAY}"}}',
        ),
        "service_time": (
            Words.SERVICE_TIME,
            f'wachtpost_service_time_mean_seconds{{{CHOSEN}, window="{TODAY}"}}',
        ),
    }
    counts = {
        Words.WAITING: per_place(f"wachtpost_visits_waiting{{{CHOSEN}}}"),
        Words.LAST_HOUR: growth(visits, "site, queue", "1h"),
        Words.WALK_INS: growth(visits.replace("}", ', ended="walk_in"}'), "site, queue", "1h"),
        Words.EARLY: growth(visits.replace("}", ', ended="early"}'), "site, queue", "1h"),
        Words.NO_SHOWS: growth(visits.replace("}", ', ended="no_show"}'), "site, queue", "1h"),
        **{
            text: _or_untold(f'wachtpost_staff{{{CHOSEN}, state="{state}"}}')
            for state, text in STAFF_COUNTER.items()
        },
    }
    queries = (*counts.values(), *(_clock(label, series) for label, (_, series) in clocks.items()))
    first, *others = map(named, queries)
    panel = listing(
        say,
        Words.NOW,
        rows(or_said(first, "name", say(Words.NO_COUNTERS))),
        *map(rows, others),
        sort_by=say(Words.WAITING),
        highest_first=True,
        tall=True,
    )
    panel.decimals(0).no_value(say(NO_FIGURE)).min_width(105)
    to_breaches = [one.build() for one in breaches_of_row(say)]
    panel.override_by_name(say(CLUSTER), given(links=to_breaches, custom_width=160, custom_wrapText=True))
    for text in STAFF_COUNTER.values():
        panel.override_by_name(say(text), given(mappings=mapped({"-1": (say(NOT_REPORTED), None)})))
    # Not taken away: the link needs it.
    panel.override_by_name("queue", not_shown())
    values = headed_columns((*(say(text) for text in counts), *clocks))
    told = {label: say(text) for label, (text, _) in clocks.items()}
    of_clocks = {column for column, heading in values.items() if heading in clocks}
    waiting_now, *rest = ((column, values[column]) for column in values if column not in of_clocks)
    headings = {"name": say(CLUSTER)} | dict([waiting_now]) | told | dict(rest)
    hidden = ("Time", "site", *sorted(of_clocks))
    return panel.with_transformation(merged()).with_transformation(columns(headings, hidden))


def _clock(label: str, series: str) -> str:
    """A time per counter as the label that people read; a dash where there is none."""
    every = per_place(f"wachtpost_visits_waiting{{{CHOSEN}}}")
    without = replaced(f"0 * {every} + 1", label, NO_FIGURE)
    return f"{clock(label, per_place(series))}\nor on (site, queue)\n{without}"


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
