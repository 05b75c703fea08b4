"""The counters: each activity cluster against its own target."""

from __future__ import annotations

from typing import Final

from deploy.grafana.board import Band, Board, Name, breaches_of_queue, breaches_of_row, to_board
from deploy.grafana.kpis import VISIT_WAIT, verdict_fields, verdicts
from deploy.grafana.palette import PLAIN, Colour
from deploy.grafana.panels import (
    CLOCK,
    COUNT,
    Answer,
    Fields,
    Panel,
    Query,
    Word,
    columns,
    fixed,
    headed_columns,
    mappings,
    merged,
    numbers_as_shades,
    of_name,
    series_words,
    stat,
    state_timeline,
    table,
    target_line,
    time_series,
)
from deploy.grafana.promql import CHOSEN, LONG, TODAY, increase, named, per_place
from deploy.grafana.words import (
    CLUSTER,
    NO_DATA,
    NOT_REPORTED,
    STAFF_COUNTER,
    TARGET,
    VISIT_ENDS,
    Boards,
    Language,
    PanelText,
    Say,
    headed,
    speaker,
)
from deploy.grafana.words import Counters as Words

VISIT_COLOURS: Final = (PLAIN, Colour.BLUE, Colour.YELLOW, Colour.GREY)
"""By appointment, walk-in, early, left."""


def counters(language: Language) -> Board:
    """Return the board in one language."""
    say = speaker(language)
    return Board(
        name=Name.COUNTERS,
        language=language,
        about=Boards.COUNTERS_ABOUT,
        since="now-6h",
        refresh="10s",
        bands=(
            Band(5, ((24, cluster_verdicts(say, Words.VERDICTS, language)),)),
            Band(11, ((24, _now(say, language)),)),
            Band(8, ((9, _per_hour(say)), (15, _waiting(say)))),
            Band(7, ((24, _course(say, language)),)),
        ),
    )


def cluster_verdicts(say: Say, text: PanelText, language: Language, places: str = CHOSEN) -> Panel:
    """A tile per cluster: today's wait against its own target."""
    return stat(
        headed(say, text),
        [verdicts(VISIT_WAIT, say, places, TODAY)],
        verdict_fields(VISIT_WAIT, say, (breaches_of_queue(language),)),
        named=True,
        solid=True,
        links=(to_board(Name.BREACHES, language),),
    )


def _now(say: Say, language: Language) -> Panel:
    visits = f"wachtpost_visits_total{{{CHOSEN}}}"
    asked = (
        (Words.WAITING, per_place(f"wachtpost_visits_waiting{{{CHOSEN}}}"), COUNT),
        (Words.LONGEST, per_place(f"wachtpost_longest_wait_seconds{{{CHOSEN}}}"), CLOCK),
        (Words.LAST_HOUR, increase(visits, "site, queue", "1h"), COUNT),
        (Words.WALK_INS, increase(visits.replace("}", ', ended="walk_in"}'), "site, queue", "1h"), COUNT),
        (
            Words.WALK_IN_WAIT,
            per_place(f'wachtpost_walk_in_wait_mean_seconds{{{CHOSEN}, window="{TODAY}"}}'),
            CLOCK,
        ),
        (Words.EARLY, increase(visits.replace("}", ', ended="early"}'), "site, queue", "1h"), COUNT),
        *((text, _staff(state), COUNT) for state, text in STAFF_COUNTER.items()),
    )
    unreported = mappings({"-1": Word(say(NOT_REPORTED))})
    headings = {"name": say(CLUSTER)} | headed_columns(say(text) for text, _, _ in asked)
    return table(
        headed(say, Words.NOW),
        [Query(named(expr), Answer.ROWS) for _, expr, _ in asked],
        Fields(
            decimals=0,
            colour=fixed(Colour.TEXT),
            no_value="–",
            overrides=(
                of_name(say(CLUSTER), links=[breaches_of_row(language).to_json()]),
                *(of_name(say(text), unit=unit) for text, _, unit in asked),
                *(of_name(say(text), mappings=unreported) for text in STAFF_COUNTER.values()),
                # Not taken away: the link needs it.
                of_name("queue", custom_hideFrom={"legend": False, "tooltip": False, "viz": True}),
            ),
        ),
        transformations=(merged(), columns(headings, hidden=("Time", "site"))),
        sort_by=((say(Words.WAITING), True),),
        tall=True,
    )


def _staff(state: str) -> str:
    """Staff in a state; -1 where no source reports it: else the column would come and go."""
    told = per_place(f'wachtpost_staff{{{CHOSEN}, state="{state}"}}')
    every = per_place(f"wachtpost_visits_waiting{{{CHOSEN}}}")
    return f"{told}\nor 0 * {every} - 1"


def _per_hour(say: Say) -> Panel:
    ended = increase(f"wachtpost_visits_total{{{CHOSEN}}}", "ended", "1h")
    return time_series(
        headed(say, Words.PER_HOUR),
        [Query(ended, legend="{{ended}}")],
        Fields(
            unit=COUNT,
            decimals=0,
            least=0,
            no_value=say(NO_DATA),
            overrides=tuple(series_words(say, VISIT_ENDS, VISIT_COLOURS)),
        ),
        stacked=True,
    )


def _waiting(say: Say) -> Panel:
    most = per_place(f"max_over_time(wachtpost_visits_waiting{{{CHOSEN}}}[$__interval])")
    return state_timeline(
        headed(say, Words.WAITING_COURSE),
        [Query(named(most), legend="{{name}}")],
        Fields(unit=COUNT, decimals=0, least=0, colour=numbers_as_shades(), no_value=say(NO_DATA)),
        legend=False,
        at_least_every="10m",
    )


def _course(say: Say, language: Language) -> Panel:
    target = f'max by (site, queue) (wachtpost_kpi_target{{{CHOSEN}, kpi="{VISIT_WAIT.name}"}})'
    few = (
        "fewer visits with an appointment than live.min_samples in that window: no figure, which is not zero"
    )
    return time_series(
        headed(say, Words.COURSE),
        [
            Query(
                VISIT_WAIT.scaled(VISIT_WAIT.value(CHOSEN, LONG)),
                legend=say(Words.WAIT_HOUR),
                empty_because=few,
            ),
            Query(VISIT_WAIT.scaled(target), legend=say(TARGET)),
            Query(
                VISIT_WAIT.scaled(VISIT_WAIT.value(CHOSEN, TODAY)),
                legend=say(Words.WAIT_TODAY),
                empty_because=few,
            ),
        ],
        Fields(
            unit=say(VISIT_WAIT.unit),
            decimals=VISIT_WAIT.decimals,
            least=0,
            no_value=say(NO_DATA),
            overrides=(
                of_name(say(Words.WAIT_HOUR), color=fixed(PLAIN)),
                of_name(say(Words.WAIT_TODAY), color=fixed(Colour.ORANGE)),
                target_line("B"),
            ),
        ),
        repeat="queue",
        links=(to_board(Name.BREACHES, language),),
    )
