"""The counters: each activity cluster against its own target."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from grafana_foundation_sdk.builders import stat, statetimeline, table, timeseries
from grafana_foundation_sdk.builders.dashboard import Dashboard

from deploy.grafana.board import BoardName, board, breaches_of_queue, breaches_of_row, to_board
from deploy.grafana.kpis import VISIT_WAIT
from deploy.grafana.labels import clock, number, or_said, replaced
from deploy.grafana.now import (
    LONGEST,
    WALLS,
    against_target,
    bands,
    held,
    longest,
    queues_now,
    staff,
    strip,
    waiting,
)
from deploy.grafana.palette import PLAIN, Colour
from deploy.grafana.panels import (
    columns,
    fixed,
    given,
    headed_columns,
    lines,
    listing,
    merged,
    not_shown,
    numbers_as_shades,
    over_time,
    range_band,
    rows,
    sorted_by,
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
MOST: Final = 6
"""Counters that have a band each, in letters that are read from afar."""


def counters(say: Edition) -> Dashboard:
    """The first 28 rows fill the wall; below them, for who scrolls, each counter by itself."""
    return (
        board(say, BoardName.COUNTERS, "now-6h", "10s")
        .with_panel(waiting(say, WALL).height(8).span(5))
        .with_panel(longest(say, WALL).height(8).span(6))
        .with_panel(strip(say, WALL).height(8).span(8))
        .with_panel(staff(say, WALL).height(8).span(5))
        .with_panel(queues_now(say, WALL, MOST).height(11).span(12))
        .with_panel(_today(say).height(11).span(12))
        .with_panel(_per_hour(say).height(9).span(9))
        .with_panel(_waiting(say).height(9).span(15))
        .with_panel(_now(say).height(11).span(24))
        .with_panel(_course(say).height(7).span(24))
    )


def _today(say: Edition) -> stat.Panel:
    """Per counter today's wait against its own target."""
    asked = against_target(say, VISIT_WAIT, CHOSEN, TODAY, "{{name}}", most=MOST)
    panel = held(bands(say, Words.VERDICTS, asked), say, VISIT_WAIT).data_links(breaches_of_queue(say))
    return panel.links(to_board(BoardName.BREACHES, say))


def _now(say: Edition) -> table.Panel:
    """A row per counter. Its figures are labels, as people write them."""
    visits = f"wachtpost_visits{{{CHOSEN}}}"
    waiting_now = per_place(f"wachtpost_visits_waiting{{{CHOSEN}}}")

    def lately(ended: str) -> str:
        return growth(visits.replace("}", f', ended="{ended}"}}'), "site, queue", "1h")

    def today(figure: str) -> str:
        return per_place(f'wachtpost_{figure}_mean_seconds{{{CHOSEN}, window="{TODAY}"}}')

    def reported(state: str) -> str:
        return per_place(f'wachtpost_staff{{{CHOSEN}, state="{state}"}}')

    count = partial(number, say)
    told: dict[str, tuple[Text, Callable[[str, str], str], str]] = {
        "waiting": (Words.WAITING, count, waiting_now),
        "longest": (Words.LONGEST, clock, f"{LONGEST} > 0"),
        "visits": (Words.LAST_HOUR, count, growth(visits, "site, queue", "1h")),
        "walk_ins": (Words.WALK_INS, count, lately("walk_in")),
        "walk_in_wait": (Words.WALK_IN_WAIT, clock, today("walk_in_wait")),
        "early": (Words.EARLY, count, lately("early")),
        "no_shows": (Words.NO_SHOWS, count, lately("no_show")),
        "service_time": (Words.SERVICE_TIME, clock, today("service_time")),
        **{state: (text, count, reported(state)) for state, text in STAFF_COUNTER.items()},
    }
    queries = [
        f"{written(label, query)}\nor on (site, queue)\n"
        + replaced(
            f"0 * {waiting_now} + 1", label, say(NOT_REPORTED) if label in STAFF_COUNTER else NO_FIGURE
        )
        for label, (_, written, query) in told.items()
    ]
    every = or_said(named(waiting_now), "name", say(Words.NO_COUNTERS))
    panel = listing(say, Words.NOW, *map(rows, (every, *map(named, queries))), tall=True)
    to_breaches = [one.build() for one in breaches_of_row(say)]
    panel.override_by_name(say(CLUSTER), given(links=to_breaches, custom_width=160, custom_wrapText=True))
    # Not taken away: the link needs it.
    panel.override_by_name("queue", not_shown())
    headings = {"name": say(CLUSTER)} | {label: say(text) for label, (text, _, _) in told.items()}
    many_waiting, *values = headed_columns(("", *told))
    return (
        panel.min_width(105)
        .with_transformation(merged())
        .with_transformation(sorted_by(many_waiting, highest_first=True))
        .with_transformation(columns(headings, hidden=("Time", "site", many_waiting, *values)))
    )


def _per_hour(say: Edition) -> timeseries.Panel:
    ended = growth(f"wachtpost_visits{{{CHOSEN}}}", "ended", "1h")
    panel = lines(say, Words.PER_HOUR, over_time(ended, "{{ended}}"), stacked=True).decimals(0)
    return with_words(panel, say, VISIT_ENDS, VISIT_COLOURS)


def _waiting(say: Edition) -> statetimeline.Panel:
    most = per_place(f"max_over_time(wachtpost_visits_waiting{{{CHOSEN}}}[$__interval])")
    panel = states_over_time(say, Words.WAITING_COURSE, over_time(named(most), "{{name}}"), legend=False)
    return panel.decimals(0).min(0).color_scheme(numbers_as_shades()).interval("10m").per_page(9)


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
