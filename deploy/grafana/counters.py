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
    columns,
    fixed,
    headed_columns,
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
            Band(9, ((15, _now(say, language)), (9, _per_hour(say)))),
            Band(6, ((24, _waiting(say)),)),
            Band(7, ((24, _course(say, language)),)),
        ),
    )


def cluster_verdicts(say: Say, text: PanelText, language: Language, places: str = CHOSEN) -> Panel:
    """A tile per cluster: today's wait against its own target. Also on the policy board."""
    return stat(
        headed(say, text),
        [verdicts(VISIT_WAIT, say, places, TODAY, one=False)],
        verdict_fields(VISIT_WAIT, say, (breaches_of_queue(language),)),
        named=True,
        solid=True,
        title_size=14,
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
    )
    headings = {"name": say(CLUSTER)} | headed_columns(say(text) for text, _, _ in asked)
    return table(
        headed(say, Words.NOW),
        [Query(named(expr), Answer.ROWS) for _, expr, _ in asked],
        Fields(
            decimals=0,
            colour=fixed(Colour.TEXT),
            no_value="–",
            links=(breaches_of_row(language),),
            overrides=(
                *(of_name(say(text), unit=unit) for text, _, unit in asked),
                # Not taken away: the link needs it.
                of_name("queue", custom_hideFrom={"legend": False, "tooltip": False, "viz": True}),
            ),
        ),
        transformations=(merged(), columns(headings, hidden=("Time", "site"))),
        sort_by=((say(Words.WAITING), True),),
        tall=True,
    )


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
    waiting = named(per_place(f"wachtpost_visits_waiting{{{CHOSEN}}}"))
    return state_timeline(
        headed(say, Words.WAITING_COURSE),
        [Query(waiting, legend="{{name}}")],
        Fields(unit=COUNT, decimals=0, least=0, colour=numbers_as_shades(), no_value=say(NO_DATA)),
        legend=False,
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
