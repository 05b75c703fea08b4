"""Live telephony: a board for the wall. All of it fits a screen, and its top is read from five metres."""

from __future__ import annotations

from typing import Final

from deploy.grafana.board import Band, Board, Name, breaches_of_queue, to_board
from deploy.grafana.kpis import CALL_WAIT, MISSED, SERVICE_LEVEL, state_words, verdict_fields, verdicts
from deploy.grafana.palette import BAD, PLAIN, Colour
from deploy.grafana.panels import (
    CLOCK,
    COUNT,
    RATIO,
    Answer,
    Fields,
    Panel,
    Query,
    bar_gauge,
    columns,
    fixed,
    series_words,
    sorted_by,
    stat,
    state_timeline,
    target_line,
    time_series,
)
from deploy.grafana.promql import CHOSEN, LONG, SHORT, SITE, TOTAL, Kpi, increase, named, per_place, states
from deploy.grafana.words import (
    NO_DATA,
    NOT_REPORTED,
    OUTCOMES,
    STAFF_PHONE,
    TARGET,
    Boards,
    Language,
    PanelText,
    Say,
    headed,
    speaker,
)
from deploy.grafana.words import Live as Words

NOBODY_REPORTS: Final = "no source may report staff: a queue_log, for one, does not"


def live(language: Language) -> Board:
    """Return the board in one language."""
    say = speaker(language)
    return Board(
        name=Name.LIVE,
        language=language,
        about=Boards.LIVE_ABOUT,
        since="now-3h",
        refresh="5s",
        bands=(
            Band(
                7,
                (
                    (3, _waiting(say)),
                    (5, _longest(say)),
                    (4, _tile(say, Words.WAIT, CALL_WAIT, language)),
                    (4, _tile(say, Words.MISSED, MISSED, language)),
                    (4, _tile(say, Words.LEVEL, SERVICE_LEVEL, language)),
                    (4, _age(say, language)),
                ),
            ),
            Band(
                7,
                (
                    (4, _queues_now(say, language)),
                    (3, _staff(say)),
                    (6, _queues(say, Words.QUEUES_WAIT, CALL_WAIT, language)),
                    (6, _queues(say, Words.QUEUES_MISSED, MISSED, language)),
                    (5, _speed(say)),
                ),
            ),
            Band(6, ((24, _states(say, language)),)),
            Band(
                6,
                (
                    (8, course(say, Words.WAIT_COURSE, CALL_WAIT, language)),
                    (8, course(say, Words.MISSED_COURSE, MISSED, language)),
                    (8, _today(say)),
                ),
            ),
        ),
    )


def _waiting(say: Say) -> Panel:
    return stat(
        headed(say, Words.WAITING),
        [Query(f"sum({per_place(f'wachtpost_calls_waiting{{{CHOSEN}}}')})", Answer.NOW)],
        Fields(unit=COUNT, decimals=0, colour=fixed(Colour.TEXT), no_value=say(NO_DATA)),
    )


def _longest(say: Say) -> Panel:
    return stat(
        headed(say, Words.LONGEST),
        [Query(f"max(wachtpost_longest_wait_seconds{{{CHOSEN}}})", Answer.NOW)],
        Fields(unit=CLOCK, decimals=0, colour=fixed(Colour.TEXT), no_value=say(NO_DATA)),
    )


def _tile(say: Say, text: PanelText, kpi: Kpi, language: Language) -> Panel:
    return stat(
        headed(say, text),
        [verdicts(kpi, say, TOTAL, SHORT, one=True)],
        verdict_fields(kpi, say),
        named=True,
        solid=True,
        links=(to_board(Name.BREACHES, language),),
    )


def _age(say: Say, language: Language) -> Panel:
    last = "max by (source) (wachtpost_last_event_timestamp_seconds)"
    # clamp_min: a sender's clock may run a little ahead.
    longest = f"topk(1, clamp_min(time() - ({last} > 0), 0))"
    return stat(
        headed(say, Words.AGE),
        [Query(longest, Answer.NOW, "{{source}}")],
        Fields(unit=CLOCK, decimals=0, colour=fixed(Colour.TEXT), no_value=say(NO_DATA)),
        named=True,
        links=(to_board(Name.PIPELINE, language),),
    )


def _queues_now(say: Say, language: Language) -> Panel:
    waiting = per_place(f"wachtpost_calls_waiting{{{CHOSEN}}}")
    return bar_gauge(
        headed(say, Words.QUEUES_NOW),
        [Query(f"sort_desc(\n{named(waiting)}\n)", Answer.NOW, "{{name}}")],
        Fields(
            unit=COUNT,
            decimals=0,
            least=0,
            colour=fixed(PLAIN),
            no_value=say(NO_DATA),
            links=(breaches_of_queue(language),),
        ),
        title_size=18,
        value_size=28,
    )


def _staff(say: Say) -> Panel:
    def told(state: str) -> str:
        reported = per_place(f'wachtpost_staff{{{CHOSEN}, state="{state}"}}')
        return f"sum({reported})"

    return stat(
        headed(say, Words.STAFF),
        [Query(told(state), Answer.NOW, say(text), NOBODY_REPORTS) for state, text in STAFF_PHONE.items()],
        Fields(unit=COUNT, decimals=0, colour=fixed(Colour.TEXT), no_value=say(NOT_REPORTED)),
        listed=True,
    )


def _queues(say: Say, text: PanelText, kpi: Kpi, language: Language) -> Panel:
    return bar_gauge(
        headed(say, text),
        [verdicts(kpi, say, CHOSEN, SHORT, counted=True)],
        verdict_fields(kpi, say, (breaches_of_queue(language),), most=1 if kpi is MISSED else None),
        title_size=16,
        value_size=26,
        links=(to_board(Name.BREACHES, language),),
    )


def _speed(say: Say) -> Panel:
    share = f'max by (category) (wachtpost_speed_category_ratio{{{TOTAL}, window="{LONG}"}})'
    # Grafana sorts texts letter by letter: by their lower bound in five digits, then. ">180" becomes "180+".
    bounded = f'label_replace({share}, "category", "$1+", "category", ">(.+)")'
    padded = f'label_replace({bounded}, "order", "0000$1", "category", "([0-9]+).*")'
    ordered = f'label_replace({padded}, "order", "$1", "order", ".*([0-9]{{5}})")'
    return bar_gauge(
        headed(say, Words.SPEED),
        [Query(ordered, Answer.ROWS)],
        Fields(unit=RATIO, decimals=0, least=0, most=1, colour=fixed(PLAIN), no_value=say(NO_DATA)),
        rows=True,
        upright=True,
        title_size=16,
        value_size=22,
        transformations=(
            sorted_by("order"),
            columns({"category": "category", "Value": "Value"}, hidden=("Time", "order")),
        ),
    )


def _states(say: Say, language: Language) -> Panel:
    worst = states(f'{SITE}, queue=~"$queue|all", kpi!~"visit_wait_mean|lead_time_mean"', "site, queue")
    return state_timeline(
        headed(say, Words.STATES),
        [Query(named(worst), legend="{{name}}")],
        Fields(words=state_words(say), no_value=say(NO_DATA), links=(breaches_of_queue(language),)),
        links=(to_board(Name.BREACHES, language),),
    )


def course(say: Say, text: PanelText, kpi: Kpi, language: Language) -> Panel:
    """A rolling figure of all queues together over time, and its target as a dashed line."""
    target = f'max(wachtpost_kpi_target{{{TOTAL}, kpi="{kpi.name}"}})'
    return time_series(
        headed(say, text),
        [
            Query(kpi.scaled(kpi.value(TOTAL, SHORT)), legend=say(text.title)),
            Query(kpi.scaled(target), legend=say(TARGET)),
        ],
        Fields(
            unit=say(kpi.unit),
            decimals=kpi.decimals,
            least=0,
            colour=fixed(PLAIN),
            no_value=say(NO_DATA),
            overrides=(target_line("B"),),
        ),
        links=(to_board(Name.BREACHES, language),),
    )


def _today(say: Say) -> Panel:
    answered = increase(f"wachtpost_calls_answered_total{{{CHOSEN}}}", "site", "1h")
    missed = increase(f"wachtpost_calls_missed_total{{{CHOSEN}}}", "outcome", "1h")
    colours = (PLAIN, BAD, Colour.ORANGE, Colour.YELLOW, Colour.PURPLE, Colour.GREY)
    return time_series(
        headed(say, Words.TODAY),
        [Query(answered, legend="answered"), Query(missed, legend="{{outcome}}")],
        Fields(
            unit=COUNT,
            decimals=0,
            least=0,
            no_value=say(NO_DATA),
            overrides=tuple(series_words(say, OUTCOMES, colours)),
        ),
        stacked=True,
        time_from="now/d",
    )
